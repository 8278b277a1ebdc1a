//! UpdateTable: one change of a table at a time.
//!
//! What the request says is checked before the table is looked up ([`Request::new`]); what it means
//! for the table is decided in the commit that changes the descriptor ([`Request::apply`]).

mod index_updates;

use api::types::{
    self, OnDemandThroughput, ProvisionedThroughput, TableStatus, UpdateTableInput, UpdateTableOutput,
    WarmThroughput,
};
use api::{Context, Error};
use store::Store;

use self::index_updates::IndexUpdates;
use super::key_schema::Definitions;
use super::table_description::{Moment, describe, table_status};
use super::table_errors::{in_use, invalid, not_supported};
use super::table_streams::{NewStream, view_of};
use super::throughput::{self, Owner};
use super::unbuilt_parameters::{check_encryption, is_asked_for};
use crate::Engine;
use crate::arn::label;
use crate::arn::table_name_of;
use crate::catalog::{
    BillingMode, Change, IndexKind, IndexState, StreamView, TableClass, TableDescriptor, TableState,
};

pub(crate) async fn update_table<S: Store>(
    engine: &Engine<S>,
    context: &Context,
    input: UpdateTableInput,
) -> Result<UpdateTableOutput, Error> {
    let name = table_name_of(&input.table_name).to_owned();
    let request = Request::new(input)?;
    let on_demand = request.on_demand.clone();
    let now_ms = engine.clock.now_ms();
    let until_ms = engine.settings.transition_until_ms(now_ms);
    let new_stream = match request.stream {
        Some(StreamChange::Enable(view)) => Some(NewStream::prepare(engine, &name, view).await?),
        _ => None,
    };
    let changes_stream = request.stream.is_some();
    let table = engine
        .change_descriptor(&name, move |change| {
            request.apply(change, new_stream.as_ref(), now_ms, until_ms)
        })
        .await?;
    if let Some(stream) = table.descriptor.stream.as_ref().filter(|_| changes_stream) {
        if stream.enabled {
            engine.schedule_stream(&name, stream.label_ms);
        } else {
            engine.close_stream(stream, &name).await?;
        }
    }
    let mut description = describe(
        engine,
        context,
        &table.descriptor,
        Moment::answer(now_ms, until_ms),
    )
    .await?;
    description.on_demand_throughput =
        throughput::described_on_demand(table.descriptor.on_demand.as_ref(), on_demand.as_ref());
    if engine.settings.transition_ms == 0 {
        // Background work would do it as well; but the next description must not show the index.
        for index in table
            .descriptor
            .indexes
            .iter()
            .filter(|index| index.state == IndexState::Deleting)
        {
            engine.finish_deleting_index(&table, index.id).await?;
        }
    }
    Ok(UpdateTableOutput {
        table_description: Some(description),
    })
}

/// What becomes of the stream of a table.
#[derive(Clone, Copy, Debug)]
enum StreamChange {
    Enable(StreamView),
    Disable,
}

/// A request that is sound in itself.
struct Request {
    billing_mode: Option<BillingMode>,
    throughput: Option<ProvisionedThroughput>,
    on_demand: Option<OnDemandThroughput>,
    warm: Option<WarmThroughput>,
    /// Whether the class is to be STANDARD_INFREQUENT_ACCESS.
    infrequent_access: Option<bool>,
    deletion_protection: Option<bool>,
    stream: Option<StreamChange>,
    disables_encryption: bool,
    index_updates: Option<IndexUpdates>,
}

