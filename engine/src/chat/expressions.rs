//! What expressions come to.

use super::{
    arguments::Values,
    arithmetic::{checked, numbers, picked, repetitions},
    builtins, clock, methods, named,
    run::{Run, Scope},
    tree::{Arguments, Comparison, Expression, Link, Operator},
    value::{check_text, Function, Value, SLOT},
    ChatError,
};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

/// Longest refusal of a template, in characters.
const MAX_REFUSAL: usize = 1_000;

impl<'t> Run<'t> {
    pub(super) fn eval(&mut self, expression: &'t Expression) -> Result<Value, ChatError> {
        self.spend(1)?;
        self.nested(|run| run.eval_here(expression))
    }

    fn eval_here(&mut self, expression: &'t Expression) -> Result<Value, ChatError> {
        Ok(match expression {
            Expression::None => Value::None,
            Expression::Bool(is) => Value::Bool(*is),
            Expression::Int(number) => Value::Int(*number),
            Expression::Float(number) => Value::Float(*number),
            Expression::Text(text) => Value::Text(Arc::clone(text)),
            Expression::Name(name) => self.lookup(name)?,
            Expression::List(items) => {
                let mut values = Vec::new();
                for item in items {
                    values.push(self.eval(item)?);
                }
                self.list(values)?
            }
            Expression::Map(entries) => {
                let mut values = Vec::new();
                for (key, value) in entries {
                    let Value::Text(key) = self.eval(key)? else {
                        return Err(ChatError::failed("a key of a mapping is no text"));
                    };
                    values.push((key, self.eval(value)?));
                }
                self.map(values)?
            }
            Expression::Choice(choice) => {
                let (condition, value, otherwise) = &**choice;
                if self.eval(condition)?.is_true() {
                    self.eval(value)?
                } else {
                    match otherwise {
                        Some(otherwise) => self.eval(otherwise)?,
                        None => Value::Undefined,
                    }
                }
            }
            Expression::Or(all) => self.first(all, true)?,
            Expression::And(all) => self.first(all, false)?,
            Expression::Not(value) => Value::Bool(!self.eval(value)?.is_true()),
            Expression::Compare(first, rest) => {
                let mut left = self.eval(first)?;
                for (comparison, right) in rest {
                    let right = self.eval(right)?;
                    if !self.compare(*comparison, &left, &right)? {
                        return Ok(Value::Bool(false));
                    }
                    left = right;
                }
                Value::Bool(true)
            }
            Expression::Math(first, rest) => {
                let mut left = self.eval(first)?;
                for (operator, right) in rest {
                    let right = self.eval(right)?;
                    left = self.math(*operator, &left, &right)?;
                }
                left
            }
            Expression::Signed(negative, value) => match (self.eval(value)?, negative) {
                (Value::Float(number), true) => Value::Float(-number),
                (Value::Float(number), false) => Value::Float(number),
                (value, negative) => match value.as_int() {
                    Some(number) if *negative => Value::Int(checked(number.checked_neg())?),
                    Some(number) => Value::Int(number),
                    None => {
                        let what = format!("{} has no sign", value.kind());
                        return Err(ChatError::failed(what));
                    }
                },
            },
            Expression::Chain(base, links) => self.chain(base, links)?,
        })
    }

    /// The first that is true, or that is not, or the last.
    fn first(&mut self, all: &'t [Expression], wanted: bool) -> Result<Value, ChatError> {
        let mut value = Value::Undefined;
        for expression in all {
            value = self.eval(expression)?;
            if value.is_true() == wanted {
                break;
            }
        }
        Ok(value)
    }

    fn chain(&mut self, base: &'t Expression, links: &'t [Link]) -> Result<Value, ChatError> {
        let mut value = self.eval(base)?;
        let mut links = links.iter().peekable();
        // What an undefined value is called.
        let mut name = match base {
            Expression::Name(name) => Some(name),
            _ => None,
        };
        while let Some(link) = links.next() {
            self.spend(1)?;
            let undefined = matches!(value, Value::Undefined);
            if undefined && !matches!(link, Link::Filter(..) | Link::Test { .. }) {
                let name = name.map_or_else(|| "a value".to_owned(), |name| named(name));
                return Err(ChatError::failed(format!("{name} is undefined")));
            }
            name = None;
            value = match link {
                Link::Attribute(attribute) => {
                    name = Some(attribute);
                    match links.peek() {
                        Some(Link::Call(arguments)) => {
                            links.next();
                            let values = self.values(arguments)?;
                            methods::call(self, &value, attribute, values)?
                        }
                        _ => value.get(attribute).unwrap_or(Value::Undefined),
                    }
                }
                Link::Item(key) => {
                    let key = self.eval(key)?;
                    self.item(&value, &key)?
                }
                Link::Slice(parts) => {
                    let mut bounds = [None; 3];
                    for (bound, part) in bounds.iter_mut().zip(parts.iter()) {
                        if let Some(part) = part {
                            let part = self.eval(part)?;
                            *bound = match part {
                                Value::None => None,
                                part => Some(part.as_int().ok_or_else(|| {
                                    ChatError::failed("a bound of a slice is no whole number")
                                })?),
                            };
                        }
                    }
                    self.slice(&value, bounds)?
                }
                Link::Call(arguments) => {
                    let values = self.values(arguments)?;
                    self.call(&value, values)?
                }
                Link::Filter(filter, arguments) => {
                    let values = self.values(arguments)?;
                    self.filter(filter, value, values)?
                }
                Link::Test { name, arguments, negated } => {
                    let values = self.values(arguments)?;
                    Value::Bool(self.test(name, &value, values)? != *negated)
                }
            };
        }
        Ok(value)
    }

