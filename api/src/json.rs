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

/// The longest string that is short, as most names and many values are.
const SHORT_BYTES_MAX: usize = 32;

/// What a short string takes with all that is around it: at most 16 bytes.
const SHORT_ROOM_BYTES: usize = SHORT_BYTES_MAX + 16;

/// Whether any of these bytes has to be escaped: is below 0x20, a quote or a backslash.
#[inline(always)]
fn any_escape<const BYTES: usize>(bytes: &[u8; BYTES]) -> bool {
    // Without a way out in between, so that all are looked at together.
    let found = bytes.iter().fold(0, |found, &byte| {
        found | u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\')
    });
    found != 0
}

/// The same of eight bytes in a word.
#[inline(always)]
fn any_escape_in_word(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // A byte that is below `limit`, or zero, borrows into its high bit. A borrow may also mark a byte
    // above one that is marked, which changes nothing of whether any is.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    below(word, 0x20) | below(quote, 1) | below(backslash, 1) != 0
}

/// Whether a string of a chunk or more needs no escapes.
#[inline(always)]
fn is_clean_with(text: &[u8]) -> bool {
    let (chunks, _) = text.as_chunks::<CHUNK_BYTES>();
    // The last chunk may overlap the one before it.
    let last = text.last_chunk::<CHUNK_BYTES>();
    !chunks.iter().chain(last).any(any_escape)
}

/// The same code, compiled for the vectors that most processors have had since 2013.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn is_clean_avx2(text: &[u8]) -> bool {
    is_clean_with(text)
}

fn is_clean(text: &[u8]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has been asked.
        return unsafe { is_clean_avx2(text) };
    }
    is_clean_with(text)
}

/// Appends a string in quotes; `text` is UTF-8.
pub(crate) fn append_string(out: &mut Vec<u8>, text: &[u8]) {
    append_enclosed(out, b"\"", text, b"\"");
}

/// Appends a string; `before` ends with its first quote, and `after` begins with its last. Both together
/// are no longer than 16 bytes.
#[inline]
pub(crate) fn append_enclosed<const BEFORE: usize, const AFTER: usize>(
    out: &mut Vec<u8>,
    before: &[u8; BEFORE],
    text: &[u8],
    after: &[u8; AFTER],
) {
    const { assert!(BEFORE + AFTER + SHORT_BYTES_MAX <= SHORT_ROOM_BYTES) };
    let start = out.len();
    if text.len() <= SHORT_BYTES_MAX {
        // Room of one length is made with one look at the buffer, and filled with no call.
        out.extend_from_slice(&[0; SHORT_ROOM_BYTES]);
        let room = &mut out[start..];
        room[..BEFORE].copy_from_slice(before);
        let end = BEFORE + text.len();
        let has_escape = copy_short(&mut room[BEFORE..end], text);
        room[end..end + AFTER].copy_from_slice(after);
        out.truncate(start + end + AFTER);
        if !has_escape {
            return;
        }
        out.truncate(start);
    }
    append_long(out, before, text, after);
}

/// Copies a short string, and tells whether any of it has to be escaped. Both are as long.
#[inline(always)]
fn copy_short(target: &mut [u8], text: &[u8]) -> bool {
    /// The first and the last bytes, which may overlap.
    fn copy_ends<const BYTES: usize>(target: &mut [u8], text: &[u8]) -> Option<[[u8; BYTES]; 2]> {
        let (first, last) = (text.first_chunk()?, text.last_chunk()?);
        *target.first_chunk_mut()? = *first;
        *target.last_chunk_mut()? = *last;
        Some([*first, *last])
    }
    if let Some(ends) = copy_ends::<16>(target, text) {
        return ends.iter().any(any_escape);
    }
    if let Some([first, last]) = copy_ends::<8>(target, text) {
        return any_escape_in_word(u64::from_le_bytes(first)) || any_escape_in_word(u64::from_le_bytes(last));
    }
    if let Some([first, last]) = copy_ends::<4>(target, text) {
        let [first, last] = [first, last].map(|half| u64::from(u32::from_le_bytes(half)));
        return any_escape_in_word(first | last << 32);
    }
    let mut has_escape = false;
    for (target, &byte) in target.iter_mut().zip(text) {
        *target = byte;
        has_escape |= ESCAPES[usize::from(byte)] != 0;
    }
    has_escape
}

/// Appends what is long, or has something to escape.
fn append_long(out: &mut Vec<u8>, before: &[u8], text: &[u8], after: &[u8]) {
    out.reserve(before.len() + text.len() + after.len());
    out.extend_from_slice(before);
    if text.len() >= CHUNK_BYTES && is_clean(text) {
        out.extend_from_slice(text);
    } else {
        let (chunks, rest) = text.as_chunks::<CHUNK_BYTES>();
        for chunk in chunks {
            match any_escape(chunk) {
                true => append_escaped(out, chunk),
                false => out.extend_from_slice(chunk),
            }
        }
        append_escaped(out, rest);
    }
    out.extend_from_slice(after);
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
        // Each letter at each place of strings of all lengths that are copied in different ways.
        let mut texts: Vec<String> = (0..0x100)
            .filter_map(char::from_u32)
            .flat_map(|letter| {
                let lengths = (0..20).chain(28..37).chain(62..68);
                lengths.flat_map(move |before| {
                    [0, 1, 4, 13].map(|after| format!("{}{letter}{}", "a".repeat(before), "b".repeat(after)))
                })
            })
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
