//! GlobalSecondaryIndexUpdates: indexes made, changed and dropped on a live table.

use std::collections::BTreeSet;

use api::Error;
use api::types::{
    CreateGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate, UpdateGlobalSecondaryIndexAction,
    WarmThroughput,
};

use super::mark_updated;
use crate::catalog::{
    BillingMode, Change, IndexDescriptor, IndexKind, IndexState, ProvisionedCapacity, TableDescriptor,
};
use crate::ops::create_table::GLOBAL_INDEXES_MAX;
use crate::ops::key_schema::{self, Definitions};
use crate::ops::table_description::Moment;
use crate::ops::table_errors::{in_use, invalid, over_limit};
use crate::ops::throughput::{self, Owner};

/// What is done to one index.
enum IndexAction {
    Create(CreateGlobalSecondaryIndexAction),
    Update(UpdateGlobalSecondaryIndexAction),
    Delete(String),
}

impl IndexAction {
    fn name(&self) -> &str {
        match self {
            IndexAction::Create(create) => &create.index_name,
            IndexAction::Update(update) => &update.index_name,
            IndexAction::Delete(name) => name,
        }
    }

    fn creates_or_deletes(&self) -> bool {
        !matches!(self, IndexAction::Update(_))
    }
}

/// The updates of a request, each sound in itself.
pub(super) struct IndexUpdates {
    actions: Vec<IndexAction>,
    definitions: Definitions,
}

