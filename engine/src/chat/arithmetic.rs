//! Numbers and slices as Python has them.

use super::{tree::Operator, value::Value, ChatError};

/// How often something is repeated.
pub(super) fn repetitions(times: &Value) -> usize {
    let times = times.as_int().unwrap_or_default().max(0);
    usize::try_from(times).unwrap_or(usize::MAX)
}

pub(super) fn checked(number: Option<i64>) -> Result<i64, ChatError> {
    number.ok_or_else(|| ChatError::failed("a number is too large"))
}

/// Arithmetic as Python's.
pub(super) fn numbers(operator: Operator, left: &Value, right: &Value) -> Result<Value, ChatError> {
    let zero = || ChatError::failed("a number is divided by zero");
    if let (Some(a), Some(b)) = (left.as_int(), right.as_int()) {
        let down = || {
            let (quotient, rest) = (a.checked_div(b)?, a.checked_rem(b)?);
            let crosses = rest != 0 && (rest < 0) != (b < 0);
            Some((quotient - i64::from(crosses), if crosses { rest + b } else { rest }))
        };
        let number = match operator {
            Operator::Add => a.checked_add(b),
            Operator::Subtract => a.checked_sub(b),
            Operator::Multiply => a.checked_mul(b),
            Operator::Divide if b == 0 => return Err(zero()),
            Operator::Divide => return Ok(Value::Float(a as f64 / b as f64)),
            Operator::DivideDown | Operator::Remainder if b == 0 => return Err(zero()),
            Operator::DivideDown => down().map(|(quotient, _)| quotient),
            Operator::Remainder => down().map(|(_, rest)| rest),
            Operator::Power if b < 0 => return Ok(Value::Float((a as f64).powf(b as f64))),
            Operator::Power => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
            Operator::Join => None,
        };
        return checked(number).map(Value::Int);
    }
    let (Some(a), Some(b)) = (left.as_float(), right.as_float()) else {
        let (sign, left, right) = (sign(operator), left.kind(), right.kind());
        return Err(ChatError::failed(format!("{left} {sign} {right} means nothing")));
    };
    Ok(Value::Float(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide | Operator::DivideDown | Operator::Remainder if b == 0.0 => {
            return Err(zero());
        }
        Operator::Divide => a / b,
        Operator::DivideDown => (a / b).floor(),
        Operator::Remainder => a - b * (a / b).floor(),
        Operator::Power | Operator::Join => a.powf(b),
    }))
}

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Join => "~",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        Operator::DivideDown => "//",
        Operator::Remainder => "%",
        Operator::Power => "**",
    }
}

/// The places that a slice picks out of so many.
pub(super) fn picked(
    len: usize,
    [from, to, step]: [Option<i64>; 3],
) -> Result<impl Iterator<Item = usize>, ChatError> {
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(ChatError::failed("a slice has no step of 0"));
    }
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let (lowest, highest) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let place = |bound: i64| {
        let bound = if bound < 0 { bound.saturating_add(len) } else { bound };
        bound.clamp(lowest, highest)
    };
    let (begin, end) = if step > 0 { (lowest, highest) } else { (highest, lowest) };
    let (mut at, to) = (from.map_or(begin, place), to.map_or(end, place));
    Ok(std::iter::from_fn(move || {
        let more = if step > 0 { at < to } else { at > to };
        let place = usize::try_from(at).ok().filter(|_| more);
        at = at.saturating_add(step);
        place
    }))
}
