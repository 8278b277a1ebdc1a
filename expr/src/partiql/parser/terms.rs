//! Terms: literals, paths, functions, and the operators between them.

use super::super::lexer::Token;
use super::super::tree::{Call, Infix, Term, TermKind, WrittenPath, WrittenStep};
use super::{Parsed, Parser, Refusal};

/// How tightly an operator binds.
type Precedence = u8;

const NOT_PRECEDENCE: Precedence = 30;
const BETWEEN_PRECEDENCE: Precedence = 50;

/// An operator behind an operand.
#[derive(Clone, Copy)]
enum Operator {
    Infix(Infix),
    Is {
        negated: bool,
    },
    In {
        negated: bool,
    },
    Between {
        negated: bool,
    },
    Like {
        negated: bool,
    },
    /// UNION and its like.
    SetOperation(&'static str),
}

/// Functions whose names are keywords.
const FUNCTION_KEYWORDS: [&str; 15] = [
    "exists",
    "count",
    "avg",
    "max",
    "min",
    "sum",
    "substring",
    "char_length",
    "character_length",
    "octet_length",
    "bit_length",
    "upper",
    "lower",
    "size",
    "coalesce",
];

/// The types that IS takes, by the name that they have here. Those of two words are apart.
const TYPE_WORDS: [(&str, &str); 36] = [
    ("missing", "MISSING"),
    ("null", "NULL"),
    ("boolean", "BOOLEAN"),
    ("bool", "BOOLEAN"),
    ("smallint", "SMALLINT"),
    ("int2", "SMALLINT"),
    ("integer2", "SMALLINT"),
    ("int4", "INTEGER4"),
    ("integer4", "INTEGER4"),
    ("int8", "INTEGER8"),
    ("integer8", "INTEGER8"),
    ("bigint", "INTEGER8"),
    ("integer", "INTEGER"),
    ("int", "INTEGER"),
    ("float", "FLOAT"),
    ("real", "REAL"),
    ("decimal", "DECIMAL"),
    ("dec", "DECIMAL"),
    ("numeric", "NUMERIC"),
    ("timestamp", "TIMESTAMP"),
    ("date", "DATE"),
    ("time", "TIME"),
    ("character", "CHARACTER"),
    ("char", "CHARACTER"),
    ("varchar", "CHARACTER_VARYING"),
    ("string", "STRING"),
    ("symbol", "SYMBOL"),
    ("clob", "CLOB"),
    ("blob", "BLOB"),
    ("struct", "STRUCT"),
    ("tuple", "TUPLE"),
    ("list", "LIST"),
    ("sexp", "SEXP"),
    ("bag", "BAG"),
    ("any", "ANY"),
    ("double", "DOUBLE_PRECISION"),
];

impl Parser {
    pub(super) fn term(&mut self) -> Parsed<Term> {
        self.term_above(0)
    }

    /// A term whose operators bind more tightly than `precedence`.
    fn term_above(&mut self, precedence: Precedence) -> Parsed<Term> {
        self.nested(|parser| {
            let mut left = parser.unary()?;
            while let Some((operator, binding, length)) = parser.operator() {
                if binding <= precedence {
                    break;
                }
                let has_right_side = parser.at + length < parser.tokens.len() - 1;
                if !has_right_side {
                    return Err(Refusal::Syntax(
                        "Missing right-hand side expression of infix operator",
                    ));
                }
                parser.at += length;
                left = parser.right_side(left, operator, binding)?;
            }
            Ok(left)
        })
    }

