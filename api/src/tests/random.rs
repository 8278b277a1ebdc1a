//! Random requests: nothing panics, and decoding and describing agree on what is well formed.

use fastrand::Rng;

use crate::dispatch::check_request;
use crate::limits::Limits;
use crate::report::tables::{Shape, StructureShape};
use crate::report::{describe, is_json};
use crate::{Error, ErrorKind, Operation};

/// One in how many values is not what belongs there.
const WRONG: usize = 40;

struct Generator {
    random: Rng,
    out: String,
}

impl Generator {
    fn any(&mut self) {
        let choices = [
            "null",
            "true",
            "\"\"",
            "\"abc\"",
            "\"1\"",
            "0",
            "-1",
            "1.5",
            "1e300",
            "99999999999999999999",
            "[]",
            "{}",
            "[null]",
            "[{}]",
            "{\"a\":null}",
            "{\"abc\":{\"S\":\"x\"}}",
            "\"\\u0041\"",
            "\"a!\"",
            "[\"\"]",
            "[[]]",
        ];
        let choice = choices[self.random.usize(..choices.len())];
        self.out.push_str(choice);
    }

    fn text(&mut self, limits: &Limits) {
        let length = match limits.min.max(1) {
            min if self.random.usize(..WRONG) == 0 => min - 1,
            min => min,
        };
        let mut text = "a".repeat(usize::try_from(length).unwrap_or(0).min(2000));
        match self.random.usize(..WRONG) {
            0 => text.push('!'),
            1 => text = "b".repeat(300),
            2 => text = "arn:aws".to_owned(),
            _ => {}
        }
        self.out.push_str(&format!("{text:?}"));
    }

    fn number(&mut self, limits: &Limits) {
        let number = match self.random.usize(..WRONG) {
            0 => limits.min.saturating_sub(1),
            1 => limits.max.saturating_add(1),
            _ => limits.min.max(0),
        };
        self.out.push_str(&number.to_string());
    }

    fn structure(&mut self, shape: &StructureShape) {
        self.out.push('{');
        let mut is_first = true;
        for member in shape.members {
            let is_given = match member.required {
                true => self.random.usize(..WRONG) > 0,
                false => self.random.usize(..4) == 0,
            };
            if is_given {
                if !is_first {
                    self.out.push(',');
                }
                is_first = false;
                self.out.push_str(&format!("{:?}:", member.name));
                self.value(&member.shape);
            }
        }
        self.out.push('}');
    }

    fn length(&mut self, limits: &Limits) -> usize {
        match self.random.usize(..2 * WRONG) {
            0 => 0,
            1 => usize::try_from(limits.max.saturating_add(1))
                .unwrap_or(1)
                .min(101),
            _ => self.random.usize(1..3),
        }
    }

    fn list(&mut self, open: char, close: char, length: usize, mut each: impl FnMut(&mut Self, usize)) {
        self.out.push(open);
        for index in 0..length {
            if index > 0 {
                self.out.push(',');
            }
            each(self, index);
        }
        self.out.push(close);
    }

    fn value(&mut self, shape: &Shape) {
        if self.random.usize(..WRONG) == 0 {
            return self.any();
        }
        match shape {
            Shape::Structure(structure) => self.structure(structure),
            Shape::List { limits, element } => {
                let length = self.length(limits);
                self.list('[', ']', length, |generator, _| generator.value(element));
            }
            Shape::Map {
                limits,
                key_limits,
                value,
            } => {
                let length = self.length(limits);
                self.list('{', '}', length, |generator, index| {
                    generator.text(key_limits);
                    // No key twice: decoding looks at each value, describing at the last.
                    generator
                        .out
                        .insert_str(generator.out.len() - 1, &index.to_string());
                    generator.out.push(':');
                    generator.value(value);
                });
            }
            Shape::Text(limits) => self.text(limits),
            Shape::Enum { older, .. } => {
                let name = older[self.random.usize(..older.len())];
                self.out.push_str(&format!("{name:?}"));
            }
            Shape::Integer(limits) | Shape::Long(limits) => self.number(limits),
            Shape::Double => self.out.push_str("1.5"),
            Shape::Boolean => self
                .out
                .push_str(if self.random.bool() { "true" } else { "\"no\"" }),
            Shape::AttributeValue => self.attribute_value(),
            Shape::AttributeMap => {
                let length = self.random.usize(..3);
                self.list('{', '}', length, |generator, index| {
                    generator.out.push_str(&format!("\"{index}\":"));
                    generator.attribute_value();
                });
            }
        }
    }

