//! `stator export`, `import`, `backup` and `restore`: tables to files and back, on a data directory that no
//! server has open.

pub mod arguments;
mod backup;
mod database;
mod export;
mod import;
mod progress;
mod restore;

pub use backup::backup;
pub use export::export;
pub use import::import;
pub use restore::restore;

use crate::failure::Failure;

impl From<::transfer::Error> for Failure {
    fn from(error: ::transfer::Error) -> Self {
        Failure::new(error.to_string())
    }
}