    /// The operator that is next, how tightly it binds, and how many tokens it has.
    fn operator(&self) -> Option<(Operator, Precedence, usize)> {
        let infix = |infix: Infix, precedence| Some((Operator::Infix(infix), precedence, 1));
        match self.head() {
            Token::Keyword("union" | "except" | "intersect") => {
                let name = match self.head() {
                    Token::Keyword("union") => "Union",
                    Token::Keyword("except") => "Except",
                    _ => "Intersect",
                };
                Some((Operator::SetOperation(name), 5, 1))
            }
            Token::Keyword("or") => infix(Infix::Or, 10),
            Token::Keyword("and") => infix(Infix::And, 20),
            Token::Keyword("is") => {
                let negated = *self.ahead(1) == Token::Keyword("not");
                Some((Operator::Is { negated }, 40, 1 + usize::from(negated)))
            }
            Token::Keyword("in") => Some((Operator::In { negated: false }, 40, 1)),
            Token::Keyword("between") => Some((Operator::Between { negated: false }, BETWEEN_PRECEDENCE, 1)),
            Token::Keyword("like") => Some((Operator::Like { negated: false }, 50, 1)),
            Token::Keyword("not") => match self.ahead(1) {
                Token::Keyword("in") => Some((Operator::In { negated: true }, 40, 2)),
                Token::Keyword("between") => {
                    Some((Operator::Between { negated: true }, BETWEEN_PRECEDENCE, 2))
                }
                Token::Keyword("like") => Some((Operator::Like { negated: true }, 50, 2)),
                _ => None,
            },
            Token::Symbol("=") => infix(Infix::Equal, 40),
            Token::Symbol("<>") => infix(Infix::NotEqual, 40),
            Token::Symbol("<") => infix(Infix::Less, 50),
            Token::Symbol("<=") => infix(Infix::LessOrEqual, 50),
            Token::Symbol(">") => infix(Infix::Greater, 50),
            Token::Symbol(">=") => infix(Infix::GreaterOrEqual, 50),
            Token::Symbol("+") => infix(Infix::Plus, 60),
            Token::Symbol("-") => infix(Infix::Minus, 60),
            Token::Symbol("||") => infix(Infix::Concatenate, 60),
            Token::Symbol("*") => infix(Infix::Times, 70),
            Token::Symbol("/") => infix(Infix::Divide, 70),
            Token::Symbol("%") => infix(Infix::Modulo, 70),
            _ => None,
        }
    }

    /// The term of an operand and what follows its operator.
    fn right_side(&mut self, left: Term, operator: Operator, binding: Precedence) -> Parsed<Term> {
        self.count_operator()?;
        let place = left.place;
        let with_negation = |negated: bool, kind: TermKind| {
            let term = Term { kind, place };
            if negated {
                Term {
                    kind: TermKind::Not(Box::new(term)),
                    place,
                }
            } else {
                term
            }
        };
        Ok(match operator {
            Operator::Infix(infix) => {
                let right = self.term_above(binding)?;
                let kind = match left.kind {
                    TermKind::Infix(before, mut operands)
                        if before == infix && matches!(infix, Infix::And | Infix::Or) =>
                    {
                        operands.push(right);
                        TermKind::Infix(infix, operands)
                    }
                    kind => TermKind::Infix(infix, vec![Term { kind, place }, right]),
                };
                Term { kind, place }
            }
            Operator::Is { negated } => {
                let type_name = self.type_name()?;
                with_negation(negated, TermKind::Is(Box::new(left), type_name))
            }
            Operator::In { negated } => {
                let list = if self.at_symbol("(") && *self.ahead(1) != Token::Keyword("select") {
                    let place = self.place();
                    self.advance();
                    let elements = self.list(Parser::term)?;
                    self.expect_symbol(")")?;
                    Term {
                        kind: TermKind::List(elements),
                        place,
                    }
                } else {
                    self.term_above(binding)?
                };
                with_negation(negated, TermKind::In(Box::new(left), Box::new(list)))
            }
            Operator::Between { negated } => {
                let lower = self.term_above(binding)?;
                if !self.take_keyword("and") {
                    return Err(Refusal::Syntax("Expected AND after BETWEEN"));
                }
                if *self.head() == Token::End {
                    return Err(Refusal::Syntax("Expected expression after AND"));
                }
                let upper = self.term_above(binding)?;
                with_negation(negated, TermKind::Between(Box::new([left, lower, upper])))
            }
            Operator::Like { negated } => {
                self.term_above(binding)?;
                with_negation(negated, TermKind::Like)
            }
            Operator::SetOperation(name) => {
                self.take_keyword("all");
                self.term_above(binding)?;
                Term {
                    kind: TermKind::Unsupported(name),
                    place,
                }
            }
        })
    }

