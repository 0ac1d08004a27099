//! Shares as people write them: percentages, exact to a part per million.

use vigil_primitives::Permill;

/// Parts per million of one percent.
const PERCENT: u32 = 10_000;
/// Digits after the point of a percentage: the last is a part per million.
const DECIMALS: usize = 4;

/// Reads `5%`, `0.5%` or `0.0001%`, and `0%`.
///
/// The error names the text and says what is wrong with it.
pub(crate) fn parse_percent(text: &str) -> Result<Permill, String> {
    let wrong = |why: &str| Err(format!("\"{text}\" {why}"));
    let form = "is no percentage: write for instance 5% or 0.5%";
    let Some(number) = text.trim().strip_suffix('%').map(str::trim_end) else {
        return wrong(form);
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return wrong(form);
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > DECIMALS {
        return wrong("has more than 4 digits after the point: the smallest share is 0.0001%");
    }
    let parts = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u32>().ok() };
    let whole = parts(whole).and_then(|whole| whole.checked_mul(PERCENT));
    let fraction = parts(&format!("{fraction:0<DECIMALS$}"));
    let sum = whole.zip(fraction).and_then(|(whole, fraction)| whole.checked_add(fraction));
    match sum.filter(|parts| *parts <= 100 * PERCENT) {
        Some(parts) => Ok(Permill::from_parts(parts)),
        None => wrong("is more than 100%"),
    }
}

/// [`parse_percent`], but zero is no share.
pub(super) fn parse_share(text: &str) -> Result<Permill, String> {
    let share = parse_percent(text)?;
    if share.deconstruct() == 0 {
        return Err(format!("\"{text}\" gives nothing: the smallest share is 0.0001%"));
    }
    Ok(share)
}

/// The shortest exact form, for instance `0.5%`.
pub(crate) fn percent(share: Permill) -> String {
    percent_of_parts(ppm(share))
}

/// So many parts per million, which may be more than the whole, as a percentage.
pub(super) fn percent_of_parts(parts: u32) -> String {
    let (whole, fraction) = (parts / PERCENT, parts % PERCENT);
    if fraction == 0 {
        return format!("{whole}%");
    }
    let fraction = format!("{fraction:0DECIMALS$}");
    format!("{whole}.{}%", fraction.trim_end_matches('0'))
}

/// A share in parts per million, as JSON has it.
pub(crate) fn ppm(share: Permill) -> u32 {
    share.deconstruct()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(text: &str) -> Result<u32, String> {
        parse_percent(text).map(ppm)
    }

    #[test]
    fn a_percentage_should_be_read_to_the_last_part_per_million() {
        for (text, expected) in [
            ("5%", 50_000),
            ("0.5%", 5_000),
            (".5%", 5_000),
            ("0.0001%", 1),
            ("33.3333%", 333_333),
            ("100%", 1_000_000),
            ("5.00000 %", 50_000),
            ("0%", 0),
        ] {
            assert_eq!(parts(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_wrong_percentage_should_be_named_with_what_is_wrong() {
        for (text, says) in [
            ("5", "no percentage"),
            ("", "no percentage"),
            ("%", "no percentage"),
            (".%", "no percentage"),
            ("-1%", "no percentage"),
            ("+1%", "no percentage"),
            ("1e1%", "no percentage"),
            ("five%", "no percentage"),
            ("5%%", "no percentage"),
            ("0.00001%", "more than 4 digits"),
            ("100.0001%", "more than 100%"),
            ("99999999999999999999%", "more than 100%"),
        ] {
            let error = parts(text).unwrap_err();
            assert!(error.contains(says) && error.contains(text), "{text}: {error}");
        }
        assert!(parse_share("0.0%").unwrap_err().contains("gives nothing"));
    }

    proptest! {
        #[test]
        fn a_printed_share_should_read_back_as_itself(parts in 0u32..=1_000_000) {
            let share = Permill::from_parts(parts);
            prop_assert_eq!(parse_percent(&percent(share)), Ok(share));
        }

        #[test]
        fn reading_should_never_panic(text: String) {
            let _ = parse_percent(&text);
        }
    }
}
