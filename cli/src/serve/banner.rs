//! The lines that a start prints.

use std::io::Write;
use std::path;

use tokio::net::TcpListener;

use crate::arguments::{Durability, LogFormat, ServeArguments, host_to_call};
use crate::failure::Failure;

/// Says where the server listens, where it stores, how durable that is, and what to try: on
/// standard output for people, in the log for machines.
pub fn print(arguments: &ServeArguments, listener: &TcpListener) -> Result<(), Failure> {
    let address = listener
        .local_addr()
        .map_err(|error| Failure::new(format!("the address that was bound cannot be read: {error}")))?;
    let url = format!("http://{}:{}", host_to_call(address.ip()), address.port());
    let mut lines = vec![
        format!("Stator {} listens on http://{address}", env!("CARGO_PKG_VERSION")),
        format!("Stores {}", storage(arguments)),
        format!(
            "Try     AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_DEFAULT_REGION={} \
             aws dynamodb list-tables --endpoint-url {url}",
            arguments.region.as_deref().unwrap_or("us-east-1")
        ),
    ];
    if !address.ip().is_loopback() {
        lines.push(format!(
            "Warning: requests are not authenticated, and whoever reaches {address} can read and change everything."
        ));
    }
    match arguments.log_format {
        LogFormat::Json => lines.iter().for_each(|line| tracing::info!("{line}")),
        LogFormat::Text => {
            let mut output = std::io::stdout().lock();
            let printed = writeln!(output, "{}", lines.join("\n")).and_then(|()| output.flush());
            // Whoever closed the output does not want to read it.
            if let Err(error) = printed {
                tracing::debug!(%error, "the start-up lines cannot be printed");
            }
        }
    }
    Ok(())
}

fn storage(arguments: &ServeArguments) -> String {
    let directory = || path::absolute(&arguments.data_dir).unwrap_or_else(|_| arguments.data_dir.clone());
    match arguments.durability() {
        Durability::Sync => {
            format!(
                "in {}; an acknowledged write survives a loss of power",
                directory().display()
            )
        }
        Durability::Os => format!(
            "in {}; an acknowledged write survives a crash of Stator, not of the machine",
            directory().display()
        ),
        Durability::Memory => "in memory; everything is gone when Stator stops".to_owned(),
    }
}
