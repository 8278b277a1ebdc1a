//! The list of operations, the trait with a method for each, the way from one to the other, and
//! the exceptions.

use std::fmt::Write;

use crate::model::{Model, Operation};
use crate::names;
use crate::wording::Wording;

fn sorted(model: &Model) -> Vec<&Operation> {
    let mut operations: Vec<&Operation> = model.operations.iter().collect();
    operations.sort_by(|left, right| (&left.service, &left.name).cmp(&(&right.service, &right.name)));
    operations
}

/// `Operation` and what is known about each.
pub fn generate(model: &Model, wording: &Wording) -> String {
    let mut code = String::new();
    enumeration(model, wording, &sorted(model), &mut code);
    services(model, &mut code);
    code
}

/// `DynamoDb` and `dispatch_built`.
pub fn generate_service(model: &Model, wording: &Wording) -> String {
    let operations = sorted(model);
    let mut code = String::new();
    interface(&operations, &mut code);
    dispatch(wording, &operations, &mut code);
    code
}

/// `ErrorKind` and the table of errors.
pub fn generate_errors(model: &Model, wording: &Wording) -> String {
    let mut code = String::new();
    let exceptions = wording.exceptions(model);
    writeln!(
        code,
        "/// What went wrong: the errors of the API, by their names on the wire."
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
    writeln!(code, "}}\nstatic ERRORS: [Wire; {}] = [", exceptions.len()).unwrap();
    for (name, exception) in &exceptions {
        writeln!(
            code,
            "    Wire {{ kind: ErrorKind::{name}, name: {name:?}, type_name: \"{}#{name}\", status: {}, message: {:?} }},",
            exception.namespace, exception.status, exception.message
        )
        .unwrap();
    }
    writeln!(code, "];").unwrap();
    code
}

fn enumeration(model: &Model, wording: &Wording, operations: &[&Operation], code: &mut String) {
    writeln!(code, "/// An operation of the API.").unwrap();
    writeln!(
        code,
        "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]"
    )
    .unwrap();
    writeln!(code, "pub enum Operation {{").unwrap();
    for operation in operations {
        writeln!(code, "    /// `{}`.\n    {},", operation.name, operation.name).unwrap();
    }
    writeln!(code, "}}").unwrap();
    writeln!(code, "const OPERATION_COUNT: usize = {};", operations.len()).unwrap();
    writeln!(code, "static OPERATIONS: [Description; OPERATION_COUNT] = [").unwrap();
    for operation in operations {
        let members = model.members(&operation.input).iter().map(|member| &member.name);
        let voice = wording.operation(&operation.name);
        writeln!(
            code,
            "    Description {{ operation: Operation::{0}, name: {0:?}, service: Service::{1}, built: {2}, current: {3}, enveloped: {4}, input_members: &{5:?}, report: &tables::{6} }},",
            operation.name,
            operation.service,
            wording.is_built(&operation.name),
            voice.current,
            voice.enveloped,
            members.collect::<Vec<_>>(),
            crate::tables::report_name(&operation.name),
        )
        .unwrap();
    }
    writeln!(code, "];").unwrap();
}

fn services(model: &Model, code: &mut String) {
    writeln!(code, "impl Service {{").unwrap();
    writeln!(
        code,
        "    /// What stands before the operation's name, and a point, in a request's target."
    )
    .unwrap();
    writeln!(
        code,
        "    pub fn target_prefix(self) -> &'static str {{ match self {{"
    )
    .unwrap();
    for (service, prefix) in &model.target_prefixes {
        writeln!(code, "        Service::{service} => {prefix:?},").unwrap();
    }
    writeln!(code, "    }} }}\n}}").unwrap();
}

fn interface(operations: &[&Operation], code: &mut String) {
    writeln!(
        code,
        "/// The service: one method per operation. An operation without a method of its own"
    )
    .unwrap();
    writeln!(code, "/// answers `UnknownOperationException`, naming itself.").unwrap();
    writeln!(code, "pub trait DynamoDb: Send + Sync + 'static {{").unwrap();
    writeln!(
        code,
        "    /// A request of the operation was wrong in itself, so that no method is called."
    )
    .unwrap();
    writeln!(
        code,
        "    fn refused(&self, operation: Operation) {{ let _ = operation; }}"
    )
    .unwrap();
    for operation in operations {
        writeln!(code, "    /// `{}`.", operation.name).unwrap();
        writeln!(
            code,
            "    fn {}(&self, context: &Context, input: {}) -> impl Future<Output = Result<{}, Error>> + Send {{ let _ = (context, input); std::future::ready(Err(Error::unknown_operation(Operation::{}.name()))) }}",
            names::snake(&operation.name), operation.input, operation.output, operation.name
        )
        .unwrap();
    }
    writeln!(code, "}}").unwrap();
}

fn dispatch(wording: &Wording, operations: &[&Operation], code: &mut String) {
    writeln!(
        code,
        "/// Decodes and checks the request, calls the service, and encodes what it answers."
    )
    .unwrap();
    writeln!(code, "async fn dispatch_built<D: DynamoDb>(service: &D, context: &Context, operation: Operation, body: &[u8]) -> Result<Vec<u8>, Error> {{ match operation {{").unwrap();
    for operation in operations
        .iter()
        .filter(|operation| wording.is_built(&operation.name))
    {
        let method = names::snake(&operation.name);
        let answer = if operation.has_output {
            "Ok(encode_answer(&output))"
        } else {
            "{ let _ = output; Ok(Vec::new()) }"
        };
        writeln!(
            code,
            "    Operation::{} => {{ let input = decode_request::<{}>(operation, body).inspect_err(|_| service.refused(operation))?; let output = service.{method}(context, input).await?; {answer} }}",
            operation.name, operation.input
        )
        .unwrap();
    }
    writeln!(
        code,
        "    _ => Err(Error::unknown_operation(operation.name())),\n}} }}"
    )
    .unwrap();
    writeln!(
        code,
        "/// Decodes a request of any operation and forgets it; for tests of decoding."
    )
    .unwrap();
    writeln!(code, "#[cfg(test)]\npub(crate) fn check_request(operation: Operation, body: &[u8]) -> Result<(), Error> {{ match operation {{").unwrap();
    for operation in operations {
        writeln!(
            code,
            "    Operation::{} => decode_request::<{}>(operation, body).map(drop),",
            operation.name, operation.input
        )
        .unwrap();
    }
    writeln!(code, "}} }}").unwrap();
}
