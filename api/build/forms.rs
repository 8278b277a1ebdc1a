//! The forms of requests and responses as tables: what a protocol has to know to translate them.

use std::fmt::Write;

use crate::model::{Kind, Model};
use crate::names;

/// The name of the table of a structure's form.
pub fn form_name(structure: &str) -> String {
    format!("{}_FORM", names::snake(structure).to_uppercase())
}

/// A `StructureForm` for each structure of a request or response.
pub fn generate(model: &Model) -> String {
    let mut code = String::new();
    let mut shapes = model.input_shapes();
    shapes.extend(model.output_shapes());
    for name in shapes {
        if !matches!(model.shape(&name).kind, Kind::Structure(_)) {
            continue;
        }
        writeln!(
            code,
            "pub(crate) static {}: StructureForm = StructureForm {{ members: &[",
            form_name(&name)
        )
        .unwrap();
        for member in model.members(&name) {
            writeln!(
                code,
                "    MemberForm {{ name: {:?}, required: {}, form: {} }},",
                member.name,
                member.required,
                form(model, &member.shape)
            )
            .unwrap();
        }
        writeln!(code, "] }};").unwrap();
    }
    code
}

/// A form as an expression of the generated code.
fn form(model: &Model, name: &str) -> String {
    match &model.shape(name).kind {
        Kind::Structure(_) => format!("Form::Structure(&{})", form_name(name)),
        Kind::List(element) => format!("Form::List(&{})", form(model, element)),
        Kind::Map { value, .. } => format!("Form::Map(&{})", form(model, value)),
        Kind::Text | Kind::Enum(_) => "Form::Text".to_owned(),
        Kind::Integer | Kind::Long => "Form::Integer".to_owned(),
        Kind::Double => "Form::Double".to_owned(),
        Kind::Boolean => "Form::Boolean".to_owned(),
        Kind::Timestamp => "Form::Timestamp".to_owned(),
        Kind::Blob | Kind::AttributeValue | Kind::AttributeMap => {
            panic!("{name} has no form: only DynamoDB's own protocol knows it")
        }
    }
}
