//! What can go wrong, each with the object that it is about.

use std::fmt;

/// Why a transfer did not succeed.
#[derive(Debug)]
pub enum Error {
    /// A place or a setting cannot be used.
    Unusable {
        /// The place or the setting.
        what: String,
        /// Why, and what to do about it.
        reason: String,
    },
    /// An object cannot be read or written.
    Unreachable {
        /// The object, or the place that was to be listed.
        object: String,
        /// What the store says.
        source: Box<object_store::Error>,
    },
    /// An object is not there.
    Missing {
        /// The object.
        object: String,
        /// What it is missing from.
        reason: String,
    },
    /// An object is not what it should be.
    Damaged {
        /// The object.
        object: String,
        /// How that shows.
        reason: String,
    },
    /// The database refused.
    Refused(api::Error),
    /// A part of this process ended before its time.
    Interrupted,
}

impl Error {
    /// A place or a setting that cannot be used.
    pub fn unusable(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Unusable {
            what: what.into(),
            reason: reason.into(),
        }
    }

    /// A damaged object.
    pub(crate) fn damaged(object: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Damaged {
            object: object.into(),
            reason: reason.into(),
        }
    }

    /// A missing object.
    pub(crate) fn missing(object: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Missing {
            object: object.into(),
            reason: reason.into(),
        }
    }

    /// Whether the object that it is about is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Error::Missing { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unusable { what, reason } => write!(formatter, "{what} {reason}"),
            Error::Unreachable { object, source } => write!(formatter, "{object}: {source}"),
            Error::Missing { object, reason } => write!(formatter, "{object} is missing: {reason}"),
            Error::Damaged { object, reason } => write!(formatter, "{object} is damaged: {reason}"),
            Error::Refused(error) if error.message.is_empty() => write!(formatter, "{}", error.kind.name()),
            Error::Refused(error) => write!(formatter, "{}: {}", error.kind.name(), error.message),
            Error::Interrupted => write!(formatter, "a part of the program ended before its time"),
        }
    }
}

impl std::error::Error for Error {}

impl From<api::Error> for Error {
    fn from(error: api::Error) -> Self {
        Error::Refused(error)
    }
}
