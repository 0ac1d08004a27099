//! A template cut into text and tokens.
//!
//! Blanks are kept and dropped as chat templates expect it: a line that has only a statement leaves
//! nothing behind (`trim_blocks` and `lstrip_blocks` of Jinja), and `-` drops all blanks at its side.

use super::ChatError;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// What is shown as it stands.
    Data(Arc<str>),
    /// `{{`
    ExpressionBegin,
    /// `}}`
    ExpressionEnd,
    /// `{%`
    StatementBegin,
    /// `%}`
    StatementEnd,
    Name(Arc<str>),
    Text(Arc<str>),
    Int(i64),
    Float(f64),
    Sign(&'static str),
}

/// Longest first.
const SIGNS: [&str; 26] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
    ">", "<", "=", ".", ":", "|", ",", ";",
];

/// The tokens of a template, each with its line.
pub(super) fn tokens(source: &str) -> Result<Vec<(Token, usize)>, ChatError> {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let source = source.strip_suffix('\n').unwrap_or(&source);
    let mut lexer = Lexer { rest: source, line: 1, line_begins: true, tokens: Vec::new() };
    while !lexer.rest.is_empty() {
        lexer.data()?;
    }
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    /// Whether what went before was the end of a line.
    line_begins: bool,
    tokens: Vec<(Token, usize)>,
}

impl<'a> Lexer<'a> {
    fn wrong(&self, what: impl Into<String>) -> ChatError {
        ChatError::Syntax { line: self.line, what: what.into() }
    }

    fn push(&mut self, token: Token) {
        self.tokens.push((token, self.line));
    }

