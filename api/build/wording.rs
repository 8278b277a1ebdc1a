//! What the service does and its model does not say, as data: `models/<service>.wording.json`.
//!
//! A member is named `Structure.Member`, the keys of a map `Map.key`. The entries:
//!
//! - `built`: the operations that this project has; the others are refused by name.
//! - `limits`: bounds of a shape or a member beside those of the model (`null` lifts one).
//!   `or_arn` exempts resource names, `pattern_last` reports the pattern after the lengths.
//! - `required`: members that are required although the model doesn't say so, each unless the member
//!   named is given.
//! - `enums`: the values of an enum in the order in which messages list them, in the older and,
//!   where it differs, in the current wording.
//! - `order`: the members of a structure in the order in which they are checked; others follow.
//! - `missing`: the sentence that reports, alone, that a member is missing.
//! - `generic`: members whose bounds (`min`, `max`) are reported alone, by the model's name, without the value.
//! - `nameless`: members of an enum whose violations name neither value nor member.
//! - `sentence`: members of an enum whose violations are reported alone, by this sentence.
//! - `bounds`: members of which the sentence reports, alone, that a bound (`min` or `max`) is broken.
//! - `json_echo`: members whose value is shown as JSON.
//! - `echo`: the members that show when a structure is shown, in order.
//! - `operations`: see [`Operation`].
//! - `exceptions`: errors that no model has, and what is special about one that a model has: see [`Exception`].

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Kind, Model};

/// The wording of all services.
#[derive(Default)]
pub struct Wording {
    sections: BTreeMap<String, BTreeMap<String, Value>>,
    built: Vec<String>,
}

/// How an operation reports what is wrong.
#[derive(Default)]
pub struct Operation {
    /// Whether it words errors as the newer validation layer does.
    pub current: bool,
    /// Whether it puts `1 validation error detected: ` in front of its own errors.
    pub enveloped: bool,
    /// Groups of members; the first group with a violation is reported alone.
    pub phases: Vec<Vec<String>>,
    /// The member whose absence makes the operation report in the older wording, all at once.
    pub older_without: Option<String>,
    /// The order of members in that older report.
    pub older_order: Vec<String>,
    /// Members whose violations are reported without the envelope.
    pub bare: Vec<String>,
}

/// What a value must keep to.
#[derive(Clone, Default)]
pub struct Limits {
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub pattern: Option<String>,
    pub or_arn: bool,
    pub pattern_last: bool,
}

/// How an error looks on the wire.
pub struct Exception {
    pub namespace: String,
    pub status: u64,
    /// How the member that holds the message is spelled.
    pub message: String,
    /// The name in the protocols that have other names than the model.
    pub code: Option<String>,
}

const SECTIONS: [&str; 13] = [
    "limits",
    "required",
    "enums",
    "order",
    "missing",
    "generic",
    "nameless",
    "sentence",
    "bounds",
    "json_echo",
    "echo",
    "operations",
    "exceptions",
];

fn strings(value: &Value) -> Vec<String> {
    let values = value.as_array().into_iter().flatten();
    values
        .map(|value| match value.as_str() {
            Some(text) => text.to_owned(),
            None => panic!("the wording has {value} where a name belongs"),
        })
        .collect()
}

impl Wording {
    /// Adds the wording of one service.
    pub fn add(&mut self, raw: &Value) {
        for (section, entries) in raw.as_object().expect("a wording is an object") {
            if section == "built" {
                self.built.extend(strings(entries));
                continue;
            }
            // A section of names alone is a list.
            let listed;
            let entries = match entries.as_array() {
                Some(_) => {
                    let names = strings(entries).into_iter().map(|name| (name, Value::Null));
                    listed = Value::Object(names.collect());
                    &listed
                }
                None => entries,
            };
            assert!(
                SECTIONS.contains(&section.as_str()),
                "the wording has an unknown section {section}"
            );
            let known = self.sections.entry(section.clone()).or_default();
            for (name, entry) in entries.as_object().expect("a section of a wording is an object") {
                let before = known.insert(name.clone(), entry.clone());
                assert!(before.is_none(), "two wordings have {section} of {name}");
            }
        }
    }

    /// Refuses names that the models don't have.
    pub fn check(&self, model: &Model) {
        for name in &self.built {
            assert!(
                model.operations.iter().any(|operation| operation.name == *name),
                "the wording has an unknown operation {name}"
            );
        }
        for (section, entries) in &self.sections {
            if section == "exceptions" {
                continue;
            }
            for name in entries.keys() {
                let known = if section == "operations" {
                    model.operations.iter().any(|operation| operation.name == *name)
                } else {
                    match name.split_once('.') {
                        None => model.shapes.contains_key(name),
                        Some((map, "key")) => matches!(model.shape(map).kind, Kind::Map { .. }),
                        Some((structure, member)) => {
                            model.members(structure).iter().any(|known| known.name == member)
                        }
                    }
                };
                assert!(known, "the wording has {section} of the unknown {name}");
            }
        }
    }

    fn entry(&self, section: &str, name: &str) -> Option<&Value> {
        self.sections.get(section)?.get(name)
    }

    /// Whether the operation is built.
    pub fn is_built(&self, operation: &str) -> bool {
        self.built.iter().any(|name| name == operation)
    }

