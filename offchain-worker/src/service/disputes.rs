//! Disputes: our moves are made, and results of others are looked at.

use super::{
    library::{Absent, Library},
    Done, Service,
};
use crate::{
    chain::{Action, Chain},
    disputes::Advocates,
    error::{Error, Result},
};
use std::sync::Arc;
use vigil_advocate::{Case, Drawn};
use vigil_primitives::{
    dispute::{ClaimId, Dispute, DisputeId, Ground, Move, Verdict},
    job::bytes_to_tokens,
    BlockNumber, Job,
};

/// Times that a result is asked for before its worker has to publish it.
const ATTEMPTS: u32 = 10;

impl<C: Chain> Service<C> {
    /// Takes in the chain's list of our disputes, and has the moves made that are ours.
    pub(super) async fn follow_disputes(&mut self) -> Result<()> {
        let list = self.chain.disputes().await?;
        let ended = self.disputes.update(self.now, list).into_iter().map(|id| (id, 0));
        self.ended.extend(ended);
        // Moves first: a clock runs.
        self.play();
        for (id, attempts) in std::mem::take(&mut self.ended) {
            match self.on_ended(id).await {
                Ok(()) => {}
                Err(critical @ Error::Critical(_)) => return Err(critical),
                Err(error) => {
                    tracing::warn!(dispute = id, "{error}");
                    if attempts < ATTEMPTS {
                        self.ended.push((id, attempts.saturating_add(1)));
                    }
                }
            }
        }
        Ok(())
    }

    /// A dispute of ours has ended. If it was asked for something of another's result, and that is
    /// published, it is looked at again.
    async fn on_ended(&mut self, id: DisputeId) -> Result<()> {
        let ended = self.chain.ended(id).await?;
        let verdict = ended.as_ref().map(|ended| ended.verdict);
        if let Some(ended) = ended.filter(|ended| ended.challenger == *self.chain.me()) {
            let claim = ended.claim_id;
            if ended.verdict == Verdict::Published {
                self.library.read_published(id, &claim, ended.ended_at).await?;
                self.watch.again(Drawn { claim, attempts: ATTEMPTS });
            } else {
                self.library.forget(&claim);
            }
        }
        tracing::warn!(dispute = id, "a dispute of ours has ended: {}", word(verdict));
        Ok(())
    }

    /// Has the moves made that are ours.
    pub(super) fn play(&mut self) {
        let advocates = Arc::clone(&self.advocates);
        for (id, dispute) in self.disputes.due(|version| advocates.knows(version)) {
            self.disputes.begin_computing(id);
            let (library, advocates) = (self.library(), Arc::clone(&advocates));
            let now = self.now;
            self.tasks.spawn(async move {
                Done::Played(id, make_move(&library, advocates, id, dispute, now).await)
            });
        }
    }

    /// A move is there, or could not be made.
    pub(super) fn on_played(&mut self, id: DisputeId, result: Result<Option<Move>>) -> Result<()> {
        let made = matches!(result, Ok(Some(_)));
        self.disputes.end_computing(id, made);
        match result {
            Ok(Some(turn)) => {
                self.disputes.begin_sending(id);
                let (chain, action) = (self.chain.clone(), Action::Play(id, Box::new(turn)));
                tracing::info!(dispute = id, "moving");
                self.tasks.spawn(async move { Done::Moved(id, chain.send(action).await) });
                Ok(())
            }
            Ok(None) => {
                tracing::error!(dispute = id, "nothing is wrong with what we challenge");
                Ok(())
            }
            Err(error) => {
                tracing::error!(dispute = id, "no move could be made: {error}");
                match error {
                    critical @ Error::Critical(_) => Err(critical),
                    _ => Ok(()),
                }
            }
        }
    }

    /// A move is in a block, or was refused.
    pub(super) fn on_moved(&mut self, id: DisputeId, result: Result<()>) -> Result<()> {
        self.disputes.end_sending(id, result.is_ok());
        self.count("play", &result);
        result.or_else(|error| match error {
            critical @ Error::Critical(_) => Err(critical),
            error => {
                tracing::warn!(dispute = id, "{error}");
                Ok(())
            }
        })
    }

