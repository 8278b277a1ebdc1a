//! What values of a request must keep to: bounds on lengths and numbers, and patterns.

/// Bounds of a value: of a number, or of the length of a text, list or map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub min: i64,
    pub max: i64,
    pub pattern: Option<Pattern>,
    /// Whether the name of a resource (`arn:...`) is exempt from `max` and `pattern`.
    pub or_arn: bool,
    /// Whether messages list the pattern after the bounds.
    pub pattern_last: bool,
}

/// The length that the model allows the name of a resource.
const ARN_LENGTH_MAX: i64 = 1024;

impl Limits {
    /// No limits.
    pub const NONE: Limits = Limits {
        min: i64::MIN,
        max: i64::MAX,
        pattern: None,
        or_arn: false,
        pattern_last: false,
    };

    /// The limits that count for a text.
    pub fn for_text(self, text: &str) -> Limits {
        if self.or_arn && text.starts_with("arn:") {
            return Limits {
                max: ARN_LENGTH_MAX,
                pattern: None,
                ..self
            };
        }
        self
    }

    /// Whether a text keeps to the limits.
    pub fn admit_text(self, text: &str) -> bool {
        let limits = self.for_text(text);
        limits.admit_number(text_length(text)) && limits.pattern.is_none_or(|pattern| pattern.matches(text))
    }

    /// Whether a list or map of so many members keeps to the limits.
    pub fn admit_length(self, length: usize) -> bool {
        self.admit_number(length as i64)
    }

    /// Whether a number keeps to the limits.
    pub fn admit_number(self, number: i64) -> bool {
        (self.min..=self.max).contains(&number)
    }
}

/// The length of a text as the service counts it: in UTF-16 units.
pub(crate) fn text_length(text: &str) -> i64 {
    if text.is_ascii() {
        return text.len() as i64;
    }
    text.encode_utf16().count() as i64
}

/// The patterns of the model, each matched by hand. A pattern matches the whole text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "which of them are in use is the model's choice")]
pub(crate) enum Pattern {
    /// Names of tables, indexes and backups.
    Name,
    /// One or more printable ASCII characters.
    Printable,
    /// The same, as CloudWatch writes it for what concerns its rules.
    RuleName,
    /// Any text without control characters, line ends and tabs excepted.
    Text,
    /// An account's id.
    Account,
    /// A delimiter of CSV.
    Delimiter,
    /// A header of CSV.
    Header,
    /// Groups of 16 hexadecimal digits.
    HexToken,
    /// One or more characters without `$`.
    ClientToken,
    /// The name of a bucket.
    Bucket,
    /// A UUID.
    Uuid,
    /// A namespace of metrics: not empty, and no colon in front.
    Namespace,
    /// The ARN of a scalable target.
    ScalableTarget,
    /// The name of a scheduled action: no control characters, colons, slashes or bars, no blanks
    /// at its ends.
    ActionName,
}

