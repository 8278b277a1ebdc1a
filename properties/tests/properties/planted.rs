//! Faults that are planted: random changes of the corpus must find them without a fuzzer's help, and
//! within seconds.

use std::time::{Duration, Instant};

use api::{Error, Response};
use model::ValueRef;
use model::key::{self, NotAKeyType};
use properties::json::check_answer;
use properties::keys::{Append, check_with};

use super::{mutator, try_until};

/// How long a fault may stay hidden.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asserts that a fault in the writing of keys is found.
fn found(append: Append, append_last: Append) {
    let check = |input: &[u8]| check_with(input, append, append_last);
    let (_, failed) = try_until(&mutator("keys"), check, Instant::now() + PATIENCE);
    assert!(failed.is_some(), "nobody noticed");
}

#[test]
fn whole_keys_pass() {
    let check = |input: &[u8]| check_with(input, key::append_sort_value, key::append_last_sort_value);
    let deadline = Instant::now() + Duration::from_millis(200);
    let (tried, failed) = try_until(&mutator("keys"), check, deadline);
    assert_eq!(failed, None);
    assert!(tried > 100, "{tried}");
}

/// Zero bytes are not escaped, so that a value ends too early.
#[test]
fn a_missing_escape_is_found() {
    fn append(out: &mut Vec<u8>, value: &ValueRef<'_>) -> Result<(), NotAKeyType> {
        key::append_last_sort_value(out, value)?;
        if !matches!(value, ValueRef::Number(_)) {
            out.extend_from_slice(&[0, 1]);
        }
        Ok(())
    }
    found(append, key::append_last_sort_value);
}

/// Negative numbers sort by their magnitude.
#[test]
fn a_wrong_order_of_negative_numbers_is_found() {
    fn append(out: &mut Vec<u8>, value: &ValueRef<'_>) -> Result<(), NotAKeyType> {
        let start = out.len();
        key::append_sort_value(out, value)?;
        if let ValueRef::Number(_) = value
            && out[start] == 0x40
        {
            out[start + 1] = !out[start + 1];
        }
        Ok(())
    }
    found(append, key::append_last_sort_value);
}

/// The last byte of a long value is lost.
#[test]
fn a_lost_byte_is_found() {
    fn append_last(out: &mut Vec<u8>, value: &ValueRef<'_>) -> Result<(), NotAKeyType> {
        key::append_last_sort_value(out, value)?;
        if let ValueRef::Binary(bytes) = value
            && bytes.len() > 5
        {
            out.pop();
        }
        Ok(())
    }
    found(key::append_sort_value, append_last);
}

#[test]
#[should_panic(expected = "an error has no message")]
fn an_error_without_a_message_is_found() {
    check_answer(&Response::from(&Error::validation("")), b"{}");
}

#[test]
#[should_panic(expected = "an error is no JSON")]
fn a_broken_answer_is_found() {
    let mut answer = Response::from(&Error::validation("why"));
    answer.body.pop();
    check_answer(&answer, b"{}");
}

#[test]
#[should_panic(expected = "500")]
fn an_internal_error_is_found() {
    check_answer(&Response::from(&Error::internal()), b"{}");
}
