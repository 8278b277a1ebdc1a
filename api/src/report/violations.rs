//! Values that break a constraint of the model: found in the service's order, and reported in its
//! words.

use super::tables::{MemberShape, Report, Shape, StructureShape};
use super::tree::Json;
use super::{echo, member};
use crate::limits::{Limits, text_length};

/// How many violations a message lists.
const LISTED_MAX: usize = 10;

/// How much of a map's key shows in the way to a value, in bytes. The service shows all of it.
const KEY_SHOWN_BYTES_MAX: usize = 1024;

/// One broken constraint.
struct Violation {
    text: String,
    report: Reported,
}

/// How a violation appears in the message.
#[derive(Clone, Copy, PartialEq)]
enum Reported {
    /// Among the others.
    Together,
    /// Alone, in the envelope.
    Alone,
    /// Alone, as a bare sentence.
    Bare,
}

/// The message about all constraints that a request breaks; `None` where it breaks none.
pub(super) fn describe(report: &Report, request: &Json) -> Option<String> {
    let is_older = report
        .older_without
        .is_some_and(|without| member(request, without).is_none());
    let of = |members: &[&'static str]| {
        let mut found = Walk {
            is_older,
            violations: Vec::new(),
            together: 0,
        };
        for name in members {
            if let Some(shape) = report.input.members.iter().find(|known| known.name == *name) {
                let bare_from = found.violations.len();
                found.member(shape, request, &Path::ROOT);
                if report.bare.contains(name) && !is_older {
                    for violation in &mut found.violations[bare_from..] {
                        violation.report = Reported::Bare;
                    }
                }
            }
        }
        found.violations
    };
    let listed = match is_older {
        true => report.older_order.to_vec(),
        false => report.phases.concat(),
    };
    let unlisted = report.input.members.iter().map(|known| known.name);
    let unlisted: Vec<&str> = unlisted.filter(|name| !listed.contains(name)).collect();
    if is_older {
        return message(of(&[listed, unlisted].concat()));
    }
    report
        .phases
        .iter()
        .copied()
        .chain([unlisted.as_slice()])
        .find_map(|phase| message(of(phase)))
}

fn message(violations: Vec<Violation>) -> Option<String> {
    for kind in [Reported::Bare, Reported::Alone] {
        if let Some(alone) = violations.iter().find(|violation| violation.report == kind) {
            return Some(match kind {
                Reported::Bare => alone.text.clone(),
                _ => format!("1 validation error detected: {}", alone.text),
            });
        }
    }
    let listed: Vec<&str> = violations
        .iter()
        .take(LISTED_MAX)
        .map(|violation| violation.text.as_str())
        .collect();
    match listed.len() {
        0 => None,
        1 => Some(format!("1 validation error detected: {}", listed[0])),
        count => Some(format!(
            "{count} validation errors detected: {}",
            listed.join("; ")
        )),
    }
}

/// The way to a value, in the two spellings of messages.
struct Path {
    /// `requestItems.table.member.keys`
    spoken: String,
    /// `RequestItems.table.member.Keys`
    modelled: String,
}

impl Path {
    const ROOT: Path = Path {
        spoken: String::new(),
        modelled: String::new(),
    };

    fn member(&self, shape: &MemberShape) -> Path {
        let join = |before: &str, name: &str| match before {
            "" => name.to_owned(),
            _ => format!("{before}.{name}"),
        };
        Path {
            spoken: join(&self.spoken, shape.spoken),
            modelled: join(&self.modelled, shape.name),
        }
    }

    /// The way to an element of the list, or to the value of a key of the map, at this path.
    fn element(&self, key: &str) -> Path {
        let key = echo::cut(key, KEY_SHOWN_BYTES_MAX);
        Path {
            spoken: format!("{}.{key}.member", self.spoken),
            modelled: format!("{}.{key}.member", self.modelled),
        }
    }
}

fn length_at_least(min: i64) -> String {
    format!("Member must have length greater than or equal to {min}")
}

fn length_at_most(max: i64) -> String {
    format!("Member must have length less than or equal to {max}")
}

/// The constraints of the limits, as messages list them for keys and values of maps.
fn constraints(limits: &Limits) -> String {
    let mut listed = Vec::new();
    if limits.max != i64::MAX {
        listed.push(length_at_most(limits.max));
    }
    if limits.min != i64::MIN {
        listed.push(length_at_least(limits.min));
    }
    listed.extend(limits.pattern.map(|pattern| {
        format!(
            "Member must satisfy regular expression pattern: {}",
            pattern.as_str()
        )
    }));
    listed.join(", ")
}

