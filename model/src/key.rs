//! Key attribute values as bytes that sort as the service sorts: unsigned bytes for S and B,
//! numeric order for N.
//!
//! A partition key value is only looked up, never ranged over, so it stands with its length in
//! front. A sort key value that something follows is escaped and ended; one that ends its key
//! stands as it is.

use crate::stored::ValueRef;

/// The byte that starts an escape, and ends an escaped value when [`ESCAPE_END`] follows.
const ESCAPE: u8 = 0x00;
/// Follows [`ESCAPE`] for a zero byte of the value itself.
const ESCAPED_ZERO: u8 = 0xFF;
/// Follows [`ESCAPE`] at the end of a value; below [`ESCAPED_ZERO`], so that a prefix sorts first.
const ESCAPE_END: u8 = 0x01;

/// A value whose type can't be a key attribute's: only S, N and B can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAKeyType;

/// Appends a partition key value: its length in two bytes, then the value.
pub fn append_partition_value(out: &mut Vec<u8>, value: &ValueRef<'_>) -> Result<(), NotAKeyType> {
    let length_at = out.len();
    out.extend_from_slice(&[0, 0]);
    append_last_sort_value(out, value)?;
    let length = u16::try_from(out.len() - length_at - 2).map_err(|_| NotAKeyType)?;
    out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Appends a sort key value that ends its key.
pub fn append_last_sort_value(out: &mut Vec<u8>, value: &ValueRef<'_>) -> Result<(), NotAKeyType> {
    match value {
        ValueRef::String(bytes) | ValueRef::Binary(bytes) => out.extend_from_slice(bytes),
        ValueRef::Number(number) => number.append_ordered(out),
        _ => return Err(NotAKeyType),
    }
    Ok(())
}

/// Appends a sort key value that something follows.
pub fn append_sort_value(out: &mut Vec<u8>, value: &ValueRef<'_>) -> Result<(), NotAKeyType> {
    match value {
        ValueRef::String(bytes) | ValueRef::Binary(bytes) => {
            append_escaped(out, bytes);
            out.extend_from_slice(&[ESCAPE, ESCAPE_END]);
        }
        ValueRef::Number(number) => number.append_ordered(out),
        _ => return Err(NotAKeyType),
    }
    Ok(())
}

/// Appends the beginning that all sort key values share which [`append_sort_value`] writes and
/// whose strings or binaries begin with `prefix`.
pub fn append_escaped(out: &mut Vec<u8>, prefix: &[u8]) {
    for &byte in prefix {
        out.push(byte);
        if byte == ESCAPE {
            out.push(ESCAPED_ZERO);
        }
    }
}

/// The first key above every key that begins with `prefix`; `None` where there is none.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xFF)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Number;

    #[test]
    fn escaped_values_sort_as_the_values_do_whatever_follows() {
        let values: [&[u8]; 8] = [b"", b"\0", b"\0\0", b"\0\x01", b"\x01", b"a", b"a\0", b"ab"];
        for (i, left) in values.iter().enumerate() {
            for (j, right) in values.iter().enumerate() {
                for (left_tail, right_tail) in [(0xFF, 0x00), (0x00, 0xFF)] {
                    let (mut left_key, mut right_key) = (Vec::new(), Vec::new());
                    append_sort_value(&mut left_key, &ValueRef::Binary(left)).unwrap();
                    append_sort_value(&mut right_key, &ValueRef::Binary(right)).unwrap();
                    left_key.push(left_tail);
                    right_key.push(right_tail);
                    if i != j {
                        assert_eq!(left_key.cmp(&right_key), i.cmp(&j), "{left:?} {right:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_escaped_prefix_begins_every_value_with_that_prefix() {
        let mut prefix = Vec::new();
        append_escaped(&mut prefix, b"a\0");
        let mut key = Vec::new();
        append_sort_value(&mut key, &ValueRef::String(b"a\0b")).unwrap();
        assert!(key.starts_with(&prefix));
        assert!(key < prefix_end(&prefix).unwrap());
    }

    #[test]
    fn only_scalars_are_keys() {
        assert_eq!(
            append_sort_value(&mut Vec::new(), &ValueRef::Null),
            Err(NotAKeyType)
        );
        let mut out = Vec::new();
        append_partition_value(&mut out, &ValueRef::Number(Number::from(0))).unwrap();
        assert_eq!(out, [0, 1, 0x80]);
    }

    #[test]
    fn prefix_ends_carry() {
        assert_eq!(prefix_end(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(prefix_end(b"a\xFF"), Some(b"b".to_vec()));
        assert_eq!(prefix_end(b"\xFF\xFF"), None);
    }
}
