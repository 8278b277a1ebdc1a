//! The expression languages against items, errors and a naive evaluator.

mod conditions;
mod errors;
mod keys;
mod legacy;
mod limits;
mod notation;
mod partiql;
mod projections;
mod random;
mod updates;
