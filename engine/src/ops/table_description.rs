//! A table as DescribeTable shows it: made from the catalog's descriptor and the counters. ARNs, and
//! whether a transition is over, exist only here.

use std::collections::HashMap;

use api::types::{
    self, AttributeDefinition, BillingModeSummary, GlobalSecondaryIndexDescription,
    GlobalSecondaryIndexWarmThroughputDescription, IndexStatus, KeySchemaElement, KeyType as KeyRole,
    LocalSecondaryIndexDescription, Projection, ProjectionType, ProvisionedThroughputDescription,
    RestoreSummary, ScalarAttributeType, TableClassSummary, TableDescription, TableStatus,
    TableWarmThroughputDescription,
};
use api::{Context, Error};
use store::{Store, StoreError, counter_value};

use super::table_streams;
use super::throughput::described_on_demand;
use crate::Engine;
use crate::arn::{label, stream_arn, table_arn, transfer_arn};
use crate::catalog::{
    BillingMode, FillSource, IndexDescriptor, IndexKind, IndexState, ProvisionedCapacity, TableDescriptor,
    TableState, WarmThroughput,
};
use crate::error::from_store;
use crate::keys;
use crate::schema::{IndexProjection, KeySchema, KeyType};

/// The moment at which a table is described.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    now_ms: u64,
    /// The end of the transitions that the described change has begun.
    answered_until_ms: Option<u64>,
}

impl Moment {
    /// That of a description.
    pub fn description(now_ms: u64) -> Self {
        Moment {
            now_ms,
            answered_until_ms: None,
        }
    }

    /// That of the answer to a change made at `now_ms` whose transitions last until `until_ms`: it
    /// shows the transitional state even where that state lasts no time.
    pub fn answer(now_ms: u64, until_ms: u64) -> Self {
        Moment {
            now_ms,
            answered_until_ms: Some(until_ms),
        }
    }

    /// Whether a transition that lasts until `until_ms` shows.
    pub fn shows(self, until_ms: u64) -> bool {
        self.now_ms < until_ms || self.answered_until_ms == Some(until_ms)
    }
}

/// A table's status.
pub(super) fn table_status(descriptor: &TableDescriptor, moment: Moment) -> TableStatus {
    match descriptor.state {
        TableState::Deleting => TableStatus::Deleting,
        TableState::Restoring | TableState::Importing => TableStatus::Creating,
        TableState::Created if moment.shows(descriptor.transition_until_ms) => TableStatus::Creating,
        TableState::Updated if moment.shows(descriptor.transition_until_ms) => TableStatus::Updating,
        TableState::Created | TableState::Updated => TableStatus::Active,
    }
}

/// How many items or entries there are, and their bytes, by table or index id.
pub(super) struct Figures(HashMap<u32, (i64, i64)>);

impl Figures {
    pub async fn read<S: Store>(engine: &Engine<S>, descriptor: &TableDescriptor) -> Result<Self, Error> {
        let indexes = descriptor.indexes.iter().map(|index| index.id);
        let ids: Vec<u32> = std::iter::once(descriptor.id).chain(indexes).collect();
        let keys: Vec<_> = ids
            .iter()
            .flat_map(|id| [keys::count(*id), keys::size_bytes(*id)])
            .collect();
        let stored = engine.store.get_many(&keys).await.map_err(from_store)?;
        let mut figures = HashMap::with_capacity(ids.len());
        for (id, pair) in ids.into_iter().zip(stored.chunks(2)) {
            let mut values = pair.iter().map(|stored| counter_value(stored.as_deref()));
            let (Some(Some(count)), Some(Some(size_bytes))) = (values.next(), values.next()) else {
                return Err(from_store(StoreError::Damaged {
                    path: "counters".into(),
                    offset: None,
                    detail: format!("the counters of the table {} cannot be read", descriptor.name),
                }));
            };
            figures.insert(id, (count, size_bytes));
        }
        Ok(Figures(figures))
    }