    fn type_name(&mut self) -> Parsed<&'static str> {
        const EXPECTED: Refusal = Refusal::Syntax("Expected type name");
        let Token::Keyword(word) = self.head() else {
            return Err(EXPECTED);
        };
        let (_, name) = TYPE_WORDS
            .iter()
            .find(|(known, _)| known == word)
            .ok_or(EXPECTED)?;
        self.advance();
        match *name {
            "DOUBLE_PRECISION" if !self.take_keyword("precision") => Err(EXPECTED),
            "CHARACTER" if self.take_keyword("varying") => Ok("CHARACTER_VARYING"),
            name => Ok(name),
        }
    }

    /// An operand with the signs and negations in front of it.
    fn unary(&mut self) -> Parsed<Term> {
        let place = self.place();
        if self.take_keyword("not") {
            self.count_operator()?;
            let inner = self.term_above(NOT_PRECEDENCE)?;
            return Ok(Term {
                kind: TermKind::Not(Box::new(inner)),
                place,
            });
        }
        let sign = match self.head() {
            Token::Symbol("-") => Infix::Minus,
            Token::Symbol("+") => Infix::Plus,
            _ => return self.path_term(),
        };
        self.advance();
        let inner = self.nested(Parser::unary)?;
        let kind = match (sign, inner.kind) {
            (Infix::Minus, TermKind::Number(text)) => {
                // The place stays that of the digits.
                let kind = TermKind::Number(match text.strip_prefix('-') {
                    Some(digits) => digits.to_owned(),
                    None => format!("-{text}"),
                });
                return Ok(Term {
                    kind,
                    place: inner.place,
                });
            }
            (Infix::Plus, kind @ TermKind::Number(_)) => {
                return Ok(Term {
                    kind,
                    place: inner.place,
                });
            }
            (sign, _) => TermKind::Signed(sign),
        };
        self.count_operator()?;
        Ok(Term { kind, place })
    }

    /// An operand and the way into it.
    fn path_term(&mut self) -> Parsed<Term> {
        let term = self.operand()?;
        let mut steps = Vec::new();
        loop {
            if self.take_symbol(".") {
                match self.head() {
                    Token::Name(name) => steps.push(WrittenStep::Field(name.clone())),
                    Token::Symbol("*") => steps.push(WrittenStep::AllFields),
                    _ => return Err(Refusal::Syntax("Invalid path dot component")),
                }
                self.advance();
            } else if self.take_symbol("[") {
                if self.at_symbol("*") && *self.ahead(1) == Token::Symbol("]") {
                    self.advance();
                    steps.push(WrittenStep::AllElements);
                } else {
                    steps.push(WrittenStep::Index(Box::new(self.term()?)));
                }
                self.expect_symbol("]")?;
            } else {
                break;
            }
        }
        if steps.is_empty() {
            return Ok(term);
        }
        let kind = match term.kind {
            TermKind::Path(path) if path.steps.is_empty() => TermKind::Path(WrittenPath {
                root: path.root,
                steps,
            }),
            _ => TermKind::Unsupported("Path"),
        };
        Ok(Term {
            kind,
            place: term.place,
        })
    }

