//! The operations by name, and what is known about each beside its types.

use crate::attributes::ValueError;
use crate::error::Error;
use crate::report::{Report, tables};

/// Which of the two services an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Amazon DynamoDB.
    DynamoDb,
    /// Amazon DynamoDB Streams.
    DynamoDbStreams,
}

/// How an operation words its errors: the service moves from the older to the current wording,
/// operation by operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// The older wording.
    Older,
    /// The current wording.
    Current,
}

/// What is known about an operation.
struct Description {
    operation: Operation,
    name: &'static str,
    service: Service,
    built: bool,
    current: bool,
    enveloped: bool,
    input_members: &'static [&'static str],
    report: &'static Report,
}

include!(concat!(env!("OUT_DIR"), "/operations.rs"));

impl Operation {
    /// How many operations there are; each is a number below this one.
    pub const COUNT: usize = OPERATION_COUNT;

    /// All operations of both services.
    pub fn all() -> impl Iterator<Item = Operation> {
        OPERATIONS.iter().map(|description| description.operation)
    }

    /// The service's operation of that name.
    pub fn from_name(service: Service, name: &str) -> Option<Operation> {
        let first = OPERATIONS.partition_point(|known| (known.service, known.name) < (service, name));
        let found = OPERATIONS.get(first)?;
        (found.service == service && found.name == name).then_some(found.operation)
    }

    /// The operation that a request's target names: `DynamoDB_20120810.PutItem`.
    pub fn from_target(target: &str) -> Option<Operation> {
        let (prefix, name) = target.split_once('.')?;
        [Service::DynamoDb, Service::DynamoDbStreams]
            .into_iter()
            .find(|service| service.target_prefix() == prefix)
            .and_then(|service| Self::from_name(service, name))
    }

    fn description(self) -> &'static Description {
        &OPERATIONS[self as usize]
    }

    /// The operation's name.
    pub fn name(self) -> &'static str {
        self.description().name
    }

    /// The service that has the operation.
    pub fn service(self) -> Service {
        self.description().service
    }

    /// Whether the operation is built; one that is not answers `UnknownOperationException`.
    pub fn is_built(self) -> bool {
        self.description().built
    }

    /// The names of the members of the operation's request.
    pub fn input_members(self) -> &'static [&'static str] {
        self.description().input_members
    }

    /// How the operation words its errors.
    pub fn layer(self) -> Layer {
        if self.description().current {
            Layer::Current
        } else {
            Layer::Older
        }
    }

    pub(crate) fn report(self) -> &'static Report {
        self.description().report
    }

    /// The operation's own validation message as it goes out: PutItem, UpdateItem and DeleteItem put
    /// `1 validation error detected: ` in front, the others nothing. For errors that need no table;
    /// those found with the table at hand stay bare.
    pub fn wrap(self, message: impl Into<String>) -> String {
        let message = message.into();
        if self.description().enveloped {
            format!("1 validation error detected: {message}")
        } else {
            message
        }
    }

    /// The error for a value of an item or key that is no value.
    pub fn value_error(self, error: &ValueError) -> Error {
        let message = error.message(self.layer());
        Error::validation(if error.is_never_wrapped() {
            message
        } else {
            self.wrap(message)
        })
    }

    /// The error for a value of `ExpressionAttributeValues` that is no value; `name` begins with a
    /// colon. The older wording names the parameter and the value.
    pub fn expression_value_error(self, name: &str, error: &ValueError) -> Error {
        match self.layer() {
            Layer::Current => self.value_error(error),
            Layer::Older => {
                let message = error.message(Layer::Older);
                Error::validation(format!(
                    "ExpressionAttributeValues contains invalid value: {message} for key {name}"
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_found_by_name() {
        assert_eq!(Operation::all().count(), 66);
        for operation in Operation::all() {
            assert_eq!(operation.description().operation, operation);
            assert_eq!(
                Operation::from_name(operation.service(), operation.name()),
                Some(operation)
            );
            let target = format!("{}.{}", operation.service().target_prefix(), operation.name());
            assert_eq!(Operation::from_target(&target), Some(operation));
        }
        assert_eq!(Operation::from_name(Service::DynamoDb, "GetRecords"), None);
        assert_eq!(Operation::from_name(Service::DynamoDb, "Zzz"), None);
        assert_eq!(Operation::from_target("DynamoDB_20120810"), None);
        assert_eq!(Operation::from_target("DynamoDB_20111205.PutItem"), None);
    }
}
