//! The table that a restore makes: the settings that its source had, and what the request says
//! otherwise.
//!
//! It has the source's key, indexes and billing, and none of its stream, time to live, recovery, tags,
//! table class, deletion protection, contributor insights.

use std::collections::{BTreeMap, BTreeSet};

use api::Error;
use api::types::{
    self, GlobalSecondaryIndex, LocalSecondaryIndex, ProvisionedThroughput, SSESpecification, VectorIndex,
};

use super::key_schema::projection;
use super::table_description::key_schema;
use super::table_errors::not_supported;
use super::throughput::{self, Owner};
use super::unbuilt_parameters::{check_encryption, is_asked_for};
use crate::catalog::{
    BillingMode, IndexDescriptor, IndexKind, IndexState, ProvisionedCapacity, TableDescriptor, TableState,
};

/// What a restored table has otherwise than its source.
pub(super) struct Overrides {
    pub billing_mode: Option<types::BillingMode>,
    pub global_indexes: Option<Vec<GlobalSecondaryIndex>>,
    pub local_indexes: Option<Vec<LocalSecondaryIndex>>,
    pub provisioned: Option<ProvisionedThroughput>,
    pub on_demand: Option<types::OnDemandThroughput>,
    pub encryption: Option<SSESpecification>,
    pub vector_indexes: Option<Vec<VectorIndex>>,
}

fn refused(detail: impl std::fmt::Display) -> Error {
    Error::validation(format!("Invalid Request: {detail}"))
}

/// What the catalog is to keep of the table named `name`, but for ids, the end of its transition and
/// where it comes from.
pub(super) fn new_table(
    source: &TableDescriptor,
    name: &str,
    overrides: Overrides,
    now_ms: u64,
) -> Result<TableDescriptor, Error> {
    if check_encryption(overrides.encryption.as_ref())? {
        return Err(not_supported("SSESpecificationOverride"));
    }
    if is_asked_for(overrides.vector_indexes.as_deref()) {
        return Err(not_supported("VectorIndexOverride"));
    }
    let (mode, provisioned) = billing(source, &overrides)?;
    let on_demand = match &overrides.on_demand {
        None if mode == BillingMode::OnDemand => source.on_demand.clone(),
        None => None,
        Some(bounds) => {
            check_on_demand(bounds, mode)?;
            throughput::new_on_demand(Some(bounds), mode, Owner::Table)?
        }
    };
    let indexes = indexes(source, &overrides, mode)?;
    let mut table = TableDescriptor {
        id: 0,
        version: 1,
        name: name.to_owned(),
        uuid: String::new(),
        key_schema: source.key_schema.clone(),
        attribute_definitions: source.attribute_definitions.clone(),
        indexes,
        created_at_ms: now_ms,
        state: TableState::Restoring,
        transition_until_ms: 0,
        billing_mode: mode,
        on_demand_since_ms: (mode == BillingMode::OnDemand).then_some(now_ms),
        warm: throughput::new_warm(None, mode, &provisioned, Owner::Table)?,
        provisioned,
        on_demand,
        table_class: None,
        deletion_protection: false,
        tags: BTreeMap::new(),
        stream: None,
        time_to_live: None,
        recovery: None,
        log_holds: Vec::new(),
        insights: None,
        restore: None,
        fill: None,
    };
    table.forget_unused_definitions();
    Ok(table)
}

/// Capacity of these units that has never been changed.
fn units_of(provisioned: &ProvisionedCapacity) -> ProvisionedCapacity {
    ProvisionedCapacity {
        read_units: provisioned.read_units,
        write_units: provisioned.write_units,
        ..ProvisionedCapacity::default()
    }
}

fn billing(
    source: &TableDescriptor,
    overrides: &Overrides,
) -> Result<(BillingMode, ProvisionedCapacity), Error> {
    let overridden = overrides.billing_mode.map(throughput::billing_mode);
    let mode = overridden.unwrap_or(source.billing_mode);
    let provisioned = match (mode, &overrides.provisioned) {
        (BillingMode::OnDemand, None) => ProvisionedCapacity::default(),
        (BillingMode::OnDemand, Some(_)) if overridden.is_some() => {
            return Err(refused(
                "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST",
            ));
        }
        (BillingMode::OnDemand, Some(_)) => {
            return Err(refused(
                "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED",
            ));
        }
        (BillingMode::Provisioned, Some(throughput)) => {
            throughput::check_bounds(throughput)?;
            throughput::capacity(throughput)
        }
        (BillingMode::Provisioned, None) if overridden.is_some() => {
            return Err(refused(
                "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED",
            ));
        }
        (BillingMode::Provisioned, None) => units_of(&source.provisioned),
    };
    Ok((mode, provisioned))
}

