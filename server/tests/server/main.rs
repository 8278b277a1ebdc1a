//! The server over real sockets, with a toy in place of the database.

mod browsers;
mod client;
mod companions;
mod connections;
mod limits;
mod metrics;
mod requests;
mod stopping;
mod toy;
