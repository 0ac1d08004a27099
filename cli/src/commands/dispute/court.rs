//! A version's model on this machine, and the claims that are examined and challenged with it.

use crate::{
    commands::run::With,
    context::Context,
    error::{CommandResult, Failure, Kind},
    format::short_account,
    global::Global,
    output::{note, Progress},
};
use std::{path::Path, time::Duration};
use vigil_advocate::{Advocate, Progress as Step, Pursuit, Wrong};
use vigil_client::{blobs::content_hash, calls, events, Until};
use vigil_engine::{Model, Package, Request};
use vigil_primitives::{
    dispute::{Claim, ClaimId, Dispute, DisputeId, DisputeView, Ended, Ground, Stage},
    job::{bytes_to_tokens, Input, Output},
    model::VersionView,
    AccountId, Job, JobId, ModelVersionId,
};

/// The bytes that a claim is about.
pub(crate) struct Ends {
    /// What went in.
    pub(crate) input: Vec<u8>,
    /// What is claimed to come out.
    pub(crate) output: Vec<u8>,
}

impl Ends {
    /// As a game needs them.
    fn played(self) -> CommandResult<(Vec<u32>, Vec<u8>)> {
        let odd = || Failure::failed("the input is no list of tokens");
        Ok((bytes_to_tokens(&self.input).ok_or_else(odd)?, self.output))
    }
}

/// How long the bytes of a claim may take.
const FETCH: Duration = Duration::from_secs(60);

/// Opens the package of a version, and refuses any other.
pub(crate) fn open(version: &VersionView, package: &Path) -> CommandResult<Package> {
    let opened = Package::open(package)?;
    if opened.manifest_hash() == *version.spec.package.as_fixed_bytes() {
        return Ok(opened);
    }
    Err(Failure::failed(format!(
        "the package in {} is not that of version {}",
        package.display(),
        version.id
    )))
}

/// A version's model.
pub(crate) struct Court {
    pub(crate) context: Context,
    pub(crate) version: VersionView,
    model: Model,
    package: Package,
}

impl Court {
    /// Loads the model of a version from its package.
    pub(crate) async fn open(
        context: Context,
        version: ModelVersionId,
        package: &Path,
        with: &With,
    ) -> CommandResult<Self> {
        let version = context.version(version).await?;
        let spinner = Progress::spinner(&context.global, "verifying and loading the package");
        let package = open(&version, package)?;
        let model = with.load(&package)?;
        drop(spinner);
        Ok(Self { context, version, model, package })
    }

    /// The name of the kernel that computes here.
    pub(crate) fn kernel(&self) -> &'static str {
        self.model.kernel().name()
    }

    fn global(&self) -> &Global {
        &self.context.global
    }

    /// The bytes that a job was given, and those that some of its workers revealed.
    pub(crate) async fn ends(&self, job: &Job, output: &Output) -> CommandResult<Ends> {
        let requester = self.context.requester();
        let fetch = async {
            let input = requester.input_bytes(job).await?;
            let claimed = requester.revealed(job, output, &self.version.spec.architecture).await?;
            Ok::<_, Failure>(Ends { input, output: claimed.bytes.to_vec() })
        };
        // A worker may send byte by byte.
        let fetched = tokio::time::timeout(FETCH, fetch).await;
        fetched.unwrap_or_else(|_| {
            Err(Failure::new(
                Kind::Connection,
                format!("the workers of job {} take too long to hand its output out", job.id),
            ))
        })
    }

    /// What an output of a job claims.
    fn claim(&self, job: &Job, output: &Output) -> Claim {
        let spec = &self.version.spec;
        let input = match &job.spec.input {
            Input::Inline(bytes) => content_hash(bytes),
            Input::Blob { hash, .. } => *hash,
        };
        Claim {
            version: self.version.id,
            architecture: spec.architecture,
            weights: spec.weights.hash,
            weights_len: spec.weights.len,
            input,
            tokens_in: job.tokens_in,
            max_tokens_out: job.spec.max_tokens_out,
            sampling: job.spec.sampling,
            output: *output,
        }
    }

    /// What is wrong with an output of a job; `None` if it is right.
    pub(crate) fn examine(
        &self,
        job: &Job,
        output: &Output,
        ends: &Ends,
    ) -> CommandResult<Option<Wrong>> {
        let claim = self.claim(job, output);
        let advocate = Advocate::new(&self.model, &self.package);
        let examine = || advocate.examine(&claim, &ends.input, &ends.output);
        tokio::task::block_in_place(examine).map_err(|error| Failure::failed(error.to_string()))
    }

    /// What this machine makes of a job.
    pub(crate) fn run(&self, job: &Job, tokens: Vec<u32>) -> CommandResult<vigil_engine::Run> {
        let (max_tokens_out, sampling) = (job.spec.max_tokens_out, job.spec.sampling);
        let request = Request { tokens, max_tokens_out, sampling };
        Ok(tokio::task::block_in_place(|| self.model.run(&request))?)
    }

    /// Challenges a claim and plays to the end; goes on where a challenge of ours is open already.
    pub(crate) async fn prosecute(
        &self,
        claim: &ClaimId,
        ground: &Ground,
        ends: Ends,
    ) -> CommandResult<(DisputeId, Ended)> {
        let ours = challenges(&self.context).await?;
        // Bytes that are being published are another matter.
        let game = |dispute: &Dispute| {
            dispute.claim_id == *claim && !matches!(dispute.stage, Stage::Withheld { .. })
        };
        let open = ours.into_iter().find(|(_, dispute)| game(dispute)).map(|(id, _)| id);
        let id = match open {
            Some(id) => {
                note(self.global(), &format!("dispute {id} of ours is open: going on with it"));
                id
            }
            None => self.challenge(claim, ground).await?,
        };
        Ok((id, self.pursue(id, ends).await?))
    }

    /// Challenges a claim. The dispute has ended already where the chain sees at once that the claim
    /// is wrong.
    async fn challenge(&self, claim: &ClaimId, ground: &Ground) -> CommandResult<DisputeId> {
        let call = calls::disputes::challenge(claim, ground);
        let key = self.context.key()?;
        let included = self.context.client.submit(&call, key, Until::InBlock).await?;
        let Some(challenged) = included.events.find::<events::disputes::Challenged>()? else {
            return Ok(included.events.expect::<events::disputes::Ended>()?.dispute);
        };
        let (id, bond) = (challenged.dispute, crate::format::amount(challenged.bond));
        note(self.global(), &format!("dispute {id} is open, with a bond of {bond}"));
        Ok(id)
    }

    /// Plays a dispute of ours to its end.
    pub(crate) async fn pursue(&self, id: DisputeId, ends: Ends) -> CommandResult<Ended> {
        let advocate = Advocate::new(&self.model, &self.package);
        let key = self.context.key()?;
        let mut pursuit = Pursuit::new(&self.context.client, key, id, ends.played()?);
        let spinner = Progress::spinner(self.global(), format!("dispute {id}"));
        loop {
            match pursuit.next(&advocate).await? {
                Step::Reached(dispute) => {
                    let turn = super::show::turn(&dispute);
                    note(self.global(), &format!("move {:2}: {turn}", dispute.moves));
                    spinner.say(format!("dispute {id}: {turn}"));
                }
                Step::Moved(_) => {}
                Step::Ended(ended) => return Ok(*ended),
            }
        }
    }
}

