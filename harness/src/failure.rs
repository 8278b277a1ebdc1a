//! Why a run ends without figures: one sentence for the person who started it.

use std::fmt;

/// One sentence that says what is wrong.
#[derive(Debug)]
pub struct Failure(String);

/// What everything in the bench gives back.
pub type Result<T> = std::result::Result<T, Failure>;

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

/// Turns other errors into failures that say what was tried.
pub trait Context<T> {
    /// Puts `what` before the error's own words.
    fn context(self, what: &str) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: &str) -> Result<T> {
        self.map_err(|error| Failure(format!("{what}: {error}")))
    }
}
