//! The terms that an owner states when publishing a version, from flags to the chain and back to
//! words.

use crate::format::form;
use crate::{
    assets::{parse_percent, percent, ppm},
    error::{CommandResult, Failure},
    files::unreadable,
    format::{amount, hex},
    text,
};
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::path::PathBuf;
use vigil_client::{blobs::content_hash, Amount};
use vigil_primitives::{
    terms::{Access, GrantTerms, InvalidTerms, Licence, Terms, MAX_LICENCE},
    BlockNumber, Permill,
};

/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1_000;

/// Terms of use, as flags.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Terms")]
pub(crate) struct TermsArgs {
    /// SPDX licence expression, for instance Apache-2.0.
    #[arg(long, value_name = "SPDX")]
    licence: String,
    /// The licence's full text, where the expression names no public licence: its hash goes on
    /// chain, and is what others accept.
    #[arg(long, value_name = "FILE")]
    licence_text: Option<PathBuf>,
    /// Do not allow commercial use.
    #[arg(long)]
    no_commercial: bool,
    /// Who may use it and cite it.
    #[arg(long, value_enum, default_value_t = AccessKind::Open)]
    access: AccessKind,
    /// What a grant costs.
    #[arg(long, value_name = "AMOUNT", required_if_eq("access", "paid"))]
    grant_price: Option<Amount>,
    /// Days that a grant lasts.
    #[arg(long, value_name = "N")]
    grant_days: Option<u32>,
    /// Blocks that a grant lasts, instead of days.
    #[arg(long, value_name = "N", conflicts_with = "grant_days")]
    grant_blocks: Option<BlockNumber>,
    /// Jobs and citations that a grant allows; any number when left out.
    #[arg(long, value_name = "N")]
    grant_uses: Option<u32>,
    /// The least share of its revenue that a version which cites this one must give it.
    #[arg(long, value_name = "PERCENT", default_value = "0%", value_parser = parse_percent)]
    royalty: Permill,
}

/// Who may use a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AccessKind {
    /// Everybody.
    Open,
    /// Those to whom the owner gives a grant.
    AllowList,
    /// Those who buy a grant, or are given one.
    Paid,
}

/// How long a grant lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lasting {
    Days(u32),
    Blocks(BlockNumber),
}

/// Terms that make sense by themselves; days are still to become blocks.
#[derive(Clone, Debug)]
pub(crate) struct Stated {
    terms: Terms,
    lasting: Option<Lasting>,
}

impl TermsArgs {
    /// Checks the flags and reads the licence's text. No chain is needed.
    pub(crate) fn read(&self) -> CommandResult<Stated> {
        let licence = Licence::try_from(self.licence.trim().as_bytes().to_vec())
            .map_err(|_| invalid(InvalidTerms::Licence))?;
        let licence_text = match &self.licence_text {
            Some(path) => {
                let text = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
                Some(content_hash(&text))
            }
            None => None,
        };
        let lasting = match (self.grant_days, self.grant_blocks) {
            (Some(days), _) => Some(Lasting::Days(days)),
            (None, Some(blocks)) => Some(Lasting::Blocks(blocks)),
            (None, None) => None,
        };
        let access = match (self.access, self.grant_price, lasting) {
            (AccessKind::Paid, Some(price), Some(lasting)) => {
                // The final duration is at least a block if, and only if, this is.
                let (Lasting::Days(duration) | Lasting::Blocks(duration)) = lasting;
                Access::Paid(GrantTerms { price: price.0, duration, uses: self.grant_uses })
            }
            (AccessKind::Paid, _, _) => {
                return Err(Failure::usage(
                    "--access paid needs --grant-price and --grant-days or --grant-blocks",
                ))
            }
            (_, None, None) if self.grant_uses.is_none() => match self.access {
                AccessKind::Open => Access::Open,
                AccessKind::AllowList | AccessKind::Paid => Access::AllowList,
            },
            _ => {
                return Err(Failure::usage(
                    "--grant-price, --grant-days, --grant-blocks and --grant-uses belong to \
                     --access paid",
                ))
            }
        };
        let commercial = !self.no_commercial;
        let royalty = self.royalty;
        let terms = Terms { licence, licence_text, commercial, access, royalty };
        terms.check().map_err(invalid)?;
        Ok(Stated { terms, lasting })
    }
}

impl Stated {
    /// The terms for a chain with so many milliseconds between blocks.
    pub(crate) fn on_chain(self, block_time_ms: u64) -> CommandResult<Terms> {
        let mut terms = self.terms;
        if let (Access::Paid(grant), Some(Lasting::Days(days))) = (&mut terms.access, self.lasting)
        {
            grant.duration = blocks_of_days(days, block_time_ms).ok_or_else(|| {
                Failure::usage(format!(
                    "--grant-days {days} is longer than the chain can count: give fewer"
                ))
            })?;
        }
        Ok(terms)
    }
}

/// So many days in blocks; `None` when the chain cannot count that far.
pub(crate) fn blocks_of_days(days: u32, block_time_ms: u64) -> Option<BlockNumber> {
    let blocks = u64::from(days).saturating_mul(DAY) / block_time_ms.max(1);
    u32::try_from(blocks).ok()
}

