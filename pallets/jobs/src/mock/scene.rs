//! Jobs in every state, and what brings them there.

use super::*;
use vigil_primitives::{
    job::{
        commitment, tokens_to_bytes, Input, JobSpec, NoQuote, Output, Policy, Quote, QuoteRequest,
        Sampling,
    },
    ContentHash,
};

/// A job of [`TOKENS`] tokens for one worker, due in 20 blocks.
pub(crate) fn spec() -> JobSpecOf<Test> {
    JobSpec {
        version: VERSION,
        terms: AcceptedTerms { licence: terms().licence_hash(), commercial: true },
        input: input(TOKENS),
        max_tokens_out: 0,
        sampling: Sampling::Greedy,
        policy: Policy { replicas: 1, challenge_window: WINDOW, audited: false, region: None },
        max_price: MAX_PRICE,
        deadline: now() + 20,
    }
}

/// A job that has a text of [`TOKENS`] tokens continued by at most [`TOKENS_OUT`].
pub(crate) fn text_spec() -> JobSpecOf<Test> {
    let sampling =
        Sampling::Gumbel { seed: 7, temperature: 0.8f32.to_bits(), min_p: 0.05f32.to_bits() };
    JobSpec { version: DECODER, max_tokens_out: TOKENS_OUT, sampling, ..spec() }
}

pub(crate) fn input(tokens: u32) -> Input {
    let tokens: Vec<u32> = (0..tokens).map(|token| token % 100).collect();
    Input::Inline(tokens_to_bytes(&tokens).try_into().unwrap())
}

pub(crate) fn submit_with(change: impl FnOnce(&mut JobSpecOf<Test>)) -> DispatchResult {
    let mut spec = spec();
    change(&mut spec);
    submit_as(REQUESTER, spec)
}

pub(crate) fn submit_as(who: AccountId, spec: JobSpecOf<Test>) -> DispatchResult {
    Jobs::submit(RuntimeOrigin::signed(who), Box::new(spec))
        .map(|_| ())
        .map_err(|error| error.error)
}

pub(crate) fn submit_text_with(change: impl FnOnce(&mut JobSpecOf<Test>)) -> DispatchResult {
    submit_with(|spec| {
        *spec = text_spec();
        change(spec);
    })
}

/// A job of a language model with so many workers drawn.
pub(crate) fn assigned_text(replicas: u8) -> JobId {
    let id = crate::NextJob::<Test>::get();
    assert_ok!(submit_text_with(|spec| spec.policy.replicas = replicas));
    next_block();
    assert_eq!(workers_of(id).len(), usize::from(replicas), "not assigned");
    id
}

/// A job of a language model whose workers have all revealed the same text of so many tokens.
pub(crate) fn revealed_text(replicas: u8, tokens: u32) -> JobId {
    let id = assigned_text(replicas);
    for worker in workers_of(id) {
        assert_ok!(commit(worker, id, text(1, tokens)));
    }
    spare(id);
    for worker in workers_of(id) {
        assert_ok!(reveal(worker, id, text(1, tokens)));
    }
    id
}

/// A queued job for so many workers.
pub(crate) fn queued(replicas: u8) -> JobId {
    let id = crate::NextJob::<Test>::get();
    assert_ok!(submit_with(|spec| spec.policy.replicas = replicas));
    id
}

/// A queued job that offers less than a worker with the usual ask takes.
pub(crate) fn cheap() -> JobId {
    priced(CHEAP)
}

/// A queued job for one worker at this price.
pub(crate) fn priced(max_price: Balance) -> JobId {
    let id = crate::NextJob::<Test>::get();
    assert_ok!(submit_with(|spec| spec.max_price = max_price));
    id
}

/// A job with so many workers drawn.
pub(crate) fn assigned(replicas: u8) -> JobId {
    assigned_of(VERSION, replicas)
}