impl Pattern {
    /// The pattern as the model writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Pattern::Name => "[a-zA-Z0-9_.-]+",
            Pattern::Printable => r"\p{Print}+",
            Pattern::RuleName => r"[\x20-\x7E]+",
            Pattern::Text => r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*",
            Pattern::Account => "[0-9]{12}",
            Pattern::Delimiter => r"[,;:|\t ]",
            Pattern::Header => r"[\x20-\x21\x23-\x2B\x2D-\x7E]*",
            Pattern::HexToken => "([0-9a-f]{16})+",
            Pattern::ClientToken => r"^[^\$]+$",
            Pattern::Bucket => r"^[a-z0-9A-Z]+[\.\-\w]*[a-z0-9A-Z]+$",
            Pattern::Namespace => "[^:].*",
            Pattern::ScalableTarget => {
                r"^arn:.+:application-autoscaling:.+:[0-9]+:scalable-target\/[a-zA-Z0-9-]+$"
            }
            Pattern::ActionName => {
                r"(?!((^[ ]+.*)|(.*([\u0000-\u001f]|[\u007f-\u009f]|[:/|])+.*)|(.*[ ]+$))).+"
            }
            Pattern::Uuid => "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        }
    }

    /// Whether the pattern matches the whole text.
    pub fn matches(self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let some_of = |admit: fn(u8) -> bool| !bytes.is_empty() && bytes.iter().all(|&byte| admit(byte));
        match self {
            Pattern::Name => some_of(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)),
            Pattern::Printable | Pattern::RuleName => some_of(|byte| (0x20..0x7F).contains(&byte)),
            Pattern::Text => text
                .chars()
                .all(|letter| letter >= ' ' || matches!(letter, '\r' | '\n' | '\t')),
            Pattern::Account => bytes.len() == 12 && bytes.iter().all(u8::is_ascii_digit),
            Pattern::Delimiter => bytes.len() == 1 && b",;:|\t ".contains(&bytes[0]),
            Pattern::Header => bytes
                .iter()
                .all(|&byte| (0x20..0x7F).contains(&byte) && byte != b'"' && byte != b','),
            Pattern::HexToken => {
                !bytes.is_empty() && bytes.len().is_multiple_of(16) && bytes.iter().all(|&byte| is_hex(byte))
            }
            Pattern::ClientToken => some_of(|byte| byte != b'$'),
            Pattern::Bucket => {
                let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
                bytes.len() >= 2
                    && is_end(bytes.first())
                    && is_end(bytes.last())
                    && some_of(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
            }
            Pattern::Namespace => !text.is_empty() && !text.starts_with(':') && !text.contains(['\n', '\r']),
            Pattern::ScalableTarget => {
                let mut parts = text.splitn(6, ':');
                let mut next = || parts.next().unwrap_or_default();
                let starts = next() == "arn" && !next().is_empty() && next() == "application-autoscaling";
                let (region, account, resource) = (next(), next(), next());
                starts
                    && !region.is_empty()
                    && !account.is_empty()
                    && account.bytes().all(|byte| byte.is_ascii_digit())
                    && resource.strip_prefix("scalable-target/").is_some_and(|id| {
                        !id.is_empty()
                            && id
                                .bytes()
                                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    })
            }
            Pattern::ActionName => {
                !text.is_empty()
                    && !text.starts_with(' ')
                    && !text.ends_with(' ')
                    && !text.contains(|letter: char| letter.is_control() || ":/|".contains(letter))
            }
            Pattern::Uuid => {
                let mut groups = text.split('-');
                let fits = |length: usize| {
                    groups
                        .next()
                        .is_some_and(|group| group.len() == length && group.bytes().all(is_hex))
                };
                [8, 4, 4, 4, 12].into_iter().all(fits) && bytes.len() == 36
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_the_model_says() {
        let cases = [
            (Pattern::Name, "a_B.9-", true),
            (Pattern::Name, "", false),
            (Pattern::Name, "a b", false),
            (Pattern::Name, "ä", false),
            (Pattern::Printable, "a ~", true),
            (Pattern::Printable, "\n", false),
            (Pattern::RuleName, "PKC-a", true),
            (Pattern::RuleName, "", false),
            (Pattern::Text, "a\r\n\tü😀", true),
            (Pattern::Text, "\u{1}", false),
            (Pattern::Account, "012345678901", true),
            (Pattern::Account, "01234567890", false),
            (Pattern::Delimiter, "\t", true),
            (Pattern::Delimiter, ",,", false),
            (Pattern::Header, "a\"", false),
            (Pattern::Header, "", true),
            (Pattern::HexToken, "0123456789abcdef", true),
            (Pattern::HexToken, "0123456789abcdeF", false),
            (Pattern::ClientToken, "a$", false),
            (Pattern::Bucket, "a.b-c", true),
            (Pattern::Bucket, "a.", false),
            (Pattern::Uuid, "01234567-89ab-cdef-0123-456789abcdef", true),
            (Pattern::Uuid, "01234567-89ab-cdef-0123-456789abcde", false),
            (Pattern::Namespace, "AWS/DynamoDB", true),
            (Pattern::Namespace, ":a", false),
            (
                Pattern::ScalableTarget,
                "arn:aws:application-autoscaling:eu-west-2:000000000000:scalable-target/0a-b",
                true,
            ),
            (
                Pattern::ScalableTarget,
                "arn:aws:dynamodb:eu-west-2:000000000000:table/t",
                false,
            ),
            (Pattern::ActionName, "every night", true),
            (Pattern::ActionName, " a", false),
            (Pattern::ActionName, "a/b", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(pattern.matches(text), expected, "{pattern:?} {text:?}");
        }
    }
}
