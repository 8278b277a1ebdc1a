//! The parts of a full run: each is measured, kept and shown by itself.

pub const FOOTPRINT: &str = "footprint";
pub const THROUGHPUT: &str = "throughput";
pub const CONNECTIONS: &str = "connections";
pub const LOAD: &str = "load";
pub const ITEM_SIZE: &str = "item-size";
pub const TABLE_SIZE: &str = "table-size";
pub const DURABILITY: &str = "durability";

/// What `bench run` measures belongs to none of them.
pub const RUN: &str = "run";

/// All of them, in the order in which they run.
pub const ALL: [&str; 7] = [
    FOOTPRINT,
    THROUGHPUT,
    CONNECTIONS,
    LOAD,
    ITEM_SIZE,
    TABLE_SIZE,
    DURABILITY,
];