    pub(super) fn values(&mut self, arguments: &'t Arguments) -> Result<Values, ChatError> {
        let mut values = Values::default();
        for argument in &arguments.positional {
            values.positional.push_back(self.eval(argument)?);
        }
        for (name, argument) in &arguments.named {
            values.named.push((Arc::clone(name), self.eval(argument)?));
        }
        Ok(values)
    }

    /// What a filter makes of a value.
    pub(super) fn filter(
        &mut self,
        name: &str,
        value: Value,
        values: Values,
    ) -> Result<Value, ChatError> {
        self.read(value.width())?;
        self.nested(|run| builtins::filter(run, name, value, values))
    }

    /// Whether a test holds of a value.
    pub(super) fn test(
        &mut self,
        name: &str,
        value: &Value,
        values: Values,
    ) -> Result<bool, ChatError> {
        self.spend(1)?;
        builtins::test(self, name, value, values)
    }

    /// One part of a value.
    pub(super) fn item(&mut self, value: &Value, key: &Value) -> Result<Value, ChatError> {
        let place = |len: usize| -> Option<usize> {
            let place = key.as_int()?;
            let len = i64::try_from(len).ok()?;
            let place = if place < 0 { place.checked_add(len)? } else { place };
            usize::try_from(place).ok()
        };
        let found = match value {
            Value::List(list) => {
                place(list.items.len()).and_then(|place| list.items.get(place).cloned())
            }
            Value::Text(text) => {
                let text = Arc::clone(text);
                self.read(text.len())?;
                let found = place(text.chars().count()).and_then(|place| text.chars().nth(place));
                match found {
                    Some(character) => Some(self.text(character.to_string())?),
                    None => None,
                }
            }
            _ => None,
        };
        let named = || key.as_str().and_then(|key| value.get(key));
        Ok(found.or_else(named).unwrap_or(Value::Undefined))
    }

    /// Some parts of a list or a text, as Python counts them.
    fn slice(&mut self, value: &Value, bounds: [Option<i64>; 3]) -> Result<Value, ChatError> {
        match value {
            Value::List(list) => {
                self.read(list.items.len().saturating_mul(SLOT))?;
                let picked = picked(list.items.len(), bounds)?;
                let items = picked.filter_map(|place| list.items.get(place).cloned()).collect();
                self.list(items)
            }
            Value::Text(text) => {
                self.read(text.len().saturating_mul(4))?;
                let characters: Vec<char> = text.chars().collect();
                let picked = picked(characters.len(), bounds)?;
                let text: String = picked.filter_map(|place| characters.get(place)).collect();
                self.text(text)
            }
            _ => Ok(Value::Undefined),
        }
    }

    fn call(&mut self, value: &Value, mut values: Values) -> Result<Value, ChatError> {
        match value {
            Value::Macro(number) => self.call_macro(*number, values),
            Value::Function(Function::RaiseException) => {
                let said = values.need("message")?;
                let said = self.shown(&said)?;
                Err(ChatError::Refused(said.chars().take(MAX_REFUSAL).collect()))
            }
            Value::Function(Function::Namespace) => {
                let mut kept = BTreeMap::new();
                if let Some(Value::Map(map)) = values.positional.pop_front() {
                    kept.extend(
                        map.entries.iter().map(|(key, value)| (key.clone(), value.clone())),
                    );
                }
                self.make(kept.len().saturating_mul(4 * SLOT))?;
                for (name, value) in std::mem::take(&mut values.named) {
                    if !value.is_data() {
                        let what = format!("{} cannot be kept in a namespace", value.kind());
                        return Err(ChatError::failed(what));
                    }
                    kept.insert(name, value);
                }
                values.done()?;
                Ok(Value::Namespace(Rc::new(RefCell::new(kept))))
            }
            Value::Function(Function::Dict) => {
                let mut entries = Vec::new();
                if let Some(Value::Map(map)) = values.positional.pop_front() {
                    entries.clone_from(&map.entries);
                }
                entries.append(&mut values.named);
                values.done()?;
                self.map(entries)
            }
            Value::Function(Function::Range) => {
                let first = values.int("start")?.unwrap_or(0);
                let (start, end) = match values.int("stop")? {
                    Some(stop) => (first, stop),
                    None => (0, first),
                };
                let step = values.int("step")?.unwrap_or(1);
                values.done()?;
                let behind = end.checked_sub(start).unwrap_or(i64::MAX);
                let count = match step {
                    0 => return Err(ChatError::failed("a range has no step of 0")),
                    1.. if behind <= 0 => 0,
                    ..0 if behind >= 0 => 0,
                    step => behind.unsigned_abs().div_ceil(step.unsigned_abs()),
                };
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                self.make(count.saturating_mul(SLOT))?;
                let number = |place: usize| {
                    let place = i64::try_from(place).unwrap_or(i64::MAX);
                    Value::Int(start.saturating_add(step.saturating_mul(place)))
                };
                Value::list((0..count).map(number).collect())
            }
            Value::Function(Function::StrftimeNow) => {
                let format = values.text("format")?;
                values.done()?;
                self.read(format.len().saturating_mul(10))?;
                self.text(clock::strftime(self.now.unwrap_or_default(), &format)?)
            }
            other => Err(ChatError::failed(format!("{} cannot be called", other.kind()))),
        }
    }