    /// What values of a shape must keep to where they stand at `place`.
    pub fn limits(&self, model: &Model, shape: &str, place: &str) -> Limits {
        let modelled = model.shape(shape);
        let mut limits = Limits {
            min: modelled.min,
            max: modelled.max,
            pattern: modelled.pattern.clone(),
            ..Limits::default()
        };
        for entry in [self.entry("limits", shape), self.entry("limits", place)]
            .into_iter()
            .flatten()
        {
            for (name, value) in entry.as_object().expect("limits are an object") {
                match name.as_str() {
                    "min" => limits.min = value.as_i64(),
                    "max" => limits.max = value.as_i64(),
                    "pattern" => limits.pattern = value.as_str().map(str::to_owned),
                    "or_arn" => limits.or_arn = value == true,
                    "pattern_last" => limits.pattern_last = value == true,
                    _ => panic!("the limits of {place} have an unknown entry {name}"),
                }
            }
        }
        limits
    }

    /// The member whose presence excuses the absence of the one at `place`, which is required otherwise.
    pub fn required_unless(&self, place: &str) -> Option<&str> {
        self.entry("required", place).and_then(Value::as_str)
    }

    /// The values of an enum in the order in which messages list them: older and current wording.
    pub fn enum_lists(&self, name: &str, modelled: &[String]) -> (Vec<String>, Vec<String>) {
        let entry = self.entry("enums", name);
        let list = |layer: &str| {
            entry
                .map(|entry| strings(&entry[layer]))
                .filter(|list| !list.is_empty())
        };
        let older = list("older").unwrap_or_else(|| modelled.to_vec());
        let current = list("current").unwrap_or_else(|| older.clone());
        (older, current)
    }

    /// The members of a structure in the order in which they are checked.
    pub fn order<'m>(&self, model: &'m Model, structure: &str) -> Vec<&'m crate::model::Member> {
        let first = self.entry("order", structure).map(strings).unwrap_or_default();
        let mut members: Vec<_> = model.members(structure).iter().collect();
        for name in &first {
            assert!(
                members.iter().any(|member| member.name == *name),
                "the order of {structure} has an unknown member {name}"
            );
        }
        members.sort_by_key(|member| {
            first
                .iter()
                .position(|name| *name == member.name)
                .unwrap_or(first.len())
        });
        members
    }

    /// The sentence for a missing member.
    pub fn missing(&self, place: &str) -> Option<&str> {
        self.entry("missing", place).and_then(Value::as_str)
    }

    /// The sentence for an unknown value of an enum.
    pub fn sentence(&self, place: &str) -> Option<&str> {
        self.entry("sentence", place).and_then(Value::as_str)
    }

    /// The sentence for a broken bound (`min` or `max`).
    pub fn bound(&self, place: &str, bound: &str) -> Option<&str> {
        self.entry("bounds", place)?[bound].as_str()
    }

    /// Whether the violation of a bound (`min` or `max`) at `place` is reported in the generic form.
    pub fn is_generic(&self, place: &str, bound: &str) -> bool {
        self.entry("generic", place)
            .is_some_and(|entry| strings(entry).iter().any(|name| name == bound))
    }

    /// Whether the violation of an enum at `place` names neither value nor member.
    pub fn is_nameless(&self, place: &str) -> bool {
        self.entry("nameless", place).is_some()
    }

    /// Whether the value at `place` is shown as JSON.
    pub fn is_json_echo(&self, place: &str) -> bool {
        self.entry("json_echo", place).is_some()
    }

    /// The names that show when a structure is shown; `None` shows its members in their order.
    pub fn echo(&self, structure: &str) -> Option<Vec<String>> {
        self.entry("echo", structure).map(strings)
    }

    /// All errors: those of the model, and the framework's.
    pub fn exceptions(&self, model: &Model) -> BTreeMap<String, Exception> {
        let mut exceptions: BTreeMap<String, Exception> = model
            .exceptions()
            .map(|name| {
                let shape = model.shape(name);
                let spelled = model.members(name).iter().map(|member| member.name.as_str());
                let exception = Exception {
                    namespace: "com.amazonaws.dynamodb.v20120810".to_owned(),
                    status: shape.error_status.unwrap_or(if shape.fault { 500 } else { 400 }),
                    code: shape.error_code.clone(),
                    message: spelled
                        .into_iter()
                        .find(|name| name.eq_ignore_ascii_case("message"))
                        .unwrap_or("message")
                        .to_owned(),
                };
                (name.clone(), exception)
            })
            .collect();
        for (name, entry) in self.sections.get("exceptions").into_iter().flatten() {
            let exception = exceptions.entry(name.clone()).or_insert_with(|| Exception {
                namespace: "com.amazon.coral.service".to_owned(),
                status: 400,
                message: "message".to_owned(),
                code: None,
            });
            for (key, value) in entry.as_object().expect("an exception is an object") {
                match key.as_str() {
                    "namespace" => exception.namespace = value.as_str().expect("a name").to_owned(),
                    "status" => exception.status = value.as_u64().expect("a number"),
                    "code" => exception.code = value.as_str().map(str::to_owned),
                    "message" => exception.message = value.as_str().expect("a name").to_owned(),
                    _ => panic!("the exception {name} has an unknown entry {key}"),
                }
            }
        }
        exceptions
    }

    /// How an operation reports what is wrong.
    pub fn operation(&self, name: &str) -> Operation {
        let mut operation = Operation::default();
        let entry = self.entry("operations", name).and_then(Value::as_object);
        for (key, value) in entry.into_iter().flatten() {
            match key.as_str() {
                "current" => operation.current = value == true,
                "enveloped" => operation.enveloped = value == true,
                "phases" => {
                    operation.phases = value.as_array().into_iter().flatten().map(strings).collect();
                }
                "older_without" => operation.older_without = value.as_str().map(str::to_owned),
                "older_order" => operation.older_order = strings(value),
                "bare" => operation.bare = strings(value),
                _ => panic!("the wording of {name} has an unknown entry {key}"),
            }
        }
        operation
    }
}
