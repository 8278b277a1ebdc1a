//! The behaviour of the service that no documentation states, from request to response: JSON in,
//! JSON out, over the store in memory. `docs/behaviour.md` lists each behaviour with its test here.

mod batches;
mod behaviour_document;
mod capacity;
mod compatibility_document;
mod contributor_insights;
mod database;
mod expressions;
mod hidden_items;
mod indexes;
mod keys;
mod members;
mod metrics;
mod numbers;
mod partiql_batches;
mod partiql_differential;
mod partiql_reads;
mod partiql_statements;
mod partiql_transactions;
mod partiql_writes;
mod queries;
mod reads;
mod recovery;
mod scaling;
mod scans;
mod statements;
mod streams;
mod tables;
mod tags;
mod throttling;
mod time_to_live;
mod transactions;
mod unbuilt;
mod updates;
mod values;
mod wording;
