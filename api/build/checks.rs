//! Limits and the expressions that check them, shared by everything that is generated.

use crate::model::{Kind, Model};
use crate::wording::{Limits, Wording};

/// The patterns in use, and the variant of `Pattern` that matches each.
const PATTERNS: [(&str, &str); 14] = [
    ("[a-zA-Z0-9_.-]+", "Name"),
    ("\\p{Print}+", "Printable"),
    (
        "[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\r\\n\\t]*",
        "Text",
    ),
    ("[0-9]{12}", "Account"),
    ("[,;:|\\t ]", "Delimiter"),
    ("[\\x20-\\x21\\x23-\\x2B\\x2D-\\x7E]*", "Header"),
    ("([0-9a-f]{16})+", "HexToken"),
    ("^[^\\$]+$", "ClientToken"),
    ("^[a-z0-9A-Z]+[\\.\\-\\w]*[a-z0-9A-Z]+$", "Bucket"),
    (
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "Uuid",
    ),
    ("[^:].*", "Namespace"),
    ("[\\x20-\\x7E]+", "RuleName"),
    (
        "^arn:.+:application-autoscaling:.+:[0-9]+:scalable-target\\/[a-zA-Z0-9-]+$",
        "ScalableTarget",
    ),
    (
        "(?!((^[ ]+.*)|(.*([\\u0000-\\u001f]|[\\u007f-\\u009f]|[:/|])+.*)|(.*[ ]+$))).+",
        "ActionName",
    ),
];

/// The limits as an expression of the generated code; `None` where there are none.
pub fn limits_literal(limits: &Limits) -> Option<String> {
    if limits.min.is_none() && limits.max.is_none() && limits.pattern.is_none() {
        return None;
    }
    let bound =
        |bound: Option<i64>, open: &str| bound.map_or_else(|| open.to_owned(), |bound| bound.to_string());
    let pattern = limits.pattern.as_ref().map(|pattern| {
        PATTERNS
            .iter()
            .find(|(text, _)| text == pattern)
            .unwrap_or_else(|| panic!("no matcher is written for the pattern {pattern}"))
            .1
    });
    Some(format!(
        "Limits {{ min: {}, max: {}, pattern: {}, or_arn: {}, pattern_last: {} }}",
        bound(limits.min, "i64::MIN"),
        bound(limits.max, "i64::MAX"),
        pattern.map_or_else(
            || "None".to_owned(),
            |variant| format!("Some(Pattern::{variant})")
        ),
        limits.or_arn,
        limits.pattern_last,
    ))
}

/// An expression that is true where the value that `value` refers to keeps to the limits of its
/// shape and of all that it holds; structures check themselves. `None` where there is nothing to check.
pub fn check(model: &Model, wording: &Wording, shape: &str, place: &str, value: &str) -> Option<String> {
    let limits = limits_literal(&wording.limits(model, shape, place));
    let mut terms = Vec::new();
    match &model.shape(shape).kind {
        Kind::Text => terms.extend(limits.map(|limits| format!("{limits}.admit_text({value})"))),
        Kind::Integer => {
            terms.extend(limits.map(|limits| format!("{limits}.admit_number(i64::from(*{value}))")));
        }
        Kind::Long => terms.extend(limits.map(|limits| format!("{limits}.admit_number(*{value})"))),
        Kind::List(element) => {
            terms.extend(limits.map(|limits| format!("{limits}.admit_length({value}.len())")));
            terms.extend(
                check(model, wording, element, element, "element")
                    .map(|check| format!("{value}.iter().all(|element| {check})")),
            );
        }
        Kind::Map { key, value: entry } => {
            terms.extend(limits.map(|limits| format!("{limits}.admit_length({value}.len())")));
            terms.extend(
                check(model, wording, key, &format!("{shape}.key"), "key")
                    .map(|check| format!("{value}.keys().all(|key| {check})")),
            );
            terms.extend(
                check(model, wording, entry, entry, "entry")
                    .map(|check| format!("{value}.values().all(|entry| {check})")),
            );
        }
        _ => {}
    }
    (!terms.is_empty()).then(|| terms.join(" && "))
}
