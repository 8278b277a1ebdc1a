//! CreateTable.
//!
//! Order of checks: the name; billing; keys and definitions; local, then global indexes; on-demand
//! and warm throughput; what is not built; tags; and last whether the table exists.

use std::collections::{BTreeMap, BTreeSet};

use api::types::{
    CreateTableInput, CreateTableOutput, GlobalSecondaryIndex, LocalSecondaryIndex, StreamSpecification,
    TableClass as TableClassName, TableStatus,
};
use api::{Context, Error};
use store::{Batch, Store};

use super::key_schema::{self, Definitions};
use super::table_description::{Moment, describe, table_status};
use super::table_errors::{in_use, invalid, not_supported};
use super::table_streams::{NewStream, view_of};
use super::tags;
use super::throughput::{self, Owner};
use super::unbuilt_parameters::{check_encryption, is_asked_for};
use crate::Engine;
use crate::arn::table_name_of;
use crate::catalog::{
    BillingMode, IndexDescriptor, IndexKind, IndexState, NewIds, ProvisionedCapacity, StreamView, TableClass,
    TableDescriptor, TableState,
};
use crate::error::from_store;
use crate::schema::KeySchema;

const LOCAL_INDEXES_MAX: usize = 5;
/// How many global indexes a table has at most.
pub(super) const GLOBAL_INDEXES_MAX: usize = 20;

pub(crate) async fn create_table<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: CreateTableInput,
) -> Result<CreateTableOutput, Error> {
    let now_ms = engine.clock.now_ms();
    let shows_warm = input.warm_throughput.is_some();
    let view = stream_view(input.stream_specification.as_ref())?;
    let mut template = new_table(input)?;
    let name = template.name.clone();
    template.uuid = engine.new_uuid();
    template.created_at_ms = now_ms;
    let until_ms = engine.settings.transition_until_ms(now_ms);
    template.transition_until_ms = until_ms;
    template.on_demand_since_ms = (template.billing_mode == BillingMode::OnDemand).then_some(now_ms);
    if shows_warm {
        template.warm.transition_until_ms = until_ms;
    }
    let new_stream = match view {
        None => None,
        Some(view) => Some(NewStream::prepare(engine, &name, view).await?),
    };
    let make = move |ids: &mut NewIds, batch: &mut Batch| {
        let mut descriptor = template.clone();
        descriptor.id = ids.take();
        for index in &mut descriptor.indexes {
            index.id = ids.take();
        }
        if let Some(stream) = &new_stream {
            stream.open(&mut descriptor, ids.take(), batch);
        }
        descriptor
    };
    let Some(table) = engine.create_descriptor(&name, make).await? else {
        return Err(already_exists(engine, &name).await?);
    };
    if let Some(stream) = &table.descriptor.stream {
        engine.schedule_stream(&name, stream.label_ms);
    }
    let mut description = describe(
        engine,
        context,
        &table.descriptor,
        Moment::answer(now_ms, until_ms),
    )
    .await?;
    if !shows_warm {
        description.warm_throughput = None;
    }
    for index in description.global_secondary_indexes.iter_mut().flatten() {
        index.warm_throughput = None;
    }
    Ok(CreateTableOutput {
        table_description: Some(description),
    })
}

/// The error of a name that is taken.
async fn already_exists<S: Store>(engine: &Engine<S>, name: &str) -> Result<Error, Error> {
    let table = engine
        .catalog
        .table(&engine.store, name)
        .await
        .map_err(from_store)?;
    let moment = Moment::description(engine.clock.now_ms());
    Ok(match table.map(|table| table_status(&table.descriptor, moment)) {
        Some(TableStatus::Creating) => in_use(format_args!("Table is being created: {name}")),
        _ => Error::resource_in_use(format!("Table already exists: {name}")),
    })
}

