//! Why the program ends without success: one sentence for the person who started it.

use std::fmt;

/// One sentence that says what is wrong and what to do about it.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// A failure that says `sentence`.
    pub fn new(sentence: impl Into<String>) -> Self {
        Failure(sentence.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        Failure(error.to_string())
    }
}
