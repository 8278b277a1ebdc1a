//! The grammar of PartiQL as far as the service has it, and beyond it as far as decides which error a
//! statement gets.
//!
//! ```text
//! statement = SELECT columns FROM source [WHERE term] [ORDER BY term [ASC | DESC], ...]
//!           | INSERT INTO path VALUE term
//!           | UPDATE path change+ [WHERE term] [RETURNING ...]
//!           | FROM path [WHERE term] change+ [RETURNING ...]
//!           | DELETE FROM path [WHERE term] [RETURNING ...]
//!           | term                              (the service takes EXISTS(SELECT ...) alone)
//! change    = SET path = term, ... | REMOVE path
//! ```
//!
//! Terms are parsed by precedence: OR, AND, NOT, equality (also IS and IN), order (also BETWEEN and
//! LIKE), `+ - ||`, `* / %`. Chains of AND and of OR become one node, and depth is bounded, so that
//! no statement makes deep trees.

mod statements;
mod terms;

use super::lexer::{Place, Token, tokens};
use super::tree::Written;
use crate::error::ExpressionError;
use crate::syntax::too_many_operators;

/// How deep terms may nest. What nests deeper is refused for its depth, whatever it is.
const NESTING_MAX: usize = 200;

/// How many operators a statement may have before the parser gives up: far more than are allowed.
const OPERATORS_MAX: usize = 1000;

/// Why a statement can't be parsed.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is not of the language.
    Syntax(&'static str),
    /// As [`Refusal::Syntax`], with what was expected.
    Expected(String),
    /// It is too deep or too long.
    TooMuch(String),
}

type Parsed<T> = Result<T, Refusal>;

impl Refusal {
    /// The error that the statement gets.
    fn into_error(self) -> ExpressionError {
        let detail = match &self {
            Refusal::TooMuch(message) => return ExpressionError::request(message),
            Refusal::Syntax(detail) => *detail,
            Refusal::Expected(detail) => detail.as_str(),
        };
        ExpressionError::request(format!(
            "Statement wasn't well formed, can't be processed: {detail}"
        ))
    }
}

/// Parses a statement, and counts its parameters and its operators.
pub(super) fn parse(text: &str) -> Result<(Written, usize), ExpressionError> {
    // The service does not say what it can't read.
    let tokens = tokens(text).map_err(|_| Refusal::Syntax("").into_error())?;
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        parameters: 0,
        operators: 0,
    };
    let written = parser
        .statement()
        .and_then(|written| parser.end().map(|()| written))
        .map_err(Refusal::into_error)?;
    if parser.operators > model::limits::EXPRESSION_OPERATORS_MAX {
        return Err(ExpressionError::request(too_many_operators()));
    }
    Ok((written, parser.parameters))
}

struct Parser {
    /// The last one is the end, which is never passed.
    tokens: Vec<(Token, Place)>,
    at: usize,
    depth: usize,
    parameters: usize,
    operators: usize,
}

impl Parser {
    fn head(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn place(&self) -> Place {
        self.tokens[self.at].1
    }

    /// The token so many after the head.
    fn ahead(&self, distance: usize) -> &Token {
        let at = (self.at + distance).min(self.tokens.len() - 1);
        &self.tokens[at].0
    }

    fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    fn at_keyword(&self, word: &str) -> bool {
        matches!(self.head(), Token::Keyword(found) if *found == word)
    }

    fn at_symbol(&self, symbol: &str) -> bool {
        matches!(self.head(), Token::Symbol(found) if *found == symbol)
    }

    /// Goes past the keyword, where it is next.
    fn take_keyword(&mut self, word: &str) -> bool {
        let found = self.at_keyword(word);
        if found {
            self.advance();
        }
        found
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.at_symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    /// Goes past a symbol that must be next.
    fn expect_symbol(&mut self, symbol: &'static str) -> Parsed<()> {
        if self.take_symbol(symbol) {
            return Ok(());
        }
        let name = match symbol {
            "(" => "LEFT_PAREN",
            ")" => "RIGHT_PAREN",
            "]" => "RIGHT_BRACKET",
            "}" => "RIGHT_CURLY",
            ">>" => "RIGHT_DOUBLE_ANGLE_BRACKET",
            ":" => "COLON",
            symbol => symbol,
        };
        Err(Refusal::Expected(format!("Expected {name}")))
    }

    fn expect_keyword(&mut self, word: &str) -> Parsed<()> {
        if self.take_keyword(word) {
            return Ok(());
        }
        Err(Refusal::Expected(format!("Expected {}", word.to_uppercase())))
    }

    /// Counts an operator.
    fn count_operator(&mut self) -> Parsed<()> {
        self.operators += 1;
        if self.operators > OPERATORS_MAX {
            return Err(Refusal::TooMuch(too_many_operators()));
        }
        Ok(())
    }

    /// Parses something one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(Refusal::TooMuch(
                "Nesting Levels have exceeded supported limits".to_owned(),
            ));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Parses what commas part, at least one.
    fn list<T>(&mut self, mut parse: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut elements = vec![parse(self)?];
        while self.take_symbol(",") {
            elements.push(parse(self)?);
        }
        Ok(elements)
    }

    /// The end of the statement, where it may have a semicolon.
    fn end(&mut self) -> Parsed<()> {
        if self.take_symbol(";") {
            return match self.head() {
                Token::End => Ok(()),
                _ => Err(Refusal::Syntax(
                    "Unexpected token after semicolon. (Only one query is allowed.)",
                )),
            };
        }
        match self.head() {
            Token::End => Ok(()),
            _ => Err(Refusal::Syntax("Unexpected token after expression")),
        }
    }
}
