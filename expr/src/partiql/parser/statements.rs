//! Statements and their clauses.

use super::super::lexer::Token;
use super::super::tree::{
    Columns, OrderTerm, Query, Source, Term, TermKind, Written, WrittenChange, WrittenPath, WrittenReturning,
    WrittenStep,
};
use super::{Parsed, Parser, Refusal};

impl Parser {
    pub(super) fn statement(&mut self) -> Parsed<Written> {
        match self.head() {
            Token::Keyword("select") => {
                self.advance();
                Ok(Written::Query(self.query()?))
            }
            Token::Keyword("insert") => {
                self.advance();
                self.insert()
            }
            Token::Keyword("update") => {
                self.advance();
                let target = self.target()?;
                let changes = self.changes()?;
                let condition = self.condition()?;
                Ok(Written::Update {
                    target,
                    changes,
                    condition,
                    returning: self.returning()?,
                })
            }
            Token::Keyword("from") => {
                self.advance();
                self.table_first_update()
            }
            Token::Keyword("delete") => {
                self.advance();
                if !self.take_keyword("from") {
                    return Err(Refusal::Syntax("Expected FROM after DELETE"));
                }
                let target = self.target()?;
                let condition = self.condition()?;
                Ok(Written::Delete {
                    target,
                    condition,
                    returning: self.returning()?,
                })
            }
            _ => Ok(Written::Term(self.term()?)),
        }
    }

    /// A query, behind SELECT.
    pub(super) fn query(&mut self) -> Parsed<Query> {
        let mut unsupported_clause = None;
        if self.at_keyword("distinct") || self.at_keyword("all") {
            if self.at_keyword("distinct") {
                unsupported_clause = Some(("DISTINCT", self.place()));
            }
            self.advance();
        }
        let columns = self.columns()?;
        if !self.take_keyword("from") {
            return Err(Refusal::Syntax("Expected FROM after SELECT list"));
        }
        let sources = self.list(|parser| {
            let term = parser.term()?;
            let has_alias = parser.alias()?;
            Ok(Source { term, has_alias })
        })?;
        let condition = self.condition()?;
        let mut order = Vec::new();
        if self.at_keyword("order") {
            self.advance();
            self.expect_keyword("by")?;
            order = self.list(|parser| {
                let key = parser.term()?;
                let is_descending = parser.take_keyword("desc") || {
                    parser.take_keyword("asc");
                    false
                };
                Ok(OrderTerm { key, is_descending })
            })?;
        }
        for (word, name, by) in [
            ("group", "GROUP BY", true),
            ("having", "HAVING", false),
            ("limit", "LIMIT", false),
            ("offset", "OFFSET", false),
        ] {
            if !self.take_keyword(word) {
                continue;
            }
            if by {
                self.expect_keyword("by")?;
            }
            let terms = self.list(Parser::term)?;
            unsupported_clause = unsupported_clause.or_else(|| Some((name, terms.first()?.place)));
        }
        Ok(Query {
            columns,
            sources,
            condition,
            order,
            unsupported_clause,
        })
    }

    fn columns(&mut self) -> Parsed<Columns> {
        if self.at_keyword("from") {
            return Err(Refusal::Syntax("Cannot have empty SELECT list"));
        }
        if self.take_keyword("value") {
            self.term()?;
            return Ok(Columns::Value);
        }
        if self.take_symbol("*") {
            if self.at_symbol(",") {
                return Err(Refusal::Syntax(
                    "Other expressions may not be present in the select list when '*' is used without dot notation.",
                ));
            }
            return Ok(Columns::All);
        }
        let columns = self.list(|parser| {
            if parser.at_symbol("*") {
                return Err(Refusal::Syntax(
                    "Other expressions may not be present in the select list when '*' is used without dot notation.",
                ));
            }
            let term = parser.term()?;
            let is_renamed = parser.alias()?;
            Ok((term, is_renamed))
        })?;
        Ok(Columns::Some(columns))
    }

    /// Whether another name follows, with or without AS.
    fn alias(&mut self) -> Parsed<bool> {
        let is_announced = self.take_keyword("as");
        match self.head() {
            Token::Name(_) => {
                self.advance();
                Ok(true)
            }
            _ if is_announced => Err(Refusal::Syntax("Expected identifier for alias")),
            _ => Ok(false),
        }
    }

