//! Requests as forms: `Action=ListMetrics&Dimensions.member.1.Name=TableName`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use serde_json::{Map, Number, Value};

use super::form::{Form, StructureForm};
use super::{QUERY_VERSION, xml};

/// The fields of a form by their names.
#[derive(Default)]
pub(super) struct Fields<'f>(BTreeMap<Cow<'f, str>, Cow<'f, str>>);

impl<'f> Fields<'f> {
    /// Reads a body; of a field that comes twice, the last one counts.
    pub fn read(body: &'f [u8]) -> Self {
        Fields(form_urlencoded::parse(body).collect())
    }

    /// The name of the operation; an error is a message.
    pub fn operation(&self) -> Result<&str, String> {
        let action = self.0.get("Action").map(Cow::as_ref);
        let Some(action) = action.filter(|action| !action.is_empty()) else {
            return Err("The request must contain the parameter Action.".to_owned());
        };
        match self.0.get("Version").map(Cow::as_ref) {
            None | Some(QUERY_VERSION) => Ok(action),
            Some(version) => Err(format!("Could not find operation {action} for version {version}")),
        }
    }

    /// The request as a tree of JSON, along the form of the operation's input; an error is a message.
    pub fn read_structure(&self, form: &StructureForm) -> Result<Value, String> {
        self.structure(form, "")
            .map(|tree| tree.unwrap_or_else(|| Value::Object(Map::new())))
    }

    /// The fields whose names begin so.
    fn under<'s>(&'s self, prefix: &'s str) -> impl Iterator<Item = &'s str> {
        self.0
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(name, _)| name.as_ref())
            .take_while(move |name| name.starts_with(prefix))
    }

    /// `None` where no field is of the structure.
    fn structure(&self, form: &StructureForm, prefix: &str) -> Result<Option<Value>, String> {
        let mut members = Map::new();
        for member in form.members {
            let name = format!("{prefix}{}", member.name);
            if let Some(value) = self.value(&member.form, &name)? {
                members.insert(member.name.to_owned(), value);
            }
        }
        let is_there = !members.is_empty() || self.under(prefix).next().is_some();
        Ok(is_there.then_some(Value::Object(members)))
    }

    fn value(&self, form: &Form, name: &str) -> Result<Option<Value>, String> {
        match form {
            Form::Structure(form) => self.structure(form, &format!("{name}.")),
            Form::List(element) => {
                let mut values = Vec::new();
                for index in self.indexes(&format!("{name}.member.")) {
                    values.extend(self.value(element, &format!("{name}.member.{index}"))?);
                }
                let is_empty_list = self.0.get(name).is_some_and(|value| value.is_empty());
                Ok((!values.is_empty() || is_empty_list).then_some(Value::Array(values)))
            }
            Form::Map(entry) => {
                let mut members = Map::new();
                for index in self.indexes(&format!("{name}.entry.")) {
                    let entry_name = format!("{name}.entry.{index}");
                    let key = self.0.get(format!("{entry_name}.key").as_str());
                    let value = self.value(entry, &format!("{entry_name}.value"))?;
                    if let (Some(key), Some(value)) = (key, value) {
                        members.insert(key.to_string(), value);
                    }
                }
                Ok((!members.is_empty()).then_some(Value::Object(members)))
            }
            _ => match self.0.get(name) {
                Some(text) => scalar(form, name, text).map(Some),
                None => Ok(None),
            },
        }
    }

    /// The numbers that follow a prefix in the names of fields, in order.
    fn indexes(&self, prefix: &str) -> BTreeSet<u32> {
        self.under(prefix)
            .filter_map(|name| name[prefix.len()..].split('.').next()?.parse().ok())
            .collect()
    }
}

fn scalar(form: &Form, name: &str, text: &str) -> Result<Value, String> {
    let wrong = |what: &str| format!("The value {text} of the parameter {name} is not {what}.");
    let finite = |number: f64| Number::from_f64(number).map(Value::Number);
    match form {
        Form::Integer => text
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| wrong("an integer")),
        Form::Double => text
            .parse()
            .ok()
            .and_then(finite)
            .ok_or_else(|| wrong("a number")),
        Form::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(wrong("true or false")),
        },
        Form::Timestamp => xml::read_time(text)
            .and_then(finite)
            .ok_or_else(|| wrong("a time")),
        _ => Ok(Value::from(text)),
    }
}
