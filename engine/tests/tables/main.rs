//! Operations on tables, from request to response, over the store in memory and a clock that the
//! tests move.

mod create;
mod damaged_expiry;
mod damaged_recovery;
mod damaged_streams;
mod delete;
mod describe;
mod global_indexes;
mod list;
mod not_built;
mod service;
mod tags;
mod transitions;
mod update;
