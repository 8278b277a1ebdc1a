//! What can be wrong with an attribute value, in the older and the current wording.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::NumberError;

use crate::operation::Layer;

/// What is wrong with an attribute value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueError {
    /// It has none of the datatypes.
    Empty,
    /// It has more than one datatype.
    SeveralTypes,
    /// `NULL` is false.
    NullFalse,
    /// A set of strings without a member.
    EmptyStringSet,
    /// A set of numbers without a member.
    EmptyNumberSet,
    /// A set of binaries without a member.
    EmptyBinarySet,
    /// A set of strings has one twice; its members as sent.
    DuplicateStrings(Vec<String>),
    /// A set of numbers has one twice.
    DuplicateNumbers,
    /// A set of binaries has one twice; its members as sent.
    DuplicateBinaries(Vec<Vec<u8>>),
    /// A number is none, or out of range; the text as sent.
    Number(NumberError, String),
    /// It nests deeper than values may.
    TooDeep,
    /// The name of an attribute is empty.
    EmptyName,
}

/// What most messages begin with.
const INVALID: &str = "One or more parameter values were invalid: ";

/// How many members of a set a message shows.
const SHOWN_BYTES_MAX: usize = 64 * 1024;

impl ValueError {
    /// The message, without what an operation puts around it: see [`crate::Operation::value_error`].
    pub fn message(&self, layer: Layer) -> String {
        let text = match self {
            ValueError::Empty => {
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
            }
            ValueError::SeveralTypes => {
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
            }
            ValueError::NullFalse => {
                return format!("{INVALID}Null attribute value types must have the value of true");
            }
            // The two blanks are the service's.
            ValueError::EmptyStringSet => return format!("{INVALID}An string set  may not be empty"),
            ValueError::EmptyNumberSet => return format!("{INVALID}An number set  may not be empty"),
            ValueError::EmptyBinarySet => return format!("{INVALID}Binary sets should not be empty"),
            ValueError::DuplicateStrings(members) => {
                return match layer {
                    Layer::Older => {
                        format!(
                            "{INVALID}Input collection {} contains duplicates.",
                            list(members.iter(), ", ")
                        )
                    }
                    Layer::Current => {
                        let shown = up_to_repeat(members);
                        let quoted = shown.into_iter().map(|member| format!("\"{member}\""));
                        format!(
                            "{INVALID}Input collection {} contains duplicates.",
                            list(quoted, ", ")
                        )
                    }
                };
            }
            // The missing blank before "of" is the service's.
            ValueError::DuplicateBinaries(members) => {
                let shown = match layer {
                    Layer::Older => list(members.iter().map(|member| STANDARD.encode(member)), ", "),
                    Layer::Current => {
                        let quoted = up_to_repeat(members).into_iter();
                        list(
                            quoted.map(|member| format!("\"{}\"", STANDARD.encode(member))),
                            ",",
                        )
                    }
                };
                return format!("{INVALID}Input collection {shown}of type BS contains duplicates.");
            }
            ValueError::DuplicateNumbers => match layer {
                Layer::Older => "Input collection contains duplicates",
                Layer::Current => return format!("{INVALID}Input collection contains duplicates."),
            },
            ValueError::Number(NumberError::NotANumber, text) => {
                let message = "The parameter cannot be converted to a numeric value";
                return match layer {
                    Layer::Older if text.is_empty() => message.to_owned(),
                    _ => format!("{message}: {text}"),
                };
            }
            ValueError::Number(NumberError::TooManyDigits, _) => {
                "Attempting to store more than 38 significant digits in a Number"
            }
            // The older layer reads the exponent into 32 bits, where it wraps (AWS-FACTS 4).
            ValueError::Number(NumberError::Overflow, text)
                if layer == Layer::Older && exponent_wraps(text) =>
            {
                UNDERFLOW
            }
            ValueError::Number(NumberError::Overflow, _) => {
                "Number overflow. Attempting to store a number with magnitude larger than supported range"
            }
            ValueError::Number(NumberError::Underflow, _) => UNDERFLOW,
            ValueError::TooDeep => {
                "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
            }
            ValueError::EmptyName => "Empty attribute name",
        };
        text.to_owned()
    }

