//! Decoding of requests, with their checks.

use std::fmt::Write;

use crate::checks;
use crate::model::{Kind, Model};
use crate::names;
use crate::wording::Wording;

/// `Structure` for each structure and `Named` for each enum that a request can hold.
pub fn generate(model: &Model, wording: &Wording) -> String {
    let mut code = String::new();
    for name in model.input_shapes() {
        match &model.shape(&name).kind {
            Kind::Structure(_) => structure(model, wording, &name, &mut code),
            Kind::Enum(_) => {
                writeln!(code, "impl Named for {name} {{ fn named(name: &str) -> Option<Self> {{ Self::from_name(name) }} }}").unwrap();
                writeln!(code, "decode_named!({name});").unwrap();
            }
            _ => {}
        }
    }
    code
}

/// What `Structure` leaves to do: nothing for a structure without members.
fn structure(model: &Model, wording: &Wording, name: &str, code: &mut String) {
    writeln!(code, "impl Structure for {name} {{").unwrap();
    if !model.members(name).is_empty() {
        member_numbers(model, name, code);
        decode_member(model, wording, name, code);
        complete(model, wording, name, code);
    }
    writeln!(code, "}}\ndecode_structure!({name});").unwrap();
}

fn member_numbers(model: &Model, name: &str, code: &mut String) {
    writeln!(code, "    fn member(name: &str) -> Option<u8> {{ match name {{").unwrap();
    for (index, member) in model.members(name).iter().enumerate() {
        writeln!(code, "        {:?} => Some({index}),", member.name).unwrap();
    }
    writeln!(code, "        _ => None,\n    }} }}").unwrap();
}

fn decode_member(model: &Model, wording: &Wording, name: &str, code: &mut String) {
    writeln!(
        code,
        "    fn decode_member<'de, A: MapAccess<'de>>(&mut self, member: u8, map: &mut A) -> Result<bool, A::Error> {{"
    )
    .unwrap();
    writeln!(code, "        match member {{").unwrap();
    for (index, member) in model.members(name).iter().enumerate() {
        let field = names::field(&member.name);
        let place = format!("{name}.{}", member.name);
        let check = checks::check(model, wording, &member.shape, &place, "value")
            .map(|check| format!("{{ let value = &value; if !({check}) {{ return Err(refused()); }} }} "))
            .unwrap_or_default();
        let (given, absent) = match member.required {
            true => ("value", "Default::default()"),
            false => ("Some(value)", "None"),
        };
        writeln!(
            code,
            "            {index} => match value::<A, {}>(map)? {{ Some(value) => {{ {check}self.{field} = {given}; Ok(true) }} None => {{ self.{field} = {absent}; Ok(false) }} }},",
            model.rust_type(&member.shape),
        )
        .unwrap();
    }
    writeln!(code, "            _ => skip(map),\n        }}\n    }}").unwrap();
}

fn complete(model: &Model, wording: &Wording, name: &str, code: &mut String) {
    let members = model.members(name);
    assert!(members.len() < 64, "{name} has more members than a mask has bits");
    let bit = |wanted: &str| {
        let index = members.iter().position(|member| member.name == wanted);
        1_u64 << index.unwrap_or_else(|| panic!("{name} has no member {wanted}"))
    };
    let mut conditions = Vec::new();
    let required = members.iter().filter(|member| member.required);
    let required = required.fold(0, |mask, member| mask | bit(&member.name));
    if required != 0 {
        conditions.push(format!("given & {required:#x} == {required:#x}"));
    }
    for member in members {
        if let Some(excuse) = wording.required_unless(&format!("{name}.{}", member.name)) {
            let either = bit(&member.name) | bit(excuse);
            conditions.push(format!("given & {either:#x} != 0"));
        }
    }
    if !conditions.is_empty() {
        writeln!(
            code,
            "    fn complete(given: u64) -> bool {{ {} }}",
            conditions.join(" && ")
        )
        .unwrap();
    }
}
