//! The HTTP face of Stator: connections, request framing, the presence of signatures, and nothing
//! of what the operations mean.
//!
//! [`run`] takes a listener, a [`Service`], a [`ServerConfig`] and a shutdown signal from outside.
//! Read in this order: `service.rs` (the border to the database), `run.rs` (accepting and
//! stopping), `connection.rs` with `timed_io.rs` (one connection and its clocks), `handler.rs`
//! (the way of one request), and then the small modules that the handler uses.

mod answers;
mod background;
mod body;
mod companion;
mod compression;
mod config;
mod connection;
mod cors;
mod fault;
mod handler;
mod measurements;
mod memory;
mod panics;
mod reply;
mod request_id;
mod run;
mod service;
mod signature;
mod timed_io;

pub use answers::AnswerBytes;
pub use companion::{Companion, CompanionProtocol, CompanionRequest, CompanionResponse, CompanionTarget};
pub use config::{CorsOrigin, InvalidOrigin, ServerConfig};
pub use measurements::ServerMeasurements;
pub use request_id::RequestId;
pub use run::{DrainOutcome, run};
pub use service::{NextStep, RequestContext, Service, ServiceRequest, ServiceResponse, TargetService};
