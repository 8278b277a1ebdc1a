//! The page of metrics: what the engine, the store and the server have counted, in the text format of
//! OpenMetrics, which Prometheus reads.
//!
//! Nothing is counted for it: each page is made of the figures as they are at that moment. `families` is how
//! figures become families of samples; `requests` is what is shown of requests and tables, `connections` of
//! the server, `disk` of the store on disk. Everything has a bound: tables beyond [`TABLES_MAX`] are only
//! counted, and no label holds what a client can choose freely but the names of tables and their indexes.

mod connections;
#[cfg(feature = "disk")]
mod disk;
mod families;
mod requests;

use std::fmt;

use engine::Measurements;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;
use server::ServerMeasurements;
use store::{MemoryStore, Store};

use self::families::Families;

/// How many tables have samples of their own: the first that were created.
pub const TABLES_MAX: usize = 256;

/// What each name begins with.
const PREFIX: &str = "stator";

/// The commit that the program was built from, where whoever built it has said so.
const COMMIT: Option<&str> = option_env!("STATOR_COMMIT");

/// A store that may have figures of its own.
pub trait MeasuredStore: Store {
    /// What it has counted; `None` where it counts nothing.
    fn figures(&self) -> Option<Box<dyn Collector>>;
}

impl MeasuredStore for MemoryStore {
    fn figures(&self) -> Option<Box<dyn Collector>> {
        None
    }
}

/// What is known of the program, its requests, and the server.
#[derive(Debug)]
struct Figures {
    requests: Measurements,
    server: ServerMeasurements,
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families::new(&mut encoder);
        families.info(
            "build",
            "What is running",
            &[
                ("version", env!("CARGO_PKG_VERSION")),
                ("commit", COMMIT.unwrap_or_default()),
            ],
        )?;
        connections::show(&self.server, &mut families)?;
        requests::show(&self.requests, &mut families)
    }
}

/// The page. It takes milliseconds where there are many tables.
pub fn page(
    requests: Measurements,
    server: ServerMeasurements,
    store: Option<Box<dyn Collector>>,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(Figures { requests, server }));
    if let Some(store) = store {
        registry.register_collector(store);
    }
    let mut page = String::with_capacity(64 << 10);
    text::encode(&mut page, &registry)?;
    Ok(page)
}

#[cfg(test)]
mod tests;
