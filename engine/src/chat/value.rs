//! What the expressions of a template are made of.
//!
//! A list may hold one list many times, and that one another: what takes no memory to keep can take
//! all there is to print or to compare. Every container therefore knows how much all of it comes to,
//! and one that comes to too much, or lies too deep, cannot be made.

use super::ChatError;
use std::{cell::RefCell, cmp::Ordering, collections::BTreeMap, fmt::Write, rc::Rc, sync::Arc};

/// Longest text, in bytes.
pub(super) const MAX_TEXT: usize = 4 << 20;
/// Most that a value comes to: bytes of its texts, and [`SLOT`] for each of its parts.
const MAX_WEIGHT: usize = 16 << 20;
/// What a place in a list or a mapping comes to, in bytes.
pub(super) const SLOT: usize = 32;
/// Most levels of lists in lists.
const MAX_DEPTH: usize = 32;
/// Widest indentation of JSON.
const MAX_INDENT: usize = 16;

#[derive(Clone)]
pub(super) enum Value {
    Undefined,
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    List(Rc<List>),
    Map(Rc<Map>),
    /// What `namespace()` gives: the one thing that can be changed.
    Namespace(Rc<RefCell<BTreeMap<Arc<str>, Value>>>),
    /// The `loop` of a loop.
    Loop(Rc<Loop>),
    /// A macro, by number.
    Macro(usize),
    Function(Function),
}

/// What is there without being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Dict,
    Namespace,
    RaiseException,
    Range,
    StrftimeNow,
}

pub(super) struct List {
    pub(super) items: Vec<Value>,
    size: Size,
}

pub(super) struct Map {
    /// In the order in which they were written.
    pub(super) entries: Vec<(Arc<str>, Value)>,
    /// Where each key is.
    places: BTreeMap<Arc<str>, usize>,
    size: Size,
}

pub(super) struct Loop {
    pub(super) items: Rc<List>,
    pub(super) index: usize,
}

#[derive(Clone, Copy)]
struct Size {
    weight: usize,
    depth: usize,
}

impl Size {
    /// That of a container of such parts.
    fn of<'a>(parts: impl Iterator<Item = &'a Value>, extra: usize) -> Result<Self, ChatError> {
        let mut size = Self { weight: extra.saturating_add(1), depth: 0 };
        for part in parts {
            let part = part.size().ok_or_else(|| {
                ChatError::failed("a namespace, a loop or a macro cannot be put anywhere")
            })?;
            size.weight = size.weight.saturating_add(part.weight).saturating_add(SLOT);
            size.depth = size.depth.max(part.depth);
        }
        size.depth += 1;
        if size.weight > MAX_WEIGHT || size.depth > MAX_DEPTH {
            return Err(ChatError::TooMuch);
        }
        Ok(size)
    }
}

impl Value {
    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn list(items: Vec<Self>) -> Result<Self, ChatError> {
        let size = Size::of(items.iter(), 0)?;
        Ok(Self::List(Rc::new(List { items, size })))
    }

    pub(super) fn map(
        pairs: impl IntoIterator<Item = (Arc<str>, Self)>,
    ) -> Result<Self, ChatError> {
        let mut entries: Vec<(Arc<str>, Self)> = Vec::new();
        let mut places: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for (key, value) in pairs {
            match places.get(&key) {
                Some(place) => entries[*place].1 = value,
                None => {
                    places.insert(Arc::clone(&key), entries.len());
                    entries.push((key, value));
                }
            }
        }
        let keys = entries.iter().map(|(key, _)| key.len() + SLOT).sum();
        let size = Size::of(entries.iter().map(|(_, value)| value), keys)?;
        Ok(Self::Map(Rc::new(Map { entries, places, size })))
    }

    /// `None` of what is no data.
    fn size(&self) -> Option<Size> {
        Some(match self {
            Self::Text(text) => Size { weight: text.len() + 1, depth: 0 },
            Self::List(list) => list.size,
            Self::Map(map) => map.size,
            Self::Namespace(_) | Self::Loop(_) | Self::Macro(_) | Self::Function(_) => return None,
            _ => Size { weight: 1, depth: 0 },
        })
    }

    /// Whether it can be kept in a list or a namespace.
    pub(super) fn is_data(&self) -> bool {
        self.size().is_some()
    }

