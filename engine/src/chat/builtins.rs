//! The filters and tests that chat templates use.

use super::{
    arguments::Values,
    named,
    run::Run,
    tree::Comparison,
    value::{check_text, Value},
    ChatError,
};
use std::{cmp::Ordering, sync::Arc};

/// What a filter makes of a value. A text has been counted as read.
pub(super) fn filter(
    run: &mut Run<'_>,
    name: &str,
    value: Value,
    mut values: Values,
) -> Result<Value, ChatError> {
    let made = match name {
        "default" | "d" => {
            let other = values.take("default_value").unwrap_or_else(|| Value::text(""));
            let falsy = values.take("boolean").is_some_and(|also| also.is_true());
            let is_there = !matches!(value, Value::Undefined) && (!falsy || value.is_true());
            if is_there {
                value
            } else {
                other
            }
        }
        "length" | "count" => match &value {
            Value::Undefined => Value::Int(0),
            Value::Text(text) => length(text.chars().count()),
            Value::List(list) => length(list.items.len()),
            Value::Map(map) => length(map.entries.len()),
            other => return Err(ChatError::failed(format!("{} has no length", other.kind()))),
        },
        "tojson" => {
            let indent = values.int("indent")?;
            let indent = indent.map(|width| usize::try_from(width).unwrap_or_default());
            for ignored in ["ensure_ascii", "separators", "sort_keys"] {
                values.take_named(ignored);
            }
            run.read(value.weight().saturating_mul(8))?;
            let json = value.json(indent)?;
            run.text(json)?
        }
        "string" => Value::Text(run.shown(&value)?),
        "int" => {
            let other = values.int("default")?.unwrap_or(0);
            let number = match &value {
                Value::Text(text) => number(text).map(|number| number.trunc() as i64),
                Value::Float(number) => Some(number.trunc() as i64),
                value => value.as_int(),
            };
            Value::Int(number.unwrap_or(other))
        }
        "float" => {
            let other = values.take("default").and_then(|other| other.as_float()).unwrap_or(0.0);
            let found = value.as_float();
            let found = found.or_else(|| value.as_str().and_then(number));
            Value::Float(found.unwrap_or(other))
        }
        "abs" => match value {
            Value::Float(number) => Value::Float(number.abs()),
            value => match value.as_int().and_then(i64::checked_abs) {
                Some(number) => Value::Int(number),
                None => return Err(ChatError::failed("abs takes a number")),
            },
        },
        "round" => {
            let precision = values.int("precision")?.unwrap_or(0).clamp(-15, 15);
            let how = values.take("method");
            let common = how.as_ref().and_then(Value::as_str).unwrap_or("common") == "common";
            if let (true, true, Some(whole)) = (common, precision >= 0, value.as_int()) {
                values.done()?;
                return Ok(Value::Int(whole));
            }
            let number =
                value.as_float().ok_or_else(|| ChatError::failed("round takes a number"))?;
            let scale = 10f64.powi(i32::try_from(precision).unwrap_or(0));
            let scaled = number * scale;
            let rounded = match how.as_ref().and_then(Value::as_str) {
                Some("ceil") => scaled.ceil(),
                Some("floor") => scaled.floor(),
                _ => scaled.round_ties_even(),
            };
            Value::Float(rounded / scale)
        }
        "safe" => value,
        "list" => Value::List(run.items(&value)?),
        "first" | "last" => {
            let items = run.items(&value)?;
            let items = &items.items;
            let found = if name == "first" { items.first() } else { items.last() };
            found.cloned().unwrap_or(Value::Undefined)
        }
        "reverse" => match &value {
            Value::Text(text) => run.text(text.chars().rev().collect::<String>())?,
            value => {
                let items = run.items(value)?;
                run.list(items.items.iter().rev().cloned().collect())?
            }
        },
        "sort" => {
            let reverse = values.take("reverse").is_some_and(|reverse| reverse.is_true());
            let exact = values.take("case_sensitive").is_some_and(|exact| exact.is_true());
            let attribute = values.take("attribute");
            sort(run, &value, reverse, exact, attribute.as_ref())?
        }
        "join" => {
            let between = values.take("d").unwrap_or_else(|| Value::text(""));
            let between = run.shown(&between)?;
            let attribute = values.take("attribute");
            let mut parts = Vec::new();
            for item in &run.items(&value)?.items {
                run.spend(1)?;
                let item = match &attribute {
                    Some(attribute) => at_path(run, item, attribute)?,
                    None => item.clone(),
                };
                parts.push(run.shown(&item)?);
            }
            join(run, &parts, &between)?
        }
        "items" => match &value {
            Value::Undefined => run.list(Vec::new())?,
            value => super::methods::call(run, value, "items", Values::default())?,
        },
        "dictsort" => match &value {
            Value::Map(map) => {
                run.read(value.weight())?;
                let mut entries = map.entries.clone();
                entries.sort_by_cached_key(|(key, _)| key.to_lowercase());
                let mut pairs = Vec::new();
                for (key, value) in entries {
                    pairs.push(run.list(vec![Value::Text(key), value])?);
                }
                run.list(pairs)?
            }
            other => return Err(ChatError::failed(format!("dictsort takes no {}", other.kind()))),
        },
        "map" => {
            let mut made = Vec::new();
            if let Some(attribute) = values.take_named("attribute") {
                let other = values.take_named("default");
                for item in &run.items(&value)?.items {
                    run.spend(1)?;
                    let found = at_path(run, item, &attribute)?;
                    made.push(match (found, &other) {
                        (Value::Undefined, Some(other)) => other.clone(),
                        (found, _) => found,
                    });
                }
            } else {
                let filter = values.text("filter")?;
                let arguments = std::mem::take(&mut values);
                for item in &run.items(&value)?.items {
                    run.spend(1)?;
                    made.push(run.filter(&filter, item.clone(), arguments.clone())?);
                }
            }
            run.list(made)?
        }
        "select" | "reject" | "selectattr" | "rejectattr" => {
            let attribute = match name {
                "selectattr" | "rejectattr" => Some(values.need("attribute")?),
                _ => None,
            };
            let test = match values.take("test") {
                None => None,
                Some(Value::Text(test)) => Some(test),
                Some(_) => return Err(ChatError::failed("a test is called by a text")),
            };
            let argument = values.take("argument");
            let mut kept = Vec::new();
            for item in &run.items(&value)?.items {
                run.spend(1)?;
                let looked = match &attribute {
                    Some(attribute) => at_path(run, item, attribute)?,
                    None => item.clone(),
                };
                let holds = match &test {
                    Some(test) => run.test(test, &looked, Values::of(argument.clone()))?,
                    None => looked.is_true(),
                };
                if holds == name.starts_with("select") {
                    kept.push(item.clone());
                }
            }
            run.list(kept)?
        }
        "indent" => {
            let width = match values.take("width") {
                None => Arc::from("    "),
                Some(Value::Text(text)) => text,
                Some(width) => {
                    let width = width.as_int().unwrap_or_default();
                    let width = usize::try_from(width).unwrap_or_default();
                    check_text(width)?;
                    " ".repeat(width).into()
                }
            };
            let first = values.take("first").is_some_and(|first| first.is_true());
            let blank = values.take("blank").is_some_and(|blank| blank.is_true());
            let text = run.shown(&value)?;
            indent(run, &text, &width, first, blank)?
        }
        "escape" | "e" => {
            let text = run.shown(&value)?;
            run.read(text.len().saturating_mul(5))?;
            let mut escaped = String::new();
            for character in text.chars() {
                match character {
                    '&' => escaped.push_str("&amp;"),
                    '<' => escaped.push_str("&lt;"),
                    '>' => escaped.push_str("&gt;"),
                    '\'' => escaped.push_str("&#39;"),
                    '"' => escaped.push_str("&#34;"),
                    other => escaped.push(other),
                }
            }
            run.text(escaped)?
        }
        "trim" => {
            let text = Value::Text(run.shown(&value)?);
            return super::methods::call(run, &text, "strip", values);
        }
        "upper" | "lower" | "title" | "capitalize" | "replace" => {
            let text = Value::Text(run.shown(&value)?);
            return super::methods::call(run, &text, name, values);
        }
        _ => return Err(ChatError::failed(format!("there is no filter {}", named(name)))),
    };
    values.done()?;
    Ok(made)
}