/// The disputes that are open and in which the signing key is the challenger.
pub(crate) async fn challenges(context: &Context) -> CommandResult<Vec<(DisputeId, Dispute)>> {
    let me = context.key()?.account();
    let list = context.view().disputes_of(me).await?;
    let ours = |(id, view)| match view {
        DisputeView::Open(dispute) if dispute.challenger == *me => Some((id, *dispute)),
        _ => None,
    };
    Ok(list.into_iter().filter_map(ours).collect())
}

/// The claims of a job: every output that was revealed, with those who stand for it.
pub(crate) fn claims(job: &Job) -> Vec<(Output, Vec<AccountId>)> {
    let mut claims: Vec<(Output, Vec<AccountId>)> = Vec::new();
    for replica in job.status.replicas() {
        let Some(output) = replica.revealed() else { continue };
        match claims.iter_mut().find(|(other, _)| *other == output) {
            Some((_, workers)) => workers.push(replica.worker.clone()),
            None => claims.push((output, vec![replica.worker.clone()])),
        }
    }
    claims
}

/// No worker has revealed anything.
pub(crate) fn nothing_revealed(job: &Job) -> Failure {
    Failure::rejected(format!(
        "job {} is {}: no worker has revealed anything to look at",
        job.id,
        crate::commands::job::status_word(job)
    ))
}

/// What is wrong with a result, in a sentence.
pub(crate) fn complaint(job: JobId, worker: &AccountId, wrong: Wrong) -> String {
    format!("the result of {} for job {job} is wrong: {wrong}", short_account(worker))
}

impl From<vigil_advocate::pursuit::Error> for Failure {
    fn from(error: vigil_advocate::pursuit::Error) -> Self {
        use vigil_advocate::pursuit::Error;
        match error {
            Error::Client(error) => error.into(),
            Error::Unknown(_) => Self::not_found(error.to_string()),
            Error::Advocate(_) | Error::NothingWrong(_) => Self::failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_engine::Mistake;
    use vigil_primitives::{
        job::Receipt,
        samples::{job, replica, settled},
        JobStatus,
    };

    #[test]
    fn claims_should_be_outputs_with_all_who_stand_for_them() {
        let output = |byte: u8| Output { hash: [byte; 32].into(), tokens: 0 };
        let replicas = vec![replica(1, 5, 4), replica(2, 5, 6), replica(3, 5, 4)];
        let found = claims(&job(settled(output(4), replicas, Receipt::default())));
        let account = |byte: u8| AccountId::new([byte; 32]);
        assert_eq!(
            found,
            [(output(4), vec![account(1), account(3)]), (output(6), vec![account(2)])]
        );
        assert!(claims(&job(JobStatus::Queued)).is_empty());
    }

    #[test]
    fn a_complaint_should_name_the_first_wrong_token() {
        let wrong = Wrong::Output(Mistake::Token { position: 3, found: 8, right: 9 });
        let said = complaint(7, &AccountId::new([1; 32]), wrong);
        assert!(said.contains("job 7 is wrong: its token 3 is 8, and 9 is drawn there"), "{said}");
    }
}
