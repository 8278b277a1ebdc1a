//! A table as requests see it: its descriptor, and what is worth working out once.

use std::sync::Arc;

use bytes::Bytes;
use store::{Key, StoreError};

use super::descriptor::{HEADER_BYTES, IndexDescriptor, IndexKind, IndexState, TableDescriptor, TableState};
use crate::insights::TableInsights;
use crate::keys;
use crate::log::LogPlan;
use crate::meter::{IndexMeter, Meters, TableMeter};
use crate::schema::IndexProjection;

/// A version of a table. Never changes; a changed table is a new value.
#[derive(Debug)]
pub(crate) struct Table {
    /// What the catalog keeps.
    pub descriptor: TableDescriptor,
    /// The key of the descriptor, which every write of an item shares.
    pub descriptor_key: Key,
    header: [u8; HEADER_BYTES],
    /// For each index of the descriptor: the names of the attributes that an entry keeps, sorted;
    /// `None` where it keeps all.
    projected: Vec<Option<Vec<String>>>,
    /// The positions of the indexes that are written, in the order of their names.
    by_name: Vec<usize>,
    /// Whether there are local indexes, so that item collections are measured.
    pub has_local_indexes: bool,
    /// What is counted of it.
    pub meter: Arc<TableMeter>,
    /// For each index of the descriptor what is counted of it; `None` for a local one.
    index_meters: Vec<Option<Arc<IndexMeter>>>,
    /// What is counted by key; `None` where contributor insights are on for no part of it.
    pub insights: Option<Arc<TableInsights>>,
    /// What is logged of its changes.
    pub log_plan: Option<LogPlan>,
}

impl Table {
    pub fn new(descriptor: TableDescriptor) -> Self {
        let projected = descriptor
            .indexes
            .iter()
            .map(|index| {
                let included: &[String] = match &index.projection {
                    IndexProjection::All => return None,
                    IndexProjection::KeysOnly => &[],
                    IndexProjection::Include(names) => names,
                };
                let keys = descriptor
                    .key_schema
                    .attributes()
                    .chain(index.key_schema.attributes());
                let mut names: Vec<String> = keys.map(|attribute| attribute.name.clone()).collect();
                names.extend(included.iter().cloned());
                names.sort_unstable();
                names.dedup();
                Some(names)
            })
            .collect();
        let indexes = &descriptor.indexes;
        let mut by_name: Vec<usize> = (0..indexes.len()).collect();
        by_name.retain(|&position| indexes[position].state != IndexState::Deleting);
        by_name.sort_unstable_by(|&left, &right| indexes[left].name.cmp(&indexes[right].name));
        Table {
            by_name,
            descriptor_key: keys::descriptor(&descriptor.name),
            header: descriptor.header(),
            log_plan: LogPlan::of(&descriptor),
            projected,
            has_local_indexes: descriptor
                .indexes
                .iter()
                .any(|index| index.kind == IndexKind::Local),
            meter: Arc::new(TableMeter::new(&descriptor.name)),
            index_meters: Vec::new(),
            insights: None,
            descriptor,
        }
    }

    /// The same version of the table, counted by these meters.
    pub fn counted_by(mut self, meters: &Meters, now_ms: u64) -> Self {
        (self.meter, self.index_meters) = meters.follow(&self.descriptor, now_ms);
        self.insights = self.meter.insights.follow(&self.descriptor);
        self
    }

    /// Reads a stored descriptor.
    pub fn from_stored(stored: &[u8]) -> Result<Self, StoreError> {
        TableDescriptor::from_stored(stored).map(Self::new)
    }

    pub fn id(&self) -> u32 {
        self.descriptor.id
    }

    pub fn name(&self) -> &str {
        &self.descriptor.name
    }

    /// Whether the stored descriptor is this version of this table.
    pub fn is_current(&self, stored: Option<&Bytes>) -> bool {
        stored.is_some_and(|stored| stored.starts_with(&self.header))
    }

    /// Whether items can be read and written: false while CREATING is shown and once deleted.
    pub fn is_usable(&self, now_ms: u64) -> bool {
        match self.descriptor.state {
            TableState::Created => now_ms >= self.descriptor.transition_until_ms,
            TableState::Updated => true,
            TableState::Restoring | TableState::Importing | TableState::Deleting => false,
        }
    }

    /// The descriptors of the indexes that are written, in the order of their names.
    pub fn indexes_by_name(&self) -> impl Iterator<Item = &IndexDescriptor> {
        self.by_name
            .iter()
            .map(|&position| &self.descriptor.indexes[position])
    }

    /// What is counted of the global index named `name`.
    pub fn index_meter(&self, name: &str) -> Option<&IndexMeter> {
        self.index_meters().find(|meter| meter.name == name)
    }

    /// What is counted of each global index.
    pub fn index_meters(&self) -> impl Iterator<Item = &IndexMeter> {
        self.index_meters.iter().flatten().map(|meter| &**meter)
    }

    /// The indexes and the sorted names of what each keeps (`None`: everything).
    pub fn indexes(&self) -> impl Iterator<Item = Index<'_>> {
        self.descriptor
            .indexes
            .iter()
            .zip(&self.projected)
            .map(|(descriptor, projected)| Index {
                descriptor,
                projected: projected.as_deref(),
            })
    }

    /// The index named `name`, where there is one that can be read.
    pub fn readable_index(&self, name: &str) -> Option<Index<'_>> {
        self.indexes()
            .find(|index| index.descriptor.name == name && index.descriptor.state != IndexState::Deleting)
    }
}

/// An index of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Index<'t> {
    pub descriptor: &'t IndexDescriptor,
    /// The sorted names of the attributes that an entry keeps; `None` where it keeps all.
    pub projected: Option<&'t [String]>,
}

impl Index<'_> {
    /// Whether an entry keeps the attribute named `name`.
    pub fn projects(&self, name: &str) -> bool {
        self.projected.is_none_or(|names| {
            names
                .binary_search_by(|projected| projected.as_str().cmp(name))
                .is_ok()
        })
    }
}