    /// Looks for results of others, and has the next of them computed again.
    pub(super) async fn watch(&mut self) -> Result<()> {
        if self.watch.is_off() || self.stopping.is_some() {
            return Ok(());
        }
        let advocates = &self.advocates;
        let knows = |job: &Job| advocates.knows(job.spec.version);
        let mut page = Some(self.watch.wanted(None));
        while let Some(from) = page {
            let jobs = self.chain.jobs(from).await?;
            page = self.watch.take_in(from, &jobs, self.chain.me(), knows);
        }
        if self.watching {
            return Ok(());
        }
        let Some(drawn) = self.watch.take_out() else { return Ok(()) };
        if self.disputes.is_about(&drawn.claim) {
            return Ok(());
        }
        self.watching = true;
        let (library, advocates) = (self.library(), Arc::clone(&self.advocates));
        self.tasks.spawn(async move {
            let found = examine(&library, advocates, &drawn).await;
            Done::Watched(drawn, found)
        });
        Ok(())
    }

    /// A result of another has been computed again.
    pub(super) fn on_watched(&mut self, drawn: Drawn, found: Result<Option<Ground>>) {
        self.watching = false;
        // Only results of jobs are drawn.
        let ClaimId::Job { job, worker } = &drawn.claim else { return };
        match found {
            Ok(None) => tracing::debug!(job, %worker, "the result is right"),
            Ok(Some(ground)) => {
                match ground {
                    Ground::Withheld { .. } => {
                        tracing::warn!(job, %worker, "the result is held back: having it published");
                    }
                    _ => tracing::warn!(job, %worker, "the result is wrong: challenging it"),
                }
                let chain = self.chain.clone();
                let action = Action::Challenge(drawn.claim.clone(), Box::new(ground));
                self.tasks.spawn(async move { Done::Challenged(drawn, chain.send(action).await) });
            }
            // Whoever holds it back is asked for it again.
            Err(error) => {
                tracing::warn!(job, %worker, "the result could not be looked at: {error}");
                if error.is_temporary() {
                    self.watch.again(drawn);
                }
            }
        }
    }

    /// A challenge is in a block, or was refused.
    pub(super) fn on_challenged(&mut self, drawn: Drawn, result: Result<()>) -> Result<()> {
        self.count("challenge", &result);
        match result {
            Ok(()) => Ok(()),
            Err(critical @ Error::Critical(_)) => Err(critical),
            Err(error) => {
                // Others may have taken every place for now. Looked at again, a claim that can't be
                // challenged any more is let go.
                tracing::warn!("{error}");
                self.watch.again(drawn);
                Ok(())
            }
        }
    }

    fn library(&self) -> Library<C> {
        self.library.clone()
    }
}

async fn make_move<C: Chain>(
    library: &Library<C>,
    advocates: Arc<dyn Advocates>,
    id: DisputeId,
    dispute: Dispute,
    now: BlockNumber,
) -> Result<Option<Move>> {
    // The turn came back to us with the publication.
    library.read_published(id, &dispute.claim_id, dispute.since).await?;
    let (input, output) = match library.bytes_of(&dispute.claim_id, &dispute.claim).await {
        Ok(ends) => ends,
        Err(absent) => return library.ask(id, &dispute, absent, now).map(Some),
    };
    let odd = || Error::Temporary("the input is no list of tokens".into());
    let input = bytes_to_tokens(&input).ok_or_else(odd)?;
    let case = Case { dispute, input, output };
    library.blocking(move || advocates.play(&case)).await
}

/// Why a result is to be challenged; `None` if it is right, or can't be challenged.
async fn examine<C: Chain>(
    library: &Library<C>,
    advocates: Arc<dyn Advocates>,
    drawn: &Drawn,
) -> Result<Option<Ground>> {
    let id = &drawn.claim;
    let Some(claim) = library.chain.claim(id).await? else {
        library.forget(id);
        return Ok(None);
    };
    match library.bytes_of(id, &claim).await {
        Ok((input, output)) => {
            library.blocking(move || advocates.examine(&claim, &input, &output)).await
        }
        Err(Absent { end: Some(end), error }) if drawn.attempts >= ATTEMPTS => {
            library.withheld(id, &claim, end).map(Some).ok_or(error)
        }
        Err(absent) => Err(absent.error),
    }
}

/// How a dispute has ended, in words.
fn word(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Convicted(_)) => "the result was convicted",
        Some(Verdict::Vindicated) => "the result was right",
        Some(Verdict::Abandoned) => "the challenger has left",
        Some(Verdict::Published) => "the bytes are published",
        Some(Verdict::Moot) => "another dispute has convicted the result",
        None => "nothing is known of how",
    }
}
