//! Everything that can be set, each thing once: a flag is also its environment variable and its
//! key in the configuration file.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use server::CorsOrigin;

#[cfg(feature = "disk")]
use crate::transfer::arguments::{BackupArguments, ExportArguments, ImportArguments, RestoreArguments};
use crate::units::{parse_duration, parse_duration_or_zero, parse_memory_bytes, parse_size_bytes};

/// Amazon DynamoDB as a program that you run yourself.
///
/// Each option may also be given as an environment variable, or in the file that --config names as
/// a line like `port = 8000`. The command line counts before the environment, the environment
/// before the file.
#[derive(Debug, Parser)]
#[command(name = "stator", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API of DynamoDB and DynamoDB Streams over HTTP
    Serve(Box<ServeArguments>),
    /// Watch a running server: its tables, their latencies, the hottest keys, and the store
    Top(TopArguments),
    /// Verify a data directory: every item, every index entry, every count
    #[cfg(feature = "disk")]
    Check(DataDirectory),
    /// Take the damaged part out of a data directory's log, after saying what is lost by it
    #[cfg(feature = "disk")]
    Repair(RepairArguments),
    /// Write a table of a data directory to files, in the layout of the service's exports
    #[cfg(feature = "disk")]
    Export(Box<ExportArguments>),
    /// Read items from files into a table of a data directory
    #[cfg(feature = "disk")]
    Import(Box<ImportArguments>),
    /// Write a table of a data directory to a backup, with all that is needed to restore it
    #[cfg(feature = "disk")]
    Backup(Box<BackupArguments>),
    /// Make a table of a backup
    #[cfg(feature = "disk")]
    Restore(Box<RestoreArguments>),
}

/// The directory that an offline command works on.
#[cfg(feature = "disk")]
#[derive(Debug, Args)]
pub struct DataDirectory {
    /// The data directory; no server may be running on it
    #[arg(long, value_name = "DIR", default_value = "./stator-data")]
    pub data_dir: PathBuf,
}

/// The settings of `stator repair`.
#[cfg(feature = "disk")]
#[derive(Debug, Args)]
pub struct RepairArguments {
    #[command(flatten)]
    pub data_dir: DataDirectory,

    /// Only say what would be lost
    #[arg(long)]
    pub dry_run: bool,
}

/// The settings of `stator top`.
#[derive(Debug, Args)]
pub struct TopArguments {
    /// The server to watch
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000")]
    pub endpoint: String,

    /// How often to look; rates are those of the time between two looks
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "2s")]
    pub interval: Duration,

    /// Print one snapshot as plain lines, after one interval
    #[arg(long)]
    pub once: bool,
}

