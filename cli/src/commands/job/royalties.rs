//! The parts of an owner's fee: who earns which part for which asset.

use crate::{format::amount, output};
use vigil_client::{requester::total_royalties, Amount};
use vigil_primitives::{lineage::Royalty, Balance};

/// The parts of a fee that would be paid, with a line that says what they add up to.
pub(super) fn split_text(parts: &[Royalty], fee: Balance) -> String {
    if fee == 0 && parts.iter().all(|part| part.amount == 0) {
        return "the owner asks for no fee".into();
    }
    let mut table = output::table(["ASSET", "OWNER", "AMOUNT (VGL)"]);
    for part in parts {
        table.add_row([
            part.asset.to_string(),
            part.payee.to_string(),
            Amount(part.amount).exact(),
        ]);
    }
    output::align_right(&mut table, &[2]);
    format!("{}\n{}", output::render(&table), sum_text(parts, fee))
}

/// The parts of a fee that was paid.
pub(super) fn royalties_text(parts: &[Royalty], fee: Balance) -> String {
    let mut table = output::table(["ASSET", "OWNER THEN", "AMOUNT (VGL)", "PAID"]);
    for part in parts {
        table.add_row([
            part.asset.to_string(),
            part.payee.to_string(),
            Amount(part.amount).exact(),
            if part.credited { "credited" } else { "kept until collected" }.into(),
        ]);
    }
    output::align_right(&mut table, &[2]);
    format!("{}\n{}", output::render(&table), sum_text(parts, fee))
}

fn sum_text(parts: &[Royalty], fee: Balance) -> String {
    match total_royalties(parts) {
        Some(sum) if sum == fee => {
            format!("the parts add up to the owner's fee of {} to the last unit", amount(fee))
        }
        Some(sum) => {
            format!(
                "the parts add up to {}, not to the owner's fee of {}",
                amount(sum),
                amount(fee)
            )
        }
        None => "the parts add up to more than there is".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::samples::royalty;

    #[test]
    fn parts_should_be_shown_with_what_they_add_up_to() {
        let parts = [royalty(2, 8, 86), royalty(0, 7, 6), royalty(1, 6, 7)];
        let text = split_text(&parts, 99);
        assert!(text.contains("0.000000000086"), "{text}");
        assert!(text.contains("fee of 0.000000000099 VGL to the last unit"), "{text}");
        assert!(split_text(&parts, 98).contains("not to the owner's fee"));
        let huge = [royalty(0, 1, Balance::MAX), royalty(1, 2, 1)];
        assert!(split_text(&huge, 98).contains("more than there is"));
        assert_eq!(split_text(&[royalty(0, 8, 0)], 0), "the owner asks for no fee");
    }

    #[test]
    fn a_part_that_is_kept_should_say_so() {
        let kept = Royalty { credited: false, ..royalty(0, 7, 6) };
        let parts = [royalty(2, 8, 86), kept];
        let text = royalties_text(&parts, 92);
        assert!(text.contains("credited") && text.contains("kept until collected"), "{text}");
    }
}