fn length(length: usize) -> Value {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

/// The number that a text says, if it says one.
fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Parts with something between them.
pub(super) fn join(
    run: &mut Run<'_>,
    parts: &[Arc<str>],
    between: &str,
) -> Result<Value, ChatError> {
    let len = parts.iter().map(|part| part.len().saturating_add(between.len()));
    let len = len.fold(0, usize::saturating_add);
    // Nothing stands behind the last.
    check_text(len.saturating_sub(between.len()))?;
    run.make(len)?;
    let parts: Vec<&str> = parts.iter().map(|part| &**part).collect();
    Ok(Value::text(parts.join(between)))
}

fn indent(
    run: &mut Run<'_>,
    text: &str,
    width: &str,
    first: bool,
    blank: bool,
) -> Result<Value, ChatError> {
    let lines = text.split('\n').count();
    let len = lines.saturating_mul(width.len()).saturating_add(text.len());
    check_text(len)?;
    run.make(len)?;
    let mut out = String::new();
    for (place, line) in text.split('\n').enumerate() {
        if place > 0 {
            out.push('\n');
        }
        if (place > 0 || first) && (!line.is_empty() || blank || place == 0) {
            out.push_str(width);
        }
        out.push_str(line);
    }
    Ok(Value::text(out))
}

/// The part of a value that a path such as `function.name` leads to.
fn at_path(run: &mut Run<'_>, value: &Value, path: &Value) -> Result<Value, ChatError> {
    let Value::Text(path) = path else { return run.item(value, path) };
    let mut found = value.clone();
    for part in path.split('.') {
        run.spend(1)?;
        let key = part.parse().map_or_else(|_| Value::text(part), Value::Int);
        found = run.item(&found, &key)?;
    }
    Ok(found)
}

fn sort(
    run: &mut Run<'_>,
    value: &Value,
    reverse: bool,
    exact: bool,
    attribute: Option<&Value>,
) -> Result<Value, ChatError> {
    let mut keyed = Vec::new();
    for item in &run.items(value)?.items {
        run.spend(1)?;
        let mut key = match attribute {
            Some(attribute) => at_path(run, item, attribute)?,
            None => item.clone(),
        };
        if let (false, Value::Text(text)) = (exact, &key) {
            key = run.text(text.to_lowercase())?;
        }
        keyed.push((key, item.clone()));
    }
    // Each is compared with some others, their texts in full at worst.
    let heaviest = keyed.iter().map(|(key, _)| key.weight()).max().unwrap_or_default();
    let levels = usize::try_from(keyed.len().max(1).ilog2()).unwrap_or_default() + 1;
    run.read(heaviest.saturating_mul(keyed.len()).saturating_mul(levels))?;
    let mut ordered = true;
    let mut order = |a: &Value, b: &Value| {
        let ordering = a.compare(b);
        ordered &= ordering.is_some();
        ordering.unwrap_or(Ordering::Equal)
    };
    if let [(first, _), rest @ ..] = keyed.as_slice() {
        // Only what has one order with all others is sorted.
        for (other, _) in rest {
            order(first, other);
        }
    }
    if !ordered {
        return Err(ChatError::failed("what is to be sorted has no order"));
    }
    keyed.sort_by(|(a, _), (b, _)| {
        let ordering = a.compare(b).unwrap_or(Ordering::Equal);
        if reverse {
            ordering.reverse()
        } else {
            ordering
        }
    });
    run.list(keyed.into_iter().map(|(_, item)| item).collect())
}

/// Whether a test holds of a value.
pub(super) fn test(
    run: &mut Run<'_>,
    name: &str,
    value: &Value,
    mut values: Values,
) -> Result<bool, ChatError> {
    let compared = match name {
        "equalto" | "eq" | "==" => Some(Comparison::Equal),
        "ne" | "!=" => Some(Comparison::Unequal),
        "lt" | "lessthan" | "<" => Some(Comparison::Less),
        "le" | "<=" => Some(Comparison::LessOrEqual),
        "gt" | "greaterthan" | ">" => Some(Comparison::Greater),
        "ge" | ">=" => Some(Comparison::GreaterOrEqual),
        "in" => Some(Comparison::In),
        _ => None,
    };
    if let Some(comparison) = compared {
        let other = values.need("other")?;
        values.done()?;
        return run.compare(comparison, value, &other);
    }
    let letters = |is: fn(char) -> bool| value.as_str().is_some_and(|text| text.chars().any(is));
    let holds = match name {
        "defined" => !matches!(value, Value::Undefined),
        "undefined" => matches!(value, Value::Undefined),
        "none" => matches!(value, Value::None),
        "boolean" => matches!(value, Value::Bool(_)),
        "true" => matches!(value, Value::Bool(true)),
        "false" => matches!(value, Value::Bool(false)),
        "integer" => matches!(value, Value::Int(_)),
        "float" => matches!(value, Value::Float(_)),
        "number" => value.as_float().is_some(),
        "string" => matches!(value, Value::Text(_)),
        "mapping" => matches!(value, Value::Map(_)),
        "sequence" => matches!(value, Value::Text(_) | Value::List(_) | Value::Map(_)),
        "iterable" => {
            matches!(value, Value::Undefined | Value::Text(_) | Value::List(_) | Value::Map(_))
        }
        "callable" => matches!(value, Value::Macro(_) | Value::Function(_)),
        "odd" | "even" => {
            let number = value.as_int();
            let number = number.ok_or_else(|| ChatError::failed("a whole number is needed"))?;
            (number % 2 != 0) == (name == "odd")
        }
        "divisibleby" => match (value.as_int(), values.int("num")?) {
            (Some(number), Some(by)) if by != 0 => number.checked_rem(by) == Some(0),
            _ => return Err(ChatError::failed("divisibleby takes whole numbers, and not 0")),
        },
        "sameas" => {
            let other = values.need("other")?;
            run.equals(value, &other)?
        }
        "upper" | "lower" => {
            run.read(value.weight())?;
            let (wanted, other) = (letters(char::is_uppercase), letters(char::is_lowercase));
            if name == "upper" {
                wanted && !other
            } else {
                other && !wanted
            }
        }
        _ => return Err(ChatError::failed(format!("there is no test {}", named(name)))),
    };
    values.done()?;
    Ok(holds)
}
