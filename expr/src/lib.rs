//! The expression languages of DynamoDB: condition, filter, key condition, projection and update
//! expressions, and the legacy parameters and PartiQL statements turned into the same trees. Parsed once per request,
//! checked in the service's words, evaluated over stored items in place.
//!
//! No JSON, no storage, no clock.
//!
//! ```
//! use expr::{Condition, ExpressionAttributes, ExpressionKind};
//! use model::{Encoder, Number};
//! let (mut encoder, open) = Encoder::item(64);
//! encoder.name(b":limit");
//! encoder.number(Number::from(18));
//! let values = encoder.finish(open);
//! let mut attributes = ExpressionAttributes::new(None, Some(&values))?;
//! let condition = Condition::parse(ExpressionKind::Condition, "age < :limit", &mut attributes)?;
//! attributes.check_all_used()?;
//! assert!(!condition.matches(None), "a missing attribute is less than nothing");
//! # Ok::<(), expr::ExpressionError>(())
//! ```

mod attributes;
mod condition;
mod error;
mod form;
mod java_order;
mod key_condition;
pub mod legacy;
mod lexer;
mod literal;
pub mod partiql;
mod path;
mod path_tree;
mod projection;
mod reserved;
mod syntax;
mod update;

pub use attributes::ExpressionAttributes;
pub use condition::Condition;
pub use error::{ErrorKind, ExpressionError, ExpressionKind, UpdateError};
pub use key_condition::{KeyClause, KeyCondition, KeyOperator, ResolvedKeyCondition, SortRange};
pub use literal::Literal;
pub use path::{Path, Step};
pub use projection::Projection;
pub use update::Update;
