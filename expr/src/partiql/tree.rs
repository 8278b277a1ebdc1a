//! A statement as written: nothing is checked but the grammar.

use super::lexer::Place;

/// A part of a statement that has a value, and where its first token stands.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) kind: TermKind,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) enum TermKind {
    Null,
    Missing,
    Bool(bool),
    String(String),
    /// With its sign.
    Number(String),
    /// A question mark; its number among them, from 0.
    Parameter(usize),
    Path(WrittenPath),
    /// `[...]`, and `(a, b)`
    List(Vec<Term>),
    /// `<<...>>`
    Bag(Vec<Term>),
    /// `{...}`
    Struct(Vec<(Term, Term)>),
    Call(Call),
    /// `+` or `-` before something that is no number literal.
    Signed(Infix),
    Not(Box<Term>),
    /// Operands of a chain of one operator; two, but for AND and OR.
    Infix(Infix, Vec<Term>),
    Between(Box<[Term; 3]>),
    In(Box<Term>, Box<Term>),
    Is(Box<Term>, &'static str),
    Like,
    /// A query as an operand.
    Query(Box<Query>),
    /// What the language has and the service does not, by the name that messages give it.
    Unsupported(&'static str),
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Infix {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Concatenate,
    Times,
    Divide,
    Modulo,
}

impl Infix {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Infix::Or => "OR",
            Infix::And => "AND",
            Infix::Equal => "=",
            Infix::NotEqual => "<>",
            Infix::Less => "<",
            Infix::LessOrEqual => "<=",
            Infix::Greater => ">",
            Infix::GreaterOrEqual => ">=",
            Infix::Plus => "+",
            Infix::Minus => "-",
            Infix::Concatenate => "||",
            Infix::Times => "*",
            Infix::Divide => "/",
            Infix::Modulo => "%",
        }
    }

    /// The name that messages about whole statements give it.
    pub(super) fn class_name(self) -> &'static str {
        match self {
            Infix::Or => "Or",
            Infix::And => "And",
            Infix::Equal => "Eq",
            Infix::NotEqual => "Ne",
            Infix::Less => "Lt",
            Infix::LessOrEqual => "Lte",
            Infix::Greater => "Gt",
            Infix::GreaterOrEqual => "Gte",
            Infix::Plus => "Plus",
            Infix::Minus => "Minus",
            Infix::Concatenate => "Concat",
            Infix::Times => "Times",
            Infix::Divide => "Divide",
            Infix::Modulo => "Modulo",
        }
    }
}

impl TermKind {
    /// The name that messages give to the kind of term.
    pub(super) fn class_name(&self) -> &'static str {
        match self {
            TermKind::Null | TermKind::Bool(_) | TermKind::String(_) | TermKind::Number(_) => "Lit",
            TermKind::Missing => "Missing",
            TermKind::Parameter(_) => "Parameter",
            TermKind::Path(path) if path.steps.is_empty() => "Id",
            TermKind::Path(_) => "Path",
            TermKind::List(_) => "List",
            TermKind::Bag(_) => "Bag",
            TermKind::Struct(_) => "Struct",
            TermKind::Call(_) => "Call",
            TermKind::Signed(Infix::Minus) => "Neg",
            TermKind::Signed(..) => "Pos",
            TermKind::Not(_) => "Not",
            TermKind::Infix(operator, _) => operator.class_name(),
            TermKind::Between(_) => "Between",
            TermKind::In(..) => "InCollection",
            TermKind::Is(..) => "IsType",
            TermKind::Like => "Like",
            TermKind::Query(_) => "Select",
            TermKind::Unsupported(name) => name,
        }
    }
}

#[derive(Debug)]
pub(super) struct Call {
    /// In lower case.
    pub(super) name: String,
    pub(super) arguments: Vec<Term>,
}

#[derive(Debug)]
pub(super) struct WrittenPath {
    pub(super) root: String,
    pub(super) steps: Vec<WrittenStep>,
}

#[derive(Debug)]
pub(super) enum WrittenStep {
    Field(String),
    Index(Box<Term>),
    /// `.*`
    AllFields,
    /// `[*]`
    AllElements,
}

/// `SELECT ... FROM ...`
#[derive(Debug)]
pub(super) struct Query {
    pub(super) columns: Columns,
    pub(super) sources: Vec<Source>,
    pub(super) condition: Option<Term>,
    pub(super) order: Vec<OrderTerm>,
    /// The first clause that the service does not have, and where its first term stands.
    pub(super) unsupported_clause: Option<(&'static str, Place)>,
}

#[derive(Debug)]
pub(super) enum Columns {
    All,
    /// Each with whether it is given another name.
    Some(Vec<(Term, bool)>),
    /// `SELECT VALUE ...`
    Value,
}

#[derive(Debug)]
pub(super) struct Source {
    pub(super) term: Term,
    pub(super) has_alias: bool,
}

#[derive(Debug)]
pub(super) struct OrderTerm {
    pub(super) key: Term,
    pub(super) is_descending: bool,
}

/// A statement.
#[derive(Debug)]
pub(super) enum Written {
    Query(Query),
    Insert {
        target: Source,
        value: Term,
        /// Whether VALUE stands before the value.
        is_single: bool,
        has_returning: bool,
    },
    Update {
        target: Source,
        changes: Vec<WrittenChange>,
        condition: Option<Term>,
        returning: Vec<WrittenReturning>,
    },
    Delete {
        target: Source,
        condition: Option<Term>,
        returning: Vec<WrittenReturning>,
    },
    /// A term that stands alone, which is no statement of the service but for `EXISTS(...)`.
    Term(Term),
}

#[derive(Debug)]
pub(super) enum WrittenChange {
    Set(Term, Term),
    Remove(Term),
}

/// An element of RETURNING.
#[derive(Clone, Copy, Debug)]
pub(super) struct WrittenReturning {
    pub(super) is_modified: bool,
    pub(super) is_new: bool,
    pub(super) is_star: bool,
}