/// A member's value as messages show it.
fn shown(known: &MemberShape, value: &Json) -> String {
    match known.json_echo {
        true => echo::compact(value),
        false => echo::java(&known.shape, value),
    }
}

struct Walk {
    is_older: bool,
    violations: Vec<Violation>,
    /// How many violations were found that are reported together.
    together: usize,
}

impl Walk {
    fn push(&mut self, report: Reported, text: String) {
        let report = if self.is_older { Reported::Together } else { report };
        self.together += usize::from(report == Reported::Together);
        // Violations beyond those that are listed are neither shown nor counted.
        if report != Reported::Together || self.together <= LISTED_MAX {
            self.violations.push(Violation { text, report });
        }
    }

    fn missing(&mut self, path: &Path) {
        self.push(
            Reported::Together,
            format!(
                "Value null at '{}' failed to satisfy constraint: Member must not be null",
                path.spoken
            ),
        );
    }

    fn structure(&mut self, shape: &StructureShape, object: &Json, path: &Path) {
        for known in shape.members {
            self.member(known, object, path);
        }
    }

    fn member(&mut self, known: &MemberShape, object: &Json, path: &Path) {
        let path = path.member(known);
        match member(object, known.name) {
            Some(value) => self.given(known, value, &path),
            None => {
                let is_excused = known
                    .required_unless
                    .is_none_or(|excuse| member(object, excuse).is_some());
                match known.missing {
                    _ if !known.required && is_excused => {}
                    Some(sentence) => self.push(Reported::Bare, sentence.to_owned()),
                    None => self.missing(&path),
                }
            }
        }
    }

    /// A member that is given: its own constraints, then those within.
    fn given(&mut self, known: &MemberShape, value: &Json, path: &Path) {
        match (&known.shape, value) {
            (Shape::Enum { older, current }, Json::Text(text)) if !older.contains(&text.as_str()) => {
                self.unknown_name(known, text, path, older, current);
            }
            (Shape::Text(limits), Json::Text(text)) => self.text(known, limits, text, path),
            (Shape::Integer(limits) | Shape::Long(limits), Json::Integer(_) | Json::Decimal(_)) => {
                let number = match value {
                    Json::Integer(number) => *number,
                    Json::Decimal(number) => crate::decode::floor(*number),
                    _ => return,
                };
                self.bounds(known, limits, number, value, path, "value");
            }
            (Shape::List { limits, .. }, Json::List(elements)) => {
                self.bounds(known, limits, elements.len() as i64, value, path, "length");
            }
            (Shape::Map { limits, .. }, Json::Map(entries)) => {
                self.bounds(known, limits, entries.len() as i64, value, path, "length");
            }
            _ => {}
        }
        let shown = || shown(known, value);
        self.within(&known.shape, value, path, &shown);
    }

    fn unknown_name(
        &mut self,
        known: &MemberShape,
        text: &str,
        path: &Path,
        older: &[&str],
        current: &[&str],
    ) {
        if let (Some(sentence), false) = (known.sentence, self.is_older) {
            self.push(Reported::Bare, sentence.to_owned());
        } else if known.nameless && !self.is_older {
            let listed = current.join(", ");
            self.push(
                Reported::Together,
                format!("Failed to satisfy constraint: Member must satisfy enum value set: [{listed}]"),
            );
        } else {
            self.not_in_enum(text, path, older);
        }
    }

    fn not_in_enum(&mut self, text: &str, path: &Path, values: &[&str]) {
        self.push(
            Reported::Together,
            format!(
                "Value '{}' at '{}' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
                echo::text(text),
                path.spoken,
                values.join(", ")
            ),
        );
    }

