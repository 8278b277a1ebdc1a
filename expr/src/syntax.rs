//! From text to a tree of what was written: placeholders stand for themselves, nothing is checked but
//! the grammar and the parentheses.
//!
//! ```text
//! condition  = and (OR and)*      and = not (AND not)*      not = NOT* primary
//! primary    = '(' condition ')' | operand comparator operand | operand BETWEEN operand AND operand
//!            | operand IN '(' operand (',' operand)* ')' | function
//! operand    = :value | function | path | '(' operand ')'
//! function   = name '(' operand (',' operand)* ')'
//! path       = (name | #name) ('.' (name | #name) | '[' integer ']')*
//! update     = (SET path '=' sum, ... | REMOVE path, ... | ADD path :value, ... | DELETE path :value, ...)+
//! sum        = operand (('+' | '-') operand)?               in an update, '(' sum ')' is an operand too
//! projection = path (',' path)*
//! ```
//!
//! A parenthesis may open a condition or an operand; the parser reads either and decides by what
//! comes after, so it never goes back.

use crate::error::ExpressionKind;
use crate::lexer::{TokenKind, Tokens};

/// How deep parentheses and functions may nest. What nests deeper and is not refused for its own
/// sake has more operators than an expression may have.
const NESTING_MAX: usize = 320;

/// A comparison of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Comparator::Equal => "=",
            Comparator::NotEqual => "<>",
            Comparator::Less => "<",
            Comparator::LessOrEqual => "<=",
            Comparator::Greater => ">",
            Comparator::GreaterOrEqual => ">=",
        }
    }

    fn from_token(kind: TokenKind) -> Option<Self> {
        Some(match kind {
            TokenKind::Equal => Comparator::Equal,
            TokenKind::NotEqual => Comparator::NotEqual,
            TokenKind::Less => Comparator::Less,
            TokenKind::LessOrEqual => Comparator::LessOrEqual,
            TokenKind::Greater => Comparator::Greater,
            TokenKind::GreaterOrEqual => Comparator::GreaterOrEqual,
            _ => return None,
        })
    }
}

