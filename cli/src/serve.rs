//! `stator serve`: from arguments to a server that runs until a signal.

mod banner;
mod signals;
#[cfg(feature = "disk")]
mod transfers;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::Arc;

use engine::{Engine, KEY_SPACES, Settings};
use server::{DrainOutcome, ServerConfig};
use store::{MemoryStore, Store};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::arguments::{Durability, ServeArguments};
use crate::failure::Failure;
use crate::logging;
use crate::metrics::MeasuredStore;
use crate::service::{Database, SystemClock};

/// Files that are kept for the store and everything else but connections.
const FILES_KEPT: usize = 1200;

/// Runs the server until it is told to stop.
pub fn serve(arguments: &ServeArguments) -> Result<(), Failure> {
    logging::start(arguments.log_format, arguments.log_level);
    let runtime =
        Runtime::new().map_err(|error| Failure::new(format!("threads cannot be started: {error}")))?;
    // The port comes first: where another Stator has it, this one touches no data.
    let listener = runtime.block_on(bind(arguments))?;
    match arguments.durability() {
        Durability::Memory => {
            let store = MemoryStore::new(KEY_SPACES.len());
            run(&runtime, listener, arguments, store, |_| Ok(()))
        }
        durability => serve_from_disk(&runtime, listener, arguments, durability),
    }
}

#[cfg(feature = "disk")]
fn serve_from_disk(
    runtime: &Runtime,
    listener: TcpListener,
    arguments: &ServeArguments,
    durability: Durability,
) -> Result<(), Failure> {
    let durability = match durability {
        Durability::Sync => store::Durability::Sync,
        Durability::Os | Durability::Memory => store::Durability::Os,
    };
    let store = crate::storage::open(arguments, durability)?;
    run(runtime, listener, arguments, store, |store| Ok(store.close()?))
}

#[cfg(not(feature = "disk"))]
fn serve_from_disk(_: &Runtime, _: TcpListener, _: &ServeArguments, _: Durability) -> Result<(), Failure> {
    Err(Failure::new(
        "this Stator was built without the store on disk; start it with --in-memory, or build it with the feature `disk`",
    ))
}

/// Serves from `store`, and closes it when the server has stopped.
fn run<S: MeasuredStore>(
    runtime: &Runtime,
    listener: TcpListener,
    arguments: &ServeArguments,
    store: S,
    close: impl FnOnce(&S) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let database = Arc::new(runtime.block_on(build_service(store, arguments))?);
    runtime.block_on(async {
        let stop = signals::first_signal()?;
        banner::print(arguments, &listener)?;
        let config = server_config(arguments);
        #[cfg(feature = "disk")]
        let transfers = transfers::start(database.engine(), arguments)?;
        if let DrainOutcome::Cut { connections } = server::run(listener, database.clone(), config, stop).await
        {
            tracing::warn!(
                connections,
                "the time to finish requests is over; connections were cut"
            );
        }
        // What is half done goes on with the next start.
        #[cfg(feature = "disk")]
        transfers.stop();
        database.finish().await;
        Ok::<(), Failure>(())
    })?;
    close(database.store())
}

/// Opens the database that `store` holds.
async fn build_service<S: Store>(store: S, arguments: &ServeArguments) -> Result<Database<S>, Failure> {
    // Times have been read as at most a year, so that their milliseconds fit.
    let settings = Settings {
        transition_ms: arguments.transition_ms,
        open_shards: arguments.stream_shards,
        shard_rollover_ms: arguments.stream_shard_rollover.as_millis() as u64,
        expiry_sweep_period_ms: arguments.expiry_sweep_period.as_millis() as u64,
        time_to_live_change_ms: arguments.time_to_live_change_interval.as_millis() as u64,
        hides_expired: arguments.hide_expired_items,
        has_transaction_conflicts: arguments.transaction_conflicts,
        throttles: arguments.throttle,
        limits_partitions: arguments.partition_limits,
        has_transfers: cfg!(feature = "disk"),
    };
    let seed = RandomState::new().build_hasher().finish();
    let engine = Engine::open(store, Box::new(SystemClock), seed, settings).await;
    let engine =
        engine.map_err(|error| Failure::new(format!("the database cannot be opened: {}", error.message)))?;
    Ok(Database::new(engine))
}

async fn bind(arguments: &ServeArguments) -> Result<TcpListener, Failure> {
    let (host, port) = (arguments.host.as_str(), arguments.port);
    TcpListener::bind((host, port)).await.map_err(|error| {
        Failure::new(match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!(
                    "port {port} of {host} is in use by another program; stop that, or choose another --port"
                )
            }
            io::ErrorKind::PermissionDenied => {
                format!("this user may not listen on port {port}; choose a --port above 1023")
            }
            io::ErrorKind::AddrNotAvailable => {
                format!("{host} is no address of this machine; choose another --host")
            }
            _ => format!(
                "it is impossible to listen on {host}, port {port} ({error}); choose another --host or --port"
            ),
        })
    })
}

fn server_config(arguments: &ServeArguments) -> ServerConfig {
    ServerConfig {
        region: arguments.region.as_deref().map(Arc::from),
        account_id: arguments.account_id.as_str().into(),
        cors_origins: arguments.cors_origin.clone(),
        shows_metrics: arguments.metrics,
        max_connections: connections_within_file_limit(arguments.max_connections),
        max_body_bytes: arguments.max_body_bytes,
        max_body_bytes_total: arguments.max_body_bytes_total,
        max_answer_bytes_total: arguments.max_answer_bytes_total,
        head_timeout: arguments.head_timeout,
        body_timeout: arguments.body_timeout,
        request_timeout: arguments.request_timeout,
        write_timeout: arguments.write_timeout,
        idle_timeout: arguments.idle_timeout,
        drain_timeout: arguments.drain_timeout,
    }
}

/// Raises the limit on open files as far as this user may, and keeps connections below it: a store
/// that cannot open a file fails for good.
fn connections_within_file_limit(max_connections: usize) -> usize {
    let wanted = (max_connections + FILES_KEPT) as u64;
    let granted = match rlimit::increase_nofile_limit(wanted) {
        Ok(granted) => usize::try_from(granted).unwrap_or(usize::MAX),
        Err(error) => {
            tracing::debug!(%error, "the limit on open files cannot be read");
            return max_connections;
        }
    };
    let possible = granted.saturating_sub(FILES_KEPT).max(16);
    if possible < max_connections {
        tracing::warn!(
            possible,
            max_connections,
            "the system allows {granted} open files, so fewer connections are taken; `ulimit -n` raises it"
        );
    }
    max_connections.min(possible)
}
