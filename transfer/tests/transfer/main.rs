//! Tables to files and back, over the store in memory: every type of value, every format and
//! compression; files laid out by hand as the service documents them; damage that must be named.

mod backups;
mod csv;
mod database;
mod documented;
mod exports;
mod hostile;
mod imports;
mod locations;
mod requested_backups;
mod requested_exports;
mod requested_imports;
mod round_trips;
mod server;