    pub fn of(&self, id: u32) -> (i64, i64) {
        self.0.get(&id).copied().unwrap_or_default()
    }
}

/// Describes a table as one that is ACTIVE, whatever it is.
pub(crate) async fn describe_as_active<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    descriptor: &TableDescriptor,
) -> Result<TableDescription, Error> {
    let active = TableDescriptor {
        state: TableState::Updated,
        transition_until_ms: 0,
        restore: None,
        fill: None,
        ..descriptor.clone()
    };
    describe(
        engine,
        context,
        &active,
        Moment::description(engine.clock.now_ms()),
    )
    .await
}

/// Describes a table. One that is being deleted shows neither its keys nor its indexes.
pub(super) async fn describe<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    descriptor: &TableDescriptor,
    moment: Moment,
) -> Result<TableDescription, Error> {
    let figures = Figures::read(engine, descriptor).await?;
    let status = table_status(descriptor, moment);
    let (item_count, table_size_bytes) = figures.of(descriptor.id);
    let arn = table_arn(context, &descriptor.name);
    let is_changing = moment.shows(descriptor.transition_until_ms);
    let mut description = TableDescription {
        table_name: Some(descriptor.name.clone()),
        table_status: Some(status),
        table_id: Some(descriptor.uuid.clone()),
        item_count: Some(item_count),
        table_size_bytes: Some(table_size_bytes),
        provisioned_throughput: Some(provisioned(&descriptor.provisioned, is_changing, moment)),
        billing_mode_summary: billing_mode_summary(descriptor, moment),
        deletion_protection_enabled: Some(descriptor.deletion_protection),
        ..TableDescription::default()
    };
    if status != TableStatus::Deleting {
        description.creation_date_time = Some(seconds(descriptor.created_at_ms));
        description.key_schema = Some(key_schema(&descriptor.key_schema));
        description.attribute_definitions = Some(attribute_definitions(descriptor));
        description.on_demand_throughput = described_on_demand(descriptor.on_demand.as_ref(), None);
        if let Some(stream) = &descriptor.stream {
            description.stream_specification = table_streams::described(stream);
            description.latest_stream_label = Some(label(stream.label_ms));
            description.latest_stream_arn = Some(stream_arn(context, &descriptor.name, stream.label_ms));
        }
        description.table_class_summary = table_class_summary(descriptor, moment);
        // Once the table is ACTIVE nothing shows where it came from.
        description.restore_summary = restore_summary(context, descriptor);
        let (read_units_per_second, write_units_per_second, is_rising) = warm(&descriptor.warm, moment);
        description.warm_throughput = Some(TableWarmThroughputDescription {
            read_units_per_second,
            write_units_per_second,
            status: Some(if is_rising {
                TableStatus::Updating
            } else {
                TableStatus::Active
            }),
        });
        let of_kind = |kind| descriptor.indexes.iter().filter(move |index| index.kind == kind);
        description.local_secondary_indexes = non_empty(
            of_kind(IndexKind::Local)
                .map(|index| local_index(index, &arn, &figures))
                .collect(),
        );
        description.global_secondary_indexes = non_empty(
            of_kind(IndexKind::Global)
                .map(|index| GlobalSecondaryIndexDescription {
                    index_status: Some(index_status(index, status, moment)),
                    backfilling: (index.state == IndexState::Creating).then_some(!is_changing),
                    ..global_index(index, &arn, &figures, moment)
                })
                .collect(),
        );
    }
    description.table_arn = Some(arn);
    Ok(description)
}