fn invalid(reason: InvalidTerms) -> Failure {
    Failure::usage(match reason {
        InvalidTerms::Licence => format!(
            "--licence takes an SPDX expression of at most {MAX_LICENCE} characters, for instance \
             Apache-2.0"
        ),
        InvalidTerms::FreeGrant => "--grant-price 0 sells nothing: use --access open, or --access \
             allow-list and give grants"
            .into(),
        InvalidTerms::ZeroDuration => "a grant must last at least a block".into(),
        InvalidTerms::ZeroUses => {
            "--grant-uses 0 allows nothing: leave it out for any number".into()
        }
    })
}

/// Who may use a version, in words.
pub(crate) fn access_text(access: &Access) -> String {
    match access {
        Access::Open => "open to everybody".into(),
        Access::AllowList => "those to whom the owner gives a grant".into(),
        Access::Paid(GrantTerms { price, duration, uses }) => {
            let uses = match uses {
                Some(uses) => format!("{uses} uses"),
                None => "any number of uses".into(),
            };
            format!("a grant costs {}, for {duration} blocks and {uses}", amount(*price))
        }
    }
}

/// Terms under their names, for people.
pub(crate) fn terms_rows(terms: &Terms) -> Vec<(&'static str, String)> {
    vec![
        ("licence", text::printable(&terms.licence)),
        ("licence hash", hex(&terms.licence_hash())),
        ("commercial use", if terms.commercial { "allowed" } else { "not allowed" }.into()),
        ("access", access_text(&terms.access)),
        ("royalty", royalty(terms.royalty)),
    ]
}

fn royalty(least: Permill) -> String {
    match ppm(least) {
        0 => "none is asked of what cites it".into(),
        _ => format!("at least {} of what cites it", percent(least)),
    }
}

/// Terms as JSON.
pub(crate) fn terms_json(terms: &Terms) -> Value {
    form(vigil_rpc::form::Terms::from(terms.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        terms: TermsArgs,
    }

    fn stated(flags: &str) -> Result<Terms, String> {
        let line = Line::try_parse_from(["x"].into_iter().chain(flags.split_whitespace()))
            .map_err(|error| error.to_string())?;
        let stated = line.terms.read().map_err(|failure| failure.to_string())?;
        stated.on_chain(6_000).map_err(|failure| failure.to_string())
    }

    #[test]
    fn flags_should_become_terms() {
        let terms = stated("--licence MIT --royalty 2.5% --no-commercial").unwrap();
        assert_eq!(terms.licence.as_slice(), b"MIT");
        assert_eq!((terms.access, terms.commercial), (Access::Open, false));
        assert_eq!(ppm(terms.royalty), 25_000);
        let listed = stated("--licence MIT --access allow-list").unwrap();
        assert_eq!(listed.access, Access::AllowList);
        let paid = "--licence MIT --access paid --grant-price 2";
        let grant =
            |duration, uses| Access::Paid(GrantTerms { price: 2_000_000_000_000, duration, uses });
        assert_eq!(stated(&format!("{paid} --grant-days 1")).unwrap().access, grant(14_400, None));
        let blocks = stated(&format!("{paid} --grant-blocks 7 --grant-uses 3")).unwrap();
        assert_eq!(blocks.access, grant(7, Some(3)));
        assert!(access_text(&blocks.access).contains("2 VGL, for 7 blocks and 3 uses"));
        assert_eq!(terms_json(&blocks)["access"]["price"], "2000000000000");
    }

    #[test]
    fn flags_that_make_no_terms_should_be_refused() {
        for (flags, says) in [
            ("", "--licence"),
            ("--licence M\u{e4}T", "--licence"),
            ("--licence MIT --access paid", "--grant-price"),
            ("--licence MIT --access paid --grant-price 1", "--grant-days"),
            ("--licence MIT --access paid --grant-price 0 --grant-days 1", "--grant-price 0"),
            ("--licence MIT --access paid --grant-price 1 --grant-blocks 0", "at least a block"),
            (
                "--licence MIT --access paid --grant-price 1 --grant-days 1 --grant-uses 0",
                "--grant-uses 0",
            ),
            (
                "--licence MIT --access paid --grant-price 1 --grant-days 4000000000",
                "4000000000 is longer",
            ),
            (
                "--licence MIT --access paid --grant-price 1 --grant-days 1 --grant-blocks 1",
                "cannot be used with",
            ),
            ("--licence MIT --grant-price 1", "belong to --access paid"),
            ("--licence MIT --access allow-list --grant-uses 1", "belong to --access paid"),
            ("--licence MIT --royalty 101%", "\"101%\" is more than 100%"),
            ("--licence MIT --licence-text /no/such/file", "/no/such/file"),
        ] {
            let error = stated(flags).unwrap_err();
            assert!(error.contains(says), "{flags}: {error}");
        }
    }

    #[test]
    fn a_licence_text_should_be_what_is_accepted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "do no harm").unwrap();
        let path = file.path().display();
        let terms = stated(&format!("--licence LicenseRef-kind --licence-text {path}")).unwrap();
        assert_eq!(terms.licence_hash(), content_hash(b"do no harm"));
        assert!(terms_rows(&terms).contains(&("licence hash", hex(&terms.licence_hash()))));
    }
}
