//! What a table's descriptor keeps of its past: point-in-time recovery, the jobs that read the table
//! as it was, and where a table comes from that is being restored.

use serde::{Deserialize, Serialize};

use super::{NewIds, TableDescriptor, TableState};

/// Point-in-time recovery of a table.
///
/// Since when it can be restored is not here: that is the commit time of the enabling, which the
/// first record of the log of its descriptors bears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// The id of the log of the table's descriptors, from the same sequence as table ids; new with
    /// each enabling.
    pub id: u32,
    /// Whether changes are recorded.
    pub enabled: bool,
    /// How far back it reaches, in days.
    pub period_days: u32,
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Recovery {
    /// How far back it reaches, in milliseconds.
    pub fn period_ms(&self) -> u64 {
        u64::from(self.period_days) * DAY_MS
    }
}

/// A job that reads a table as it was: every change is logged with the item before it, and no record
/// goes that the job needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHold {
    /// The job's id, from the same sequence as table ids.
    pub job_id: u32,
    /// The log number of the last change that the job counts in; it needs all later ones.
    pub boundary: u64,
}

/// Where a table comes from that is being restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// The id of the job, from the same sequence as table ids.
    pub job_id: u32,
    /// The name of the source table.
    pub source_name: String,
    /// The id of the source table.
    pub source_id: u32,
    /// The log number of the last change that counts.
    pub boundary: u64,
    /// The moment that it is restored to, in milliseconds since the Unix epoch.
    pub time_ms: u64,
}

/// Where the items come from of a table that is filled by whoever hosts the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The id of the job, from the same sequence as table ids.
    pub job_id: u32,
    /// What the items are read from.
    pub source: FillSource,
}

/// What a table is filled from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FillSource {
    /// A backup.
    Backup {
        /// The backup's id.
        id: String,
        /// The name of the table that was backed up.
        source_name: String,
        /// The moment that the backup shows, in milliseconds since the Unix epoch.
        time_ms: u64,
    },
    /// An import.
    Import {
        /// The import's id.
        id: String,
    },
}

impl TableDescriptor {
    /// Lets the log keep every change above `boundary`, with the item before it, for a job.
    ///
    /// A table that never had recovery gets one that is disabled: what is kept goes when nothing holds
    /// it any more, as it does where recovery has been disabled.
    pub fn hold_log(&mut self, job_id: u32, boundary: u64, ids: &mut NewIds) {
        self.recovery.get_or_insert_with(|| Recovery {
            id: ids.take(),
            enabled: false,
            period_days: 0,
        });
        self.log_holds.push(LogHold { job_id, boundary });
    }

    /// Lets go what a job has held of the log.
    pub fn release_log(&mut self, job_id: u32) {
        self.log_holds.retain(|hold| hold.job_id != job_id);
    }

    /// Whether it is being filled by a restore or an import, so that nobody sees it as a table yet.
    pub fn is_being_filled(&self) -> bool {
        matches!(self.state, TableState::Restoring | TableState::Importing)
    }

    /// The recovery that is enabled.
    pub fn enabled_recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref().filter(|recovery| recovery.enabled)
    }

    /// Whether every change is logged with the item before it, and kept longer than streams keep it.
    pub fn keeps_history(&self) -> bool {
        self.enabled_recovery().is_some() || !self.log_holds.is_empty()
    }
}
