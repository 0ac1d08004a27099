//! What filters, tests, methods and functions are given.

use super::{named, value::Value, ChatError};
use std::{collections::VecDeque, sync::Arc};

/// By place and by name.
#[derive(Clone, Default)]
pub(super) struct Values {
    pub(super) positional: VecDeque<Value>,
    pub(super) named: Vec<(Arc<str>, Value)>,
}

impl Values {
    /// One, if it is there.
    pub(super) fn of(value: Option<Value>) -> Self {
        Self { positional: value.into_iter().collect(), named: Vec::new() }
    }

    /// The next one, that may be named.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.positional.pop_front().or_else(|| self.take_named(name))
    }

    pub(super) fn take_named(&mut self, name: &str) -> Option<Value> {
        let place = self.named.iter().position(|(known, _)| &**known == name)?;
        Some(self.named.swap_remove(place).1)
    }

    pub(super) fn need(&mut self, name: &str) -> Result<Value, ChatError> {
        self.take(name).ok_or_else(|| ChatError::failed(format!("{name} is missing")))
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, name: &str) -> Result<Arc<str>, ChatError> {
        match self.need(name)? {
            Value::Text(text) => Ok(text),
            other => Err(ChatError::failed(format!("{name} is {}, and no text", other.kind()))),
        }
    }

    /// A number that need not be there.
    pub(super) fn int(&mut self, name: &str) -> Result<Option<i64>, ChatError> {
        match self.take(name) {
            None | Some(Value::None) => Ok(None),
            Some(value) => value.as_int().map(Some).ok_or_else(|| {
                ChatError::failed(format!("{name} is {}, and no whole number", value.kind()))
            }),
        }
    }

    /// Refuses what nobody asked for.
    pub(super) fn done(&self) -> Result<(), ChatError> {
        match self.named.first() {
            Some((name, _)) => Err(ChatError::failed(format!("{} is not expected", named(name)))),
            None if self.positional.is_empty() => Ok(()),
            None => Err(ChatError::failed("there are too many arguments")),
        }
    }
}
