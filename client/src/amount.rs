//! Amounts of the token as people write them.
//!
//! Everything is integer arithmetic on the smallest unit: an amount that is printed is the amount
//! that is on chain, and an amount that is typed is the amount that is paid. `1.5`, `1.5VGL` and
//! `1.5 VGL` are one and a half VGL; `1500u` is 1,500 of the smallest unit.
//!
//! ```
//! use vigil_client::Amount;
//!
//! let price: Amount = "1.5 VGL".parse()?;
//! assert_eq!(price.0, 1_500_000_000_000);
//! assert_eq!(price.to_string(), "1.5 VGL");
//! assert_eq!(price, "1500000000000u".parse()?);
//! assert!("1,5".parse::<Amount>().is_err());
//! # Ok::<(), vigil_client::amount::BadAmount>(())
//! ```

use std::{fmt, str::FromStr};
use vigil_primitives::{Balance, UNIT};

/// Digits after the decimal point of one VGL.
const DECIMALS: usize = 12;

/// An amount, in the smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub Balance);

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAmount {
    /// There is no digit.
    Empty,
    /// There is something other than digits, a point and a unit.
    NotANumber,
    /// More than twelve digits after the point.
    TooPrecise,
    /// More than the chain can count.
    TooLarge,
}

impl fmt::Display for BadAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the amount is empty: write for instance 1.5 or 1500u",
            Self::NotANumber => {
                "not an amount: write digits with a point, as in 1.5 or 1.5VGL, \
                 or whole smallest units, as in 1500u"
            }
            Self::TooPrecise => {
                "more than 12 digits after the point: the smallest unit is 0.000000000001 VGL (1u)"
            }
            Self::TooLarge => "the amount is larger than the chain can count",
        })
    }
}

impl std::error::Error for BadAmount {}

impl FromStr for Amount {
    type Err = BadAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Some(raw) = text.strip_suffix('u') {
            return digits(raw.trim_end()).map(Self);
        }
        let number = text.strip_suffix("VGL").unwrap_or(text).trim_end();
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(if number.is_empty() { BadAmount::Empty } else { BadAmount::NotANumber });
        }
        let whole = if whole.is_empty() { 0 } else { digits(whole)? };
        if fraction.len() > DECIMALS && fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BadAmount::TooPrecise);
        }
        let fraction =
            if fraction.is_empty() { 0 } else { digits(&format!("{fraction:0<DECIMALS$}"))? };
        whole
            .checked_mul(UNIT)
            .and_then(|whole| whole.checked_add(fraction))
            .map(Self)
            .ok_or(BadAmount::TooLarge)
    }
}

/// A number of decimal digits only: no sign, no separator.
fn digits(text: &str) -> Result<Balance, BadAmount> {
    if text.is_empty() {
        return Err(BadAmount::Empty);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadAmount::NotANumber);
    }
    text.parse().map_err(|_| BadAmount::TooLarge)
}

/// The shortest exact form, for instance `1.5 VGL`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / UNIT, self.0 % UNIT);
        if fraction == 0 {
            return f.pad(&format!("{whole} VGL"));
        }
        let fraction = format!("{fraction:0DECIMALS$}");
        f.pad(&format!("{whole}.{} VGL", fraction.trim_end_matches('0')))
    }
}

impl Amount {
    /// All twelve decimals, without the unit: columns of these align.
    pub fn exact(self) -> String {
        format!("{}.{:0DECIMALS$}", self.0 / UNIT, self.0 % UNIT)
    }
}

/// The change from `before` to `after` with its sign and all twelve decimals.
pub fn change(before: Balance, after: Balance) -> String {
    let sign = match after.cmp(&before) {
        std::cmp::Ordering::Less => "-",
        std::cmp::Ordering::Equal => "",
        std::cmp::Ordering::Greater => "+",
    };
    format!("{sign}{}", Amount(after.abs_diff(before)).exact())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Balance, BadAmount> {
        text.parse::<Amount>().map(|amount| amount.0)
    }

    #[test]
    fn parse_should_read_every_documented_form() {
        assert_eq!(parse("1.5"), Ok(1_500_000_000_000));
        assert_eq!(parse("1.5VGL"), Ok(1_500_000_000_000));
        assert_eq!(parse(" 1.5 VGL "), Ok(1_500_000_000_000));
        assert_eq!(parse("1500u"), Ok(1_500));
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(parse(".5"), Ok(500_000_000_000));
        assert_eq!(parse("2."), Ok(2_000_000_000_000));
        assert_eq!(parse("0.000000000001"), Ok(1));
        assert_eq!(parse("340282366920938463463374607.431768211455"), Ok(Balance::MAX));
        assert_eq!(parse("340282366920938463463374607431768211455u"), Ok(Balance::MAX));
    }

    #[test]
    fn parse_should_name_what_is_wrong() {
        for empty in ["", " ", "VGL", "u"] {
            assert_eq!(parse(empty), Err(BadAmount::Empty), "{empty:?}");
        }
        for wrong in
            ["1,5", "-1", "+1", "1e3", "0x10", "1.5u", "1..5", ".", "one", "1 000", "1.5EUR"]
        {
            assert_eq!(parse(wrong), Err(BadAmount::NotANumber), "{wrong:?}");
        }
        assert_eq!(parse("0.0000000000001"), Err(BadAmount::TooPrecise));
        assert_eq!(parse("340282366920938463463374607.431768211456"), Err(BadAmount::TooLarge));
        assert_eq!(parse("340282366920938463463374607431768211456u"), Err(BadAmount::TooLarge));
        assert_eq!(parse("999999999999999999999999999999999999999999"), Err(BadAmount::TooLarge));
    }

    #[test]
    fn change_should_carry_its_sign() {
        assert_eq!(change(0, 1), "+0.000000000001");
        assert_eq!(change(UNIT, 0), "-1.000000000000");
        assert_eq!(change(5, 5), "0.000000000000");
    }

    proptest! {
        #[test]
        fn a_printed_amount_should_read_back_as_itself(amount: Balance) {
            prop_assert_eq!(parse(&Amount(amount).to_string()), Ok(amount));
            prop_assert_eq!(parse(&Amount(amount).exact()), Ok(amount));
            prop_assert_eq!(parse(&format!("{amount}u")), Ok(amount));
        }

        #[test]
        fn a_small_amount_should_read_back_as_itself(amount in 0..10 * UNIT) {
            prop_assert_eq!(parse(&Amount(amount).to_string()), Ok(amount));
            prop_assert_eq!(parse(&Amount(amount).exact()), Ok(amount));
        }

        #[test]
        fn parse_should_never_panic(text: String) {
            let _ = parse(&text);
        }
    }
}