    fn text(&mut self, known: &MemberShape, limits: &Limits, text: &str, path: &Path) {
        let limits = limits.for_text(text);
        let value = Json::Text(text.to_owned());
        // Of an empty name where one letter is enough, only its length is reported.
        let is_only_empty = text.is_empty() && limits.min == 1;
        let broken = limits.pattern.filter(|pattern| !is_only_empty && !pattern.matches(text)).map(|pattern| {
            format!(
                "Value '{}' at '{}' failed to satisfy constraint: Member must satisfy regular expression pattern: {}",
                echo::text(text),
                path.spoken,
                pattern.as_str()
            )
        });
        if let (Some(broken), false) = (&broken, limits.pattern_last) {
            self.push(Reported::Together, broken.clone());
        }
        self.bounds(known, &limits, text_length(text), &value, path, "length");
        if let (Some(broken), true) = (broken, limits.pattern_last) {
            self.push(Reported::Together, broken);
        }
    }

    /// The bounds of a number or of a length.
    fn bounds(
        &mut self,
        known: &MemberShape,
        limits: &Limits,
        number: i64,
        value: &Json,
        path: &Path,
        what: &str,
    ) {
        let (bound, relation, sentence, is_generic) = if number < limits.min {
            (limits.min, "greater", known.below, known.generic_min)
        } else if number > limits.max {
            (limits.max, "less", known.above, known.generic_max)
        } else {
            return;
        };
        let constraint = format!("Member must have {what} {relation} than or equal to {bound}");
        if let (Some(sentence), false) = (sentence, self.is_older) {
            self.push(Reported::Bare, sentence.to_owned());
        } else if is_generic && !self.is_older {
            self.push(
                Reported::Alone,
                format!(
                    "Value at '{}' failed to satisfy constraint: {constraint}",
                    path.modelled
                ),
            );
        } else {
            let shown = shown(known, value);
            self.push(
                Reported::Together,
                format!(
                    "Value '{shown}' at '{}' failed to satisfy constraint: {constraint}",
                    path.spoken
                ),
            );
        }
    }

    /// What a value holds; `shown` shows the value of the member that holds it all.
    fn within(&mut self, shape: &Shape, value: &Json, path: &Path, shown: &dyn Fn() -> String) {
        match (shape, value) {
            (Shape::Structure(structure), Json::Map(_)) => self.structure(structure, value, path),
            (Shape::List { element, .. }, Json::List(elements)) => {
                if let Shape::Text(limits) = element {
                    let breaks = |value: &Json| matches!(value, Json::Text(text) if !limits.admit_text(text));
                    if elements.iter().any(breaks) {
                        self.members_of("Member must", limits, path, shown);
                    }
                }
                for (index, value) in elements.iter().enumerate() {
                    self.element(element, value, &path.element(&(index + 1).to_string()), shown);
                }
            }
            (
                Shape::Map {
                    key_limits,
                    value: entry,
                    ..
                },
                Json::Map(entries),
            ) => {
                if entries.keys().any(|key| !key_limits.admit_text(key)) {
                    self.members_of("Map keys must", key_limits, path, shown);
                }
                let broken = entries.values().find_map(|value| match (entry, value) {
                    (Shape::Text(limits), Json::Text(text)) if !limits.admit_text(text) => Some(limits),
                    (Shape::List { limits, .. }, Json::List(elements))
                        if !limits.admit_length(elements.len()) =>
                    {
                        Some(limits)
                    }
                    _ => None,
                });
                if let Some(limits) = broken {
                    self.members_of("Map value must", limits, path, shown);
                }
                for (key, value) in entries {
                    self.element(entry, value, &path.element(key), shown);
                }
            }
            _ => {}
        }
    }

    fn members_of(&mut self, subject: &str, limits: &Limits, path: &Path, shown: &dyn Fn() -> String) {
        self.push(
            Reported::Together,
            format!(
                "Value '{}' at '{}' failed to satisfy constraint: {subject} satisfy constraint: [{}]",
                shown(),
                path.spoken,
                constraints(limits)
            ),
        );
    }

    /// An element of a list or the value of a map's entry.
    fn element(&mut self, shape: &Shape, value: &Json, path: &Path, shown: &dyn Fn() -> String) {
        // Those found fill the message; what is reported alone comes before so many others.
        if self.together > 100 * LISTED_MAX {
            return;
        }
        match (shape, value) {
            // An attribute value that is null is an empty one, which is not a matter of its shape.
            (Shape::AttributeValue, Json::Null) => {}
            (_, Json::Null) => self.missing(path),
            (Shape::Enum { older, .. }, Json::Text(text)) if !older.contains(&text.as_str()) => {
                self.not_in_enum(text, path, older);
            }
            _ => self.within(shape, value, path, shown),
        }
    }
}