impl IndexUpdates {
    /// Checks what needs no table.
    pub fn new(
        list: Vec<GlobalSecondaryIndexUpdate>,
        definitions: Option<Definitions>,
    ) -> Result<Self, Error> {
        let actions = list
            .into_iter()
            .map(one_action)
            .collect::<Result<Vec<_>, Error>>()?;
        let mut names = BTreeSet::new();
        if let Some(action) = actions.iter().find(|action| !names.insert(action.name())) {
            return Err(invalid(format_args!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {}",
                action.name()
            )));
        }
        for action in &actions {
            match action {
                IndexAction::Create(create) => check_create(create, definitions.as_ref())?,
                IndexAction::Update(update) if update.warm_throughput == Some(WarmThroughput::default()) => {
                    return Err(invalid(format_args!(
                        "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified \
                         for index: {}",
                        update.index_name
                    )));
                }
                IndexAction::Update(update) => {
                    update
                        .provisioned_throughput
                        .as_ref()
                        .map_or(Ok(()), throughput::check_bounds)?;
                }
                IndexAction::Delete(_) => {}
            }
        }
        Ok(IndexUpdates {
            actions,
            definitions: definitions.unwrap_or_default(),
        })
    }

    /// Whether an index is made or dropped.
    pub fn creates_or_deletes(&self) -> bool {
        self.actions.iter().any(IndexAction::creates_or_deletes)
    }

    /// Whether the index gets provisioned throughput.
    pub fn provisions(&self, index_name: &str) -> bool {
        self.actions.iter().any(|action| match action {
            IndexAction::Update(update) => {
                update.index_name == index_name && update.provisioned_throughput.is_some()
            }
            IndexAction::Create(_) | IndexAction::Delete(_) => false,
        })
    }

    /// The existing indexes that are updated or deleted, and whether they are deleted.
    fn touched<'t>(
        &self,
        descriptor: &'t TableDescriptor,
    ) -> impl Iterator<Item = (&'t IndexDescriptor, bool)> {
        self.actions.iter().filter_map(|action| {
            let deletes = match action {
                IndexAction::Create(_) => return None,
                IndexAction::Update(_) => false,
                IndexAction::Delete(_) => true,
            };
            let index = descriptor
                .indexes
                .iter()
                .find(|index| index.name == action.name())?;
            Some((index, deletes))
        })
    }

    /// Refuses to drop an index at the very beginning of its life: while its table is UPDATING.
    pub fn check_allocation(&self, descriptor: &TableDescriptor) -> Result<(), Error> {
        match self
            .touched(descriptor)
            .find(|(index, deletes)| *deletes && index.state == IndexState::Creating)
        {
            None => Ok(()),
            Some((index, _)) => Err(in_use(format_args!(
                "Index creation is in resource allocation phase. Retry deletion during backfilling phase or when the \
                 index is active. Table: {} Index: {}",
                descriptor.name, index.name
            ))),
        }
    }

    /// Refuses what the states of the indexes forbid. An index that is being filled can be dropped.
    pub fn check_states(&self, descriptor: &TableDescriptor, now_ms: u64) -> Result<(), Error> {
        for (index, deletes) in self.touched(descriptor) {
            let state = match index.state {
                IndexState::Deleting => "deleted",
                IndexState::Creating if !deletes => "created",
                IndexState::Active if Moment::description(now_ms).shows(index.transition_until_ms) => {
                    "updated"
                }
                IndexState::Creating | IndexState::Active => continue,
            };
            return Err(in_use(format_args!(
                "Index is being {state}. Table: {} Index: {}",
                descriptor.name, index.name
            )));
        }
        Ok(())
    }

    /// Refuses to make what exists, to touch what does not, and more changes at a time than the
    /// service makes.
    pub fn check_exist(&self, descriptor: &TableDescriptor) -> Result<(), Error> {
        for action in &self.actions {
            let name = action.name();
            let kind = descriptor
                .indexes
                .iter()
                .find(|index| index.name == name)
                .map(|index| index.kind);
            match (action, kind) {
                (IndexAction::Create(_), Some(_)) => {
                    return Err(Error::validation(
                        "Attempting to create an index which already exists",
                    ));
                }
                (IndexAction::Create(_), None) => {}
                (IndexAction::Update(_) | IndexAction::Delete(_), None) => {
                    return Err(Error::resource_not_found(format!(
                        "Requested resource not found: Index {name} for table {}",
                        descriptor.name
                    )));
                }
                (IndexAction::Update(_), Some(IndexKind::Local)) => {
                    return Err(Error::validation(format!(
                        "Cannot update an index that is not a GlobalSecondaryIndex: {name}"
                    )));
                }
                (IndexAction::Delete(_), Some(IndexKind::Local)) => {
                    return Err(Error::validation(format!(
                        "Cannot delete an index that is not a GlobalSecondaryIndex: {name}"
                    )));
                }
                (IndexAction::Update(_) | IndexAction::Delete(_), Some(IndexKind::Global)) => {}
            }
        }
        let online = self
            .actions
            .iter()
            .filter(|action| action.creates_or_deletes())
            .count();
        // Dropping an index that is being filled ends that; it does not come on top of it.
        let is_dropped = |index: &IndexDescriptor| {
            self.actions
                .iter()
                .any(|action| matches!(action, IndexAction::Delete(name) if *name == index.name))
        };
        let others = descriptor
            .indexes
            .iter()
            .any(|index| index.state != IndexState::Active && !is_dropped(index));
        if online > 1 || (online == 1 && others) {
            return Err(over_limit(
                "Only 1 online index can be created or deleted simultaneously per table",
            ));
        }
        let created = self
            .actions
            .iter()
            .filter(|action| matches!(action, IndexAction::Create(_)))
            .count();
        let globals = descriptor
            .indexes
            .iter()
            .filter(|index| index.kind == IndexKind::Global)
            .count();
        if created > 0 && globals + created > GLOBAL_INDEXES_MAX {
            return Err(over_limit(format_args!(
                "Number of global secondary indexes exceeds per-table limit of {GLOBAL_INDEXES_MAX}"
            )));
        }
        Ok(())
    }

    /// Makes the changes. `switches` tells whether the table changes its billing mode.
    pub fn apply(
        &self,
        change: &mut Change,
        mode: BillingMode,
        switches: bool,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<(), Error> {
        for action in &self.actions {
            match action {
                IndexAction::Create(create) => self.create(change, create, mode, until_ms)?,
                IndexAction::Update(update) => {
                    let mut indexes = change.descriptor.indexes.iter_mut();
                    if let Some(index) = indexes.find(|index| index.name == update.index_name) {
                        update_index(index, update, mode, switches, now_ms, until_ms)?;
                    }
                }
                IndexAction::Delete(name) => {
                    change.batch.set_makes_room();
                    let descriptor = &mut change.descriptor;
                    if let Some(index) = descriptor.indexes.iter_mut().find(|index| index.name == *name) {
                        index.state = IndexState::Deleting;
                        index.transition_until_ms = until_ms;
                    }
                    mark_updated(descriptor, until_ms);
                }
            }
        }
        key_schema::check_projected_names(&change.descriptor.indexes)
    }

    fn create(
        &self,
        change: &mut Change,
        create: &CreateGlobalSecondaryIndexAction,
        mode: BillingMode,
        until_ms: u64,
    ) -> Result<(), Error> {
        let name = &create.index_name;
        let provisioned = match (mode, &create.provisioned_throughput) {
            (BillingMode::OnDemand, None) => ProvisionedCapacity::default(),
            (BillingMode::OnDemand, Some(_)) => {
                return Err(invalid(format_args!(
                    "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: {name} when \
                     BillingMode is PAY_PER_REQUEST"
                )));
            }
            (BillingMode::Provisioned, None) => {
                return Err(invalid(format_args!(
                    "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: {name}"
                )));
            }
            (BillingMode::Provisioned, Some(throughput)) => throughput::capacity(throughput),
        };
        let owner = Owner::Index(name);
        let on_demand = throughput::new_on_demand(create.on_demand_throughput.as_ref(), mode, owner)?;
        let warm = throughput::new_warm(create.warm_throughput.as_ref(), mode, &provisioned, owner)?;
        let projection = key_schema::projection(&create.projection)?;
        let mut key_schema = key_schema::global_index_key(&create.key_schema, &self.definitions)?;
        let id = change.ids.take();
        let descriptor = &mut change.descriptor;
        // An attribute that already is a key keeps its type, whatever the request calls it.
        for attribute in key_schema.partition.iter_mut().chain(&mut key_schema.sort) {
            match descriptor
                .attribute_definitions
                .iter()
                .find(|(known, _)| *known == attribute.name)
            {
                Some((_, key_type)) => attribute.key_type = *key_type,
                None => descriptor
                    .attribute_definitions
                    .push((attribute.name.clone(), attribute.key_type)),
            }
        }
        descriptor.indexes.push(IndexDescriptor {
            id,
            name: name.clone(),
            kind: IndexKind::Global,
            key_schema,
            projection,
            state: IndexState::Creating,
            transition_until_ms: until_ms,
            provisioned,
            on_demand,
            warm,
            insights: None,
        });
        mark_updated(descriptor, until_ms);
        Ok(())
    }
}

