//! Writing JSON straight into a buffer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a byte of a string is written as: 0 as it is, `u` as `\u00xx`, another as `\` and that.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escapes[byte] = b'u';
        byte += 1;
    }
    escapes[b'\n' as usize] = b'n';
    escapes[b'\r' as usize] = b'r';
    escapes[b'\t' as usize] = b't';
    escapes[0x08] = b'b';
    escapes[0x0C] = b'f';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes
};

/// How many bytes of a long string are looked at together: compilers make vector instructions of it.
const CHUNK_BYTES: usize = 32;

/// Whether any of these bytes has to be escaped: is below 0x20, a quote or a backslash.
#[inline(always)]
fn any_escape(bytes: &[u8; CHUNK_BYTES]) -> bool {
    // Without a way out in between, so that all are looked at together.
    let found = bytes.iter().fold(0, |found, &byte| {
        found | u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\')
    });
    found != 0
}

/// How many of these chunks, from the first on, need no escapes.
#[inline(always)]
fn clean_chunks_with(chunks: &[[u8; CHUNK_BYTES]]) -> usize {
    chunks.iter().take_while(|chunk| !any_escape(chunk)).count()
}

/// The same code, compiled for the vectors that most processors have had since 2013.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn clean_chunks_avx2(chunks: &[[u8; CHUNK_BYTES]]) -> usize {
    clean_chunks_with(chunks)
}

fn clean_chunks(chunks: &[[u8; CHUNK_BYTES]]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has been asked.
        return unsafe { clean_chunks_avx2(chunks) };
    }
    clean_chunks_with(chunks)
}

/// The same of eight bytes.
#[inline]
fn any_escape_in_word(bytes: [u8; 8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(bytes);
    // A byte that is below `limit`, or zero, borrows into its high bit. A borrow may also mark a byte
    // above one that is marked, which changes nothing of whether any is.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    below(word, 0x20) | below(quote, 1) | below(backslash, 1) != 0
}

/// Appends a string in quotes; `text` is UTF-8.
pub(crate) fn append_string(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text;
    while rest.len() >= CHUNK_BYTES {
        // What needs no escapes is copied at once.
        let (chunks, _) = rest.as_chunks::<CHUNK_BYTES>();
        let clean = clean_chunks(chunks) * CHUNK_BYTES;
        out.extend_from_slice(&rest[..clean]);
        rest = &rest[clean..];
        if let Some((chunk, after)) = rest.split_first_chunk::<CHUNK_BYTES>() {
            append_escaped(out, chunk);
            rest = after;
        }
    }
    append_short(out, rest);
    out.push(b'"');
}

/// Appends a string shorter than a chunk: most names and many values.
#[inline]
fn append_short(out: &mut Vec<u8>, text: &[u8]) {
    let has_escape = match text.last_chunk::<8>() {
        // The last word may overlap the one before it.
        Some(last) => {
            let (words, _) = text.as_chunks::<8>();
            words.iter().any(|word| any_escape_in_word(*word)) || any_escape_in_word(*last)
        }
        None => text.iter().any(|&byte| ESCAPES[usize::from(byte)] != 0),
    };
    if has_escape {
        append_escaped(out, text);
    } else {
        out.extend_from_slice(text);
    }
}

fn append_escaped(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match ESCAPES[usize::from(byte)] {
            0 => out.push(byte),
            b'u' => {
                let digits = b"0123456789abcdef";
                let (high, low) = (digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
            letter => out.extend_from_slice(&[b'\\', letter]),
        }
    }
}

/// Appends an integer.
pub(crate) fn append_integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a number; what is none, or infinite, as zero.
pub(crate) fn append_double(out: &mut Vec<u8>, value: f64) {
    let value = if value.is_finite() { value } else { 0.0 };
    out.extend_from_slice(format!("{value:?}").as_bytes());
}

/// Appends seconds since 1970 with milliseconds, as a decimal without exponent.
pub(crate) fn append_timestamp(out: &mut Vec<u8>, seconds: f64) {
    let millis = (seconds * 1000.0).round() as i64;
    append_integer(out, millis.div_euclid(1000));
    let fraction = millis.rem_euclid(1000);
    if fraction != 0 {
        out.extend_from_slice(format!(".{fraction:03}").as_bytes());
    }
}

/// Appends a binary in base 64 and quotes.
pub(crate) fn append_binary(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
    out.push(b'"');
}

/// Reads base 64.
pub(crate) fn read_binary(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    STANDARD.decode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_as_serde_json_reads_them() {
        let mut texts: Vec<String> = (0..0x100)
            .filter_map(char::from_u32)
            .flat_map(|letter| (0..40).map(move |at| format!("{}{letter}bcdefgh", "a".repeat(at))))
            .collect();
        texts.extend(
            [
                "",
                "ü😀\u{7f}\u{80}",
                "01234567",
                "0123456\"",
                "0123456789abcdef0123456789abcde\"0123456789abcdef0123456789abcdef",
                "\u{20ac}\u{1f}\u{21}",
            ]
            .map(str::to_owned),
        );
        for text in texts {
            let mut out = Vec::new();
            append_string(&mut out, text.as_bytes());
            assert_eq!(
                serde_json::from_slice::<String>(&out).ok().as_ref(),
                Some(&text),
                "{text:?}"
            );
        }
    }

    #[test]
    fn numbers() {
        for (value, expected) in [(0.5, "0.5"), (1.0, "1.0"), (f64::NAN, "0.0"), (1e20, "1e20")] {
            let mut out = Vec::new();
            append_double(&mut out, value);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
        for (value, expected) in [
            (1_363_801_526.123, "1363801526.123"),
            (1_700_000_000.0, "1700000000"),
            (1.05, "1.050"),
            (0.0, "0"),
        ] {
            let mut out = Vec::new();
            append_timestamp(&mut out, value);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    #[test]
    fn binaries() {
        for (bytes, expected) in [
            (&b""[..], "\"\""),
            (b"a", "\"YQ==\""),
            (b"ab", "\"YWI=\""),
            (b"abc", "\"YWJj\""),
        ] {
            let mut out = Vec::new();
            append_binary(&mut out, bytes);
            assert_eq!(String::from_utf8_lossy(&out), expected);
            assert_eq!(read_binary(expected.trim_matches('"')).as_deref(), Ok(bytes));
        }
    }
}
