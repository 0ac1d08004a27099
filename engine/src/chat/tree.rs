//! What a template is when it is read.
//!
//! Whatever can be written in a row (operators, attributes, filters) is a row here too, so that only
//! brackets and statements inside one another make the tree deeper, and the reader bounds those.

use std::sync::Arc;

/// A statement and the line where it begins.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

pub(super) type Body = Vec<Statement>;

#[derive(Debug)]
pub(super) enum Kind {
    Text(Arc<str>),
    Emit(Expression),
    If {
        branches: Vec<(Expression, Body)>,
        otherwise: Body,
    },
    For {
        target: Target,
        over: Expression,
        only: Option<Expression>,
        body: Body,
        otherwise: Body,
    },
    Set(Target, Expression),
    /// The text of a body, through filters.
    SetBody(Target, Vec<Link>, Body),
    With(Vec<(Target, Expression)>, Body),
    Filter(Vec<Link>, Body),
    Macro(Macro),
    /// Marks what an assistant said, for those who train.
    Generation(Body),
    Break,
    Continue,
}

/// What a value is given to.
#[derive(Debug)]
pub(super) enum Target {
    Name(Arc<str>),
    Names(Vec<Arc<str>>),
    /// A name of a namespace.
    Attribute(Arc<str>, Arc<str>),
}

#[derive(Debug)]
pub(super) struct Macro {
    pub(super) name: Arc<str>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Body,
}

/// A name and its default.
pub(super) type Parameter = (Arc<str>, Option<Expression>);

#[derive(Debug)]
pub(super) enum Expression {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    Name(Arc<str>),
    List(Vec<Expression>),
    Map(Vec<(Expression, Expression)>),
    /// Condition, what holds if it does, and what otherwise.
    Choice(Box<(Expression, Expression, Option<Expression>)>),
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Box<Expression>, Vec<(Comparison, Expression)>),
    Math(Box<Expression>, Vec<(Operator, Expression)>),
    /// With a sign, negative or not.
    Signed(bool, Box<Expression>),
    Chain(Box<Expression>, Vec<Link>),
}

/// What may follow an expression, one after the other.
#[derive(Debug)]
pub(super) enum Link {
    Attribute(Arc<str>),
    Item(Expression),
    Slice(Box<[Option<Expression>; 3]>),
    Call(Arguments),
    Filter(Arc<str>, Arguments),
    Test { name: Arc<str>, arguments: Arguments, negated: bool },
}

#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) positional: Vec<Expression>,
    pub(super) named: Vec<(Arc<str>, Expression)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Join,
    Multiply,
    Divide,
    DivideDown,
    Remainder,
    Power,
}
