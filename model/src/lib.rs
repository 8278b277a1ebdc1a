//! What DynamoDB's data is: attribute values, exact numbers, items and their sizes, the form in
//! which they are stored, the order of their keys, and the limits on all of it.
//!
//! No JSON, no I/O, no clock. An [`Item`] is bytes that are read in place, through [`ValueRef`];
//! [`Value`] is the tree for those who change it.
//!
//! ```
//! use model::{Encoder, Number, ValueRef};
//! let (mut encoder, attributes) = Encoder::item(64);
//! encoder.name(b"pk");
//! encoder.string(b"user#1");
//! encoder.name(b"age");
//! encoder.number(Number::from(42));
//! let item = encoder.finish(attributes);
//! assert_eq!(item.get("pk"), Some(ValueRef::String(b"user#1")));
//! assert_eq!(item.size_bytes(), 2 + 6 + 3 + 2);
//! ```

mod encoder;
pub mod key;
pub mod limits;
mod number;
mod stored;
mod value;

pub use encoder::{Encoder, OpenList, OpenMap};
pub use number::{Number, NumberError};
pub use stored::{Entry, Item, ListRef, Malformed, MapRef, SetRef, ValueRef};
pub use value::{Value, ValueType};