/// What the catalog is to keep of the table, but for ids and times.
pub(super) fn new_table(input: CreateTableInput) -> Result<TableDescriptor, Error> {
    let name = table_name_of(&input.table_name);
    check_name(name)?;
    let throughput = input.provisioned_throughput.as_ref();
    let (billing_mode, provisioned) = throughput::table_capacity(input.billing_mode, throughput)?;
    let (definitions, elements) = match (&input.attribute_definitions, &input.key_schema) {
        (Some(definitions), Some(elements)) => (Definitions::new(definitions), elements),
        (definitions, elements) => return Err(missing_keys(definitions.is_none(), elements.is_none())),
    };
    let table_key = key_schema::table_key(elements, &definitions)?;
    definitions.check_distinct()?;
    let (locals, globals) = (
        input.local_secondary_indexes.as_deref(),
        input.global_secondary_indexes.as_deref(),
    );
    let index_keys = (locals.is_some() || globals.is_some()).then(|| {
        let locals = locals
            .unwrap_or_default()
            .iter()
            .map(|index| index.key_schema.as_slice());
        let globals = globals
            .unwrap_or_default()
            .iter()
            .map(|index| index.key_schema.as_slice());
        locals.chain(globals).collect()
    });
    definitions.check_all_used(elements, index_keys)?;

    let mut names = BTreeSet::new();
    let mut indexes = match locals {
        None => Vec::new(),
        Some(locals) => local_indexes(locals, &table_key, &definitions, &mut names)?,
    };
    if let Some(globals) = globals {
        indexes.extend(global_indexes(globals, billing_mode, &definitions, &mut names)?);
    }
    key_schema::check_projected_names(&indexes)?;
    let on_demand =
        throughput::new_on_demand(input.on_demand_throughput.as_ref(), billing_mode, Owner::Table)?;
    let warm = throughput::new_warm(
        input.warm_throughput.as_ref(),
        billing_mode,
        &provisioned,
        Owner::Table,
    )?;
    check_unbuilt(&input)?;
    let added = input.tags.as_deref().unwrap_or_default();
    tags::check_tags(added)?;
    let mut tags = BTreeMap::new();
    tags::merge_tags(&mut tags, added)?;
    Ok(TableDescriptor {
        id: 0,
        version: 1,
        name: name.to_owned(),
        uuid: String::new(),
        key_schema: table_key,
        attribute_definitions: definitions.0,
        indexes,
        created_at_ms: 0,
        state: TableState::Created,
        transition_until_ms: 0,
        billing_mode,
        on_demand_since_ms: None,
        provisioned,
        on_demand,
        warm,
        table_class: (input.table_class == Some(TableClassName::StandardInfrequentAccess)).then_some(
            TableClass {
                infrequent_access: true,
                changed_at_ms: None,
                transition_until_ms: 0,
            },
        ),
        deletion_protection: input.deletion_protection_enabled.unwrap_or_default(),
        tags,
        stream: None,
        time_to_live: None,
        recovery: None,
        log_holds: Vec::new(),
        insights: None,
        restore: None,
        fill: None,
    })
}

/// Refuses what an ARN calls a table's name and is none; plain names are checked by their shape.
fn check_name(name: &str) -> Result<(), Error> {
    let refused = |constraint: &str| {
        Err(Error::validation(format!(
            "1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: {constraint}"
        )))
    };
    let is_name_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    match name.len() {
        0..3 => refused("Member must have length greater than or equal to 3"),
        256.. => refused("Member must have length less than or equal to 255"),
        _ if !name.as_bytes().iter().all(is_name_byte) => {
            refused("Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
        }
        _ => Ok(()),
    }
}

/// The error of a request without keys. The model allows it, for the sake of replicas of another
/// account's table, which are not built.
fn missing_keys(definitions: bool, key_schema: bool) -> Error {
    let missing: Vec<String> = [("attributeDefinitions", definitions), ("keySchema", key_schema)]
        .into_iter()
        .filter(|(_, is_missing)| *is_missing)
        .map(|(member, _)| {
            format!("Value null at '{member}' failed to satisfy constraint: Member must not be null")
        })
        .collect();
    let errors = if missing.len() == 1 { "error" } else { "errors" };
    Error::validation(format!(
        "{} validation {errors} detected: {}",
        missing.len(),
        missing.join("; ")
    ))
}

/// Refuses the name of an index that another index of the table has.
fn check_new_name<'n>(names: &mut BTreeSet<&'n str>, name: &'n str) -> Result<(), Error> {
    if names.insert(name) {
        return Ok(());
    }
    Err(invalid(format_args!("Duplicate index name: {name}")))
}

