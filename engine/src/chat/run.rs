//! Renders a template, and counts what that takes.

use super::{
    named,
    tree::{Body, Expression, Kind, Link, Macro, Statement, Target},
    value::{check_text, Function, List, Loop, Value, SLOT},
    ChatError, ChatTemplate, Prompt,
};
use std::{collections::BTreeMap, rc::Rc, sync::Arc};

/// Most steps of a render. One is an expression, or the reading of some bytes.
const MAX_STEPS: usize = 2_000_000;
/// Bytes that are read in one step.
const STEP: usize = 32;
/// Most bytes that a render makes, all together.
const MAX_MADE: usize = 64 << 20;
/// Most statements and expressions inside one another, macros that call themselves too.
const MAX_DEPTH: usize = 250;

/// The prompt that a template makes.
pub(super) fn render(template: &ChatTemplate, prompt: &Prompt<'_>) -> Result<String, ChatError> {
    let mut run = Run::new(prompt.now);
    run.set("raise_exception", Value::Function(Function::RaiseException));
    run.set("range", Value::Function(Function::Range));
    run.set("namespace", Value::Function(Function::Namespace));
    run.set("dict", Value::Function(Function::Dict));
    if prompt.now.is_some() {
        run.set("strftime_now", Value::Function(Function::StrftimeNow));
    }
    for none in ["tools", "documents"] {
        run.set(none, Value::None);
    }
    for (name, value) in &prompt.variables {
        run.set(name.as_str(), Value::from_json(value)?);
    }
    let messages = prompt.messages.iter().map(|message| {
        let entries = [("role", message.role), ("content", message.content)];
        Value::map(entries.map(|(key, text)| (key.into(), Value::text(text))))
    });
    run.set("messages", Value::list(messages.collect::<Result<_, _>>()?)?);
    run.set("add_generation_prompt", Value::Bool(prompt.add_generation_prompt));
    for (name, token) in [("bos_token", &template.bos_token), ("eos_token", &template.eos_token)] {
        if let Some(token) = token {
            run.set(name, Value::text(token.as_str()));
        }
    }
    run.scopes.push(Scope::new());
    run.body(&template.body)?;
    Ok(run.out)
}

pub(super) type Scope = BTreeMap<Arc<str>, Value>;

/// How a body ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    Break,
    Continue,
}

pub(super) struct Run<'t> {
    out: String,
    /// From the outermost to the innermost.
    pub(super) scopes: Vec<Scope>,
    /// Each with the number of scopes around it.
    pub(super) macros: Vec<(&'t Macro, usize)>,
    pub(super) now: Option<u64>,
    depth: usize,
    steps: usize,
    made: usize,
}

impl<'t> Run<'t> {
    fn new(now: Option<u64>) -> Self {
        Self {
            out: String::new(),
            scopes: vec![Scope::new()],
            macros: Vec::new(),
            now,
            depth: 0,
            steps: 0,
            made: 0,
        }
    }

