//! Why a run cannot be ordered, in sentences that name the flag or the command that helps.

use super::follow::complaint;
use crate::{
    assets::check_permission,
    commands::generation::bad_run,
    context::{no_key, no_version},
    error::{Failure, Kind},
    format::{amount, hex},
    text,
};
use vigil_client::requester::{BooksError, Error};
use vigil_primitives::job::{NoQuote, MAX_INLINE_INPUT};

/// "1 job", "2 jobs".
pub(super) fn count_of(jobs: usize) -> String {
    format!("{jobs} job{}", if jobs == 1 { "" } else { "s" })
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        explain(error, &[])
    }
}

impl From<BooksError> for Failure {
    fn from(error: BooksError) -> Self {
        match error {
            BooksError::Chain(error) => error.into(),
            error => Self::failed(error.to_string()),
        }
    }
}

/// The failure. `labels` are what the inputs were written as.
pub(super) fn explain(error: Error, labels: &[String]) -> Failure {
    let label = |input: usize| match labels.get(input) {
        Some(label) => format!("\"{}\"", text::brief(label.as_bytes(), 40)),
        None => "the input".into(),
    };
    match error {
        Error::Chain(error) => error.into(),
        Error::NoKey => no_key(),
        Error::UnknownVersion(id) => no_version(id),
        Error::UnknownJob(id) => Failure::not_found(format!(
            "there is no job {id}: it was pruned, or a re-organisation of the chain took it back"
        )),
        Error::OtherLicence { version, ref licence, found, accepted } => {
            Failure::rejected(format!(
                "version {version} has the licence {} with the hash {}, not {}: read it, then \
                 accept it or choose another version",
                text::printable(licence),
                hex(&found),
                hex(&accepted)
            ))
        }
        Error::NoAccess { version, account, owner, access, permission } => {
            let refused =
                check_permission(version.into(), &owner, &access, &account, &permission).err();
            refused.unwrap_or_else(|| {
                Failure::rejected(format!("{account} may not use version {version}"))
            })
        }
        Error::TooFewUses { version, needed, left } => Failure::rejected(format!(
            "{} need as many uses of the grant of version {version}, and {left} are left: submit \
             fewer, or extend it with `vigil grant buy {version}`",
            count_of(needed)
        )),
        Error::BadRun { input, reason } => bad_run(&label(input), reason),
        Error::UnknownToken { .. } => Failure::failed(error.to_string()),
        Error::TooLongForChain { input, bytes } => Failure::failed(format!(
            "{} has {bytes} bytes of token ids, more than the {MAX_INLINE_INPUT} that the chain \
             carries: hand it over by hash with --blob",
            label(input)
        )),
        Error::NoQuote { version, reason } => no_quote(version, reason),
        Error::NobodyServes(version) => Failure::rejected(format!(
            "no worker serves version {version}: start one, or wait for one (`vigil worker list`)"
        )),
        Error::AllBusy { version, workers } => Failure::rejected(format!(
            "all {workers} workers of version {version} are busy or lack the bond: try again \
             later, or queue the job with --max-price AMOUNT"
        )),
        Error::WindowOutOfRange { asked, shortest, longest } => Failure::usage(format!(
            "--challenge-window {asked} is out of range: the chain allows {shortest} to {longest} \
             blocks"
        )),
        Error::Unaffordable { runs, needed, spendable, account } => Failure::rejected(format!(
            "{} need {} in escrow and for waiting, and {account} can spend {}: send it more, or \
             lower --max-price or --deadline-in",
            count_of(runs),
            needed.map_or_else(|| "more than there is".into(), amount),
            amount(spendable)
        )),
        Error::NoOutput(job) => Failure::rejected(complaint(&job, None).unwrap_or_default()),
        Error::OutputUnavailable { .. } | Error::InputUnavailable { .. } => {
            Failure::new(Kind::Connection, text::printable(error.to_string().as_bytes()))
        }
        // What it refuses for, it says.
        error => Failure::rejected(error.to_string()),
    }
}

/// Why there is no quote.
fn no_quote(version: vigil_primitives::ModelVersionId, reason: NoQuote) -> Failure {
    match reason {
        NoQuote::UnknownVersion => Failure::not_found(format!("there is no version {version}")),
        NoQuote::Revoked => Failure::rejected(format!(
            "version {version} is revoked and takes no new jobs: choose another one"
        )),
        NoQuote::BadRun(bad) => {
            Failure::rejected(format!("version {version} cannot run this request: {bad}"))
        }
        NoQuote::BadPolicy => {
            Failure::usage("the chain does not allow this number of replicas, or this region")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        architecture::BadRun, grant::Permission, terms::Access, AccountId, ContentHash,
        ModelVersionId,
    };

    const VERSION: ModelVersionId = ModelVersionId { model: 1, version: 0 };

    fn says(error: Error) -> (Kind, String) {
        let failure = explain(error, &["a long story".into()]);
        (failure.kind(), failure.to_string())
    }

    #[test]
    fn an_input_that_cannot_be_run_should_be_named_with_what_to_do() {
        let reason = BadRun::InputTooLong { tokens: 5, most: 4 };
        let (_, text) = says(Error::BadRun { input: 0, reason });
        assert!(text.contains("\"a long story\"") && text.contains("5 tokens"), "{text}");
        let (kind, text) = says(Error::TooLongForChain { input: 0, bytes: 4_100 });
        assert!(text.contains("4100 bytes") && text.contains("--blob"), "{text}");
        assert_eq!(kind, Kind::Failed);
        let (_, text) = says(Error::UnknownToken { input: 0, token: 100, vocabulary: 100 });
        assert!(text.contains("token id 100") && text.contains("0 to 99"), "{text}");
    }

    #[test]
    fn a_refusal_should_name_the_flag_or_the_command_that_helps() {
        let licence = vigil_primitives::samples::terms(Access::Open).licence;
        let accepted = ContentHash::repeat_byte(0xab);
        let found = ContentHash::zero();
        let (_, text) = says(Error::OtherLicence { version: VERSION, licence, found, accepted });
        assert!(text.contains("licence Apache-2.0") && text.contains(&hex(&accepted)), "{text}");
        let (_, text) = says(Error::TooFewUses { version: VERSION, needed: 4, left: 3 });
        assert!(text.contains("3 are left") && text.contains("vigil grant buy 1@0"), "{text}");
        let (_, text) = says(Error::NobodyServes(VERSION));
        assert!(text.contains("vigil worker list"), "{text}");
        let (_, text) = says(Error::AllBusy { version: VERSION, workers: 2 });
        assert!(text.contains("busy") && text.contains("--max-price"), "{text}");
        let window = Error::WindowOutOfRange { asked: 1, shortest: 3, longest: 9 };
        assert_eq!(says(window).0, Kind::Usage);
        let (kind, _) = says(Error::NoQuote { version: VERSION, reason: NoQuote::UnknownVersion });
        assert_eq!(kind, Kind::NotFound);
    }

    #[test]
    fn who_has_no_access_should_be_told_how_to_get_it() {
        let owner = AccountId::new([1; 32]);
        let account = AccountId::new([2; 32]);
        let access = Box::new(Access::AllowList);
        let permission = Box::new(Permission::NoGrant);
        let (kind, text) =
            says(Error::NoAccess { version: VERSION, account, owner, access, permission });
        assert_eq!(kind, Kind::Rejected);
        assert!(text.contains("vigil grant give model:1@0"), "{text}");
    }
}