/// The settings of `stator serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The address to listen on: a name or an IP address
    #[arg(long, default_value = "127.0.0.1", help_heading = "Where")]
    pub host: String,

    /// The port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 8000, help_heading = "Where")]
    pub port: u16,

    /// The directory to store in; created where it is missing
    #[arg(
        long,
        value_name = "DIR",
        default_value = "./stator-data",
        help_heading = "Where"
    )]
    pub data_dir: PathBuf,

    /// Store nothing on disk: short for --durability memory
    #[arg(
        long,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "BOOL",
        value_parser = BoolishValueParser::new(),
        help_heading = "Where"
    )]
    pub in_memory: bool,

    /// What an acknowledged write survives
    #[arg(long, value_enum, default_value_t = Durability::Sync, help_heading = "Where")]
    pub durability: Durability,

    /// A TOML file of settings, with the options' names as keys
    #[arg(long, value_name = "FILE", help_heading = "Where")]
    pub config: Option<PathBuf>,

    /// The region that ARNs name [default: the region that the request is signed for]
    #[arg(long, value_parser = parse_region, help_heading = "Identity")]
    pub region: Option<String>,

    /// The account that ARNs name
    #[arg(long, value_parser = parse_account_id, default_value = "000000000000", help_heading = "Identity")]
    pub account_id: String,

    /// A web origin whose pages may call the server, besides those on loopback; `*` for all
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', help_heading = "Identity")]
    pub cors_origin: Vec<CorsOrigin>,

    /// How log lines look
    #[arg(long, value_enum, default_value_t = LogFormat::Text, help_heading = "Logs and metrics")]
    pub log_format: LogFormat,

    /// Answer GET /metrics, on the same port, with what Prometheus collects
    #[arg(
        long,
        action = ArgAction::Set,
        default_value = "on",
        hide_possible_values = true,
        value_name = "on|off",
        value_parser = BoolishValueParser::new(),
        help_heading = "Logs and metrics"
    )]
    pub metrics: bool,

    /// Which log lines are written; `debug` has one for each request
    #[arg(long, value_enum, default_value_t = LogLevel::Info, help_heading = "Logs and metrics")]
    pub log_level: LogLevel,

    /// Refuse writes while the disk has less room than this
    #[arg(long, value_name = "SIZE", value_parser = parse_size_bytes, default_value = "512MiB", help_heading = "Storage")]
    pub min_free_bytes: u64,

    /// Memory for cached data, indexes, filters and write buffers together
    #[arg(long, value_name = "SIZE", value_parser = parse_memory_bytes, default_value = "256MiB", help_heading = "Storage")]
    pub cache_bytes: usize,

    /// How much of that the write buffers may take
    #[arg(long, value_name = "SIZE", value_parser = parse_memory_bytes, default_value = "64MiB", help_heading = "Storage")]
    pub write_buffer_bytes: usize,

    /// How long tables and indexes stay CREATING, UPDATING and DELETING, in milliseconds
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(..=86_400_000), default_value_t = 0, help_heading = "Storage")]
    pub transition_ms: u64,

    /// How often tables with time to live are looked at for items that have expired
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "1s", help_heading = "Time to live and streams")]
    pub expiry_sweep_period: Duration,

    /// How long after an UpdateTimeToLive of a table the next one is refused
    #[arg(long, value_name = "TIME", value_parser = parse_duration_or_zero, default_value = "1h", help_heading = "Time to live and streams")]
    pub time_to_live_change_interval: Duration,

    /// Let reads pass over items that have expired and are not deleted yet; the service shows them
    #[arg(
        long,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "BOOL",
        value_parser = BoolishValueParser::new(),
        help_heading = "Time to live and streams"
    )]
    pub hide_expired_items: bool,

    /// How many shards a new stream has open at once: 1 to 16
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=16), default_value_t = 1, help_heading = "Time to live and streams")]
    pub stream_shards: u32,

    /// How long the shards of a stream stay open before others follow them; at least a second
    #[arg(long, value_name = "TIME", value_parser = parse_rollover, default_value = "4h", help_heading = "Time to live and streams")]
    pub stream_shard_rollover: Duration,

    /// Let transactions and writes that meet on an item fail as the service does; otherwise they wait
    #[arg(
        long,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "BOOL",
        value_parser = BoolishValueParser::new(),
        help_heading = "Transactions"
    )]
    pub transaction_conflicts: bool,

    /// Refuse requests beyond the throughput that tables have provisioned, or set as a maximum on demand
    #[arg(
        long,
        action = ArgAction::Set,
        default_value = "on",
        hide_possible_values = true,
        value_name = "on|off",
        value_parser = BoolishValueParser::new(),
        help_heading = "Capacity"
    )]
    pub throttle: bool,

    /// Refuse requests for one partition key beyond 3,000 read and 1,000 write units a second, as a partition of
    /// the service does
    #[arg(
        long,
        action = ArgAction::Set,
        default_value = "off",
        hide_possible_values = true,
        value_name = "on|off",
        value_parser = BoolishValueParser::new(),
        help_heading = "Capacity"
    )]
    pub partition_limits: bool,

    /// Where backups are kept: a directory, or s3://bucket/prefix of the store that AWS_ENDPOINT_URL and
    /// the other usual variables tell of [default: the directory `backups` in the data directory, memory
    /// with --in-memory]
    #[cfg(feature = "disk")]
    #[arg(long, value_name = "URL", help_heading = "Backups, exports and imports")]
    pub backups: Option<String>,

    /// The directory whose subdirectories are the buckets of exports and imports; `remote` for those of
    /// the store that AWS_ENDPOINT_URL and the other usual variables tell of [default: the directory `s3`
    /// in the data directory, memory with --in-memory]
    #[cfg(feature = "disk")]
    #[arg(
        long,
        value_name = "DIR|remote",
        help_heading = "Backups, exports and imports"
    )]
    pub s3_directory: Option<PathBuf>,

    /// Open connections; further ones wait
    #[arg(long, value_name = "COUNT", value_parser = parse_count, default_value = "4096", help_heading = "Bounds")]
    pub max_connections: usize,

    /// The largest request body, after decompression
    #[arg(long, value_name = "SIZE", value_parser = parse_memory_bytes, default_value = "16MiB", help_heading = "Bounds")]
    pub max_body_bytes: usize,

    /// Memory for large request bodies over all connections, and for what is made of them
    #[arg(long, value_name = "SIZE", value_parser = parse_memory_bytes, default_value = "256MiB", help_heading = "Bounds")]
    pub max_body_bytes_total: usize,

    /// Memory for large answers over all connections, until clients have taken them
    #[arg(long, value_name = "SIZE", value_parser = parse_memory_bytes, default_value = "256MiB", help_heading = "Bounds")]
    pub max_answer_bytes_total: usize,

    /// The time that a request may take once it has arrived
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "30s", help_heading = "Bounds")]
    pub request_timeout: Duration,

    /// The time that a request's headers may take to arrive
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "10s", help_heading = "Bounds")]
    pub head_timeout: Duration,

    /// The time that a request's body may take to arrive
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "30s", help_heading = "Bounds")]
    pub body_timeout: Duration,

    /// The time that a client may take nothing of its answer
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "30s", help_heading = "Bounds")]
    pub write_timeout: Duration,

    /// The time that a connection may be idle
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "5m", help_heading = "Bounds")]
    pub idle_timeout: Duration,

    /// The time that requests in progress have when the server is told to stop
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "30s", help_heading = "Bounds")]
    pub drain_timeout: Duration,
}

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// A loss of power
    Sync,
    /// A crash of Stator, not of the machine
    Os,
    /// Nothing: data is gone when Stator ends
    Memory,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// For machines: a JSON object a line
    Json,
}

/// Which log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl ServeArguments {
    /// What an acknowledged write survives, from both options that say so.
    pub fn durability(&self) -> Durability {
        match self.in_memory {
            true => Durability::Memory,
            false => self.durability,
        }
    }
}

/// The host to reach a server by that listens on `address`.
pub fn host_to_call(address: IpAddr) -> String {
    match address {
        address if address.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1_000_000) => Ok(count),
        _ => Err("a number from 1 to 1000000 is wanted".to_owned()),
    }
}

fn parse_rollover(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        time if time < Duration::from_secs(1) => Err("a shard is open for at least a second".to_owned()),
        time => Ok(time),
    }
}

pub fn parse_region(text: &str) -> Result<String, String> {
    let in_alphabet = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    match in_alphabet && (1..=64).contains(&text.len()) {
        true => Ok(text.to_owned()),
        false => Err("a region is written like eu-west-2".to_owned()),
    }
}

pub fn parse_account_id(text: &str) -> Result<String, String> {
    match text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err("an account id has 12 digits".to_owned()),
    }
}
