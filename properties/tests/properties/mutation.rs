//! What stands in for a fuzzer: inputs differ, and each is repeated by its seed.

use std::collections::HashSet;

use properties::mutation::{Mutator, dictionary};

#[test]
fn dictionaries_are_read() {
    let text = "# comment\n\nname=\"a\\\"b\"\n\"\\x00\\\\\"\n";
    assert_eq!(dictionary(text), [b"a\"b".to_vec(), vec![0, b'\\']]);
}

#[test]
fn a_seed_stands_for_one_input_and_seeds_differ() {
    let mutator = Mutator::new(
        vec![b"SET a = :b".to_vec(), b"REMOVE c[12]".to_vec()],
        vec![b"ADD".to_vec()],
    );
    let inputs: HashSet<Vec<u8>> = (0..1000).map(|seed| mutator.input(seed)).collect();
    assert!(inputs.len() > 800, "{}", inputs.len());
    assert_eq!(mutator.input(7), mutator.input(7));
    assert!(
        inputs
            .iter()
            .any(|input| input.windows(3).any(|part| part == b"ADD"))
    );
}
