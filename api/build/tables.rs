//! The shapes of requests as tables, for describing what is wrong with a request.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::checks;
use crate::model::{Kind, Member, Model};
use crate::names;
use crate::wording::Wording;

/// The name of the table that tells how an operation reports what is wrong.
pub fn report_name(operation: &str) -> String {
    format!("{}_REPORT", names::snake(operation).to_uppercase())
}

fn structure_name(shape: &str) -> String {
    format!("{}_STRUCTURE", names::snake(shape).to_uppercase())
}

/// A `StructureShape` for each structure that a request can hold, and a `Report` for each operation.
pub fn generate(model: &Model, wording: &Wording) -> String {
    let mut code = String::new();
    for name in model.input_shapes() {
        if matches!(model.shape(&name).kind, Kind::Structure(_)) {
            structure(model, wording, &name, &mut code);
        }
    }
    for operation in &model.operations {
        report(model, wording, operation, &mut code);
    }
    code
}

fn structure(model: &Model, wording: &Wording, name: &str, code: &mut String) {
    writeln!(
        code,
        "static {}: StructureShape = StructureShape {{ name: {name:?}, echo: {}, members: &[",
        structure_name(name),
        match wording.echo(name) {
            Some(echo) => format!("Some(&{echo:?})"),
            None => "None".to_owned(),
        },
    )
    .unwrap();
    for member in wording.order(model, name) {
        member_table(model, wording, name, member, code);
    }
    writeln!(code, "] }};").unwrap();
}

fn member_table(model: &Model, wording: &Wording, structure: &str, member: &Member, code: &mut String) {
    let place = format!("{structure}.{}", member.name);
    writeln!(
        code,
        "    MemberShape {{ name: {:?}, spoken: {:?}, required: {}, required_unless: {:?}, missing: {:?}, sentence: {:?}, below: {:?}, above: {:?}, generic_min: {}, generic_max: {}, nameless: {}, json_echo: {}, shape: {} }},",
        member.name,
        names::camel(&member.name),
        member.required,
        wording.required_unless(&place),
        wording.missing(&place),
        wording.sentence(&place),
        wording.bound(&place, "min"),
        wording.bound(&place, "max"),
        wording.is_generic(&place, "min"),
        wording.is_generic(&place, "max"),
        wording.is_nameless(&place),
        wording.is_json_echo(&place),
        shape(model, wording, &member.shape, &place),
    )
    .unwrap();
}

/// A shape as an expression of the generated code.
fn shape(model: &Model, wording: &Wording, name: &str, place: &str) -> String {
    let limits = checks::limits_literal(&wording.limits(model, name, place));
    let limits = limits.unwrap_or_else(|| "Limits::NONE".to_owned());
    match &model.shape(name).kind {
        Kind::Structure(_) => format!("Shape::Structure(&{})", structure_name(name)),
        Kind::List(element) => format!(
            "Shape::List {{ limits: {limits}, element: &{} }}",
            shape(model, wording, element, element)
        ),
        Kind::Map { key, value } => {
            let key_limits = checks::limits_literal(&wording.limits(model, key, &format!("{name}.key")));
            format!(
                "Shape::Map {{ limits: {limits}, key_limits: {}, value: &{} }}",
                key_limits.unwrap_or_else(|| "Limits::NONE".to_owned()),
                shape(model, wording, value, value)
            )
        }
        Kind::Text => format!("Shape::Text({limits})"),
        Kind::Enum(values) => {
            let (older, current) = wording.enum_lists(name, values);
            let same: BTreeSet<_> = older.iter().collect();
            assert_eq!(
                same,
                values.iter().collect(),
                "the wording's values of {name} are not the model's"
            );
            format!("Shape::Enum {{ older: &{older:?}, current: &{current:?} }}")
        }
        Kind::Integer => format!("Shape::Integer({limits})"),
        Kind::Long => format!("Shape::Long({limits})"),
        Kind::Double | Kind::Timestamp => "Shape::Double".to_owned(),
        Kind::Boolean => "Shape::Boolean".to_owned(),
        Kind::Blob => panic!("{name}: binaries outside of attribute values are not supported"),
        Kind::AttributeValue => "Shape::AttributeValue".to_owned(),
        Kind::AttributeMap => "Shape::AttributeMap".to_owned(),
    }
}

fn report(model: &Model, wording: &Wording, operation: &crate::model::Operation, code: &mut String) {
    let voice = wording.operation(&operation.name);
    let members = model.members(&operation.input);
    for name in voice
        .phases
        .iter()
        .flatten()
        .chain(&voice.older_order)
        .chain(&voice.older_without)
        .chain(&voice.bare)
    {
        assert!(
            members.iter().any(|member| member.name == *name),
            "the wording of {} has an unknown member {name}",
            operation.name
        );
    }
    let phases: Vec<String> = voice.phases.iter().map(|phase| format!("&{phase:?}")).collect();
    writeln!(
        code,
        "pub(crate) static {}: Report = Report {{ input: &{}, phases: &[{}], older_without: {:?}, older_order: &{:?}, bare: &{:?} }};",
        report_name(&operation.name),
        structure_name(&operation.input),
        phases.join(", "),
        voice.older_without,
        voice.older_order,
        voice.bare,
    )
    .unwrap();
}
