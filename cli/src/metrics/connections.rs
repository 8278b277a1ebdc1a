//! What is shown of the server: connections, requests on their way, and the memory that they take.

use std::fmt;

use server::ServerMeasurements;

use super::families::Families;

pub fn show(server: &ServerMeasurements, families: &mut Families<'_, '_>) -> fmt::Result {
    families.gauge("connections", "Open connections", server.connections as u64)?;
    families.gauge(
        "connections_limit",
        "Connections that may be open at once",
        server.connections_max as u64,
    )?;
    families.gauge(
        "requests_in_flight",
        "Requests that have arrived and are not answered, the one for this page included",
        server.requests_in_flight as u64,
    )?;
    families.counter(
        "http_errors",
        "Requests that reached no operation: unsigned, unknown, too large or too slow",
        server.own_errors,
    )?;
    for (name, limit_name, what, (used, limit)) in [
        (
            "body_memory_bytes",
            "body_memory_limit_bytes",
            "large request bodies",
            (server.body_bytes, server.body_bytes_max),
        ),
        (
            "answer_memory_bytes",
            "answer_memory_limit_bytes",
            "large answers",
            (server.answer_bytes, server.answer_bytes_max),
        ),
    ] {
        families.gauge(name, &format!("Memory that {what} take"), used as u64)?;
        families.gauge(limit_name, &format!("Memory that {what} may take"), limit as u64)?;
    }
    Ok(())
}