    /// Moves on by so many bytes, and gives them.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn skip_blanks(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        self.take(self.rest.len() - rest.len())
    }

    /// Text up to the next thing in braces, and that thing.
    fn data(&mut self) -> Result<(), ChatError> {
        let braces = self.rest.match_indices('{');
        let mut found = braces.filter_map(|(at, _)| {
            let open = self.rest.get(at..at + 2)?;
            ["{{", "{%", "{#"].contains(&open).then_some((at, open))
        });
        let Some((at, open)) = found.next() else {
            let text = self.take(self.rest.len());
            self.push(Token::Data(text.into()));
            return Ok(());
        };
        let mark = self.rest[at + 2..].chars().next();
        let text = self.take(at);
        self.emit(text, mark, open != "{{");
        self.take(2);
        if matches!(mark, Some('-' | '+')) {
            self.take(1);
        }
        match open {
            "{{" => {
                self.push(Token::ExpressionBegin);
                self.inside("}}", Token::ExpressionEnd)
            }
            "{%" if self.raw_begins() => self.raw(),
            "{%" => {
                self.push(Token::StatementBegin);
                self.inside("%}", Token::StatementEnd)
            }
            _ => {
                let Some(end) = self.rest.find("#}") else {
                    return Err(self.wrong("a comment does not end"));
                };
                let mark = self.take(end).chars().next_back();
                self.take(2);
                self.after_end(mark);
                Ok(())
            }
        }
    }

    /// Text before an opening brace with such a mark.
    fn emit(&mut self, text: &str, mark: Option<char>, statement: bool) {
        let mut kept = text;
        if mark == Some('-') {
            kept = text.trim_end();
        } else if mark != Some('+') && statement {
            let line = text.rfind('\n').map_or(0, |at| at + 1);
            if (line > 0 || self.line_begins) && text[line..].trim_start().is_empty() {
                kept = &text[..line];
            }
        }
        if !kept.is_empty() {
            self.push(Token::Data(kept.into()));
        }
        self.line_begins = false;
    }

    /// Blanks behind a closing brace with such a mark: `-`, `+` or none.
    fn after_end(&mut self, mark: Option<char>) {
        let dropped = match mark {
            Some('-') => self.skip_blanks(),
            Some('+') => "",
            _ if self.rest.starts_with('\n') => self.take(1),
            _ => "",
        };
        self.line_begins = dropped.ends_with('\n');
    }

    /// Tokens up to a closing brace.
    fn inside(&mut self, end: &str, token: Token) -> Result<(), ChatError> {
        let mut brackets = Vec::new();
        loop {
            self.skip_blanks();
            if self.rest.is_empty() {
                return Err(self.wrong(format!("{end} is missing")));
            }
            if brackets.is_empty() {
                let marked = self.rest.strip_prefix(['-', '+']).filter(|rest| {
                    rest.starts_with(end) && (end == "%}" || self.rest.starts_with('-'))
                });
                if marked.is_some() || self.rest.starts_with(end) {
                    let mark = marked.and(self.rest.chars().next());
                    self.push(token);
                    self.take(end.len() + usize::from(mark.is_some()));
                    if end == "%}" || mark == Some('-') {
                        self.after_end(mark);
                    } else {
                        self.line_begins = false;
                    }
                    return Ok(());
                }
            }
            let next = self.token()?;
            match next {
                Token::Sign("(") => brackets.push(")"),
                Token::Sign("[") => brackets.push("]"),
                Token::Sign("{") => brackets.push("}"),
                Token::Sign(sign @ (")" | "]" | "}")) if brackets.pop() != Some(sign) => {
                    return Err(self.wrong(format!("{sign} closes nothing")));
                }
                _ => {}
            }
            self.push(next);
        }
    }

    fn token(&mut self) -> Result<Token, ChatError> {
        let Some(first) = self.rest.chars().next() else {
            return Err(self.wrong("the template ends too early"));
        };
        if first.is_ascii_digit() {
            return self.number();
        }
        if first.is_alphabetic() || first == '_' {
            let word = |character: char| character.is_alphanumeric() || character == '_';
            let end = self.rest.find(|character| !word(character)).unwrap_or(self.rest.len());
            return Ok(Token::Name(self.take(end).into()));
        }
        if matches!(first, '\'' | '"') {
            return self.text(first);
        }
        match SIGNS.into_iter().find(|sign| self.rest.starts_with(sign)) {
            Some(sign) => {
                self.take(sign.len());
                Ok(Token::Sign(sign))
            }
            None => Err(self.wrong(format!("{first:?} means nothing here"))),
        }
    }

    fn number(&mut self) -> Result<Token, ChatError> {
        let digits = |text: &str| {
            text.find(|character: char| !character.is_ascii_digit() && character != '_')
                .unwrap_or(text.len())
        };
        let begins = |text: &str| text.starts_with(|character: char| character.is_ascii_digit());
        let mut end = digits(self.rest);
        let mut float = false;
        if let Some(fraction) = self.rest[end..].strip_prefix('.').filter(|text| begins(text)) {
            end += 1 + digits(fraction);
            float = true;
        }
        if let Some(exponent) = self.rest[end..].strip_prefix(['e', 'E']) {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if begins(unsigned) {
                end += 1 + exponent.len() - unsigned.len() + digits(unsigned);
                float = true;
            }
        }
        let text = self.take(end).replace('_', "");
        let token = match float {
            true => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Token::Float),
            false => text.parse().ok().map(Token::Int),
        };
        token.ok_or_else(|| self.wrong("a number is too large"))
    }

    /// A text in quotes, with the escapes of Python.
    fn text(&mut self, quote: char) -> Result<Token, ChatError> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            if character == quote {
                self.take(at + 1);
                return Ok(Token::Text(text.into()));
            }
            if character != '\\' {
                text.push(character);
                continue;
            }
            let Some((_, escape)) = characters.next() else { break };
            let mut code = |digits: usize| {
                let digits: String =
                    characters.by_ref().take(digits).map(|(_, digit)| digit).collect();
                u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)
            };
            match escape {
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                '0' => text.push('\0'),
                'a' => text.push('\u{7}'),
                'b' => text.push('\u{8}'),
                'f' => text.push('\u{c}'),
                'v' => text.push('\u{b}'),
                '\\' | '\'' | '"' => text.push(escape),
                '\n' => {}
                'x' | 'u' | 'U' => {
                    let digits = [('x', 2), ('u', 4), ('U', 8)];
                    let digits = digits.into_iter().find(|(letter, _)| *letter == escape);
                    match digits.and_then(|(_, digits)| code(digits)) {
                        Some(character) => text.push(character),
                        None => return Err(self.wrong("an escape in a text is no character")),
                    }
                }
                other => text.extend(['\\', other]),
            }
        }
        Err(self.wrong("a text does not end"))
    }

    /// Whether the statement here is `raw`; moves behind it if so.
    fn raw_begins(&mut self) -> bool {
        let Some(rest) = self.rest.trim_start().strip_prefix("raw") else { return false };
        let rest = rest.trim_start();
        let trims = rest.starts_with("-%}");
        if !trims && !rest.starts_with("%}") {
            return false;
        }
        self.take(self.rest.len() - rest.len());
        self.take(if trims { 3 } else { 2 });
        if trims {
            self.skip_blanks();
        }
        self.line_begins = false;
        true
    }

    /// Text that is no template, up to `endraw`.
    fn raw(&mut self) -> Result<(), ChatError> {
        let mut from = 0;
        while let Some(found) = self.rest[from..].find("{%") {
            let at = from + found;
            from = at + 2;
            let mut after = &self.rest[from..];
            let mark = after.chars().next();
            after = after.strip_prefix(['-', '+']).unwrap_or(after).trim_start();
            let Some(after) = after.strip_prefix("endraw") else { continue };
            let after = after.trim_start();
            let end = after.chars().next();
            let Some(rest) = after.strip_prefix(['-', '+']).unwrap_or(after).strip_prefix("%}")
            else {
                continue;
            };
            let rest = rest.len();
            let text = self.take(at);
            self.emit(text, mark, true);
            self.take(self.rest.len() - rest);
            self.after_end(end);
            return Ok(());
        }
        Err(self.wrong("raw text does not end"))
    }
}
