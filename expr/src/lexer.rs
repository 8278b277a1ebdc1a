//! Words and signs of the expression languages.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// An attribute's or a function's name.
    Identifier,
    /// `#name`
    NamePlaceholder,
    /// `:value`
    ValuePlaceholder,
    Integer,
    And,
    Or,
    Not,
    Between,
    In,
    Set,
    Remove,
    Add,
    Delete,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    OpenParenthesis,
    CloseParenthesis,
    OpenBracket,
    CloseBracket,
    Comma,
    Dot,
    Plus,
    Minus,
    /// A character that no expression has.
    Unknown,
    /// The end of the text.
    End,
}

const KEYWORDS: [(&str, TokenKind); 9] = [
    ("AND", TokenKind::And),
    ("OR", TokenKind::Or),
    ("NOT", TokenKind::Not),
    ("BETWEEN", TokenKind::Between),
    ("IN", TokenKind::In),
    ("SET", TokenKind::Set),
    ("REMOVE", TokenKind::Remove),
    ("ADD", TokenKind::Add),
    ("DELETE", TokenKind::Delete),
];

#[derive(Clone, Copy, Debug)]
struct Token {
    kind: TokenKind,
    start: usize,
    end: usize,
}

/// The tokens of a text, and how far they have been read.
pub(crate) struct Tokens<'t> {
    text: &'t str,
    /// The last one is [`TokenKind::End`].
    tokens: Vec<Token>,
    at: usize,
}

impl<'t> Tokens<'t> {
    /// Splits a text. Never fails: what is no token is [`TokenKind::Unknown`].
    pub(crate) fn new(text: &'t str) -> Self {
        let mut tokens = Vec::with_capacity(text.len() / 3 + 2);
        let mut at = 0;
        while let Some(token) = next_token(text, at) {
            at = token.end;
            tokens.push(token);
        }
        tokens.push(Token {
            kind: TokenKind::End,
            start: text.len(),
            end: text.len(),
        });
        Tokens { text, tokens, at: 0 }
    }

    /// The kind of the next token.
    pub(crate) fn peek(&self) -> TokenKind {
        self.tokens[self.at].kind
    }

    /// The kind of the token after the next one.
    pub(crate) fn peek_second(&self) -> TokenKind {
        self.tokens
            .get(self.at + 1)
            .map_or(TokenKind::End, |token| token.kind)
    }

    /// Reads the next token, and gives its text. The end stays the next token forever.
    pub(crate) fn advance(&mut self) -> &'t str {
        let token = self.tokens[self.at];
        if token.kind != TokenKind::End {
            self.at += 1;
        }
        &self.text[token.start..token.end]
    }

    /// Reads the next token if it is of that kind.
    pub(crate) fn take(&mut self, kind: TokenKind) -> bool {
        let found = self.peek() == kind;
        if found {
            self.advance();
        }
        found
    }

    /// Reads the next token, which must be of that kind.
    pub(crate) fn expect(&mut self, kind: TokenKind) -> Result<&'t str, String> {
        if self.peek() == kind {
            Ok(self.advance())
        } else {
            Err(self.syntax_error())
        }
    }

    /// That the next token does not fit here. `near` runs from the token before it to the token after it.
    pub(crate) fn syntax_error(&self) -> String {
        let token = self.tokens[self.at];
        let shown = match token.kind {
            TokenKind::End => "<EOF>",
            _ => &self.text[token.start..token.end],
        };
        let before = self.tokens[self.at.saturating_sub(1)];
        let after = self.tokens[(self.at + 1).min(self.tokens.len() - 1)];
        let end = if after.kind == TokenKind::End && token.kind != TokenKind::End {
            token.end
        } else {
            after.end
        };
        format!(
            "Syntax error; token: \"{shown}\", near: \"{}\"",
            &self.text[before.start..end]
        )
    }
}

fn next_token(text: &str, from: usize) -> Option<Token> {
    let bytes = text.as_bytes();
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = from + bytes[from..].iter().position(|byte| !blank(byte))?;
    let rest = &bytes[start..];
    let word_bytes = |from: usize| {
        rest[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count()
    };
    let (kind, length) = match rest[0] {
        b'a'..=b'z' | b'A'..=b'Z' => {
            let length = word_bytes(0);
            let word = &text[start..start + length];
            let keyword = KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
            (keyword.map_or(TokenKind::Identifier, |(_, kind)| *kind), length)
        }
        b'#' if word_bytes(1) > 0 => (TokenKind::NamePlaceholder, 1 + word_bytes(1)),
        b':' if word_bytes(1) > 0 => (TokenKind::ValuePlaceholder, 1 + word_bytes(1)),
        b'0' => (TokenKind::Integer, 1),
        b'1'..=b'9' => {
            let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (TokenKind::Integer, length)
        }
        b'<' => match rest.get(1) {
            Some(b'>') => (TokenKind::NotEqual, 2),
            Some(b'=') => (TokenKind::LessOrEqual, 2),
            _ => (TokenKind::Less, 1),
        },
        b'>' => match rest.get(1) {
            Some(b'=') => (TokenKind::GreaterOrEqual, 2),
            _ => (TokenKind::Greater, 1),
        },
        b'=' => (TokenKind::Equal, 1),
        b'(' => (TokenKind::OpenParenthesis, 1),
        b')' => (TokenKind::CloseParenthesis, 1),
        b'[' => (TokenKind::OpenBracket, 1),
        b']' => (TokenKind::CloseBracket, 1),
        b',' => (TokenKind::Comma, 1),
        b'.' => (TokenKind::Dot, 1),
        b'+' => (TokenKind::Plus, 1),
        b'-' => (TokenKind::Minus, 1),
        _ => {
            let length = text[start..].chars().next().map_or(1, char::len_utf8);
            (TokenKind::Unknown, length)
        }
    };
    Some(Token {
        kind,
        start,
        end: start + length,
    })
}
