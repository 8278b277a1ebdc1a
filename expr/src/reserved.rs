//! The words that an expression can't use as attribute names without a placeholder.

use std::cmp::Ordering;
use std::sync::LazyLock;

/// The published list, in upper case, ascending ("Reserved words in DynamoDB", developer guide).
static RESERVED_WORDS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("reserved_words.txt").lines().collect());

/// Words that are on the published list, but that the service takes as names all the same.
const ACCEPTED: [&str; 2] = ["CONVERT", "SIZE"];

/// Whether `name` is a reserved word, in any case.
pub(crate) fn is_reserved(name: &str) -> bool {
    let order = |word: &&str| -> Ordering {
        let upper = name.bytes().map(|byte| byte.to_ascii_uppercase());
        word.bytes().cmp(upper)
    };
    RESERVED_WORDS.binary_search_by(order).is_ok()
        && !ACCEPTED.iter().any(|word| word.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_in_order() {
        assert_eq!(RESERVED_WORDS.len(), 573);
        assert!(RESERVED_WORDS.is_sorted());
    }

    #[test]
    fn any_case_is_reserved() {
        for name in ["name", "Status", "abOrT", "ZONE", "ABORT"] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["names2", "pk", "size", "Convert", "", "é"] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