    fn condition(&mut self) -> Parsed<Option<Term>> {
        if self.take_keyword("where") {
            return self.term().map(Some);
        }
        Ok(None)
    }

    /// The table of INSERT, behind INTO.
    fn insert(&mut self) -> Parsed<Written> {
        self.expect_keyword("into")?;
        let place = self.place();
        let path = self.simple_path()?;
        let target = Source {
            term: Term {
                kind: TermKind::Path(path),
                place,
            },
            has_alias: false,
        };
        let is_single = self.take_keyword("value");
        let value = self.term()?;
        let has_returning = !self.returning()?.is_empty();
        Ok(Written::Insert {
            target,
            value,
            is_single,
            has_returning,
        })
    }

    /// The table of UPDATE and DELETE.
    fn target(&mut self) -> Parsed<Source> {
        let place = self.place();
        let path = self.simple_path()?;
        Ok(Source {
            term: Term {
                kind: TermKind::Path(path),
                place,
            },
            has_alias: self.alias()?,
        })
    }

    /// An update that names its table first, behind FROM.
    pub(super) fn table_first_update(&mut self) -> Parsed<Written> {
        let term = self.term()?;
        let has_alias = self.alias()?;
        let condition = self.condition()?;
        let changes = self.changes()?;
        Ok(Written::Update {
            target: Source { term, has_alias },
            changes,
            condition,
            returning: self.returning()?,
        })
    }

    /// A path of names and indexes.
    fn simple_path(&mut self) -> Parsed<WrittenPath> {
        let Token::Name(root) = self.head() else {
            return Err(Refusal::Syntax("Expected identifier for simple path"));
        };
        let root = root.clone();
        self.advance();
        let mut steps = Vec::new();
        loop {
            if self.take_symbol(".") {
                let Token::Name(name) = self.head() else {
                    return Err(Refusal::Syntax("Invalid path dot component for simple path"));
                };
                steps.push(WrittenStep::Field(name.clone()));
                self.advance();
            } else if self.take_symbol("[") {
                if self.at_symbol("*") {
                    return Err(Refusal::Syntax("Invalid path component for simple path"));
                }
                let index = self.nested(Parser::term)?;
                if !matches!(index.kind, TermKind::Number(_) | TermKind::String(_)) {
                    return Err(Refusal::Syntax("Invalid path component for simple path"));
                }
                self.expect_symbol("]")?;
                steps.push(WrittenStep::Index(Box::new(index)));
            } else {
                return Ok(WrittenPath { root, steps });
            }
        }
    }

    /// SET and REMOVE, at least one.
    fn changes(&mut self) -> Parsed<Vec<WrittenChange>> {
        let mut changes = Vec::new();
        loop {
            if self.take_keyword("set") {
                changes.extend(self.list(Parser::assignment)?);
            } else if self.take_keyword("remove") {
                let place = self.place();
                let path = self.simple_path()?;
                changes.push(WrittenChange::Remove(Term {
                    kind: TermKind::Path(path),
                    place,
                }));
            } else if changes.is_empty() {
                return Err(Refusal::Syntax("Expected data manipulation"));
            } else {
                return Ok(changes);
            }
        }
    }

    fn assignment(&mut self) -> Parsed<WrittenChange> {
        let place = self.place();
        let path = self.simple_path()?;
        if !self.take_symbol("=") {
            return Err(Refusal::Syntax("Expected '='"));
        }
        let value = self.term()?;
        let target = Term {
            kind: TermKind::Path(path),
            place,
        };
        Ok(WrittenChange::Set(target, value))
    }

    fn returning(&mut self) -> Parsed<Vec<WrittenReturning>> {
        if !self.take_keyword("returning") {
            return Ok(Vec::new());
        }
        const EXPECTED: Refusal =
            Refusal::Syntax("Expected ( MODIFIED | ALL ) ( NEW | OLD ) in each returning element.");
        self.list(|parser| {
            let is_modified = parser.take_keyword("modified");
            if !is_modified && !parser.take_keyword("all") {
                return Err(EXPECTED);
            }
            let is_new = parser.take_keyword("new");
            if !is_new && !parser.take_keyword("old") {
                return Err(EXPECTED);
            }
            let is_star = parser.take_symbol("*");
            if !is_star {
                parser.term()?;
            }
            Ok(WrittenReturning {
                is_modified,
                is_new,
                is_star,
            })
        })
    }
}