    /// Whether no operation puts anything in front of the message.
    pub fn is_never_wrapped(&self) -> bool {
        matches!(self, ValueError::Empty | ValueError::SeveralTypes)
    }

    /// Whether it is about a number or about a set, which some messages word differently.
    pub fn is_number_or_set(&self) -> bool {
        !matches!(
            self,
            ValueError::Empty
                | ValueError::SeveralTypes
                | ValueError::NullFalse
                | ValueError::TooDeep
                | ValueError::EmptyName
        )
    }
}

const UNDERFLOW: &str =
    "Number underflow. Attempting to store a number with magnitude smaller than supported range";

/// Whether a number's exponent is beyond 32 bits.
fn exponent_wraps(text: &str) -> bool {
    text.rsplit_once(['e', 'E'])
        .and_then(|(_, exponent)| exponent.parse::<i64>().ok())
        .is_some_and(|exponent| exponent >= i64::from(i32::MAX))
}

/// The members in brackets, cut where they get too long.
fn list<T: AsRef<str>>(members: impl Iterator<Item = T>, separator: &str) -> String {
    let mut shown = String::from("[");
    for (index, member) in members.enumerate() {
        if index > 0 {
            shown.push_str(separator);
        }
        if shown.len() > SHOWN_BYTES_MAX {
            break;
        }
        shown.push_str(member.as_ref());
    }
    shown.push(']');
    shown
}

/// Members as the current wording shows them: those before the first repeat in order, then that
/// one, then the rest as sent.
fn up_to_repeat<T: Ord>(members: &[T]) -> Vec<&T> {
    let mut before = BTreeSet::new();
    let repeat = members
        .iter()
        .position(|member| !before.insert(member))
        .unwrap_or(members.len());
    before.into_iter().chain(&members[repeat..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: ValueError, older: &str, current: &str) {
        assert_eq!(error.message(Layer::Older), older);
        assert_eq!(error.message(Layer::Current), current);
    }

    #[test]
    fn messages_of_both_layers() {
        let strings = ["b", "a", "b"].map(str::to_owned).to_vec();
        check(
            ValueError::DuplicateStrings(strings),
            "One or more parameter values were invalid: Input collection [b, a, b] contains duplicates.",
            "One or more parameter values were invalid: Input collection [\"a\", \"b\", \"b\"] contains duplicates.",
        );
        check(
            ValueError::DuplicateBinaries(vec![vec![0xFF], vec![0], vec![0]]),
            "One or more parameter values were invalid: Input collection [/w==, AA==, AA==]of type BS contains duplicates.",
            "One or more parameter values were invalid: Input collection [\"AA==\",\"/w==\",\"AA==\"]of type BS contains duplicates.",
        );
        check(
            ValueError::DuplicateNumbers,
            "Input collection contains duplicates",
            "One or more parameter values were invalid: Input collection contains duplicates.",
        );
        check(
            ValueError::Number(NumberError::NotANumber, String::new()),
            "The parameter cannot be converted to a numeric value",
            "The parameter cannot be converted to a numeric value: ",
        );
        check(
            ValueError::Number(NumberError::Overflow, "1e2147483647".to_owned()),
            "Number underflow. Attempting to store a number with magnitude smaller than supported range",
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        );
    }

    #[test]
    fn a_message_shows_a_bounded_part_of_a_set() {
        let member = "x".repeat(1000);
        let error = ValueError::DuplicateStrings(vec![member; 1000]);
        assert!(error.message(Layer::Older).len() < SHOWN_BYTES_MAX + 2000);
    }
}
