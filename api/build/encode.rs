//! Encoding of responses.

use std::fmt::Write;

use crate::model::{Kind, Model};
use crate::names;

/// `Encode` for each structure and enum that a response can hold.
pub fn generate(model: &Model) -> String {
    let mut code = String::new();
    for name in model.output_shapes() {
        match &model.shape(&name).kind {
            Kind::Structure(members) => {
                writeln!(code, "impl Encode for {name} {{").unwrap();
                writeln!(code, "    fn encode(&self, out: &mut Vec<u8>) {{").unwrap();
                let mutable = if members.is_empty() { "" } else { "mut " };
                writeln!(code, "        let {mutable}object = Object::begin(out);").unwrap();
                for member in members {
                    let field = names::field(&member.name);
                    let is_timestamp = matches!(model.shape(&member.shape).kind, Kind::Timestamp);
                    let value = match (member.required, is_timestamp) {
                        (true, false) => format!("Some(&self.{field})"),
                        (false, false) => format!("self.{field}.as_ref()"),
                        (true, true) => format!("Some(&Timestamp(self.{field}))"),
                        (false, true) => format!("self.{field}.map(Timestamp).as_ref()"),
                    };
                    writeln!(code, "        object.member({:?}, {value});", member.name).unwrap();
                }
                writeln!(code, "        object.end();\n    }}\n}}").unwrap();
            }
            Kind::Enum(_) => {
                writeln!(code, "impl Encode for {name} {{ fn encode(&self, out: &mut Vec<u8>) {{ json::append_string(out, self.as_str().as_bytes()); }} }}").unwrap();
            }
            Kind::Map { value: element, .. } => assert!(
                !matches!(model.shape(element).kind, Kind::Timestamp),
                "{name}: timestamps in maps are not supported"
            ),
            _ => {}
        }
    }
    code
}
