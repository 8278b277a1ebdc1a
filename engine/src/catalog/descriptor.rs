//! What the catalog keeps of a table, and its stored form.
//!
//! Stored: the header (table id and version, four and eight bytes, big-endian), then the rest as
//! MessagePack with member names, so that a member can be added later and old ones be read.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::StoreError;

use super::insights::ContributorInsights;
use super::recovery::{Fill, LogHold, Recovery, Restore};
use crate::schema::{IndexProjection, KeySchema, KeyType};

/// How a table is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BillingMode {
    /// By what is provisioned.
    Provisioned,
    /// By request.
    OnDemand,
}

/// Provisioned capacity and the history of its changes. All zero for an on-demand table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionedCapacity {
    /// Read capacity units per second.
    pub read_units: i64,
    /// Write capacity units per second.
    pub write_units: i64,
    /// When it was last raised, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub last_increase_ms: Option<u64>,
    /// When it was last lowered, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub last_decrease_ms: Option<u64>,
    /// How often it has been lowered on the day of the last decrease (UTC).
    #[serde(default)]
    pub decreases_today: i64,
    /// The read and write units that are shown until the transition to the new ones is over.
    #[serde(default)]
    pub previous_units: Option<(i64, i64)>,
}

/// The most that an on-demand table or index may consume; `None` is no bound of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnDemandThroughput {
    /// Read request units per second.
    pub max_read_units: Option<i64>,
    /// Write request units per second.
    pub max_write_units: Option<i64>,
}

/// The throughput that a table or index is ready for at once. Kept and described; the engine is
/// always ready for all that the machine can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarmThroughput {
    /// Read units per second.
    pub read_units: i64,
    /// Write units per second.
    pub write_units: i64,
    /// The answer shows UPDATING until then, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub transition_until_ms: u64,
    /// The read and write units that are shown until then.
    #[serde(default)]
    pub previous_units: Option<(i64, i64)>,
}

/// Where an index stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexState {
    /// Being filled from the table; not to be queried yet.
    Creating,
    /// Complete.
    Active,
    /// On its way out; neither queried nor written.
    Deleting,
}

/// Whether an index shares its table's partition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexKind {
    /// Another partition key, its own capacity, eventually consistent reads only.
    Global,
    /// The table's partition key and another sort key; made with the table.
    Local,
}

/// What the catalog keeps of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexDescriptor {
    /// The index's id, from the same sequence as table ids.
    pub id: u32,
    /// Its name, unique in its table.
    pub name: String,
    /// Global or local.
    pub kind: IndexKind,
    /// Its key.
    pub key_schema: KeySchema,
    /// What it projects.
    pub projection: IndexProjection,
    /// Where it stands in its life.
    pub state: IndexState,
    /// The answer shows the transitional state until then, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub transition_until_ms: u64,
    /// Its provisioned capacity (global indexes).
    #[serde(default)]
    pub provisioned: ProvisionedCapacity,
    /// Its on-demand bounds.
    #[serde(default)]
    pub on_demand: Option<OnDemandThroughput>,
    /// Its warm throughput (global indexes).
    #[serde(default)]
    pub warm: WarmThroughput,
    /// What was last said of its contributor insights (global indexes).
    #[serde(default)]
    pub insights: Option<ContributorInsights>,
}

/// Where a table stands in its life, apart from a pending transition's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableState {
    /// Created; CREATING while `transition_until_ms` lies ahead.
    Created,
    /// Changed; UPDATING while `transition_until_ms` lies ahead.
    Updated,
    /// Created and being filled from another table's past; CREATING until that is done.
    Restoring,
    /// Created and being filled by an import; CREATING until that is done.
    Importing,
    /// To be removed when `transition_until_ms` is reached.
    Deleting,
}

/// What the catalog keeps of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDescriptor {
    /// The table's id; never reused.
    pub id: u32,
    /// Raised by every change of the descriptor.
    pub version: u64,
    /// Its name.
    pub name: String,
    /// The TableId that the API shows: a UUID.
    pub uuid: String,
    /// Its key.
    pub key_schema: KeySchema,
    /// The attributes that keys of table and indexes use, and their types, in the order given.
    pub attribute_definitions: Vec<(String, KeyType)>,
    /// Its indexes, in the order given.
    pub indexes: Vec<IndexDescriptor>,
    /// When it was created, in milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// Where it stands in its life.
    pub state: TableState,
    /// The answer shows the transitional state until then, in milliseconds since the Unix epoch.
    pub transition_until_ms: u64,
    /// How it is billed.
    pub billing_mode: BillingMode,
    /// When it last became on-demand, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub on_demand_since_ms: Option<u64>,
    /// Its provisioned capacity.
    pub provisioned: ProvisionedCapacity,
    /// Its on-demand bounds.
    #[serde(default)]
    pub on_demand: Option<OnDemandThroughput>,
    /// Its warm throughput.
    #[serde(default)]
    pub warm: WarmThroughput,
    /// Its table class, where one was ever set.
    #[serde(default)]
    pub table_class: Option<TableClass>,
    /// Whether DeleteTable is refused.
    #[serde(default)]
    pub deletion_protection: bool,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Its newest change stream, where it ever had one.
    #[serde(default)]
    pub stream: Option<TableStream>,
    /// What was last said of its time to live.
    #[serde(default)]
    pub time_to_live: Option<TimeToLive>,
    /// What was last said of its point-in-time recovery.
    #[serde(default)]
    pub recovery: Option<Recovery>,
    /// The jobs that read it as it was: its log is kept for them.
    #[serde(default)]
    pub log_holds: Vec<LogHold>,
    /// What was last said of its contributor insights.
    #[serde(default)]
    pub insights: Option<ContributorInsights>,
    /// What it is being restored from.
    #[serde(default)]
    pub restore: Option<Restore>,
    /// What it is being filled from by whoever hosts the engine.
    #[serde(default)]
    pub fill: Option<Fill>,
}

