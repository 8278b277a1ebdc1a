//! A value of a request as messages show it: as Java prints it, or as JSON.

use indexmap::IndexMap;

use super::member;
use super::tables::{Shape, StructureShape};
use super::tree::Json;
use crate::json;

/// How much of a value is shown, in bytes. The service shows all of it, however long.
const SHOWN_BYTES_MAX: usize = 256 * 1024;

/// The members of an attribute value, as they are printed.
const DATATYPES: [&str; 16] = [
    "s",
    "n",
    "b",
    "iNT",
    "dECIMAL",
    "dOUBLE",
    "sS",
    "nS",
    "bS",
    "iNTSET",
    "dECIMALSET",
    "dOUBLESET",
    "m",
    "l",
    "nULL",
    "bOOL",
];

/// The beginning of a text, of at most so many bytes.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max).rfind(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// A text as it is, cut where it gets too long.
pub(super) fn text(text: &str) -> &str {
    cut(text, SHOWN_BYTES_MAX)
}

/// A value as Java prints it.
pub(super) fn java(shape: &Shape, value: &Json) -> String {
    let mut shown = Shown(String::new());
    shown.value(shape, value);
    shown.0
}

struct Shown(String);

impl Shown {
    fn push(&mut self, text: &str) {
        let left = SHOWN_BYTES_MAX.saturating_sub(self.0.len());
        self.0.push_str(cut(text, left));
    }

    /// Shows members with `, ` between, and stops where it gets too long.
    fn members<T>(
        &mut self,
        open: &str,
        members: impl Iterator<Item = T>,
        close: &str,
        mut show: impl FnMut(&mut Self, T),
    ) {
        self.push(open);
        for (index, member) in members.enumerate() {
            if self.0.len() >= SHOWN_BYTES_MAX {
                return;
            }
            if index > 0 {
                self.push(", ");
            }
            show(self, member);
        }
        self.push(close);
    }

    fn value(&mut self, shape: &Shape, value: &Json) {
        match (shape, value) {
            (_, Json::Null | Json::Skipped) => self.push("null"),
            (_, Json::Bool(value)) => self.push(if *value { "true" } else { "false" }),
            (_, Json::Integer(value)) => self.push(&value.to_string()),
            (Shape::Integer(_) | Shape::Long(_), Json::Decimal(value)) => {
                self.push(&crate::decode::floor(*value).to_string());
            }
            (_, Json::Decimal(value)) => self.push(&format!("{value:?}")),
            (_, Json::Text(text)) => self.push(text),
            (Shape::List { element, .. }, Json::List(elements)) => {
                self.members("[", elements.iter(), "]", |shown, value| {
                    shown.value(element, value)
                });
            }
            (Shape::Map { value: entry, .. }, Json::Map(entries)) => self.entries(entry, entries),
            (Shape::AttributeMap, Json::Map(entries)) => self.entries(&Shape::AttributeValue, entries),
            (Shape::Structure(shape), Json::Map(_)) => self.structure(shape, value),
            (Shape::AttributeValue, Json::Map(_)) => self.attribute_value(value),
            // Types are checked before anything is shown.
            _ => self.push("null"),
        }
    }

    fn entries(&mut self, shape: &Shape, entries: &IndexMap<String, Json>) {
        self.members("{", entries.iter(), "}", |shown, (name, value)| {
            shown.push(name);
            shown.push("=");
            shown.value(shape, value);
        });
    }

    fn structure(&mut self, shape: &StructureShape, value: &Json) {
        let spoken = |known: &super::tables::MemberShape| known.spoken;
        let names: Vec<&str> = match shape.echo {
            Some(names) => names.to_vec(),
            None => shape.members.iter().map(spoken).collect(),
        };
        self.push(shape.name);
        self.members("(", names.into_iter(), ")", |shown, name| {
            shown.push(name);
            shown.push("=");
            let known = shape.members.iter().find(|known| known.spoken == name);
            match known.and_then(|known| Some((known, member(value, known.name)?))) {
                Some((known, value)) => shown.value(&known.shape, value),
                None => shown.push("null"),
            }
        });
    }

    fn attribute_value(&mut self, value: &Json) {
        self.push("AttributeValue");
        self.members("(", DATATYPES.into_iter(), ")", |shown, name| {
            shown.push(name);
            shown.push("=");
            match (name, member(value, &name.to_uppercase())) {
                (_, None) => shown.push("null"),
                ("b", Some(content)) => shown.binary(content),
                ("bS", Some(Json::List(members))) => {
                    shown.members("[", members.iter(), "]", |shown, member| shown.binary(member));
                }
                ("m", Some(Json::Map(entries))) => shown.entries(&Shape::AttributeValue, entries),
                (_, Some(Json::List(members))) => {
                    shown.members("[", members.iter(), "]", |shown, member| {
                        shown.value(&Shape::AttributeValue, member);
                    });
                }
                (_, Some(content)) => shown.value(&Shape::AttributeValue, content),
            }
        });
    }

    fn binary(&mut self, value: &Json) {
        if let Json::Text(text) = value {
            let length = json::read_binary(text).map_or(0, |bytes| bytes.len());
            self.push(&format!(
                "java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]"
            ));
        }
    }
}

/// A value as compact JSON.
pub(super) fn compact(value: &Json) -> String {
    let mut out = Vec::new();
    append_compact(&mut out, value);
    String::from_utf8_lossy(&out).into_owned()
}

fn append_compact(out: &mut Vec<u8>, value: &Json) {
    if out.len() >= SHOWN_BYTES_MAX {
        return;
    }
    match value {
        Json::Null | Json::Skipped => out.extend_from_slice(b"null"),
        Json::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Json::Integer(value) => json::append_integer(out, *value),
        Json::Decimal(value) => json::append_double(out, *value),
        Json::Text(content) => json::append_string(out, text(content).as_bytes()),
        Json::List(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                append_compact(out, element);
            }
            out.push(b']');
        }
        Json::Map(members) => {
            out.push(b'{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                json::append_string(out, text(name).as_bytes());
                out.push(b':');
                append_compact(out, value);
            }
            out.push(b'}');
        }
    }
}