/// A job whose workers have all committed to the same output, and may reveal it.
pub(crate) fn committed(replicas: u8) -> JobId {
    let id = assigned(replicas);
    for worker in workers_of(id) {
        assert_ok!(commit(worker, id, output(1)));
    }
    spare(id);
    id
}

/// Lets chance decide about a job whose workers have committed: it spares those with a record, in
/// all but one of a hundred blocks.
pub(crate) fn spare(id: JobId) {
    let JobStatus::Committed { draw_at, .. } = status(id) else { panic!("not committed") };
    run_to(draw_at);
    assert!(matches!(status(id), JobStatus::Revealing { .. }), "{:?}", status(id));
}

/// A job whose workers have all revealed the same output.
pub(crate) fn revealed(replicas: u8) -> JobId {
    revealed_of(VERSION, replicas)
}

/// A job of this version of the encoder that workers have been drawn for.
pub(crate) fn assigned_of(version: ModelVersionId, replicas: u8) -> JobId {
    let id = crate::NextJob::<Test>::get();
    assert_ok!(submit_with(|spec| {
        spec.version = version;
        spec.policy.replicas = replicas;
    }));
    next_block();
    assert_eq!(workers_of(id).len(), usize::from(replicas), "not assigned");
    id
}

/// The same, after its workers have revealed the same output.
pub(crate) fn revealed_of(version: ModelVersionId, replicas: u8) -> JobId {
    let id = assigned_of(version, replicas);
    for worker in workers_of(id) {
        assert_ok!(commit(worker, id, output(1)));
    }
    spare(id);
    for worker in workers_of(id) {
        assert_ok!(reveal(worker, id, output(1)));
    }
    id
}

/// The same for two workers, after they have been paid.
pub(crate) fn settled_of(version: ModelVersionId) -> JobId {
    let id = revealed_of(version, 2);
    run_to(now() + WINDOW);
    assert!(matches!(status(id), JobStatus::Settled { .. }), "not settled");
    id
}

/// A job of two whose workers have revealed different outputs.
pub(crate) fn contested() -> JobId {
    let id = assigned(2);
    let workers = workers_of(id);
    for (worker, n) in workers.iter().zip(1..) {
        assert_ok!(commit(*worker, id, output(n)));
    }
    spare(id);
    for (worker, n) in workers.iter().zip(1..) {
        assert_ok!(reveal(*worker, id, output(n)));
    }
    id
}

pub(crate) fn output(n: u8) -> Output {
    Output { hash: ContentHash::repeat_byte(n), tokens: 0 }
}

/// A text of so many tokens.
pub(crate) fn text(n: u8, tokens: u32) -> Output {
    Output { hash: ContentHash::repeat_byte(n), tokens }
}

pub(crate) fn salt(worker: AccountId) -> [u8; 32] {
    BlakeTwo256::hash_of(&worker).0
}

pub(crate) fn commit(worker: AccountId, job: JobId, output: Output) -> DispatchResult {
    let commitment = commitment(&output, &salt(worker), &worker, job);
    Jobs::commit(RuntimeOrigin::signed(worker), job, commitment)
        .map(|_| ())
        .map_err(|error| error.error)
}

pub(crate) fn reveal(worker: AccountId, job: JobId, output: Output) -> DispatchResult {
    Jobs::reveal(RuntimeOrigin::signed(worker), job, output, salt(worker))
        .map(|_| ())
        .map_err(|error| error.error)
}

pub(crate) fn poke(job: JobId) -> DispatchResult {
    Jobs::poke(RuntimeOrigin::signed(STRANGER), job).map(|_| ()).map_err(|error| error.error)
}

/// What a job would cost, without further wishes.
pub(crate) fn quote_of(
    version: ModelVersionId,
    tokens_in: u32,
    max_tokens_out: u32,
    replicas: u8,
) -> Result<Quote<AccountId>, NoQuote> {
    Jobs::quote(QuoteRequest {
        version,
        tokens_in,
        max_tokens_out,
        replicas,
        audited: false,
        region: None,
    })
}