/// What a table's descriptor keeps of its newest change stream; the stream outlives the table and
/// has a descriptor of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableStream {
    /// The stream's id, from the same sequence as table ids.
    pub id: u32,
    /// When it was enabled, in milliseconds since the Unix epoch: what its ARN ends in.
    pub label_ms: u64,
    /// Which images of an item its records show.
    pub view: StreamView,
    /// Whether changes are still recorded.
    pub enabled: bool,
    /// The answer shows the stream being enabled or disabled until then, in milliseconds since the
    /// Unix epoch.
    pub transition_until_ms: u64,
}

/// Which images of a changed item the records of a stream show, besides its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamView {
    /// None.
    KeysOnly,
    /// The item as it is after the change.
    NewImage,
    /// The item as it was before the change.
    OldImage,
    /// Both.
    NewAndOldImages,
}

impl StreamView {
    /// Whether records show the item as it was.
    pub fn has_old_image(self) -> bool {
        matches!(self, StreamView::OldImage | StreamView::NewAndOldImages)
    }

    /// Whether records show the item as it is.
    pub fn has_new_image(self) -> bool {
        matches!(self, StreamView::NewImage | StreamView::NewAndOldImages)
    }
}

/// Which attribute says when an item expires, and how far its table has come in heeding it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeToLive {
    /// The id of the expiry entries, from the same sequence as table ids; new with each enabling.
    pub id: u32,
    /// The attribute's name.
    pub attribute: String,
    /// How far it has come.
    pub state: TimeToLiveState,
    /// When it was last enabled or disabled, in milliseconds since the Unix epoch.
    pub changed_at_ms: u64,
    /// The answer shows ENABLING or DISABLING until then, in milliseconds since the Unix epoch.
    pub transition_until_ms: u64,
}

/// How far a table has come in heeding its time to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeToLiveState {
    /// Writes keep expiry entries; those of older items are being added.
    Enabling,
    /// Every item that expires has its entry, and is deleted when its time has come.
    Enabled,
    /// Nothing is kept and nothing expires.
    Disabled,
}

impl TimeToLive {
    /// Whether writes keep expiry entries.
    pub fn is_kept(&self) -> bool {
        self.state != TimeToLiveState::Disabled
    }

    /// Whether items expire: not before the answer shows ENABLED.
    pub fn is_heeded(&self, now_ms: u64) -> bool {
        self.state == TimeToLiveState::Enabled && self.transition_until_ms <= now_ms
    }
}

/// A table class and when it was last changed. Kept and described; it changes nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableClass {
    /// Whether it is STANDARD_INFREQUENT_ACCESS rather than STANDARD.
    pub infrequent_access: bool,
    /// When it was changed, in milliseconds since the Unix epoch.
    pub changed_at_ms: Option<u64>,
    /// The other class is shown until then, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub transition_until_ms: u64,
}

/// How long a stored descriptor's header is.
pub(crate) const HEADER_BYTES: usize = 12;

impl TableDescriptor {
    /// The first bytes of the stored form, which tell one version of one table from every other.
    pub(crate) fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&self.id.to_be_bytes());
        header[4..].copy_from_slice(&self.version.to_be_bytes());
        header
    }

    /// Drops the attribute definitions that no key uses any more (AWS-FACTS 39).
    pub(crate) fn forget_unused_definitions(&mut self) {
        let (table, indexes) = (&self.key_schema, &self.indexes);
        self.attribute_definitions.retain(|(name, _)| {
            table.contains(name) || indexes.iter().any(|index| index.key_schema.contains(name))
        });
    }

    /// Forgets transitions that are over at `now_ms`, so that the answer to a change made in the same
    /// millisecond shows as transitional only what that change touches.
    pub(crate) fn settle(&mut self, now_ms: u64) {
        let is_over = |until_ms: &mut u64| {
            if *until_ms <= now_ms {
                *until_ms = 0;
            }
            *until_ms == 0
        };
        if is_over(&mut self.transition_until_ms) {
            self.provisioned.previous_units = None;
        }
        if is_over(&mut self.warm.transition_until_ms) {
            self.warm.previous_units = None;
        }
        if let Some(class) = &mut self.table_class {
            is_over(&mut class.transition_until_ms);
        }
        if let Some(insights) = &mut self.insights {
            is_over(&mut insights.transition_until_ms);
        }
        for index in &mut self.indexes {
            if let Some(insights) = &mut index.insights {
                is_over(&mut insights.transition_until_ms);
            }
            if is_over(&mut index.transition_until_ms) {
                index.provisioned.previous_units = None;
            }
            if is_over(&mut index.warm.transition_until_ms) {
                index.warm.previous_units = None;
            }
        }
    }

    /// The stored form.
    pub(crate) fn to_stored(&self) -> Bytes {
        let mut stored = self.header().to_vec();
        rmp_serde::encode::write_named(&mut stored, self).expect("a descriptor can always be written");
        Bytes::from(stored)
    }

    /// Reads the stored form.
    pub(crate) fn from_stored(stored: &[u8]) -> Result<Self, StoreError> {
        let damaged = |detail: String| StoreError::Damaged {
            path: "catalog".into(),
            offset: None,
            detail,
        };
        let body = stored
            .get(HEADER_BYTES..)
            .ok_or_else(|| damaged("a table descriptor is cut short".into()))?;
        rmp_serde::from_slice(body)
            .map_err(|error| damaged(format!("a table descriptor cannot be read: {error}")))
    }
}