    /// What there is to go through without looking into any part: nothing of a list, which knows its
    /// length.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => 1,
        }
    }

    /// What all of it comes to.
    pub(super) fn weight(&self) -> usize {
        self.size().map_or(1, |size| size.weight)
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Undefined => "an undefined value",
            Self::None => "none",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Namespace(_) => "a namespace",
            Self::Loop(_) => "a loop",
            Self::Macro(_) => "a macro",
            Self::Function(_) => "a function",
        }
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Undefined | Self::None => false,
            Self::Bool(is) => *is,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Map(map) => !map.entries.is_empty(),
            Self::Namespace(_) | Self::Loop(_) | Self::Macro(_) | Self::Function(_) => true,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bool(is) => Some(i64::from(*is)),
            _ => None,
        }
    }

    pub(super) fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            other => other.as_int().map(|number| number as f64),
        }
    }

    /// The value of a key of a mapping.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        match self {
            Self::Map(map) => {
                let place = map.places.get(key)?;
                map.entries.get(*place).map(|(_, value)| value.clone())
            }
            Self::Namespace(values) => values.borrow().get(key).cloned(),
            Self::Loop(state) => state.get(key),
            _ => None,
        }
    }

    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Undefined, Self::Undefined) | (Self::None, Self::None) => true,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::List(a), Self::List(b)) => {
                a.items.len() == b.items.len()
                    && a.items.iter().zip(&b.items).all(|(a, b)| a.equals(b))
            }
            (Self::Map(a), Self::Map(b)) => {
                a.entries.len() == b.entries.len()
                    && a.entries.iter().all(|(key, value)| {
                        other.get(key).is_some_and(|other| value.equals(&other))
                    })
            }
            (Self::Namespace(a), Self::Namespace(b)) => Rc::ptr_eq(a, b),
            (Self::Macro(a), Self::Macro(b)) => a == b,
            _ => {
                matches!((self.as_int(), other.as_int()), (Some(a), Some(b)) if a == b)
                    || matches!((self.as_float(), other.as_float()), (Some(a), Some(b)) if a == b)
            }
        }
    }

    /// How it compares with another, if they can be compared.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            _ => match (self.as_int(), other.as_int()) {
                (Some(a), Some(b)) => Some(a.cmp(&b)),
                _ => self.as_float()?.partial_cmp(&other.as_float()?),
            },
        }
    }

    /// The same value of JSON.
    pub(super) fn from_json(value: &serde_json::Value) -> Result<Self, ChatError> {
        use serde_json::Value as Json;
        Ok(match value {
            Json::Null => Self::None,
            Json::Bool(is) => Self::Bool(*is),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Self::Int(number),
                None => Self::Float(number.as_f64().unwrap_or(f64::INFINITY)),
            },
            Json::String(text) => Self::text(text.as_str()),
            Json::Array(items) => {
                Self::list(items.iter().map(Self::from_json).collect::<Result<_, _>>()?)?
            }
            Json::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    Ok::<_, ChatError>((key.as_str().into(), Self::from_json(value)?))
                });
                Self::map(entries.collect::<Result<Vec<_>, _>>()?)?
            }
        })
    }

    /// As Python's `str` has it.
    pub(super) fn shown(&self) -> Result<Arc<str>, ChatError> {
        if let Self::Text(text) = self {
            return Ok(Arc::clone(text));
        }
        let mut out = String::new();
        self.show(&mut out, false)?;
        Ok(out.into())
    }

    fn show(&self, out: &mut String, quoted: bool) -> Result<(), ChatError> {
        match self {
            Self::Undefined => {}
            Self::None => out.push_str("None"),
            Self::Bool(true) => out.push_str("True"),
            Self::Bool(false) => out.push_str("False"),
            Self::Int(number) => drop(write!(out, "{number}")),
            Self::Float(number) => drop(write!(out, "{number:?}")),
            Self::Text(text) if quoted => {
                let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
                out.push(quote);
                // What cannot be seen is escaped, as far as chats have it.
                for character in text.chars() {
                    match character {
                        '\n' => out.push_str("\\n"),
                        '\r' => out.push_str("\\r"),
                        '\t' => out.push_str("\\t"),
                        '\\' => out.push_str("\\\\"),
                        other if other == quote => out.extend(['\\', quote]),
                        '\0'..'\u{20}' | '\u{7f}'..'\u{a1}' | '\u{ad}' => {
                            out.push_str(&format!("\\x{:02x}", u32::from(character)));
                        }
                        '\u{200b}'..='\u{200f}'
                        | '\u{2028}'..='\u{202f}'
                        | '\u{2060}'..='\u{206f}'
                        | '\u{feff}' => {
                            out.push_str(&format!("\\u{:04x}", u32::from(character)));
                        }
                        other => out.push(other),
                    }
                }
                out.push(quote);
            }
            Self::Text(text) => out.push_str(text),
            Self::List(list) => {
                out.push('[');
                for (place, item) in list.items.iter().enumerate() {
                    out.push_str(if place > 0 { ", " } else { "" });
                    item.show(out, true)?;
                }
                out.push(']');
            }
            Self::Map(map) => {
                out.push('{');
                for (place, (key, value)) in map.entries.iter().enumerate() {
                    out.push_str(if place > 0 { ", " } else { "" });
                    Self::Text(Arc::clone(key)).show(out, true)?;
                    out.push_str(": ");
                    value.show(out, true)?;
                }
                out.push('}');
            }
            Self::Namespace(_) | Self::Loop(_) | Self::Macro(_) | Self::Function(_) => {
                return Err(ChatError::failed(format!("{} is no text", self.kind())));
            }
        }
        check_text(out.len())
    }

    /// As Python's `json.dumps` has it, with characters as they are.
    pub(super) fn json(&self, indent: Option<usize>) -> Result<String, ChatError> {
        let mut out = String::new();
        self.write_json(&mut out, indent.map(|width| width.min(MAX_INDENT)), 0)?;
        Ok(out)
    }

    fn write_json(
        &self,
        out: &mut String,
        indent: Option<usize>,
        depth: usize,
    ) -> Result<(), ChatError> {
        let line = |out: &mut String, depth: usize| {
            if let Some(width) = indent {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', width * depth));
            }
        };
        let comma = if indent.is_some() { "," } else { ", " };
        match self {
            Self::Undefined | Self::None => out.push_str("null"),
            Self::Bool(is) => drop(write!(out, "{is}")),
            Self::Int(number) => drop(write!(out, "{number}")),
            Self::Float(number) => drop(write!(out, "{number:?}")),
            Self::Text(text) => write_json_text(out, text),
            Self::List(list) => {
                out.push('[');
                for (place, item) in list.items.iter().enumerate() {
                    out.push_str(if place > 0 { comma } else { "" });
                    line(out, depth + 1);
                    item.write_json(out, indent, depth + 1)?;
                }
                if !list.items.is_empty() {
                    line(out, depth);
                }
                out.push(']');
            }
            Self::Map(map) => {
                out.push('{');
                for (place, (key, value)) in map.entries.iter().enumerate() {
                    out.push_str(if place > 0 { comma } else { "" });
                    line(out, depth + 1);
                    write_json_text(out, key);
                    out.push_str(": ");
                    value.write_json(out, indent, depth + 1)?;
                }
                if !map.entries.is_empty() {
                    line(out, depth);
                }
                out.push('}');
            }
            Self::Namespace(_) | Self::Loop(_) | Self::Macro(_) | Self::Function(_) => {
                return Err(ChatError::failed(format!("{} has no JSON", self.kind())));
            }
        }
        check_text(out.len())
    }
}

fn write_json_text(out: &mut String, text: &str) {
    // Texts always serialise.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// Refuses a text that is too long to go on with.
pub(super) fn check_text(len: usize) -> Result<(), ChatError> {
    if len > MAX_TEXT {
        return Err(ChatError::TooMuch);
    }
    Ok(())
}

impl Loop {
    fn get(&self, name: &str) -> Option<Value> {
        let all = self.items.items.len();
        let int = |number: usize| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        let item = |place: Option<usize>| {
            place.and_then(|place| self.items.items.get(place)).cloned().unwrap_or(Value::Undefined)
        };
        Some(match name {
            "index" => int(self.index + 1),
            "index0" => int(self.index),
            "revindex" => int(all - self.index),
            "revindex0" => int(all - self.index - 1),
            "first" => Value::Bool(self.index == 0),
            "last" => Value::Bool(self.index + 1 == all),
            "length" => int(all),
            "previtem" => item(self.index.checked_sub(1)),
            "nextitem" => item(self.index.checked_add(1)),
            _ => return None,
        })
    }
}