/// One step of a path as written.
#[derive(Debug)]
pub(crate) enum RawStep<'t> {
    Name(&'t str),
    Placeholder(&'t str),
    /// The digits of an index.
    Index(&'t str),
}

pub(crate) type RawPath<'t> = Vec<RawStep<'t>>;

#[derive(Debug)]
pub(crate) struct RawFunction<'t> {
    pub(crate) name: &'t str,
    pub(crate) arguments: Vec<RawOperand<'t>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Plus,
    Minus,
}

#[derive(Debug)]
pub(crate) enum RawOperand<'t> {
    Path(RawPath<'t>),
    Value(&'t str),
    Function(RawFunction<'t>),
    /// Only in updates.
    Sum(Sign, Box<[RawOperand<'t>; 2]>),
}

#[derive(Debug)]
pub(crate) enum RawCondition<'t> {
    And(Vec<RawCondition<'t>>),
    Or(Vec<RawCondition<'t>>),
    Not(Box<RawCondition<'t>>),
    Compare(Comparator, Box<[RawOperand<'t>; 2]>),
    Between(Box<[RawOperand<'t>; 3]>),
    In(RawOperand<'t>, Vec<RawOperand<'t>>),
    Function(RawFunction<'t>),
}

/// A section of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Set,
    Remove,
    Add,
    Delete,
}

impl Section {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Section::Set => "SET",
            Section::Remove => "REMOVE",
            Section::Add => "ADD",
            Section::Delete => "DELETE",
        }
    }
}

#[derive(Debug)]
pub(crate) struct RawAction<'t> {
    pub(crate) path: RawPath<'t>,
    /// The right side; REMOVE has none.
    pub(crate) value: Option<RawOperand<'t>>,
}

#[derive(Debug)]
pub(crate) struct RawSection<'t> {
    pub(crate) section: Section,
    pub(crate) actions: Vec<RawAction<'t>>,
}

/// Parses the text of a condition, a filter or a key condition.
pub(crate) fn parse_condition(text: &str) -> Result<(RawCondition<'_>, usize), String> {
    let mut parser = Parser::new(text, ExpressionKind::Condition)?;
    let parsed = parser.or()?;
    let condition = parser.condition_of(parsed)?;
    parser.expect(TokenKind::End)?;
    Ok((condition, parser.operators))
}

/// Parses the text of an update.
pub(crate) fn parse_update(text: &str) -> Result<(Vec<RawSection<'_>>, usize), String> {
    let mut parser = Parser::new(text, ExpressionKind::Update)?;
    let mut sections = vec![parser.section()?];
    while parser.tokens.peek() != TokenKind::End {
        sections.push(parser.section()?);
    }
    Ok((sections, parser.operators))
}

/// Parses the text of a projection.
pub(crate) fn parse_projection(text: &str) -> Result<Vec<RawPath<'_>>, String> {
    let mut parser = Parser::new(text, ExpressionKind::Projection)?;
    let mut paths = vec![parser.path()?];
    while parser.tokens.take(TokenKind::Comma) {
        paths.push(parser.path()?);
    }
    parser.expect(TokenKind::End)?;
    Ok(paths)
}

/// What a parenthesis or a primary turned out to be.
enum Node<'t> {
    Condition(RawCondition<'t>),
    Operand(RawOperand<'t>),
}

struct Parsed<'t> {
    node: Node<'t>,
    /// Whether it stands in parentheses of its own.
    grouped: bool,
}

struct Parser<'t> {
    tokens: Tokens<'t>,
    kind: ExpressionKind,
    depth: usize,
    /// How many operators and functions have been read.
    operators: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, kind: ExpressionKind) -> Result<Self, String> {
        if text.is_empty() {
            return Err("The expression can not be empty;".to_owned());
        }
        if text.len() > model::limits::EXPRESSION_BYTES_MAX {
            let message = "Expression size has exceeded the maximum allowed size;";
            return Err(match kind {
                ExpressionKind::Update => message.to_owned(),
                _ => format!("{message} expression size: {}", text.len()),
            });
        }
        Ok(Parser {
            tokens: Tokens::new(text),
            kind,
            depth: 0,
            operators: 0,
        })
    }

    fn expect(&mut self, kind: TokenKind) -> Result<&'t str, String> {
        self.tokens.expect(kind)
    }

    fn or(&mut self) -> Result<Parsed<'t>, String> {
        self.joined(TokenKind::Or, Self::and, RawCondition::Or)
    }

    fn and(&mut self) -> Result<Parsed<'t>, String> {
        self.joined(TokenKind::And, Self::not, RawCondition::And)
    }

    fn joined(
        &mut self,
        operator: TokenKind,
        part: fn(&mut Self) -> Result<Parsed<'t>, String>,
        join: fn(Vec<RawCondition<'t>>) -> RawCondition<'t>,
    ) -> Result<Parsed<'t>, String> {
        let first = part(self)?;
        if self.tokens.peek() != operator {
            return Ok(first);
        }
        let mut parts = vec![self.condition_of(first)?];
        while self.tokens.take(operator) {
            self.operators += 1;
            let next = part(self)?;
            parts.push(self.condition_of(next)?);
        }
        Ok(Parsed {
            node: Node::Condition(join(parts)),
            grouped: false,
        })
    }

    fn not(&mut self) -> Result<Parsed<'t>, String> {
        let mut count = 0;
        while self.tokens.take(TokenKind::Not) {
            count += 1;
        }
        let parsed = self.primary()?;
        if count == 0 {
            return Ok(parsed);
        }
        self.operators += count;
        let mut condition = self.condition_of(parsed)?;
        // A pair of NOTs says nothing; one pair is kept, so that it can still be refused.
        for _ in 0..2 - count % 2 {
            condition = RawCondition::Not(Box::new(condition));
        }
        Ok(Parsed {
            node: Node::Condition(condition),
            grouped: false,
        })
    }

    /// A bare operand is no condition, unless it is a function.
    fn condition_of(&self, parsed: Parsed<'t>) -> Result<RawCondition<'t>, String> {
        match parsed.node {
            Node::Condition(condition) => Ok(condition),
            Node::Operand(RawOperand::Function(function)) => Ok(RawCondition::Function(function)),
            Node::Operand(_) => Err(self.tokens.syntax_error()),
        }
    }

    fn primary(&mut self) -> Result<Parsed<'t>, String> {
        let (left, grouped) = if self.tokens.peek() == TokenKind::OpenParenthesis {
            self.enter()?;
            self.tokens.advance();
            let inner = self.or()?;
            self.leave(inner.grouped)?;
            match inner.node {
                Node::Operand(operand) => (operand, true),
                node => return Ok(Parsed { node, grouped: true }),
            }
        } else {
            self.operand()?
        };
        let condition = match self.tokens.peek() {
            TokenKind::Between => {
                self.tokens.advance();
                let lower = self.operand()?.0;
                self.expect(TokenKind::And)?;
                let upper = self.operand()?.0;
                RawCondition::Between(Box::new([left, lower, upper]))
            }
            TokenKind::In => {
                self.tokens.advance();
                self.expect(TokenKind::OpenParenthesis)?;
                RawCondition::In(left, self.arguments()?)
            }
            token => match Comparator::from_token(token) {
                Some(comparator) => {
                    self.tokens.advance();
                    RawCondition::Compare(comparator, Box::new([left, self.operand()?.0]))
                }
                None => {
                    let node = Node::Operand(left);
                    return Ok(Parsed { node, grouped });
                }
            },
        };
        self.operators += 1;
        Ok(Parsed {
            node: Node::Condition(condition),
            grouped: false,
        })
    }

    /// An operand, and whether it stands in parentheses of its own.
    fn operand(&mut self) -> Result<(RawOperand<'t>, bool), String> {
        Ok(match self.tokens.peek() {
            TokenKind::OpenParenthesis => {
                self.enter()?;
                self.tokens.advance();
                let (inner, grouped) = match self.kind {
                    ExpressionKind::Update => self.sum()?,
                    _ => self.operand()?,
                };
                self.leave(grouped)?;
                (inner, true)
            }
            TokenKind::ValuePlaceholder => (RawOperand::Value(self.tokens.advance()), false),
            TokenKind::Identifier if self.tokens.peek_second() == TokenKind::OpenParenthesis => {
                self.enter()?;
                let name = self.tokens.advance();
                self.tokens.advance();
                self.operators += 1;
                let arguments = self.arguments()?;
                self.depth -= 1;
                (RawOperand::Function(RawFunction { name, arguments }), false)
            }
            _ => (RawOperand::Path(self.path()?), false),
        })
    }

    /// Operands up to a closing parenthesis, at least one.
    fn arguments(&mut self) -> Result<Vec<RawOperand<'t>>, String> {
        let mut arguments = vec![self.operand()?.0];
        while self.tokens.take(TokenKind::Comma) {
            arguments.push(self.operand()?.0);
        }
        self.expect(TokenKind::CloseParenthesis)?;
        Ok(arguments)
    }

    /// Stands before a parenthesis or a function.
    fn enter(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth <= NESTING_MAX {
            return Ok(());
        }
        Err(match self.tokens.peek() {
            TokenKind::OpenParenthesis if self.operators > model::limits::EXPRESSION_OPERATORS_MAX => {
                too_many_operators()
            }
            TokenKind::OpenParenthesis => REDUNDANT_PARENTHESES.to_owned(),
            _ => match self.tokens.advance() {
                // The service refuses the size of a size for its type, at any depth.
                name @ "size" => format!(
                    "Incorrect operand type for operator or function; operator or function: {name}, operand \
                     type: N"
                ),
                name => format!("Invalid function name; function: {name}"),
            },
        })
    }

    /// Reads the closing parenthesis; what stood inside must not be in parentheses of its own.
    fn leave(&mut self, inner_grouped: bool) -> Result<(), String> {
        self.expect(TokenKind::CloseParenthesis)?;
        self.depth -= 1;
        if inner_grouped {
            return Err(REDUNDANT_PARENTHESES.to_owned());
        }
        Ok(())
    }

    fn path(&mut self) -> Result<RawPath<'t>, String> {
        let mut path = vec![self.path_name()?];
        loop {
            match self.tokens.peek() {
                TokenKind::Dot => {
                    self.tokens.advance();
                    path.push(self.path_name()?);
                }
                TokenKind::OpenBracket => {
                    self.tokens.advance();
                    path.push(RawStep::Index(self.expect(TokenKind::Integer)?));
                    self.expect(TokenKind::CloseBracket)?;
                }
                _ => return Ok(path),
            }
        }
    }

    fn path_name(&mut self) -> Result<RawStep<'t>, String> {
        match self.tokens.peek() {
            TokenKind::NamePlaceholder => Ok(RawStep::Placeholder(self.tokens.advance())),
            _ => Ok(RawStep::Name(self.expect(TokenKind::Identifier)?)),
        }
    }

    fn section(&mut self) -> Result<RawSection<'t>, String> {
        let section = match self.tokens.peek() {
            TokenKind::Set => Section::Set,
            TokenKind::Remove => Section::Remove,
            TokenKind::Add => Section::Add,
            TokenKind::Delete => Section::Delete,
            _ => return Err(self.tokens.syntax_error()),
        };
        self.tokens.advance();
        let mut actions = vec![self.action(section)?];
        while self.tokens.take(TokenKind::Comma) {
            actions.push(self.action(section)?);
        }
        Ok(RawSection { section, actions })
    }

    fn action(&mut self, section: Section) -> Result<RawAction<'t>, String> {
        let path = self.path()?;
        let value = match section {
            Section::Set => {
                self.expect(TokenKind::Equal)?;
                Some(self.sum()?.0)
            }
            Section::Remove => None,
            Section::Add | Section::Delete => {
                Some(RawOperand::Value(self.expect(TokenKind::ValuePlaceholder)?))
            }
        };
        Ok(RawAction { path, value })
    }

    /// An operand, or two with a sign between them.
    fn sum(&mut self) -> Result<(RawOperand<'t>, bool), String> {
        let (left, grouped) = self.operand()?;
        let sign = match self.tokens.peek() {
            TokenKind::Plus => Sign::Plus,
            TokenKind::Minus => Sign::Minus,
            _ => return Ok((left, grouped)),
        };
        self.tokens.advance();
        self.operators += 1;
        let right = self.operand()?.0;
        Ok((RawOperand::Sum(sign, Box::new([left, right])), false))
    }
}

const REDUNDANT_PARENTHESES: &str = "The expression has redundant parentheses;";

/// The service stops to count at the first operator that is too many.
pub(crate) fn too_many_operators() -> String {
    format!(
        "The expression contains too many operators; operator count: {}",
        model::limits::EXPRESSION_OPERATORS_MAX + 1
    )
}
