//! What is generated for a companion: a service beside DynamoDB on its endpoint, of which only some
//! operations are built and whose requests come in several protocols.

use std::fmt::Write;

use crate::forms::form_name;
use crate::model::Model;
use crate::names;
use crate::tables::report_name;
use crate::wording::Wording;

/// The trait, the table of its operations, the way from one to the other, and the errors. `model` has
/// the operations that are built, `known` the names of all.
pub fn generate(model: &Model, wording: &Wording, service: &str, known: &[String]) -> String {
    let mut code = String::new();
    interface(model, service, &mut code);
    table(model, wording, known, &mut code);
    dispatch(model, service, &mut code);
    errors(model, wording, &mut code);
    code
}

fn interface(model: &Model, service: &str, code: &mut String) {
    writeln!(
        code,
        "/// The service: a method for each operation that is built."
    )
    .unwrap();
    writeln!(code, "pub trait {service}: Send + Sync + 'static {{").unwrap();
    for operation in &model.operations {
        writeln!(
            code,
            "    /// `{}`.\n    fn {}(&self, context: &Context, input: {}) -> impl Future<Output = Result<{}, Refusal>> + Send;",
            operation.name,
            names::snake(&operation.name),
            operation.input,
            operation.output
        )
        .unwrap();
    }
    writeln!(code, "}}").unwrap();
}

fn table(model: &Model, wording: &Wording, known: &[String], code: &mut String) {
    writeln!(
        code,
        "pub(crate) static OPERATIONS: [Description; {}] = [",
        known.len()
    )
    .unwrap();
    for name in known {
        let built = model.operations.iter().find(|operation| operation.name == *name);
        assert_eq!(built.is_some(), wording.is_built(name));
        let built = match built {
            Some(operation) => {
                let members = model.members(&operation.input).iter().map(|member| &member.name);
                format!(
                    "Some(Built {{ input: &forms::{}, output: &forms::{}, report: &tables::{}, input_members: &{:?} }})",
                    form_name(&operation.input),
                    form_name(&operation.output),
                    report_name(name),
                    members.collect::<Vec<_>>(),
                )
            }
            None => "None".to_owned(),
        };
        writeln!(code, "    Description {{ name: {name:?}, built: {built} }},").unwrap();
    }
    writeln!(code, "];").unwrap();
}

fn dispatch(model: &Model, service: &str, code: &mut String) {
    writeln!(
        code,
        "/// Decodes and checks a request of the operation, calls the service, and encodes what it answers."
    )
    .unwrap();
    writeln!(
        code,
        "pub(crate) async fn dispatch<S: {service}>(service: &S, context: &Context, operation: &str, report: &'static Report, body: &[u8]) -> Result<Vec<u8>, Refusal> {{ match operation {{"
    )
    .unwrap();
    for operation in &model.operations {
        writeln!(
            code,
            "    {:?} => {{ let input = read::<{}>(report, body).map_err(violation)?; let output = service.{}(context, input).await?; Ok(written(&output)) }}",
            operation.name,
            operation.input,
            names::snake(&operation.name),
        )
        .unwrap();
    }
    writeln!(
        code,
        "    _ => Err(ErrorKind::UnknownOperationException.because(not_supported(operation))),\n}} }}"
    )
    .unwrap();
}

fn errors(model: &Model, wording: &Wording, code: &mut String) {
    let exceptions = wording.exceptions(model);
    writeln!(
        code,
        "/// What went wrong: the errors of the service, by their names."
    )
    .unwrap();
    writeln!(
        code,
        "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]\npub enum ErrorKind {{"
    )
    .unwrap();
    for name in exceptions.keys() {
        writeln!(code, "    /// `{name}`.\n    {name},").unwrap();
    }
    writeln!(code, "}}").unwrap();
    writeln!(
        code,
        "pub(crate) static ERRORS: [ErrorForm; {}] = [",
        exceptions.len()
    )
    .unwrap();
    for (name, exception) in &exceptions {
        writeln!(
            code,
            "    ErrorForm {{ name: {name:?}, code: {:?}, status: {}, message: {:?} }},",
            exception.code.as_deref().unwrap_or(name),
            exception.status,
            exception.message,
        )
        .unwrap();
    }
    writeln!(code, "];").unwrap();
}
