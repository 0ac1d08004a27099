//! The methods of texts, lists and mappings that chat templates call, as Python has them. None
//! changes what it is called on.

use super::{
    arguments::Values,
    builtins::join,
    named,
    run::Run,
    value::{check_text, Value},
    ChatError,
};
use std::sync::Arc;

/// What a method gives.
pub(super) fn call(
    run: &mut Run<'_>,
    value: &Value,
    name: &str,
    mut values: Values,
) -> Result<Value, ChatError> {
    run.read(value.width())?;
    let made = match value {
        Value::Text(text) => of_text(run, text, name, &mut values)?,
        Value::Map(map) => match name {
            "get" => {
                let key = values.need("key")?;
                let other = values.take("default").unwrap_or(Value::None);
                Some(key.as_str().and_then(|key| value.get(key)).unwrap_or(other))
            }
            "keys" => Some(Value::List(run.items(value)?)),
            "values" => {
                let found = map.entries.iter().map(|(_, value)| value.clone()).collect();
                Some(run.list(found)?)
            }
            "items" => {
                let mut pairs = Vec::new();
                for (key, value) in &map.entries {
                    pairs.push(run.list(vec![Value::Text(Arc::clone(key)), value.clone()])?);
                }
                Some(run.list(pairs)?)
            }
            _ => None,
        },
        Value::List(list) => match name {
            "count" | "index" => {
                run.read(value.weight())?;
                let what = values.need("value")?;
                let mut equal = list.items.iter().map(|item| item.equals(&what));
                let found = match name {
                    "count" => equal.filter(|equal| *equal).count(),
                    _ => equal
                        .position(|equal| equal)
                        .ok_or_else(|| ChatError::failed("the value is not in the list"))?,
                };
                Some(int(found))
            }
            _ => None,
        },
        Value::Loop(state) if name == "cycle" => {
            let mut all = Vec::new();
            while let Some(value) = values.take("") {
                all.push(value);
            }
            let place = state.index.checked_rem(all.len());
            let found = place.and_then(|place| all.get(place)).cloned();
            Some(found.ok_or_else(|| ChatError::failed("cycle is given nothing"))?)
        }
        _ => None,
    };
    let Some(made) = made else {
        let what = format!("{} has no method {} here", value.kind(), named(name));
        return Err(ChatError::failed(what));
    };
    values.done()?;
    Ok(made)
}

