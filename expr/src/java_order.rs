//! The order in which the service lists keys of a map in its messages: that of a Java hash set.

/// Puts `keys` into the order of a hash set that was made from a map of `map_len` keys.
pub(crate) fn sort_in_java_order<'k>(keys: &mut [&'k str], map_len: usize) {
    let capacity = (map_len * 4 / 3 + 1).max(16).next_power_of_two() as u32;
    // Stable: keys of one bucket stay as they came.
    keys.sort_by_key(|key: &&'k str| {
        let hash = java_hash(key);
        (hash ^ (hash >> 16)) & (capacity - 1)
    });
}

/// `String.hashCode`.
fn java_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0, |hash: u32, unit| {
        hash.wrapping_mul(31).wrapping_add(u32::from(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_java_does() {
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash(""), 0);
    }

    #[test]
    fn the_number_of_all_keys_decides() {
        let letters: Vec<String> = (b'a'..=b'z')
            .map(|letter| format!("#{}", letter as char))
            .collect();
        let mut keys: Vec<&str> = letters.iter().rev().map(String::as_str).collect();
        sort_in_java_order(&mut keys, 26);
        assert_eq!(keys, letters);
        let mut few = ["#a", "#b", "#c"];
        sort_in_java_order(&mut few, 3);
        assert_eq!(few, ["#c", "#a", "#b"]);
    }
}
