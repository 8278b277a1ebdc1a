//! The types of requests and responses.

use std::fmt::Write;

use crate::model::{Kind, Model};
use crate::names;

/// A structure for each structure and an enum for each enum that a request or response can hold.
pub fn generate(model: &Model) -> String {
    let mut code = String::new();
    let mut shapes = model.input_shapes();
    shapes.extend(model.output_shapes());
    for name in shapes {
        match &model.shape(&name).kind {
            Kind::Structure(_) => structure(model, &name, &mut code),
            Kind::Enum(values) => enumeration(&name, values, &mut code),
            _ => {}
        }
    }
    code
}

fn structure(model: &Model, name: &str, code: &mut String) {
    writeln!(code, "/// `{name}` of the API.").unwrap();
    writeln!(code, "#[derive(Clone, Debug, Default, PartialEq)]").unwrap();
    writeln!(code, "pub struct {name} {{").unwrap();
    for member in model.members(name) {
        let (note, member_type) = match (member.required, model.rust_type(&member.shape)) {
            (true, inner) => (", required", inner),
            (false, inner) => ("", format!("Option<{inner}>")),
        };
        writeln!(code, "    /// `{}`{note}.", member.name).unwrap();
        writeln!(code, "    pub {}: {member_type},", names::field(&member.name)).unwrap();
    }
    writeln!(code, "}}").unwrap();
}

fn enumeration(name: &str, values: &[String], code: &mut String) {
    writeln!(code, "/// `{name}` of the API.").unwrap();
    writeln!(
        code,
        "#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]"
    )
    .unwrap();
    writeln!(code, "pub enum {name} {{").unwrap();
    for (index, value) in values.iter().enumerate() {
        writeln!(code, "    /// `{value}`.").unwrap();
        if index == 0 {
            writeln!(code, "    #[default]").unwrap();
        }
        writeln!(code, "    {},", names::variant(value)).unwrap();
    }
    writeln!(code, "}}").unwrap();
    writeln!(code, "impl {name} {{").unwrap();
    writeln!(code, "    /// The name that the API gives it.").unwrap();
    writeln!(code, "    pub fn as_str(self) -> &'static str {{ match self {{").unwrap();
    for value in values {
        writeln!(code, "        Self::{} => {value:?},", names::variant(value)).unwrap();
    }
    writeln!(code, "    }} }}").unwrap();
    writeln!(code, "    /// The value that the API names so.").unwrap();
    writeln!(
        code,
        "    pub fn from_name(name: &str) -> Option<Self> {{ Some(match name {{"
    )
    .unwrap();
    for value in values {
        writeln!(code, "        {value:?} => Self::{},", names::variant(value)).unwrap();
    }
    writeln!(code, "        _ => return None,\n    }}) }}\n}}").unwrap();
}