/// Where a table comes from that is being restored.
fn restore_summary(context: &Context, descriptor: &TableDescriptor) -> Option<RestoreSummary> {
    let summary = |time_ms, source_name: &str, source_backup_arn| RestoreSummary {
        restore_date_time: seconds(time_ms),
        restore_in_progress: true,
        source_backup_arn,
        source_table_arn: Some(table_arn(context, source_name)),
    };
    if let Some(restore) = &descriptor.restore {
        return Some(summary(restore.time_ms, &restore.source_name, None));
    }
    match &descriptor.fill.as_ref()?.source {
        FillSource::Import { .. } => None,
        FillSource::Backup {
            id,
            source_name,
            time_ms,
        } => {
            let backup_arn = transfer_arn(context, source_name, "backup", id);
            Some(summary(*time_ms, source_name, Some(backup_arn)))
        }
    }
}

fn non_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// A time as the API gives it: seconds since the Unix epoch.
pub(super) fn seconds(time_ms: u64) -> f64 {
    time_ms as f64 / 1000.0
}

pub(super) fn key_schema(schema: &KeySchema) -> Vec<KeySchemaElement> {
    let elements = |attributes: &[crate::schema::KeyAttribute], role: KeyRole| -> Vec<KeySchemaElement> {
        let names = attributes.iter().map(|attribute| attribute.name.clone());
        names
            .map(|attribute_name| KeySchemaElement {
                attribute_name,
                key_type: role,
            })
            .collect()
    };
    let mut list = elements(&schema.partition, KeyRole::Hash);
    list.extend(elements(&schema.sort, KeyRole::Range));
    list
}

pub(super) fn attribute_definitions(descriptor: &TableDescriptor) -> Vec<AttributeDefinition> {
    let mut definitions: Vec<AttributeDefinition> = descriptor
        .attribute_definitions
        .iter()
        .map(|(name, key_type)| AttributeDefinition {
            attribute_name: name.clone(),
            attribute_type: match key_type {
                KeyType::S => ScalarAttributeType::S,
                KeyType::N => ScalarAttributeType::N,
                KeyType::B => ScalarAttributeType::B,
            },
        })
        .collect();
    definitions.sort_by(|left, right| left.attribute_name.cmp(&right.attribute_name));
    definitions
}

fn provisioned(
    capacity: &ProvisionedCapacity,
    is_changing: bool,
    moment: Moment,
) -> ProvisionedThroughputDescription {
    let units = (capacity.read_units, capacity.write_units);
    let (read_units, write_units) = capacity.previous_units.filter(|_| is_changing).unwrap_or(units);
    ProvisionedThroughputDescription {
        read_capacity_units: Some(read_units),
        write_capacity_units: Some(write_units),
        number_of_decreases_today: Some(capacity.decreases_on_day_of(moment.now_ms)),
        last_increase_date_time: capacity.last_increase_ms.map(seconds),
        last_decrease_date_time: capacity.last_decrease_ms.map(seconds),
    }
}

/// A table that has always been provisioned has no summary. The answer to the request that makes a
/// table on-demand does not show the time yet.
fn billing_mode_summary(descriptor: &TableDescriptor, moment: Moment) -> Option<BillingModeSummary> {
    let since_ms = descriptor.on_demand_since_ms?;
    Some(BillingModeSummary {
        billing_mode: Some(match descriptor.billing_mode {
            BillingMode::Provisioned => types::BillingMode::Provisioned,
            BillingMode::OnDemand => types::BillingMode::PayPerRequest,
        }),
        last_update_to_pay_per_request_date_time: (moment.answered_until_ms.is_none()
            || since_ms != moment.now_ms)
            .then(|| seconds(since_ms)),
    })
}

fn table_class_summary(descriptor: &TableDescriptor, moment: Moment) -> Option<TableClassSummary> {
    let class = descriptor.table_class.as_ref()?;
    let is_changing = moment.shows(class.transition_until_ms);
    let infrequent_access = class.infrequent_access != is_changing;
    Some(TableClassSummary {
        table_class: Some(if infrequent_access {
            types::TableClass::StandardInfrequentAccess
        } else {
            types::TableClass::Standard
        }),
        last_update_date_time: class.changed_at_ms.filter(|_| !is_changing).map(seconds),
    })
}

