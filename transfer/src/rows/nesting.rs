//! How deep the brackets of Ion text nest, watched while it is read: the parser recurses, and would
//! overflow its stack before anybody saw that no item is so deep.

use std::io::{self, Read};

/// Deeper than any item with its row and its list, of 32 levels, can be.
const DEPTH_MAX: usize = 64;

/// What binary Ion begins with. It has no brackets and is not watched.
const BINARY_MARKER: u8 = 0xE0;

/// What the next byte is a part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Nothing has been read yet.
    Start,
    /// Binary Ion.
    Binary,
    /// Values and brackets.
    Values,
    /// A string or symbol between quotes of this kind.
    Quotes(u8),
    /// Text between three single quotes.
    LongQuotes,
    /// A comment to the end of the line.
    LineComment,
    /// A comment to `*/`.
    BlockComment,
    /// A blob or clob, to `}}`.
    Lob,
}

/// A reader that fails where what it has read nests too deep.
pub struct Nesting<R> {
    reader: R,
    within: Within,
    depth: usize,
    /// The two bytes before, where they may mean something together with the next; zeros where not.
    before: [u8; 2],
    is_escaped: bool,
    /// Whether what was read last ended where it nests too deep.
    is_too_deep: bool,
}

impl<R> Nesting<R> {
    pub fn new(reader: R) -> Self {
        Nesting {
            reader,
            within: Within::Start,
            depth: 0,
            before: [0; 2],
            is_escaped: false,
            is_too_deep: false,
        }
    }

    /// The reader below.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Goes on within something else; what came before means nothing there.
    fn enter(&mut self, within: Within) {
        self.within = within;
        self.before = [0; 2];
    }

    fn see(&mut self, byte: u8) {
        let before = self.before;
        self.before = [before[1], byte];
        match self.within {
            Within::Start if byte == BINARY_MARKER => self.within = Within::Binary,
            Within::Start => {
                self.within = Within::Values;
                self.see_in_values(before, byte);
            }
            Within::Binary => {}
            Within::Values => self.see_in_values(before, byte),
            Within::Quotes(_) | Within::LongQuotes if self.is_escaped => {
                self.is_escaped = false;
                self.before = [0; 2];
            }
            Within::Quotes(_) | Within::LongQuotes if byte == b'\\' => self.is_escaped = true,
            Within::Quotes(quote) if byte == quote => self.within = Within::Values,
            Within::LongQuotes if before == *b"''" && byte == b'\'' => self.enter(Within::Values),
            Within::LineComment if matches!(byte, b'\n' | b'\r') => self.enter(Within::Values),
            Within::BlockComment if before[1] == b'*' && byte == b'/' => self.enter(Within::Values),
            Within::Lob if before[1] == b'}' && byte == b'}' => self.enter(Within::Values),
            _ => {}
        }
    }

    fn see_in_values(&mut self, before: [u8; 2], byte: u8) {
        match (before[1], byte) {
            // The third of three quotes: the first two looked like an empty symbol.
            (b'\'', b'\'') if before[0] == b'\'' => self.enter(Within::LongQuotes),
            (_, b'"' | b'\'') => self.within = Within::Quotes(byte),
            (b'/', b'/') => self.enter(Within::LineComment),
            (b'/', b'*') => self.enter(Within::BlockComment),
            (b'{', b'{') => {
                self.depth -= 1;
                self.enter(Within::Lob);
            }
            (_, b'[' | b'{' | b'(') => self.depth += 1,
            (_, b']' | b'}' | b')') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

impl<R: Read> Read for Nesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_too_deep {
            return Err(io::Error::other("it nests deeper than any item can"));
        }
        let count = self.reader.read(buffer)?;
        for (index, byte) in buffer[..count].iter().enumerate() {
            self.see(*byte);
            if self.depth > DEPTH_MAX {
                // What comes before is good, and read first.
                self.is_too_deep = true;
                return Ok(index + 1);
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::Nesting;

    fn is_read(text: &str) -> bool {
        // In pieces of one byte and as a whole.
        let mut whole = Vec::new();
        let read = Nesting::new(text.as_bytes()).read_to_end(&mut whole).is_ok();
        let mut nesting = Nesting::new(text.as_bytes());
        let mut byte = [0];
        let by_bytes = loop {
            match nesting.read(&mut byte) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(_) => break false,
            }
        };
        assert_eq!(read, by_bytes, "{text}");
        read
    }

    #[test]
    fn only_brackets_of_values_count() {
        let open = "[".repeat(100);
        for text in [
            format!("{{a:\"{open}\"}}"),
            format!("{{a:\"\\\"{open}\"}}"),
            format!("{{'{open}':1}}"),
            format!("{{a:'''{open}'{open}''{open}'''}}"),
            format!("{{a:'''\\'''{open}'''}}"),
            format!("// {open}\n{{}}"),
            format!("/* {open} * / {open} */ {{}}"),
            "[[]]".repeat(1000),
            "{a:{{AAAA}},b:{{////}}}".repeat(1000),
            format!("{{a:'',b:\"{open}\"}}"),
        ] {
            assert!(is_read(&text), "{text}");
        }
        for text in [
            open.clone(),
            "{a:".repeat(100),
            "(".repeat(100),
            format!("{{a:\"\"}} {open}"),
            format!("{{a:'b'}} {open}"),
            format!("'''a''' '''b''' {open}"),
            format!("// comment\n{open}"),
            format!("/* a */ {open}"),
            format!("{{a:{{{{AAAA}}}}}} {open}"),
            format!("{{a:\"\\\\\"}} {open}"),
        ] {
            assert!(!is_read(&text), "{text}");
        }
    }
}
