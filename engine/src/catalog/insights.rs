//! What the descriptor of a table keeps of contributor insights, for the table and for each index.

use serde::{Deserialize, Serialize};

/// Which keys are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InsightsMode {
    /// Those that consume most, and those that are throttled most.
    AccessedAndThrottled,
    /// Only those that are throttled.
    Throttled,
}

/// What was last said of contributor insights; there is nothing to keep where nothing ever was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContributorInsights {
    /// Whether keys are counted.
    pub enabled: bool,
    /// Which of them are, or were.
    pub mode: InsightsMode,
    /// When it was enabled, in milliseconds since the Unix epoch: what the names of its rules end in. A change
    /// of the mode leaves it.
    pub rules_ms: u64,
    /// When it was last changed, in milliseconds since the Unix epoch.
    pub changed_at_ms: u64,
    /// The answer shows ENABLING or DISABLING until then, in milliseconds since the Unix epoch.
    pub transition_until_ms: u64,
}