/// Read units, write units, and whether they are about to rise.
fn warm(warm: &WarmThroughput, moment: Moment) -> (Option<i64>, Option<i64>, bool) {
    let is_rising = moment.shows(warm.transition_until_ms);
    let units = (warm.read_units, warm.write_units);
    let (read_units, write_units) = warm.previous_units.filter(|_| is_rising).unwrap_or(units);
    (Some(read_units), Some(write_units), is_rising)
}

fn index_status(index: &IndexDescriptor, table: TableStatus, moment: Moment) -> IndexStatus {
    match index.state {
        IndexState::Creating => IndexStatus::Creating,
        IndexState::Deleting => IndexStatus::Deleting,
        IndexState::Active if table == TableStatus::Creating => IndexStatus::Creating,
        IndexState::Active if moment.shows(index.transition_until_ms) => IndexStatus::Updating,
        IndexState::Active => IndexStatus::Active,
    }
}

pub(super) fn projection(projection: &IndexProjection) -> Projection {
    let (projection_type, non_key_attributes) = match projection {
        IndexProjection::All => (ProjectionType::All, None),
        IndexProjection::KeysOnly => (ProjectionType::KeysOnly, None),
        IndexProjection::Include(names) => {
            let mut names = names.clone();
            names.sort_unstable();
            (ProjectionType::Include, Some(names))
        }
    };
    Projection {
        projection_type: Some(projection_type),
        non_key_attributes,
    }
}

fn local_index(
    index: &IndexDescriptor,
    table_arn: &str,
    figures: &Figures,
) -> LocalSecondaryIndexDescription {
    let (item_count, index_size_bytes) = figures.of(index.id);
    LocalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        index_arn: Some(format!("{table_arn}/index/{}", index.name)),
        key_schema: Some(key_schema(&index.key_schema)),
        projection: Some(projection(&index.projection)),
        item_count: Some(item_count),
        index_size_bytes: Some(index_size_bytes),
    }
}

fn global_index(
    index: &IndexDescriptor,
    table_arn: &str,
    figures: &Figures,
    moment: Moment,
) -> GlobalSecondaryIndexDescription {
    let (item_count, index_size_bytes) = figures.of(index.id);
    let is_changing = moment.shows(index.transition_until_ms);
    let (read_units_per_second, write_units_per_second, is_rising) = warm(&index.warm, moment);
    GlobalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        index_arn: Some(format!("{table_arn}/index/{}", index.name)),
        key_schema: Some(key_schema(&index.key_schema)),
        projection: Some(projection(&index.projection)),
        item_count: Some(item_count),
        index_size_bytes: Some(index_size_bytes),
        provisioned_throughput: Some(provisioned(&index.provisioned, is_changing, moment)),
        on_demand_throughput: described_on_demand(index.on_demand.as_ref(), None),
        warm_throughput: Some(GlobalSecondaryIndexWarmThroughputDescription {
            read_units_per_second,
            write_units_per_second,
            status: Some(if is_rising {
                IndexStatus::Updating
            } else {
                IndexStatus::Active
            }),
        }),
        ..GlobalSecondaryIndexDescription::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::LONG_AGO_MS;

    #[test]
    fn only_an_answer_shows_a_transition_that_lasts_no_time() {
        let cases = [
            (Moment::answer(5, 5), 0, false),
            (Moment::answer(5, 5), 4, false),
            (Moment::answer(5, 5), 5, true),
            (Moment::answer(5, 5), 6, true),
            (Moment::answer(5, LONG_AGO_MS), LONG_AGO_MS, true),
            (Moment::answer(5, LONG_AGO_MS), 0, false),
            (Moment::description(5), LONG_AGO_MS, false),
            (Moment::description(5), 5, false),
            (Moment::description(5), 6, true),
        ];
        for (moment, until_ms, expected) in cases {
            assert_eq!(moment.shows(until_ms), expected, "{moment:?} {until_ms}");
        }
    }
}
