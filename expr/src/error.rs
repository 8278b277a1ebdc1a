//! What is wrong with an expression, in the service's words.

use std::fmt;

/// Which of a request's expressions a text is; its name stands in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpressionKind {
    /// ConditionExpression
    Condition,
    /// FilterExpression
    Filter,
    /// KeyConditionExpression
    KeyCondition,
    /// ProjectionExpression
    Projection,
    /// UpdateExpression
    Update,
}

impl fmt::Display for ExpressionKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            ExpressionKind::Condition => "ConditionExpression",
            ExpressionKind::Filter => "FilterExpression",
            ExpressionKind::KeyCondition => "KeyConditionExpression",
            ExpressionKind::Projection => "ProjectionExpression",
            ExpressionKind::Update => "UpdateExpression",
        })
    }
}

/// Where an error was found: whether the request alone shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// In the request alone, before any table is looked up.
    Request,
    /// Against the key schema of a table or an index.
    Schema,
}

/// An expression that the service refuses. Displays as the service's message, without the envelope
/// that some operations put around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    kind: ErrorKind,
    message: String,
}

impl ExpressionError {
    pub(crate) fn request(message: impl Into<String>) -> Self {
        ExpressionError {
            kind: ErrorKind::Request,
            message: message.into(),
        }
    }

    pub(crate) fn schema(message: impl Into<String>) -> Self {
        ExpressionError {
            kind: ErrorKind::Schema,
            message: message.into(),
        }
    }

    /// An error of one expression: `Invalid <kind>: <problem>`.
    pub(crate) fn invalid(kind: ExpressionKind, problem: impl fmt::Display) -> Self {
        Self::request(format!("Invalid {kind}: {problem}"))
    }

    /// Where it was found.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for ExpressionError {}

/// Why an update can't be applied to an item. Displays as the service's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateError {
    /// An operand is an attribute that the item does not have.
    MissingAttribute,
    /// An operand, or the attribute that it is added to, is not of the type that the operation needs.
    OperandType,
    /// As [`UpdateError::OperandType`], in the words of the legacy AttributeUpdates.
    LegacyOperandType,
    /// A path leads through something that the item does not have.
    InvalidPath,
    /// The result is no number of the service's.
    Number(model::NumberError),
    /// The result nests deeper than an item may.
    TooDeep,
    /// As [`UpdateError::TooDeep`], in the words of PartiQL.
    PartiQlTooDeep,
}

impl fmt::Display for UpdateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use model::NumberError;
        formatter.write_str(match self {
            UpdateError::MissingAttribute => {
                "The provided expression refers to an attribute that does not exist in the item"
            }
            UpdateError::OperandType => "An operand in the update expression has an incorrect data type",
            UpdateError::LegacyOperandType => "Type mismatch for attribute to update",
            UpdateError::InvalidPath => {
                "The document path provided in the update expression is invalid for update"
            }
            UpdateError::Number(NumberError::Overflow) => {
                "Number overflow. Attempting to store a number with magnitude larger than supported range"
            }
            UpdateError::Number(NumberError::Underflow) => {
                "Number underflow. Attempting to store a number with magnitude smaller than supported range"
            }
            UpdateError::Number(NumberError::TooManyDigits | NumberError::NotANumber) => {
                "Attempting to store more than 38 significant digits in a Number"
            }
            UpdateError::TooDeep => {
                "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels \
                 beyond supported limit"
            }
            UpdateError::PartiQlTooDeep => "Nesting Levels have exceeded supported limits",
        })
    }
}

impl std::error::Error for UpdateError {}
