//! Reads a template.

use super::{
    lexer::{tokens, Token},
    tree::{
        Arguments, Body, Comparison, Expression, Kind, Link, Macro, Operator, Parameter, Statement,
        Target,
    },
    ChatError,
};
use std::sync::Arc;

/// Most brackets and statements inside one another.
const MAX_NESTING: usize = 40;

/// Words that are part of an expression and no value.
const WORDS: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];

/// Operators that bind equally, from the loosest on.
const LEVELS: [&[(&str, Operator)]; 4] = [
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("~", Operator::Join)],
    &[
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
        ("//", Operator::DivideDown),
        ("%", Operator::Remainder),
    ],
    &[("**", Operator::Power)],
];

/// The statements of a template.
pub(super) fn parse(source: &str) -> Result<Body, ChatError> {
    let tokens = tokens(source)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, loops: 0 };
    let (body, _) = parser.body(&[])?;
    Ok(body)
}

struct Parser<'a> {
    tokens: &'a [(Token, usize)],
    at: usize,
    depth: usize,
    /// Loops around what is read.
    loops: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn line(&self) -> usize {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens.get(self.at.min(last)).map_or(1, |(_, line)| *line)
    }

    fn wrong<T>(&self, what: impl Into<String>) -> Result<T, ChatError> {
        Err(ChatError::Syntax { line: self.line(), what: what.into() })
    }

    fn eat(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn sign(&mut self, sign: &'static str) -> bool {
        self.eat(&Token::Sign(sign))
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(name)) if &**name == word)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), ChatError> {
        if self.sign(sign) {
            return Ok(());
        }
        self.wrong(format!("{sign} is missing"))
    }

    fn name(&mut self) -> Result<Arc<str>, ChatError> {
        match self.peek() {
            Some(Token::Name(name)) if !WORDS.contains(&&**name) => {
                let name = Arc::clone(name);
                self.at += 1;
                Ok(name)
            }
            _ => self.wrong("a name is missing"),
        }
    }

    /// Reads something that may hold itself.
    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ChatError>,
    ) -> Result<T, ChatError> {
        if self.depth >= MAX_NESTING {
            return self.wrong(format!("more than {MAX_NESTING} things lie inside one another"));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Statements up to one of these, whose name is given and which is read up to its own parts.
    fn body(&mut self, ends: &[&'static str]) -> Result<(Body, &'static str), ChatError> {
        self.nested(|parser| {
            let mut body = Vec::new();
            loop {
                let line = parser.line();
                let Some(token) = parser.peek().cloned() else {
                    return match ends {
                        [] => Ok((body, "")),
                        ends => parser.wrong(format!("{} is missing", ends.join(" or "))),
                    };
                };
                parser.at += 1;
                let kind = match token {
                    Token::Data(text) => Kind::Text(text),
                    Token::ExpressionBegin => {
                        let shown = parser.tuple()?;
                        if !parser.eat(&Token::ExpressionEnd) {
                            return parser.wrong("}} is missing");
                        }
                        Kind::Emit(shown)
                    }
                    _ => {
                        if let Some(end) = ends.iter().find(|end| parser.is_word(end)) {
                            parser.at += 1;
                            return Ok((body, end));
                        }
                        parser.statement()?
                    }
                };
                body.push(Statement { line, kind });
            }
        })
    }

    fn end(&mut self) -> Result<(), ChatError> {
        if self.eat(&Token::StatementEnd) {
            return Ok(());
        }
        self.wrong("%} is missing")
    }

    /// A body up to one end, with all of that.
    fn whole_body(&mut self, end: &'static str) -> Result<Body, ChatError> {
        self.end()?;
        let (body, _) = self.body(&[end])?;
        Ok(body)
    }

    fn statement(&mut self) -> Result<Kind, ChatError> {
        let name = self.name_of_statement()?;
        let kind = match &*name {
            "if" => return self.choice(),
            "for" => return self.repetition(),
            "set" => return self.assignment(),
            "macro" => {
                let name = self.name()?;
                let parameters = self.parameters()?;
                // A loop goes on around a macro, not through it.
                let loops = std::mem::take(&mut self.loops);
                let body = self.whole_body("endmacro")?;
                self.loops = loops;
                if !matches!(self.peek(), Some(Token::StatementEnd)) {
                    self.name()?;
                }
                Kind::Macro(Macro { name, parameters, body })
            }
            "with" => {
                let mut values = Vec::new();
                while !matches!(self.peek(), Some(Token::StatementEnd)) {
                    if !values.is_empty() {
                        self.expect(",")?;
                    }
                    let target = self.target()?;
                    self.expect("=")?;
                    values.push((target, self.expression()?));
                }
                Kind::With(values, self.whole_body("endwith")?)
            }
            "filter" => {
                let mut filters = vec![self.filter()?];
                while self.sign("|") {
                    filters.push(self.filter()?);
                }
                Kind::Filter(filters, self.whole_body("endfilter")?)
            }
            "generation" => Kind::Generation(self.whole_body("endgeneration")?),
            "break" | "continue" if self.loops == 0 => {
                return self.wrong(format!("{name} stands in no loop"));
            }
            "break" => Kind::Break,
            "continue" => Kind::Continue,
            _ => {
                return self.wrong(format!(
                    "there is no statement {:?} here: a template stands alone",
                    crate::package::shorten(&name)
                ));
            }
        };
        self.end()?;
        Ok(kind)
    }

    fn name_of_statement(&mut self) -> Result<Arc<str>, ChatError> {
        match self.peek() {
            Some(Token::Name(name)) => {
                let name = Arc::clone(name);
                self.at += 1;
                Ok(name)
            }
            _ => self.wrong("a statement has no name"),
        }
    }

    fn choice(&mut self) -> Result<Kind, ChatError> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        let mut condition = self.tuple()?;
        loop {
            self.end()?;
            let (body, end) = self.body(&["elif", "else", "endif"])?;
            branches.push((condition, body));
            match end {
                "elif" => condition = self.tuple()?,
                "else" => {
                    otherwise = self.whole_body("endif")?;
                    break;
                }
                _ => break,
            }
        }
        self.end()?;
        Ok(Kind::If { branches, otherwise })
    }

    fn repetition(&mut self) -> Result<Kind, ChatError> {
        let target = self.target()?;
        if !self.word("in") {
            return self.wrong("in is missing");
        }
        // A condition behind it is about what it goes over.
        let over = self.row(|parser| parser.or())?;
        let only = if self.word("if") { Some(self.expression()?) } else { None };
        if self.is_word("recursive") {
            return self.wrong("loops that call themselves are not taken");
        }
        self.end()?;
        self.loops += 1;
        let (body, end) = self.body(&["else", "endfor"])?;
        self.loops -= 1;
        let otherwise = if end == "else" { self.whole_body("endfor")? } else { Vec::new() };
        self.end()?;
        Ok(Kind::For { target, over, only, body, otherwise })
    }

    fn assignment(&mut self) -> Result<Kind, ChatError> {
        let target = self.target()?;
        if self.sign("=") {
            let value = self.tuple()?;
            self.end()?;
            return Ok(Kind::Set(target, value));
        }
        let mut filters = Vec::new();
        while self.sign("|") {
            filters.push(self.filter()?);
        }
        let body = self.whole_body("endset")?;
        self.end()?;
        Ok(Kind::SetBody(target, filters, body))
    }

    fn target(&mut self) -> Result<Target, ChatError> {
        let bracket = self.sign("(");
        let name = self.name()?;
        if !bracket && self.sign(".") {
            return Ok(Target::Attribute(name, self.name()?));
        }
        let mut names = vec![name];
        let mut several = false;
        while self.sign(",") {
            several = true;
            if matches!(self.peek(), Some(Token::Name(name)) if !WORDS.contains(&&**name)) {
                names.push(self.name()?);
            }
        }
        if bracket {
            self.expect(")")?;
        }
        Ok(match (several, names.pop()) {
            (false, Some(name)) => Target::Name(name),
            (_, last) => {
                names.extend(last);
                Target::Names(names)
            }
        })
    }

    fn parameters(&mut self) -> Result<Vec<Parameter>, ChatError> {
        let mut parameters = Vec::new();
        self.expect("(")?;
        while !self.sign(")") {
            if !parameters.is_empty() {
                self.expect(",")?;
                if self.sign(")") {
                    break;
                }
            }
            let name = self.name()?;
            let default = if self.sign("=") { Some(self.expression()?) } else { None };
            parameters.push((name, default));
        }
        Ok(parameters)
    }

    /// One expression, or several with commas between them: a list.
    fn tuple(&mut self) -> Result<Expression, ChatError> {
        self.row(|parser| parser.expression())
    }

    fn row(
        &mut self,
        read: impl Fn(&mut Self) -> Result<Expression, ChatError>,
    ) -> Result<Expression, ChatError> {
        let first = self.nested(&read)?;
        if self.peek() != Some(&Token::Sign(",")) {
            return Ok(first);
        }
        let mut row = vec![first];
        while self.sign(",") {
            let done = match self.peek() {
                Some(Token::Sign(sign)) => [")", "]", "=", "}"].contains(sign),
                Some(Token::StatementEnd | Token::ExpressionEnd) | None => true,
                Some(_) => false,
            };
            if done {
                break;
            }
            row.push(self.nested(&read)?);
        }
        Ok(Expression::List(row))
    }

    fn expression(&mut self) -> Result<Expression, ChatError> {
        self.nested(|parser| {
            let value = parser.or()?;
            if !parser.word("if") {
                return Ok(value);
            }
            let condition = parser.or()?;
            let otherwise = if parser.word("else") { Some(parser.expression()?) } else { None };
            Ok(Expression::Choice(Box::new((condition, value, otherwise))))
        })
    }

    fn or(&mut self) -> Result<Expression, ChatError> {
        let mut all = vec![self.and()?];
        while self.word("or") {
            all.push(self.and()?);
        }
        Ok(only(all, Expression::Or))
    }

    fn and(&mut self) -> Result<Expression, ChatError> {
        let mut all = vec![self.not()?];
        while self.word("and") {
            all.push(self.not()?);
        }
        Ok(only(all, Expression::And))
    }

    fn not(&mut self) -> Result<Expression, ChatError> {
        let mut negations = 0usize;
        while self.word("not") {
            negations += 1;
        }
        let value = self.comparison()?;
        Ok(match negations {
            0 => value,
            odd if odd % 2 == 1 => Expression::Not(Box::new(value)),
            _ => Expression::Not(Box::new(Expression::Not(Box::new(value)))),
        })
    }

    fn comparison(&mut self) -> Result<Expression, ChatError> {
        let first = self.math(0)?;
        let mut rest = Vec::new();
        loop {
            let comparison = match self.peek() {
                Some(Token::Sign("==")) => Comparison::Equal,
                Some(Token::Sign("!=")) => Comparison::Unequal,
                Some(Token::Sign("<")) => Comparison::Less,
                Some(Token::Sign("<=")) => Comparison::LessOrEqual,
                Some(Token::Sign(">")) => Comparison::Greater,
                Some(Token::Sign(">=")) => Comparison::GreaterOrEqual,
                Some(Token::Name(name)) if &**name == "in" => Comparison::In,
                Some(Token::Name(name)) if &**name == "not" => {
                    let next = self.tokens.get(self.at + 1).map(|(token, _)| token);
                    if !matches!(next, Some(Token::Name(name)) if &**name == "in") {
                        break;
                    }
                    self.at += 1;
                    Comparison::NotIn
                }
                _ => break,
            };
            self.at += 1;
            rest.push((comparison, self.math(0)?));
        }
        Ok(if rest.is_empty() { first } else { Expression::Compare(Box::new(first), rest) })
    }

    fn math(&mut self, level: usize) -> Result<Expression, ChatError> {
        let Some(operators) = LEVELS.get(level) else { return self.signed() };
        let first = self.math(level + 1)?;
        let mut rest = Vec::new();
        while let Some(Token::Sign(sign)) = self.peek() {
            let Some((_, operator)) = operators.iter().find(|(name, _)| name == sign) else {
                break;
            };
            self.at += 1;
            rest.push((*operator, self.math(level + 1)?));
        }
        Ok(if rest.is_empty() { first } else { Expression::Math(Box::new(first), rest) })
    }

    fn signed(&mut self) -> Result<Expression, ChatError> {
        let (mut any, mut negative) = (false, false);
        loop {
            if self.sign("-") {
                negative = !negative;
            } else if !self.sign("+") {
                break;
            }
            any = true;
        }
        let mut base = self.primary()?;
        let mut links = Vec::new();
        self.postfix(&mut links)?;
        if any {
            base = Expression::Signed(negative, Box::new(chain(base, links)));
            links = Vec::new();
        }
        loop {
            if self.sign("|") {
                links.push(self.filter()?);
            } else if self.word("is") {
                links.push(self.test()?);
            } else if self.sign("(") {
                links.push(Link::Call(self.arguments()?));
            } else {
                return Ok(chain(base, links));
            }
        }
    }

    /// Attributes, items and calls.
    fn postfix(&mut self, links: &mut Vec<Link>) -> Result<(), ChatError> {
        loop {
            if self.sign(".") {
                let link = match self.peek() {
                    Some(Token::Int(place)) => {
                        let item = Expression::Int(*place);
                        self.at += 1;
                        Link::Item(item)
                    }
                    _ => Link::Attribute(self.name_of_attribute()?),
                };
                links.push(link);
            } else if self.sign("[") {
                links.push(self.item()?);
            } else if self.sign("(") {
                links.push(Link::Call(self.arguments()?));
            } else {
                return Ok(());
            }
        }
    }

    fn name_of_attribute(&mut self) -> Result<Arc<str>, ChatError> {
        match self.peek() {
            Some(Token::Name(name)) => {
                let name = Arc::clone(name);
                self.at += 1;
                Ok(name)
            }
            _ => self.wrong("the name of an attribute is missing"),
        }
    }

    fn item(&mut self) -> Result<Link, ChatError> {
        let mut parts = [None, None, None];
        let mut colons = 0;
        loop {
            if self.sign("]") {
                break;
            }
            if self.sign(":") {
                colons += 1;
                if colons > 2 {
                    return self.wrong("a slice has more than two colons");
                }
                continue;
            }
            match parts.get_mut(colons) {
                Some(part @ None) => *part = Some(self.expression()?),
                _ => return self.wrong("] is missing"),
            }
        }
        match (colons, parts) {
            (0, [Some(item), ..]) => Ok(Link::Item(item)),
            (0, _) => self.wrong("an item has no place"),
            (_, parts) => Ok(Link::Slice(Box::new(parts))),
        }
    }

    /// What stands between brackets of a call, behind the first.
    fn arguments(&mut self) -> Result<Arguments, ChatError> {
        let mut arguments = Arguments::default();
        let mut first = true;
        while !self.sign(")") {
            if !first {
                self.expect(",")?;
                if self.sign(")") {
                    break;
                }
            }
            first = false;
            let named = matches!(self.tokens.get(self.at + 1), Some((Token::Sign("="), _)));
            if named {
                let name = self.name()?;
                self.expect("=")?;
                arguments.named.push((name, self.expression()?));
            } else {
                arguments.positional.push(self.expression()?);
            }
        }
        Ok(arguments)
    }

    fn filter(&mut self) -> Result<Link, ChatError> {
        let name = self.name()?;
        let arguments = if self.sign("(") { self.arguments()? } else { Arguments::default() };
        Ok(Link::Filter(name, arguments))
    }

    fn test(&mut self) -> Result<Link, ChatError> {
        let negated = self.word("not");
        // `in` is a test too.
        let name = if self.word("in") { "in".into() } else { self.name()? };
        let mut arguments = Arguments::default();
        if self.sign("(") {
            arguments = self.arguments()?;
        } else {
            let begins = match self.peek() {
                Some(Token::Name(name)) => !WORDS.contains(&&**name),
                Some(Token::Text(_) | Token::Int(_) | Token::Float(_)) => true,
                Some(Token::Sign(sign)) => ["[", "{"].contains(sign),
                _ => false,
            };
            if begins {
                let base = self.primary()?;
                let mut links = Vec::new();
                self.postfix(&mut links)?;
                arguments.positional.push(chain(base, links));
            }
        }
        Ok(Link::Test { name, arguments, negated })
    }

    fn primary(&mut self) -> Result<Expression, ChatError> {
        let Some(token) = self.peek().cloned() else {
            return self.wrong("the template ends too early");
        };
        self.at += 1;
        Ok(match token {
            Token::Int(number) => Expression::Int(number),
            Token::Float(number) => Expression::Float(number),
            Token::Text(text) => match self.peek() {
                Some(Token::Text(_)) => {
                    let mut joined = text.to_string();
                    while let Some(Token::Text(text)) = self.peek() {
                        joined.push_str(text);
                        self.at += 1;
                    }
                    Expression::Text(joined.into())
                }
                _ => Expression::Text(text),
            },
            Token::Name(name) => match &*name {
                "true" | "True" => Expression::Bool(true),
                "false" | "False" => Expression::Bool(false),
                "none" | "None" => Expression::None,
                word if WORDS.contains(&word) => {
                    self.at -= 1;
                    return self.wrong(format!("a value is missing before {word}"));
                }
                _ => Expression::Name(name),
            },
            Token::Sign("(") => {
                if self.sign(")") {
                    return Ok(Expression::List(Vec::new()));
                }
                let inside = self.tuple()?;
                self.expect(")")?;
                inside
            }
            Token::Sign("[") => {
                let mut items = Vec::new();
                while !self.sign("]") {
                    if !items.is_empty() {
                        self.expect(",")?;
                        if self.sign("]") {
                            break;
                        }
                    }
                    items.push(self.expression()?);
                }
                Expression::List(items)
            }
            Token::Sign("{") => {
                let mut entries = Vec::new();
                while !self.sign("}") {
                    if !entries.is_empty() {
                        self.expect(",")?;
                        if self.sign("}") {
                            break;
                        }
                    }
                    let key = self.expression()?;
                    self.expect(":")?;
                    entries.push((key, self.expression()?));
                }
                Expression::Map(entries)
            }
            _ => {
                self.at -= 1;
                return self.wrong("a value is missing");
            }
        })
    }
}

/// Several, or the one that there is.
fn only(mut all: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    match (all.len(), all.pop()) {
        (1, Some(one)) => one,
        (_, last) => {
            all.extend(last);
            several(all)
        }
    }
}

fn chain(base: Expression, links: Vec<Link>) -> Expression {
    if links.is_empty() {
        base
    } else {
        Expression::Chain(Box::new(base), links)
    }
}