    fn attribute_value(&mut self) {
        let choices = [
            r#"{"S":"a"}"#,
            r#"{"N":"1"}"#,
            r#"{"N":"x"}"#,
            r#"{"B":"YQ=="}"#,
            r#"{"BOOL":true}"#,
            r#"{"NULL":false}"#,
            r#"{"SS":["a","b"]}"#,
            r#"{"SS":[]}"#,
            r#"{"NS":["1","1"]}"#,
            r#"{"BS":["YQ==","YQ=="]}"#,
            "{}",
            "null",
            r#"{"L":[{"S":"a"},null]}"#,
            r#"{"M":{"a":{"N":"1"},"":{}}}"#,
            r#"{"S":"a","L":[{"M":{"a":{"BOOL":false}}}]}"#,
        ];
        match self.random.usize(..WRONG) {
            0 => self.any(),
            1 => {
                let datatypes = ["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"];
                let datatype = datatypes[self.random.usize(..datatypes.len())];
                self.out.push_str(&format!("{{{datatype:?}:"));
                self.any();
                self.out.push('}');
            }
            _ => {
                let choice = choices[self.random.usize(..choices.len())];
                self.out.push_str(choice);
            }
        }
    }
}

/// Whether nothing could be said about a request that decoding refused.
fn is_speechless(error: &Error) -> bool {
    error.kind == ErrorKind::SerializationException && error.message.is_empty()
}

fn check(operation: Operation, body: &[u8]) -> bool {
    let name = operation.name();
    let shown = || String::from_utf8_lossy(body).into_owned();
    match check_request(operation, body) {
        Ok(()) => {
            let said = describe(operation, body);
            assert!(
                is_speechless(&said),
                "{name} accepts what is described: {said} {}",
                shown()
            );
            true
        }
        Err(error) => {
            let is_object = body.first() == Some(&b'{');
            let expected = is_speechless(&error) != (is_json(body) && is_object);
            assert!(
                expected || body.first() == Some(&b'['),
                "{name} refuses without a reason: {error} {}",
                shown()
            );
            false
        }
    }
}

#[test]
fn decoding_and_describing_agree() {
    let operations: Vec<Operation> = Operation::all().collect();
    let mut accepted = 0;
    let mut generator = Generator {
        random: Rng::with_seed(7),
        out: String::new(),
    };
    let rounds = 40_000;
    for _ in 0..rounds {
        let operation = operations[generator.random.usize(..operations.len())];
        generator.out.clear();
        generator.structure(operation.report().input);
        accepted += usize::from(check(operation, generator.out.as_bytes()));
    }
    // Both kinds have to come often, or this says nothing.
    assert!(
        (rounds / 5..rounds * 4 / 5).contains(&accepted),
        "{accepted} accepted"
    );
}

#[test]
fn a_wrong_value_is_told_also_where_a_right_one_follows_it() {
    let body = br#"{"TableName":"table","Item":{},"ReturnValues":"","ReturnValues":"NONE"}"#;
    let error = check_request(Operation::PutItem, body).expect_err("the first is no value");
    assert_eq!(error.kind, ErrorKind::SerializationException);
    assert_eq!(error.message, "A member is given twice, once with a wrong value");
}

#[test]
fn damaged_requests_do_not_panic() {
    let operations: Vec<Operation> = Operation::all().collect();
    let mut generator = Generator {
        random: Rng::with_seed(8),
        out: String::new(),
    };
    for _ in 0..20_000 {
        let operation = operations[generator.random.usize(..operations.len())];
        generator.out.clear();
        generator.structure(operation.report().input);
        let mut bytes = generator.out.clone().into_bytes();
        for _ in 0..generator.random.usize(1..4) {
            let at = generator.random.usize(..bytes.len());
            match generator.random.u8(..3) {
                0 => bytes[at] = generator.random.u8(..),
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"{}[]\",:0e-\\"[generator.random.usize(..11)]),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let _ = check_request(operation, &bytes);
    }
}