fn int(number: usize) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn of_text(
    run: &mut Run<'_>,
    text: &Arc<str>,
    name: &str,
    values: &mut Values,
) -> Result<Option<Value>, ChatError> {
    let all = |is: fn(char) -> bool| Value::Bool(!text.is_empty() && text.chars().all(is));
    let cased = |is: fn(char) -> bool, not: fn(char) -> bool| {
        Value::Bool(text.chars().any(is) && !text.chars().any(not))
    };
    Ok(Some(match name {
        "strip" | "lstrip" | "rstrip" => {
            let blanks = match values.take("chars") {
                None | Some(Value::None) => None,
                Some(Value::Text(characters)) => Some(characters),
                Some(_) => return Err(ChatError::failed("what is stripped is a text")),
            };
            let stripped = |character: char| match &blanks {
                None => character.is_whitespace(),
                Some(blanks) => blanks.contains(character),
            };
            // Each character at an end is looked for among those.
            let looked = blanks.as_ref().map_or(0, |blanks| blanks.len());
            run.read(looked.saturating_mul(text.len()))?;
            let mut kept = &**text;
            if name != "rstrip" {
                kept = kept.trim_start_matches(stripped);
            }
            if name != "lstrip" {
                kept = kept.trim_end_matches(stripped);
            }
            if kept.len() == text.len() {
                return Ok(Some(Value::Text(Arc::clone(text))));
            }
            run.text(kept)?
        }
        "upper" => run.text(text.to_uppercase())?,
        "lower" => run.text(text.to_lowercase())?,
        "capitalize" => {
            let mut characters = text.chars();
            let first: String =
                characters.next().into_iter().flat_map(char::to_uppercase).collect();
            run.text(first + &characters.as_str().to_lowercase())?
        }
        "title" => {
            let mut out = String::new();
            let mut inside = false;
            for character in text.chars() {
                if inside {
                    out.extend(character.to_lowercase());
                } else {
                    out.extend(character.to_uppercase());
                }
                inside = character.is_alphabetic();
            }
            run.text(out)?
        }
        "startswith" | "endswith" => {
            let affixes = values.need("prefix")?;
            let has = |affix: &Value| match affix {
                Value::Text(affix) if name == "startswith" => Ok(text.starts_with(&**affix)),
                Value::Text(affix) => Ok(text.ends_with(&**affix)),
                other => {
                    Err(ChatError::failed(format!("{name} takes a text, not {}", other.kind())))
                }
            };
            match &affixes {
                Value::List(affixes) => {
                    let mut any = false;
                    for affix in &affixes.items {
                        run.read(affix.weight())?;
                        any |= has(affix)?;
                    }
                    Value::Bool(any)
                }
                affix => Value::Bool(has(affix)?),
            }
        }
        "removeprefix" => {
            let prefix = values.text("prefix")?;
            run.text(text.strip_prefix(&*prefix).unwrap_or(text))?
        }
        "removesuffix" => {
            let suffix = values.text("suffix")?;
            run.text(text.strip_suffix(&*suffix).unwrap_or(text))?
        }
        "replace" => {
            let (old, new) = (values.text("old")?, values.text("new")?);
            let most = values.int("count")?.and_then(|count| usize::try_from(count).ok());
            let found = text.matches(&*old).take(most.unwrap_or(usize::MAX)).count();
            // What goes away can be counted as what stays: it was there.
            let len = found.saturating_mul(new.len()).saturating_add(text.len());
            check_text(len.saturating_sub(found.saturating_mul(old.len())))?;
            run.make(len)?;
            run.text(text.replacen(&*old, &new, found))?
        }
        "split" | "rsplit" => {
            let separator = match values.take("sep") {
                None | Some(Value::None) => None,
                Some(Value::Text(separator)) if !separator.is_empty() => Some(separator),
                Some(_) => return Err(ChatError::failed("split takes a text that is not empty")),
            };
            let most = values.int("maxsplit")?.and_then(|most| usize::try_from(most).ok());
            split(run, text, separator.as_deref(), most, name == "rsplit")?
        }
        "splitlines" => {
            let keep = values.take("keepends").is_some_and(|keep| keep.is_true());
            let line = |line| if keep { line } else { trim_line(line) };
            run.texts(text.split_inclusive('\n').map(line))?
        }
        "join" => {
            let parts = values.need("iterable")?;
            let mut texts = Vec::new();
            for part in &run.items(&parts)?.items {
                run.spend(1)?;
                match part {
                    Value::Text(part) => texts.push(Arc::clone(part)),
                    other => {
                        let what = format!("join takes texts, not {}", other.kind());
                        return Err(ChatError::failed(what));
                    }
                }
            }
            join(run, &texts, text)?
        }
        "find" | "rfind" => {
            let what = values.text("sub")?;
            let at = if name == "find" { text.find(&*what) } else { text.rfind(&*what) };
            let before = at.and_then(|at| text.get(..at));
            before.map_or(Value::Int(-1), |before| int(before.chars().count()))
        }
        "count" => {
            let what = values.text("sub")?;
            int(text.matches(&*what).count())
        }
        "isdigit" | "isnumeric" | "isdecimal" => all(char::is_numeric),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(char::is_whitespace),
        "isupper" => cased(char::is_uppercase, char::is_lowercase),
        "islower" => cased(char::is_lowercase, char::is_uppercase),
        _ => return Ok(None),
    }))
}

fn trim_line(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// The parts of a text between separators, or between blanks.
fn split(
    run: &mut Run<'_>,
    text: &str,
    separator: Option<&str>,
    most: Option<usize>,
    from_behind: bool,
) -> Result<Value, ChatError> {
    let parts = most.map_or(usize::MAX, |most| most.saturating_add(1));
    match separator {
        Some(separator) if from_behind && most.is_some() => {
            let mut found: Vec<&str> = Vec::new();
            for part in text.rsplitn(parts, separator) {
                run.make(16)?;
                found.push(part);
            }
            run.texts(found.into_iter().rev())
        }
        Some(separator) => run.texts(text.splitn(parts, separator)),
        None if most.is_none() => run.texts(text.split_whitespace()),
        None if from_behind => Err(ChatError::failed("rsplit takes a text to split at")),
        None => {
            let mut rest = text.trim_start();
            let mut found = Vec::new();
            while !rest.is_empty() {
                run.make(16)?;
                let end = rest.find(char::is_whitespace).filter(|_| found.len() + 1 < parts);
                let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
                found.push(part);
                rest = after.trim_start();
            }
            run.texts(found.into_iter())
        }
    }
}
