//! The forms of requests and responses, as far as a protocol has to know them.

use serde_json::Value;

/// The members of a structure.
pub(crate) struct StructureForm {
    pub members: &'static [MemberForm],
}

/// A member of a structure.
pub(crate) struct MemberForm {
    pub name: &'static str,
    pub required: bool,
    pub form: Form,
}

/// What a value is.
pub(crate) enum Form {
    Structure(&'static StructureForm),
    List(&'static Form),
    /// A map from text.
    Map(&'static Form),
    Text,
    Integer,
    Double,
    Boolean,
    /// In JSON, seconds since 1970.
    Timestamp,
}

impl StructureForm {
    /// The member of that name.
    pub fn member(&self, name: &str) -> Option<&MemberForm> {
        self.members.iter().find(|member| member.name == name)
    }

    /// Whether all values that are there have the right types; the message where one has not.
    pub fn check_types(&self, tree: &Value) -> Result<(), String> {
        let Value::Object(values) = tree else {
            return Err("Start of structure or map not found where expected".to_owned());
        };
        for member in self.members {
            if let Some(value) = values.get(member.name) {
                member.form.check_type(value)?;
            }
        }
        Ok(())
    }

    /// The way to the first required value that is not there, as CloudWatch writes it.
    pub fn missing(&self, tree: &Value) -> Option<String> {
        for member in self.members {
            match &tree[member.name] {
                Value::Null if member.required => return Some(member.name.to_owned()),
                Value::Null => {}
                value => {
                    if let Some(way) = member.form.missing(value) {
                        return Some(format!("{}.{way}", member.name));
                    }
                }
            }
        }
        None
    }
}

impl Form {
    fn check_type(&self, value: &Value) -> Result<(), String> {
        match (self, value) {
            (_, Value::Null) => Ok(()),
            (Form::Structure(structure), Value::Object(_)) => structure.check_types(value),
            (Form::List(element), Value::Array(values)) => {
                values.iter().try_for_each(|value| element.check_type(value))
            }
            (Form::Map(entry), Value::Object(values)) => {
                values.values().try_for_each(|value| entry.check_type(value))
            }
            (Form::Text, Value::String(_)) | (Form::Boolean, Value::Bool(_)) => Ok(()),
            (Form::Integer | Form::Double | Form::Timestamp, Value::Number(_)) => Ok(()),
            (Form::Structure(_) | Form::Map(_), _) => {
                Err("Start of structure or map not found where expected".to_owned())
            }
            (Form::List(_), _) => Err("Start of list not found where expected".to_owned()),
            (_, Value::Object(_)) => Err("Start of structure or map found where not expected".to_owned()),
            (_, Value::Array(_)) => Err("Start of list found where not expected".to_owned()),
            (form, value) => Err(format!(
                "{} can not be converted to {}",
                token(value),
                form.type_name()
            )),
        }
    }

    fn missing(&self, value: &Value) -> Option<String> {
        match (self, value) {
            (Form::Structure(structure), _) => structure.missing(value),
            (Form::List(element), Value::Array(values)) => {
                values.iter().enumerate().find_map(|(index, value)| {
                    let way = element.missing(value)?;
                    Some(format!("member.{}.{way}", index + 1))
                })
            }
            _ => None,
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Form::Structure(_) | Form::Map(_) => "a Structure",
            Form::List(_) => "a List",
            Form::Text => "a String",
            Form::Integer => "an Integer",
            Form::Double => "a Double",
            Form::Boolean => "a Boolean",
            Form::Timestamp => "a Timestamp",
        }
    }
}

/// A value as messages name it.
fn token(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(number) if number.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}