/// The one action of an entry.
fn one_action(update: GlobalSecondaryIndexUpdate) -> Result<IndexAction, Error> {
    match (update.create, update.update, update.delete) {
        (Some(create), None, None) => Ok(IndexAction::Create(create)),
        (None, Some(update), None) => Ok(IndexAction::Update(update)),
        (None, None, Some(delete)) => Ok(IndexAction::Delete(delete.index_name)),
        (None, None, None) => Err(invalid(
            "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
             GlobalSecondaryIndexUpdate.Delete must not be null",
        )),
        _ => Err(invalid(
            "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
        )),
    }
}

fn check_create(
    create: &CreateGlobalSecondaryIndexAction,
    definitions: Option<&Definitions>,
) -> Result<(), Error> {
    let Some(definitions) = definitions else {
        return Err(invalid(format_args!(
            "AttributeDefinitions is not specified for index: {}",
            create.index_name
        )));
    };
    key_schema::global_index_key(&create.key_schema, definitions)?;
    key_schema::projection(&create.projection)?;
    create
        .provisioned_throughput
        .as_ref()
        .map_or(Ok(()), throughput::check_bounds)
}

fn update_index(
    index: &mut IndexDescriptor,
    update: &UpdateGlobalSecondaryIndexAction,
    mode: BillingMode,
    switches: bool,
    now_ms: u64,
    until_ms: u64,
) -> Result<(), Error> {
    let owner = Owner::Index(&update.index_name);
    let bounds = update
        .on_demand_throughput
        .as_ref()
        .filter(|bounds| **bounds != Default::default());
    let provisions = update.provisioned_throughput.is_some();
    if mode == BillingMode::OnDemand && (provisions || (bounds.is_none() && update.warm_throughput.is_none()))
    {
        return Err(invalid(format_args!(
            "The only Updates for index: {} when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, \
             WarmThroughput",
            update.index_name
        )));
    }
    if let Some(throughput) = &update.provisioned_throughput {
        let before = (index.provisioned.read_units, index.provisioned.write_units);
        if !index.provisioned.change(throughput, now_ms) {
            return Err(throughput::unchanged(owner, throughput));
        }
        index.provisioned.previous_units = (!switches).then_some(before);
        index.transition_until_ms = until_ms;
    } else if bounds.is_none() && update.warm_throughput.is_none() {
        return Err(invalid(format_args!(
            "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: {}",
            update.index_name
        )));
    }
    if let Some(bounds) = bounds {
        throughput::change_on_demand(&mut index.on_demand, bounds, mode, owner)?;
        index.transition_until_ms = until_ms;
    }
    if let Some(warm) = &update.warm_throughput {
        index.warm.raise(warm, until_ms, owner)?;
    }
    Ok(())
}