    fn operand(&mut self) -> Parsed<Term> {
        let place = self.place();
        let of = |kind| Ok(Term { kind, place });
        let token = self.head().clone();
        match token {
            Token::String(text) => {
                self.advance();
                of(TermKind::String(text))
            }
            Token::Number(text) => {
                self.advance();
                of(TermKind::Number(text))
            }
            Token::Name(name) => {
                self.advance();
                if self.at_symbol("(") {
                    return of(self.call(name.to_ascii_lowercase())?);
                }
                of(TermKind::Path(WrittenPath {
                    root: name,
                    steps: Vec::new(),
                }))
            }
            Token::Keyword(word) => self.keyword_operand(word),
            Token::Symbol("?") => {
                self.advance();
                self.parameters += 1;
                of(TermKind::Parameter(self.parameters - 1))
            }
            Token::Symbol("(") => {
                self.advance();
                if self.at_symbol(")") {
                    return Err(Refusal::Syntax("Expression group cannot be empty"));
                }
                let mut terms = self.list(Parser::term)?;
                self.expect_symbol(")")?;
                match (terms.len(), terms.pop()) {
                    (1, Some(term)) => Ok(term),
                    (_, last) => {
                        terms.extend(last);
                        of(TermKind::List(terms))
                    }
                }
            }
            Token::Symbol("[") => {
                self.advance();
                let elements = self.elements("]")?;
                of(TermKind::List(elements))
            }
            Token::Symbol("<<") => {
                self.advance();
                let members = self.elements(">>")?;
                of(TermKind::Bag(members))
            }
            Token::Symbol("{") => {
                self.advance();
                if self.take_symbol("}") {
                    return of(TermKind::Struct(Vec::new()));
                }
                let entries = self.list(|parser| {
                    let key = parser.term()?;
                    parser.expect_symbol(":")?;
                    Ok((key, parser.term()?))
                })?;
                self.expect_symbol("}")?;
                of(TermKind::Struct(entries))
            }
            token if token.is_operator() => Err(Refusal::Syntax("Unexpected operator")),
            _ => Err(Refusal::Syntax("Unexpected term")),
        }
    }

    /// Terms up to a closing mark; none where it comes at once.
    fn elements(&mut self, close: &'static str) -> Parsed<Vec<Term>> {
        if self.take_symbol(close) {
            return Ok(Vec::new());
        }
        let elements = self.list(Parser::term)?;
        self.expect_symbol(close)?;
        Ok(elements)
    }

    fn keyword_operand(&mut self, word: &'static str) -> Parsed<Term> {
        let place = self.place();
        let kind = match word {
            "null" => TermKind::Null,
            "missing" => TermKind::Missing,
            "true" => TermKind::Bool(true),
            "false" => TermKind::Bool(false),
            "select" => {
                self.advance();
                let query = self.query()?;
                return Ok(Term {
                    kind: TermKind::Query(Box::new(query)),
                    place,
                });
            }
            "from" => {
                self.advance();
                self.table_first_update()?;
                return Err(Refusal::Syntax(
                    "Keyword FROM only expected at the top level in the query",
                ));
            }
            "values" => {
                self.advance();
                let rows = self.list(|parser| {
                    parser.expect_symbol("(")?;
                    let row = parser.list(Parser::term)?;
                    parser.expect_symbol(")")?;
                    Ok(Term {
                        kind: TermKind::List(row),
                        place,
                    })
                })?;
                return Ok(Term {
                    kind: TermKind::Bag(rows),
                    place,
                });
            }
            word if FUNCTION_KEYWORDS.contains(&word) && *self.ahead(1) == Token::Symbol("(") => {
                self.advance();
                let kind = self.call(word.to_owned())?;
                return Ok(Term { kind, place });
            }
            _ if self.head().is_operator() => return Err(Refusal::Syntax("Unexpected operator")),
            _ => return Err(Refusal::Syntax("Unexpected keyword")),
        };
        self.advance();
        Ok(Term { kind, place })
    }

    /// A function's arguments, behind its name.
    fn call(&mut self, name: String) -> Parsed<TermKind> {
        self.expect_symbol("(")?;
        if name == "count" && self.take_symbol("*") {
            self.expect_symbol(")")?;
            return Ok(TermKind::Call(Call {
                name,
                arguments: Vec::new(),
            }));
        }
        let arguments = self.elements(")")?;
        Ok(TermKind::Call(Call { name, arguments }))
    }
}