impl Request {
    fn new(input: UpdateTableInput) -> Result<Self, Error> {
        check_unbuilt(&input)?;
        let stream = check_stream(&input)?;
        let asks_for_key = check_encryption(input.sse_specification.as_ref())?;
        // The service takes an empty structure for none.
        let on_demand = input
            .on_demand_throughput
            .filter(|bounds| *bounds != OnDemandThroughput::default());
        let warm = input
            .warm_throughput
            .filter(|warm| *warm != WarmThroughput::default());
        let list = input.global_secondary_index_updates;
        let concerns = Concerns {
            encryption: input.sse_specification.is_some(),
            table_class: input.table_class.is_some(),
            deletion_protection: input.deletion_protection_enabled.is_some(),
            warm: warm.is_some(),
            on_demand: on_demand.is_some(),
            throughput: input.provisioned_throughput.is_some(),
            billing_mode: input.billing_mode,
            stream: stream.is_some(),
            creates_index: list.iter().flatten().any(|update| update.create.is_some()),
            deletes_index: list.iter().flatten().any(|update| update.delete.is_some()),
            indexes: is_asked_for(list.as_deref()),
        };
        concerns.check(list.is_some())?;
        if asks_for_key {
            return Err(not_supported("SSESpecification"));
        }
        let definitions = input.attribute_definitions.as_deref().map(Definitions::new);
        let index_updates = list
            .map(|list| IndexUpdates::new(list, definitions))
            .transpose()?;
        let billing_mode = input.billing_mode.map(throughput::billing_mode);
        match (billing_mode, &input.provisioned_throughput) {
            (Some(BillingMode::Provisioned), None) => {
                return Err(invalid(
                    "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
                ));
            }
            (Some(BillingMode::OnDemand), Some(_)) => return Err(throughput::not_provisioned()),
            (_, Some(throughput)) => throughput::check_bounds(throughput)?,
            (_, None) => {}
        }
        Ok(Request {
            billing_mode,
            throughput: input.provisioned_throughput,
            on_demand,
            warm,
            infrequent_access: input
                .table_class
                .map(|class| class == types::TableClass::StandardInfrequentAccess),
            deletion_protection: input.deletion_protection_enabled,
            stream,
            disables_encryption: concerns.encryption,
            index_updates,
        })
    }

