//! The API of DynamoDB and DynamoDB Streams: the operations, their requests and responses, the
//! checks on the shape of a request, the errors, and the JSON of all of it. Generated at build time
//! from the API's models in `models/` and from the wording beside them. No storage and no HTTP.
//!
//! Whoever implements [`DynamoDb`] is the service, and [`dispatch`] leads a request to it:
//!
//! ```
//! use api::types::{ListTablesInput, ListTablesOutput};
//! use api::{Context, DynamoDb, Error, Operation, dispatch};
//!
//! struct Empty;
//! impl DynamoDb for Empty {
//!     async fn list_tables(&self, _: &Context, _: ListTablesInput) -> Result<ListTablesOutput, Error> {
//!         Ok(ListTablesOutput { table_names: Some(Vec::new()), ..Default::default() })
//!     }
//! }
//!
//! let context = Context::default();
//! let answer = dispatch(&Empty, &context, Operation::ListTables, b"{}");
//! # let answer = std::pin::pin!(answer);
//! # let mut task = std::task::Context::from_waker(std::task::Waker::noop());
//! # let std::task::Poll::Ready(answer) = answer.poll(&mut task) else { panic!() };
//! assert_eq!(answer.body, br#"{"TableNames":[]}"#);
//! ```
//!
//! Read [`types`] first: what the model says, in Rust. Attribute values are not among them: an
//! [`AttributeMap`] is decoded straight into the form in which items are stored.
//!
//! [`cloudwatch`] and [`scaling`] are services beside DynamoDB on its endpoint; [`companion`] leads
//! their requests to them, from every protocol that their clients speak.

mod attributes;
pub mod cloudwatch;
pub mod companion;
mod context;
mod decode;
mod dispatch;
mod encode;
mod error;
mod json;
mod limits;
mod operation;
mod report;
pub mod scaling;
#[cfg(test)]
mod tests;
pub mod types;

pub use attributes::{AttributeMap, AttributeValue, ValueError, append_item_json, items_from_json};
pub use context::{Context, Principal};
pub use dispatch::{DynamoDb, Response, dispatch};
pub use encode::table_description_json;
pub use error::{Error, ErrorKind};
pub use operation::{Layer, Operation, Service};