    fn call_macro(&mut self, number: usize, mut values: Values) -> Result<Value, ChatError> {
        let Some((called, scopes)) = self.macros.get(number).copied() else {
            return Ok(Value::Undefined);
        };
        self.spend(self.scopes.len())?;
        // It sees what is around it, and nothing of who calls it.
        let callers = self.scopes.split_off(scopes.min(self.scopes.len()));
        self.scopes.push(Scope::new());
        for (name, default) in &called.parameters {
            let value = match (values.take(name), default) {
                (Some(value), _) => value,
                (None, Some(default)) => self.eval(default)?,
                (None, None) => Value::Undefined,
            };
            self.set(Arc::clone(name), value);
        }
        values.done()?;
        let text = self.capture(|run| run.body(&called.body).map(drop))?;
        self.scopes.truncate(scopes);
        self.scopes.extend(callers);
        Ok(text)
    }

    /// Whether two values are equal.
    pub(super) fn equals(&mut self, left: &Value, right: &Value) -> Result<bool, ChatError> {
        self.read(left.weight().min(right.weight()))?;
        Ok(left.equals(right))
    }

    /// How two values compare.
    pub(super) fn compare(
        &mut self,
        comparison: Comparison,
        left: &Value,
        right: &Value,
    ) -> Result<bool, ChatError> {
        let ordering = match comparison {
            Comparison::Equal => return self.equals(left, right),
            Comparison::Unequal => return self.equals(left, right).map(|equal| !equal),
            Comparison::In => return self.is_in(left, right),
            Comparison::NotIn => return self.is_in(left, right).map(|is| !is),
            _ => {
                self.read(left.weight().min(right.weight()))?;
                left.compare(right).ok_or_else(|| {
                    let (left, right) = (left.kind(), right.kind());
                    ChatError::failed(format!("{left} and {right} have no order"))
                })?
            }
        };
        Ok(match comparison {
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            _ => ordering.is_ge(),
        })
    }

    fn is_in(&mut self, part: &Value, whole: &Value) -> Result<bool, ChatError> {
        self.read(whole.weight())?;
        match (part, whole) {
            (Value::Text(part), Value::Text(whole)) => Ok(whole.contains(&**part)),
            (Value::Text(key), Value::Map(_) | Value::Namespace(_)) => Ok(whole.get(key).is_some()),
            (_, Value::Map(_) | Value::Undefined) => Ok(false),
            (part, Value::List(list)) => Ok(list.items.iter().any(|item| item.equals(part))),
            (part, whole) => {
                let (part, whole) = (part.kind(), whole.kind());
                Err(ChatError::failed(format!("{part} cannot be in {whole}")))
            }
        }
    }

    fn math(
        &mut self,
        operator: Operator,
        left: &Value,
        right: &Value,
    ) -> Result<Value, ChatError> {
        match (operator, left, right) {
            (Operator::Join, left, right) => {
                let left = self.shown(left)?;
                let right = self.shown(right)?;
                self.join(&left, &right)
            }
            (Operator::Add, Value::Text(left), Value::Text(right)) => self.join(left, right),
            (Operator::Add, Value::List(left), Value::List(right)) => {
                self.list(left.items.iter().chain(&right.items).cloned().collect())
            }
            (Operator::Multiply, Value::Text(text), times)
            | (Operator::Multiply, times, Value::Text(text))
                if times.as_int().is_some() =>
            {
                let times = repetitions(times);
                let len = text.len().saturating_mul(times);
                check_text(len)?;
                self.make(len)?;
                self.text(text.repeat(times))
            }
            (Operator::Multiply, Value::List(list), times)
            | (Operator::Multiply, times, Value::List(list))
                if times.as_int().is_some() =>
            {
                let times = repetitions(times);
                let len = list.items.len().saturating_mul(times);
                self.make(len.saturating_mul(SLOT))?;
                let items = std::iter::repeat_n(&list.items, if len > 0 { times } else { 0 });
                self.list(items.flatten().cloned().collect())
            }
            _ => numbers(operator, left, right),
        }
    }

    fn join(&mut self, left: &str, right: &str) -> Result<Value, ChatError> {
        let len = left.len().saturating_add(right.len());
        check_text(len)?;
        self.make(len)?;
        Ok(Value::text([left, right].concat()))
    }
}