fn check_on_demand(bounds: &types::OnDemandThroughput, mode: BillingMode) -> Result<(), Error> {
    if mode == BillingMode::OnDemand {
        return Ok(());
    }
    let members = [
        ("MaxReadRequestUnits", bounds.max_read_request_units),
        ("MaxWriteRequestUnits", bounds.max_write_request_units),
    ];
    match members.into_iter().find(|(_, units)| units.is_some()) {
        None => Ok(()),
        Some((member, _)) => Err(refused(format_args!(
            "Cannot override {member} for OnDemandThroughput unless BillingModeOverride is PAY_PER_REQUEST"
        ))),
    }
}

/// The indexes: those of the source, or those that the overrides name. One that was being filled at
/// that moment is complete in the restored table; one that was being deleted is not in it.
fn indexes(
    source: &TableDescriptor,
    overrides: &Overrides,
    mode: BillingMode,
) -> Result<Vec<IndexDescriptor>, Error> {
    let known: Vec<&IndexDescriptor> = source
        .indexes
        .iter()
        .filter(|index| index.state != IndexState::Deleting)
        .collect();
    let of_kind = |kind| {
        known
            .iter()
            .copied()
            .filter(move |index: &&IndexDescriptor| index.kind == kind)
    };
    let mut made = Vec::new();
    match &overrides.local_indexes {
        None => made.extend(of_kind(IndexKind::Local).cloned()),
        Some(wanted) => {
            for index in wanted {
                let found = find(
                    of_kind(IndexKind::Local),
                    &index.index_name,
                    &index.key_schema,
                    &index.projection,
                )?;
                made.push(renamed(found, &index.index_name));
            }
        }
    }
    match &overrides.global_indexes {
        None => {
            for index in of_kind(IndexKind::Global) {
                if mode == BillingMode::Provisioned && source.billing_mode != mode {
                    return Err(refused(format_args!(
                        "Must specify provisioned throughput for index {}",
                        index.name
                    )));
                }
                made.push(index.clone());
            }
        }
        Some(wanted) => {
            for index in wanted {
                let name = &index.index_name;
                let found = find(
                    of_kind(IndexKind::Global),
                    name,
                    &index.key_schema,
                    &index.projection,
                )?;
                made.push(global_index(renamed(found, name), index, mode)?);
            }
        }
    }
    let mut names = BTreeSet::new();
    for index in &mut made {
        if !names.insert(index.name.clone()) {
            return Err(refused(format_args!("Duplicate index name: {}", index.name)));
        }
        index.state = IndexState::Active;
        index.transition_until_ms = 0;
        index.provisioned = match mode {
            BillingMode::Provisioned => units_of(&index.provisioned),
            BillingMode::OnDemand => ProvisionedCapacity::default(),
        };
        if mode == BillingMode::Provisioned {
            index.on_demand = None;
        }
        if index.kind == IndexKind::Global {
            index.warm = throughput::new_warm(None, mode, &index.provisioned, Owner::Index(&index.name))?;
        }
    }
    Ok(made)
}

/// The index of the source with this key and projection, which may have had another name.
fn find<'s>(
    mut known: impl Iterator<Item = &'s IndexDescriptor>,
    name: &str,
    key: &[types::KeySchemaElement],
    wanted: &types::Projection,
) -> Result<&'s IndexDescriptor, Error> {
    let wanted = projection(wanted)?;
    let found =
        known.find(|index| index.projection.has_same(&wanted) && key_schema(&index.key_schema) == key);
    found.ok_or_else(|| {
        refused(format_args!(
            "Index {name} does not match a secondary index that existed in the source table and cannot be created \
             during the restore operation"
        ))
    })
}

fn renamed(index: &IndexDescriptor, name: &str) -> IndexDescriptor {
    IndexDescriptor {
        name: name.to_owned(),
        insights: None,
        ..index.clone()
    }
}

/// A global index with the throughput that the override gives it.
fn global_index(
    mut index: IndexDescriptor,
    wanted: &GlobalSecondaryIndex,
    mode: BillingMode,
) -> Result<IndexDescriptor, Error> {
    let name = &wanted.index_name;
    match (mode, &wanted.provisioned_throughput) {
        (BillingMode::OnDemand, None) => {}
        (BillingMode::OnDemand, Some(_)) => {
            return Err(refused(format_args!(
                "Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST for index {name}"
            )));
        }
        (BillingMode::Provisioned, None) => {
            return Err(refused(format_args!(
                "Must specify provisioned throughput for index {name}"
            )));
        }
        (BillingMode::Provisioned, Some(throughput)) => {
            throughput::check_bounds(throughput)?;
            index.provisioned = throughput::capacity(throughput);
        }
    }
    if let Some(bounds) = &wanted.on_demand_throughput {
        index.on_demand = throughput::new_on_demand(Some(bounds), mode, Owner::Index(name))?;
    }
    Ok(index)
}
