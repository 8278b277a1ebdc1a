//! The tokens of PartiQL, each with its place in the statement.

use std::fmt;
use std::sync::LazyLock;

/// The words that name something only in double quotes, sorted. They are those of the PartiQL
/// language, not the reserved words of expressions.
static KEYWORDS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("keywords.txt").lines().collect());

/// Where a token stands, counted in characters, line and column from 1. Displays as messages show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    line: usize,
    column: usize,
    length: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.line, self.column, self.length)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, with or without double quotes.
    Name(String),
    /// A keyword, in lower case.
    Keyword(&'static str),
    /// A string literal, its quotes removed.
    String(String),
    /// A number without a sign, as written.
    Number(String),
    /// A punctuation mark or an operator. `!=` is `<>`.
    Symbol(&'static str),
    /// The end of the statement.
    End,
}

impl Token {
    /// Whether it joins two operands, so that it can't stand where an operand is due.
    pub(super) fn is_operator(&self) -> bool {
        match self {
            Token::Symbol(symbol) => matches!(
                *symbol,
                "=" | "<>" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "/" | "%" | "^" | "||"
            ),
            Token::Keyword(word) => matches!(
                *word,
                "and" | "or" | "is" | "in" | "between" | "like" | "union" | "except" | "intersect"
            ),
            _ => false,
        }
    }
}

/// That a statement has a character or a literal that the language does not have.
#[derive(Debug)]
pub(super) struct Unreadable;

/// The tokens of a statement; the last one is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Place)>, Unreadable> {
    let mut lexer = Lexer {
        text,
        at: 0,
        line: 1,
        column: 1,
    };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks()?;
        let (start, line, column) = (lexer.at, lexer.line, lexer.column);
        let token = lexer.token()?;
        let length = text[start..lexer.at].chars().count();
        let is_end = token == Token::End;
        tokens.push((token, Place { line, column, length }));
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    /// In bytes.
    at: usize,
    line: usize,
    column: usize,
}

/// Longest first.
const SYMBOLS: [&str; 28] = [
    "<<", ">>", "<=", ">=", "<>", "!=", "||", "<", ">", "=", "+", "-", "*", "/", "%", "^", "(", ")", "[",
    "]", "{", "}", ",", ".", ":", ";", "?", "@",
];

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Goes past so many bytes.
    fn advance(&mut self, bytes: usize) {
        for character in self.rest()[..bytes].chars() {
            if character == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.at += bytes;
    }

    /// Goes past characters as long as they are wanted, and gives them.
    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        self.advance(length);
        &rest[..length]
    }

    fn skip_blanks(&mut self) -> Result<(), Unreadable> {
        loop {
            self.take_while(|character| matches!(character, '\t' | '\x0B' | '\x0C' | ' ' | '\r' | '\n'));
            if self.rest().starts_with("--") {
                self.take_while(|character| character != '\n');
            } else if self.rest().starts_with("/*") {
                let length = self.rest().find("*/").ok_or(Unreadable)?;
                // `/*/` is no whole comment.
                let length = if length < 2 {
                    2 + self.rest()[2..].find("*/").ok_or(Unreadable)?
                } else {
                    length
                };
                self.advance(length + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Token, Unreadable> {
        let Some(first) = self.peek() else {
            return Ok(Token::End);
        };
        match first {
            '\'' => self.quoted('\'').map(Token::String),
            '"' => self.quoted('"').map(Token::Name),
            '0'..='9' => self.number(),
            '.' if self.rest()[1..].starts_with(|next: char| next.is_ascii_digit()) => self.number(),
            'a'..='z' | 'A'..='Z' | '_' | '$' => Ok(self.word()),
            _ => {
                let rest = self.rest();
                let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                let symbol = symbol.ok_or(Unreadable)?;
                self.advance(symbol.len());
                Ok(Token::Symbol(if *symbol == "!=" { "<>" } else { symbol }))
            }
        }
    }

    fn word(&mut self) -> Token {
        let word =
            self.take_while(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '$'));
        let lower = word.to_ascii_lowercase();
        match KEYWORDS.binary_search(&lower.as_str()) {
            Ok(place) => Token::Keyword(KEYWORDS[place]),
            Err(_) => Token::Name(word.to_owned()),
        }
    }

    /// What stands in quotes; a doubled quote is one.
    fn quoted(&mut self, quote: char) -> Result<String, Unreadable> {
        let mut content = String::new();
        self.advance(1);
        loop {
            content.push_str(self.take_while(|character| character != quote));
            if self.peek().is_none() {
                return Err(Unreadable);
            }
            self.advance(1);
            if self.peek() != Some(quote) {
                return Ok(content);
            }
            content.push(quote);
            self.advance(1);
        }
    }

    fn number(&mut self) -> Result<Token, Unreadable> {
        let start = self.at;
        let digit = |character: char| character.is_ascii_digit();
        self.take_while(digit);
        let mut fraction_digits = 0;
        if self.peek() == Some('.') {
            self.advance(1);
            fraction_digits = self.take_while(digit).len();
        }
        let mut exponent = 0;
        if matches!(self.peek(), Some('e' | 'E')) {
            self.advance(1);
            let exponent_start = self.at;
            if matches!(self.peek(), Some('+' | '-')) {
                self.advance(1);
            }
            self.take_while(digit);
            exponent = self.text[exponent_start..self.at]
                .parse::<i32>()
                .map_err(|_| Unreadable)?;
        }
        // What a decimal of the service's parser is made of: an unscaled number and a scale of 32 bits.
        i32::try_from(fraction_digits as i64 - i64::from(exponent)).map_err(|_| Unreadable)?;
        if self
            .peek()
            .is_some_and(|next| next.is_ascii_alphanumeric() || matches!(next, '_' | '$' | '.'))
        {
            return Err(Unreadable);
        }
        Ok(Token::Number(self.text[start..self.at].to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let tokens = tokens(text).unwrap();
        let shown = tokens.iter().map(|(token, place)| match token {
            Token::Name(name) => format!("{name}@{place}"),
            Token::Keyword(word) => format!("{}@{place}", word.to_uppercase()),
            Token::String(text) => format!("'{text}'@{place}"),
            Token::Number(text) => format!("{text}@{place}"),
            Token::Symbol(symbol) => format!("{symbol}@{place}"),
            Token::End => format!("@{place}"),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tokens_know_their_places() {
        assert_eq!(
            shown("select \"a\"\"b\"\n FROM 'it''s' -- no\n .5e1/* ? */!="),
            "SELECT@1:1:6 a\"b@1:8:6 FROM@2:2:4 'it's'@2:7:7 .5e1@3:2:4 <>@3:13:2 @3:15:0"
        );
        assert_eq!(shown("'é' x"), "'é'@1:1:3 x@1:5:1 @1:6:0");
    }

    #[test]
    fn the_keywords_are_in_order() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn what_is_no_token() {
        for text in [
            "#",
            "'open",
            "\"open",
            "/* open",
            "/*/",
            "é",
            "`1`",
            "1e2147483648",
            "1e99999999999",
            "1.5e-2147483647",
            "1e",
            "1x",
            "!",
        ] {
            assert!(tokens(text).is_err(), "{text}");
        }
        assert!(tokens("1e2147483647 1. .5 7.31E+6").is_ok());
    }
}