    /// Counts steps.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), ChatError> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS {
            return Err(ChatError::TooMuch);
        }
        Ok(())
    }

    /// Counts bytes that are looked at.
    pub(super) fn read(&mut self, bytes: usize) -> Result<(), ChatError> {
        self.spend(1 + bytes / STEP)
    }

    /// Counts bytes that are made.
    pub(super) fn make(&mut self, bytes: usize) -> Result<(), ChatError> {
        self.made = self.made.saturating_add(bytes);
        if self.made > MAX_MADE {
            return Err(ChatError::TooMuch);
        }
        self.read(bytes)
    }

    /// A new text.
    pub(super) fn text(&mut self, text: impl Into<Arc<str>>) -> Result<Value, ChatError> {
        let text = text.into();
        check_text(text.len())?;
        self.make(text.len())?;
        Ok(Value::Text(text))
    }

    /// A new list of values that there were.
    pub(super) fn list(&mut self, items: Vec<Value>) -> Result<Value, ChatError> {
        self.make(items.len().saturating_mul(SLOT))?;
        Value::list(items)
    }

    /// A new list of new texts.
    pub(super) fn texts<'a>(
        &mut self,
        texts: impl Iterator<Item = &'a str>,
    ) -> Result<Value, ChatError> {
        let mut items = Vec::new();
        for text in texts {
            self.make(SLOT)?;
            items.push(self.text(text)?);
        }
        Value::list(items)
    }

    /// A new mapping.
    pub(super) fn map(&mut self, entries: Vec<(Arc<str>, Value)>) -> Result<Value, ChatError> {
        self.make(entries.len().saturating_mul(4 * SLOT))?;
        Value::map(entries)
    }

    fn write(&mut self, text: &str) -> Result<(), ChatError> {
        check_text(self.out.len().saturating_add(text.len()))?;
        self.make(text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    /// The text that is written meanwhile.
    pub(super) fn capture(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), ChatError>,
    ) -> Result<Value, ChatError> {
        let outer = std::mem::take(&mut self.out);
        write(self)?;
        let text = std::mem::replace(&mut self.out, outer);
        self.text(text)
    }

    /// Does something that may lie within itself.
    pub(super) fn nested<T>(
        &mut self,
        does: impl FnOnce(&mut Self) -> Result<T, ChatError>,
    ) -> Result<T, ChatError> {
        if self.depth >= MAX_DEPTH {
            return Err(ChatError::TooMuch);
        }
        self.depth += 1;
        let done = does(self);
        self.depth -= 1;
        done
    }

    pub(super) fn set(&mut self, name: impl Into<Arc<str>>, value: Value) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.into(), value);
        }
    }

    pub(super) fn lookup(&mut self, name: &str) -> Result<Value, ChatError> {
        self.spend(self.scopes.len() / 8)?;
        let found = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        Ok(found.cloned().unwrap_or(Value::Undefined))
    }

    pub(super) fn body(&mut self, body: &'t Body) -> Result<Flow, ChatError> {
        self.nested(|run| {
            for statement in body {
                let flow = run.statement(statement).map_err(|error| error.at(statement.line))?;
                if flow != Flow::On {
                    return Ok(flow);
                }
            }
            Ok(Flow::On)
        })
    }

    /// A body with names of its own.
    fn scoped(&mut self, scope: Scope, body: &'t Body) -> Result<Flow, ChatError> {
        self.scopes.push(scope);
        let flow = self.body(body);
        self.scopes.pop();
        flow
    }

    fn statement(&mut self, statement: &'t Statement) -> Result<Flow, ChatError> {
        self.spend(1)?;
        match &statement.kind {
            Kind::Text(text) => self.write(text)?,
            Kind::Emit(shown) => {
                let value = self.eval(shown)?;
                let shown = self.shown(&value)?;
                self.write(&shown)?;
            }
            Kind::If { branches, otherwise } => {
                for (condition, body) in branches {
                    if self.eval(condition)?.is_true() {
                        return self.body(body);
                    }
                }
                return self.body(otherwise);
            }
            Kind::For { target, over, only, body, otherwise } => {
                return self.repeat(target, over, only.as_ref(), body, otherwise);
            }
            Kind::Set(target, value) => {
                let value = self.eval(value)?;
                self.assign(target, value)?;
            }
            Kind::SetBody(target, filters, body) => {
                let text = self.captured(filters, body)?;
                self.assign(target, text)?;
            }
            Kind::Filter(filters, body) => {
                let text = self.captured(filters, body)?;
                let shown = self.shown(&text)?;
                self.write(&shown)?;
            }
            Kind::With(values, body) => {
                let mut given = Vec::new();
                for (target, value) in values {
                    given.push((target, self.eval(value)?));
                }
                self.scopes.push(Scope::new());
                for (target, value) in given {
                    self.assign(target, value)?;
                }
                let flow = self.body(body);
                self.scopes.pop();
                return flow;
            }
            Kind::Macro(defined) => {
                let number = self.macros.len();
                self.macros.push((defined, self.scopes.len()));
                self.set(Arc::clone(&defined.name), Value::Macro(number));
            }
            Kind::Generation(body) => return self.body(body),
            Kind::Break => return Ok(Flow::Break),
            Kind::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    /// The text of a body, through filters.
    fn captured(&mut self, filters: &'t [Link], body: &'t Body) -> Result<Value, ChatError> {
        let mut value = self.capture(|run| run.scoped(Scope::new(), body).map(drop))?;
        for filter in filters {
            if let Link::Filter(name, arguments) = filter {
                let values = self.values(arguments)?;
                value = self.filter(name, value, values)?;
            }
        }
        Ok(value)
    }

    fn repeat(
        &mut self,
        target: &'t Target,
        over: &'t Expression,
        only: Option<&'t Expression>,
        body: &'t Body,
        otherwise: &'t Body,
    ) -> Result<Flow, ChatError> {
        let over = self.eval(over)?;
        let mut items = self.items(&over)?;
        if let Some(only) = only {
            let mut kept = Vec::new();
            for item in &items.items {
                self.scopes.push(Scope::new());
                self.assign(target, item.clone())?;
                let keep = self.eval(only);
                self.scopes.pop();
                if keep?.is_true() {
                    kept.push(item.clone());
                }
            }
            items = self.list(kept).and_then(|kept| self.items(&kept))?;
        }
        for (index, item) in items.items.iter().enumerate() {
            self.make(SLOT)?;
            let state = Loop { items: Rc::clone(&items), index };
            let scope = Scope::from([("loop".into(), Value::Loop(Rc::new(state)))]);
            self.scopes.push(scope);
            self.assign(target, item.clone())?;
            let flow = self.body(body);
            self.scopes.pop();
            if flow? == Flow::Break {
                break;
            }
        }
        if items.items.is_empty() {
            return self.scoped(Scope::new(), otherwise);
        }
        Ok(Flow::On)
    }

    /// What a loop goes over.
    pub(super) fn items(&mut self, value: &Value) -> Result<Rc<List>, ChatError> {
        let list = match value {
            Value::List(list) => return Ok(Rc::clone(list)),
            Value::Undefined => self.list(Vec::new())?,
            Value::Map(map) => {
                let keys = map.entries.iter().map(|(key, _)| Value::Text(Arc::clone(key)));
                self.list(keys.collect())?
            }
            Value::Text(text) => {
                let text = Arc::clone(text);
                let mut buffer = [0; 4];
                let mut items = Vec::new();
                for character in text.chars() {
                    self.make(2 * SLOT)?;
                    items.push(Value::text(&*character.encode_utf8(&mut buffer)));
                }
                self.list(items)?
            }
            other => {
                return Err(ChatError::failed(format!("{} has no items", other.kind())));
            }
        };
        match list {
            Value::List(list) => Ok(list),
            _ => Err(ChatError::TooMuch),
        }
    }

    fn assign(&mut self, target: &Target, value: Value) -> Result<(), ChatError> {
        self.spend(1)?;
        match target {
            Target::Name(name) => self.set(Arc::clone(name), value),
            Target::Names(names) => {
                let items = self.items(&value)?;
                if items.items.len() != names.len() {
                    return Err(ChatError::failed(format!(
                        "{} names cannot have {} values",
                        names.len(),
                        items.items.len()
                    )));
                }
                for (name, item) in names.iter().zip(&items.items) {
                    self.set(Arc::clone(name), item.clone());
                }
            }
            Target::Attribute(namespace, name) => {
                let Value::Namespace(values) = self.lookup(namespace)? else {
                    let what = format!("{} is no namespace to set in", named(namespace));
                    return Err(ChatError::failed(what));
                };
                if !value.is_data() {
                    let what = format!("{} cannot be kept in a namespace", value.kind());
                    return Err(ChatError::failed(what));
                }
                values.borrow_mut().insert(Arc::clone(name), value);
            }
        }
        Ok(())
    }

    /// A value as text.
    pub(super) fn shown(&mut self, value: &Value) -> Result<Arc<str>, ChatError> {
        if let Value::Text(text) = value {
            return Ok(Arc::clone(text));
        }
        // Characters that are escaped take four places at most.
        self.read(value.weight().saturating_mul(4))?;
        let shown = value.shown()?;
        self.make(shown.len())?;
        Ok(shown)
    }
}