fn local_indexes<'n>(
    indexes: &'n [LocalSecondaryIndex],
    table_key: &KeySchema,
    definitions: &Definitions,
    names: &mut BTreeSet<&'n str>,
) -> Result<Vec<IndexDescriptor>, Error> {
    if indexes.is_empty() {
        return Err(invalid("List of LocalSecondaryIndexes is empty"));
    }
    if table_key.sort.is_empty() {
        return Err(invalid(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
        ));
    }
    let mut made = Vec::with_capacity(indexes.len());
    for index in indexes {
        let name = &index.index_name;
        let key = key_schema::local_index_key(name, &index.key_schema, table_key, definitions)?;
        let projection = key_schema::projection(&index.projection)?;
        check_new_name(names, name)?;
        made.push(IndexDescriptor {
            id: 0,
            name: name.clone(),
            kind: IndexKind::Local,
            key_schema: key,
            projection,
            state: IndexState::Active,
            transition_until_ms: 0,
            provisioned: ProvisionedCapacity::default(),
            on_demand: None,
            warm: Default::default(),
            insights: None,
        });
    }
    if indexes.len() > LOCAL_INDEXES_MAX {
        return Err(invalid(format_args!(
            "Number of LocalSecondaryIndexes exceeds per-table limit of {LOCAL_INDEXES_MAX}"
        )));
    }
    Ok(made)
}

fn global_indexes<'n>(
    indexes: &'n [GlobalSecondaryIndex],
    billing_mode: BillingMode,
    definitions: &Definitions,
    names: &mut BTreeSet<&'n str>,
) -> Result<Vec<IndexDescriptor>, Error> {
    if indexes.is_empty() {
        return Err(invalid("List of GlobalSecondaryIndexes is empty"));
    }
    let mut made = Vec::with_capacity(indexes.len());
    for index in indexes {
        let name = &index.index_name;
        let key = key_schema::global_index_key(&index.key_schema, definitions)?;
        let projection = key_schema::projection(&index.projection)?;
        let provisioned = index_capacity(index, billing_mode)?;
        check_new_name(names, name)?;
        let owner = Owner::Index(name);
        made.push(IndexDescriptor {
            id: 0,
            name: name.clone(),
            kind: IndexKind::Global,
            key_schema: key,
            projection,
            state: IndexState::Active,
            transition_until_ms: 0,
            on_demand: throughput::new_on_demand(index.on_demand_throughput.as_ref(), billing_mode, owner)?,
            warm: throughput::new_warm(index.warm_throughput.as_ref(), billing_mode, &provisioned, owner)?,
            provisioned,
            insights: None,
        });
    }
    if indexes.len() > GLOBAL_INDEXES_MAX {
        return Err(invalid(format_args!(
            "GlobalSecondaryIndex count exceeds the per-table limit of {GLOBAL_INDEXES_MAX}"
        )));
    }
    Ok(made)
}

fn index_capacity(
    index: &GlobalSecondaryIndex,
    billing_mode: BillingMode,
) -> Result<ProvisionedCapacity, Error> {
    let name = &index.index_name;
    match (billing_mode, &index.provisioned_throughput) {
        (BillingMode::OnDemand, None) => Ok(ProvisionedCapacity::default()),
        (BillingMode::OnDemand, Some(_)) => Err(invalid(format_args!(
            "ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
        ))),
        (BillingMode::Provisioned, None) => Err(invalid(format_args!(
            "ProvisionedThroughput is not specified for index: {name}"
        ))),
        (BillingMode::Provisioned, Some(throughput)) => {
            throughput::check_bounds(throughput)?;
            Ok(throughput::capacity(throughput))
        }
    }
}

/// Refuses what is asked for and not built.
fn check_unbuilt(input: &CreateTableInput) -> Result<(), Error> {
    if check_encryption(input.sse_specification.as_ref())? {
        return Err(not_supported("SSESpecification"));
    }
    let unbuilt = [
        ("VectorIndexes", is_asked_for(input.vector_indexes.as_deref())),
        ("ResourcePolicy", input.resource_policy.is_some()),
        ("GlobalTableSourceArn", input.global_table_source_arn.is_some()),
        (
            "GlobalTableSettingsReplicationMode",
            input.global_table_settings_replication_mode.is_some(),
        ),
    ];
    match unbuilt.into_iter().find(|(_, is_asked_for)| *is_asked_for) {
        None => Ok(()),
        Some((parameter, _)) => Err(not_supported(parameter)),
    }
}

/// The view type of the stream that the table is to have; `None` where it is to have none.
fn stream_view(specification: Option<&StreamSpecification>) -> Result<Option<StreamView>, Error> {
    let Some(specification) = specification else {
        return Ok(None);
    };
    match (specification.stream_enabled, specification.stream_view_type) {
        (false, None) => Ok(None),
        (true, Some(view)) => Ok(Some(view_of(view))),
        (true, None) => Err(invalid(
            "Table is being created with a stream enabled, UpdateViewType is required",
        )),
        (false, Some(_)) => Err(invalid(
            "Table is being created with a stream disabled, UpdateViewType should not be specified",
        )),
    }
}
