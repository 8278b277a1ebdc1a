//! The requests and responses of all operations, generated from the API's models.
//!
//! Names are those of the model; members are fields in snake case. A required member stands as it
//! is, any other in an [`Option`]. Maps keep the order of the request.

use indexmap::IndexMap;

use crate::attributes::{AttributeMap, AttributeValue};

include!(concat!(env!("OUT_DIR"), "/types.rs"));
