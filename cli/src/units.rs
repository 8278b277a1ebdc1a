//! Sizes and times as people write them.

use std::time::Duration;

/// Reads a size in bytes: `1048576`, `1MiB`, `64 KB`, `2g`.
///
/// `k`, `m`, `g`, `t` and `KiB` to `TiB` are powers of 1024, `KB` to `TB` powers of 1000.
pub fn parse_size_bytes(text: &str) -> Result<u64, String> {
    let hint = || format!("`{text}` is not a size: write a number of bytes, or 64KiB, 256MiB, 1GiB");
    let (number, unit) = split_number(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(hint()),
    };
    let number: u64 = number.parse().map_err(|_| hint())?;
    number.checked_mul(factor).ok_or_else(hint)
}

/// [`parse_size_bytes`] for what must fit memory and hold something.
pub fn parse_memory_bytes(text: &str) -> Result<usize, String> {
    match parse_size_bytes(text)?.try_into() {
        Ok(0) | Err(_) => Err(format!("`{text}` is no size that memory can have")),
        Ok(size_bytes) => Ok(size_bytes),
    }
}

/// Reads a time span: `500ms`, `30s`, `2m`, `1h`; a number alone counts seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match parse_duration_or_zero(text) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err(format!(
            "`{text}` is not a time span above zero: write 500ms, 30s, 5m or 1h"
        )),
    }
}

/// [`parse_duration`] for what may take no time.
pub fn parse_duration_or_zero(text: &str) -> Result<Duration, String> {
    let hint = || format!("`{text}` is not a time span: write 500ms, 30s, 5m or 1h");
    let (number, unit) = split_number(text);
    let factor_ms: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(hint()),
    };
    let number: u64 = number.parse().map_err(|_| hint())?;
    match number.checked_mul(factor_ms) {
        // A year is as good as for ever, and keeps sums of times far from overflow.
        Some(ms @ 0..=31_536_000_000) => Ok(Duration::from_millis(ms)),
        _ => Err(hint()),
    }
}

fn split_number(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let check =
            |text: &str, expected: Option<u64>| assert_eq!(parse_size_bytes(text).ok(), expected, "{text}");
        check("0", Some(0));
        check("1048576", Some(1 << 20));
        check("256MiB", Some(256 << 20));
        check("256 mib", Some(256 << 20));
        check("64k", Some(64 << 10));
        check("2GB", Some(2_000_000_000));
        check("1TiB", Some(1 << 40));
        check("", None);
        check("MiB", None);
        check("1.5GiB", None);
        check("-1", None);
        check("12parsecs", None);
        check("99999999999999999999", None);
        check("99999999999T", None);
        assert!(parse_memory_bytes("0").is_err());
        assert_eq!(parse_memory_bytes("4k"), Ok(4096));
    }

    #[test]
    fn time_spans() {
        let check = |text: &str, expected_ms: Option<u64>| {
            assert_eq!(
                parse_duration(text).ok(),
                expected_ms.map(Duration::from_millis),
                "{text}"
            );
        };
        check("500ms", Some(500));
        check("30s", Some(30_000));
        check("30", Some(30_000));
        check("5m", Some(300_000));
        check("1h", Some(3_600_000));
        check("0", None);
        check("0ms", None);
        check("1d", None);
        check("s", None);
        check("99999999999h", None);
        check("18446744073709551615s", None);
        assert_eq!(parse_duration_or_zero("0"), Ok(Duration::ZERO));
        assert_eq!(parse_duration_or_zero("0ms"), Ok(Duration::ZERO));
        assert_eq!(parse_duration_or_zero("1h"), Ok(Duration::from_secs(3600)));
        assert!(parse_duration_or_zero("-1s").is_err());
    }
}