    /// Makes the change that the request asks for, or says why the table does not allow it.
    fn apply(
        &self,
        change: &mut Change,
        new_stream: Option<&NewStream>,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<(), Error> {
        change.descriptor.settle(now_ms);
        self.check_state(&change.descriptor, now_ms)?;
        let descriptor = &mut change.descriptor;
        match self.stream {
            None => {}
            Some(StreamChange::Disable) => disable_stream(descriptor, until_ms)?,
            Some(StreamChange::Enable(_)) => check_no_stream(descriptor)?,
        }
        if self.disables_encryption {
            return Err(invalid("Table is already encrypted by default"));
        }
        let mode_before = descriptor.billing_mode;
        let mode = self.billing_mode.unwrap_or(mode_before);
        if let Some(updates) = &self.index_updates {
            updates.check_exist(descriptor)?;
        }
        self.change_billing(descriptor, mode, now_ms, until_ms)?;
        if let Some(bounds) = &self.on_demand {
            throughput::change_on_demand(&mut descriptor.on_demand, bounds, mode, Owner::Table)?;
        }
        if let Some(warm) = &self.warm {
            descriptor.warm.raise(warm, until_ms, Owner::Table)?;
        }
        if let Some(infrequent_access) = self.infrequent_access {
            change_class(descriptor, infrequent_access, now_ms, until_ms);
        }
        if let Some(deletion_protection) = self.deletion_protection {
            descriptor.deletion_protection = deletion_protection;
        }
        if let Some(updates) = &self.index_updates {
            updates.apply(change, mode, mode != mode_before, now_ms, until_ms)?;
        }
        if let Some(stream) = new_stream {
            let id = change.ids.take();
            stream.open(&mut change.descriptor, id, &mut change.batch);
            mark_stream_updated(&mut change.descriptor, until_ms);
        }
        let descriptor = &mut change.descriptor;
        descriptor.warm.follow(mode, &descriptor.provisioned);
        for index in descriptor
            .indexes
            .iter_mut()
            .filter(|index| index.kind == IndexKind::Global)
        {
            index.warm.follow(mode, &index.provisioned);
        }
        Ok(())
    }

    /// Refuses a change that the states of the table and its indexes forbid.
    fn check_state(&self, descriptor: &TableDescriptor, now_ms: u64) -> Result<(), Error> {
        let name = &descriptor.name;
        let changes_capacity = self.throughput.is_some() || self.billing_mode.is_some();
        let in_state = |state: IndexState| -> Vec<&str> {
            let indexes = descriptor.indexes.iter().filter(|index| index.state == state);
            indexes.map(|index| index.name.as_str()).collect()
        };
        match table_status(descriptor, Moment::description(now_ms)) {
            TableStatus::Creating => return Err(in_use(format_args!("Table is being created: {name}"))),
            TableStatus::Deleting => return Err(in_use(format_args!("Table is being deleted: {name}"))),
            TableStatus::Updating => {
                self.check_stream_state(descriptor, now_ms)?;
                if let Some(updates) = &self.index_updates {
                    updates.check_allocation(descriptor)?;
                }
                if changes_capacity {
                    return Err(in_use(format_args!(
                        "Table IOPS are currently being updated. Table: {name}"
                    )));
                }
                if self
                    .index_updates
                    .as_ref()
                    .is_some_and(IndexUpdates::creates_or_deletes)
                {
                    return Err(in_use(format_args!(
                        "Can't create or delete indexes while table IOPS are being updated. Table: {name}"
                    )));
                }
                if self.on_demand.is_some() {
                    return Err(in_use(
                        "OnDemandThroughput cannot be updated while BillingMode update is in progress",
                    ));
                }
                if self.infrequent_access.is_some() {
                    return Err(in_use(format_args!(
                        "Table: {name} is in the process of being updated."
                    )));
                }
            }
            _ => {}
        }
        let deleting = in_state(IndexState::Deleting);
        if changes_capacity && !deleting.is_empty() {
            return Err(in_use(format_args!(
                "Can't change table IOPS when an index is being deleted. Table: {name} Indexes: [{}]",
                deleting.join(", ")
            )));
        }
        let creating = in_state(IndexState::Creating);
        if self.on_demand.is_some() && !creating.is_empty() {
            return Err(in_use(format_args!(
                "OnDemandThroughput cannot be updated while index creation is in progress for indexes: [{}]",
                creating.join(", ")
            )));
        }
        self.index_updates
            .as_ref()
            .map_or(Ok(()), |updates| updates.check_states(descriptor, now_ms))
    }

    /// Refuses a change of the capacity while the stream changes, and of the stream while the stream
    /// or the capacity does.
    fn check_stream_state(&self, descriptor: &TableDescriptor, now_ms: u64) -> Result<(), Error> {
        let name = &descriptor.name;
        let changing = descriptor
            .stream
            .as_ref()
            .filter(|stream| stream.transition_until_ms > now_ms);
        let Some(changing) = changing else {
            return match self.stream {
                None => Ok(()),
                Some(_) => Err(in_use(format_args!(
                    "Can't enable or disable stream while table IOPS are being updated. Table: {name}"
                ))),
            };
        };
        let label = label(changing.label_ms);
        let operation = if changing.enabled { "ENABLE" } else { "DISABLE" };
        if self.stream.is_some() {
            return Err(in_use(format_args!(
                "A stream status change is currently in progress. Table: {name} Stream: {label} Operation: {operation}"
            )));
        }
        if self.throughput.is_some() || self.billing_mode.is_some() {
            return Err(in_use(format_args!(
                "Can't change table IOPS when stream status is being updated. Table: {name} Stream: {label} \
                 Operation: {operation}"
            )));
        }
        Ok(())
    }

    /// Changes the billing mode and the table's capacity.
    fn change_billing(
        &self,
        descriptor: &mut TableDescriptor,
        mode: BillingMode,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<(), Error> {
        let switches = mode != descriptor.billing_mode;
        if mode == BillingMode::OnDemand && self.throughput.is_some() {
            return Err(throughput::not_provisioned());
        }
        if let Some(throughput) = &self.throughput {
            if switches {
                self.check_every_index_provisioned(descriptor)?;
            }
            let before = (
                descriptor.provisioned.read_units,
                descriptor.provisioned.write_units,
            );
            if !descriptor.provisioned.change(throughput, now_ms) {
                return Err(throughput::unchanged(Owner::Table, throughput));
            }
            // A table that becomes provisioned shows its units at once.
            descriptor.provisioned.previous_units = (!switches).then_some(before);
        }
        if switches {
            descriptor.billing_mode = mode;
            descriptor.on_demand = None;
            let is_on_demand = mode == BillingMode::OnDemand;
            if is_on_demand {
                descriptor.on_demand_since_ms = Some(now_ms);
                (
                    descriptor.provisioned.read_units,
                    descriptor.provisioned.write_units,
                ) = (0, 0);
            }
            for index in descriptor
                .indexes
                .iter_mut()
                .filter(|index| index.kind == IndexKind::Global)
            {
                index.on_demand = None;
                index.transition_until_ms = until_ms;
                if is_on_demand {
                    (index.provisioned.read_units, index.provisioned.write_units) = (0, 0);
                }
            }
        }
        if self.billing_mode.is_some() || self.throughput.is_some() {
            mark_updated(descriptor, until_ms);
        }
        Ok(())
    }

    /// A table that becomes provisioned needs the capacity of every global index in the same request.
    fn check_every_index_provisioned(&self, descriptor: &TableDescriptor) -> Result<(), Error> {
        let is_given = |name: &str| {
            self.index_updates
                .as_ref()
                .is_some_and(|updates| updates.provisions(name))
        };
        let missing: Vec<&str> = descriptor
            .indexes
            .iter()
            .filter(|index| index.kind == IndexKind::Global && !is_given(&index.name))
            .map(|index| index.name.as_str())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(invalid(format_args!(
            "ProvisionedThroughput must be specified for index: {}",
            missing.join(",")
        )))
    }
}

/// Makes the table UPDATING until `until_ms`.
fn mark_updated(descriptor: &mut TableDescriptor, until_ms: u64) {
    descriptor.state = TableState::Updated;
    descriptor.transition_until_ms = until_ms;
}

/// Stops recording changes; the stream is closed when the table has let it go.
fn disable_stream(descriptor: &mut TableDescriptor, until_ms: u64) -> Result<(), Error> {
    match &mut descriptor.stream {
        Some(stream) if stream.enabled => stream.enabled = false,
        _ => {
            return Err(Error::validation(format!(
                "Table has no stream to disable: TableName: {}",
                descriptor.name
            )));
        }
    }
    mark_stream_updated(descriptor, until_ms);
    Ok(())
}

/// Makes the table UPDATING, and its stream changing, until `until_ms`.
fn mark_stream_updated(descriptor: &mut TableDescriptor, until_ms: u64) {
    if let Some(stream) = &mut descriptor.stream {
        stream.transition_until_ms = until_ms;
    }
    mark_updated(descriptor, until_ms);
}

/// Refuses a second stream beside one that is enabled.
fn check_no_stream(descriptor: &TableDescriptor) -> Result<(), Error> {
    match &descriptor.stream {
        Some(stream) if stream.enabled => Err(Error::validation(format!(
            "Table already has an enabled stream: TableName: {}",
            descriptor.name
        ))),
        _ => Ok(()),
    }
}

/// Changes the table class. Asking for the class that the table has changes nothing but the answer.
fn change_class(descriptor: &mut TableDescriptor, infrequent_access: bool, now_ms: u64, until_ms: u64) {
    let is_now = descriptor
        .table_class
        .as_ref()
        .is_some_and(|class| class.infrequent_access);
    if infrequent_access != is_now {
        descriptor.table_class = Some(TableClass {
            infrequent_access,
            changed_at_ms: Some(now_ms),
            transition_until_ms: until_ms,
        });
    }
    mark_updated(descriptor, until_ms);
}

/// Which kinds of change a request asks for.
struct Concerns {
    encryption: bool,
    table_class: bool,
    deletion_protection: bool,
    warm: bool,
    on_demand: bool,
    throughput: bool,
    billing_mode: Option<types::BillingMode>,
    stream: bool,
    creates_index: bool,
    deletes_index: bool,
    indexes: bool,
}

impl Concerns {
    /// Refuses a request that asks for nothing, or for changes that do not go together.
    fn check(&self, has_index_updates: bool) -> Result<(), Error> {
        let billing = self.billing_mode.is_some();
        let concerns = [
            self.encryption,
            self.table_class,
            self.deletion_protection,
            self.warm,
            self.on_demand,
            self.throughput,
            billing,
            self.stream,
            self.indexes,
        ];
        let count = concerns.into_iter().filter(|is_present| *is_present).count();
        if count == 0 {
            return Err(Error::validation(
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
                 GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, \
                 ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, \
                 WarmThroughput or TableClass is required",
            ));
        }
        if has_index_updates && !self.indexes {
            return Err(invalid("List of GlobalSecondaryIndexUpdates is empty"));
        }
        let changes_indexes = self.creates_index || self.deletes_index;
        let provisions = self.throughput || self.billing_mode == Some(types::BillingMode::Provisioned);
        let with_indexes_only = self.indexes && count == 2;
        let refused = [
            (
                self.encryption && count > 1,
                "Server-Side Encryption modification must be the only operation in the request",
            ),
            (
                self.table_class && count > 1,
                "TableClass modification must be the only operation in the request",
            ),
            (
                self.deletion_protection && count > 1,
                "DeletionProtection modification must be the only operation in the request",
            ),
            (
                self.warm && with_indexes_only && self.creates_index,
                "Create global secondary index cannot be specified when updating WarmThroughput",
            ),
            (
                self.warm && count > 1 && (!with_indexes_only || self.deletes_index),
                "WarmThroughput must be the only operation in the request",
            ),
            (
                self.on_demand && count > 1 + usize::from(billing),
                "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
            ),
            (
                (self.throughput && changes_indexes) || (billing && self.deletes_index),
                "You cannot create or delete index while updating table IOPS",
            ),
            (
                self.stream && provisions,
                "You cannot modify stream status while updating table IOPS",
            ),
            (
                self.stream && changes_indexes,
                "You cannot create or delete index while changing stream status",
            ),
        ];
        match refused.into_iter().find(|(is_refused, _)| *is_refused) {
            None => Ok(()),
            Some((_, message)) => Err(invalid(message)),
        }
    }
}

/// Refuses what is asked for and not built, but for encryption and streams, which have checks of
/// their own.
fn check_unbuilt(input: &UpdateTableInput) -> Result<(), Error> {
    let unbuilt = [
        ("ReplicaUpdates", is_asked_for(input.replica_updates.as_deref())),
        (
            "GlobalTableWitnessUpdates",
            is_asked_for(input.global_table_witness_updates.as_deref()),
        ),
        (
            "VectorIndexUpdates",
            is_asked_for(input.vector_index_updates.as_deref()),
        ),
        ("MultiRegionConsistency", input.multi_region_consistency.is_some()),
        (
            "GlobalTableSettingsReplicationMode",
            input.global_table_settings_replication_mode.is_some(),
        ),
        (
            "DisassociationProtectionEnabled",
            input.disassociation_protection_enabled == Some(true),
        ),
    ];
    match unbuilt.into_iter().find(|(_, is_asked_for)| *is_asked_for) {
        None => Ok(()),
        Some((parameter, _)) => Err(not_supported(parameter)),
    }
}

/// Checks a stream specification, and tells what becomes of the stream.
fn check_stream(input: &UpdateTableInput) -> Result<Option<StreamChange>, Error> {
    let Some(specification) = &input.stream_specification else {
        return Ok(None);
    };
    match (specification.stream_enabled, specification.stream_view_type) {
        (false, None) => Ok(Some(StreamChange::Disable)),
        (true, Some(view)) => Ok(Some(StreamChange::Enable(view_of(view)))),
        (true, None) => Err(invalid(
            "If stream is being enabled then UpdateViewType is required",
        )),
        (false, Some(_)) => Err(invalid(
            "If stream is being disabled, then UpdateViewType must not be specified",
        )),
    }
}
