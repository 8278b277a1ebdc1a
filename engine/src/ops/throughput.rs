//! Billing modes and the four kinds of throughput: provisioned, on-demand, warm, and what an index
//! has of each. All are kept and described; the engine serves what the machine can do.

use std::fmt;

use api::Error;
use api::types::{self, ProvisionedThroughput};

use super::table_errors::invalid;
use crate::catalog::{BillingMode, OnDemandThroughput, ProvisionedCapacity, WarmThroughput};

/// What an on-demand table or index is ready for from the start: read and write units per second.
const ON_DEMAND_WARM_UNITS: (i64, i64) = (12_000, 4_000);
/// The most capacity units that the service reads as a number of units.
const CAPACITY_UNITS_MAX: i64 = 1_000_000_000_000;
/// What UpdateTable takes for "no bound any more" in OnDemandThroughput.
const NO_BOUND: i64 = -1;

/// Whose throughput a message is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'n> {
    /// The table's.
    Table,
    /// The index's of this name.
    Index(&'n str),
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Table => formatter.write_str("table"),
            Owner::Index(name) => write!(formatter, "index {name}"),
        }
    }
}

/// The billing mode that a request names.
pub(super) fn billing_mode(mode: types::BillingMode) -> BillingMode {
    match mode {
        types::BillingMode::Provisioned => BillingMode::Provisioned,
        types::BillingMode::PayPerRequest => BillingMode::OnDemand,
    }
}

/// Refuses capacity units that are no number of units.
pub(super) fn check_bounds(throughput: &ProvisionedThroughput) -> Result<(), Error> {
    let units = [
        ("ReadCapacityUnits", throughput.read_capacity_units),
        ("WriteCapacityUnits", throughput.write_capacity_units),
    ];
    match units.into_iter().find(|(_, units)| *units > CAPACITY_UNITS_MAX) {
        None => Ok(()),
        Some((name, units)) => Err(Error::validation(format!(
            "Given value {units} for {name} is out of bounds"
        ))),
    }
}

/// The error of provisioned throughput where billing is by request.
pub(super) fn not_provisioned() -> Error {
    invalid(
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
    )
}

/// The billing mode and capacity of a new table.
pub(super) fn table_capacity(
    mode: Option<types::BillingMode>,
    throughput: Option<&ProvisionedThroughput>,
) -> Result<(BillingMode, ProvisionedCapacity), Error> {
    let mode = mode.map_or(BillingMode::Provisioned, billing_mode);
    match (mode, throughput) {
        (BillingMode::OnDemand, None) => Ok((mode, ProvisionedCapacity::default())),
        (BillingMode::OnDemand, Some(_)) => Err(not_provisioned()),
        (BillingMode::Provisioned, None) => Err(invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        )),
        (BillingMode::Provisioned, Some(throughput)) => {
            check_bounds(throughput)?;
            Ok((mode, capacity(throughput)))
        }
    }
}

/// Capacity that has never been changed.
pub(super) fn capacity(throughput: &ProvisionedThroughput) -> ProvisionedCapacity {
    ProvisionedCapacity {
        read_units: throughput.read_capacity_units,
        write_units: throughput.write_capacity_units,
        ..ProvisionedCapacity::default()
    }
}

/// The UTC day of a time, counted from the Unix epoch.
fn day_of(time_ms: u64) -> u64 {
    time_ms / (24 * 60 * 60 * 1000)
}

impl ProvisionedCapacity {
    /// How often it has been lowered today (UTC).
    pub(super) fn decreases_on_day_of(&self, now_ms: u64) -> i64 {
        match self.last_decrease_ms {
            Some(last_ms) if day_of(last_ms) == day_of(now_ms) => self.decreases_today,
            _ => 0,
        }
    }

    /// Changes the units and keeps the history. False where there is nothing to change.
    pub(super) fn change(&mut self, throughput: &ProvisionedThroughput, now_ms: u64) -> bool {
        let (read_units, write_units) = (throughput.read_capacity_units, throughput.write_capacity_units);
        let (old_read, old_write) = (self.read_units, self.write_units);
        if (read_units, write_units) == (old_read, old_write) {
            return false;
        }
        if read_units > old_read || write_units > old_write {
            self.last_increase_ms = Some(now_ms);
        }
        if read_units < old_read || write_units < old_write {
            self.decreases_today = self.decreases_on_day_of(now_ms) + 1;
            self.last_decrease_ms = Some(now_ms);
        }
        (self.read_units, self.write_units) = (read_units, write_units);
        true
    }
}

/// The error of provisioned throughput that is what it was.
pub(super) fn unchanged(owner: Owner<'_>, throughput: &ProvisionedThroughput) -> Error {
    let (read, write) = (throughput.read_capacity_units, throughput.write_capacity_units);
    let (of_whom, for_whom) = match owner {
        Owner::Table => ("the table".to_owned(), "the table".to_owned()),
        Owner::Index(name) => (format!("the index {name}"), format!("index {name}")),
    };
    Error::validation(format!(
        "The provisioned throughput for {of_whom} will not change. The requested value equals the current value. \
         Current ReadCapacityUnits provisioned for {for_whom}: {read}. Requested ReadCapacityUnits: {read}. \
         Current WriteCapacityUnits provisioned for {for_whom}: {write}. Requested WriteCapacityUnits: {write}. \
         Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
    ))
}

fn bounds(requested: &types::OnDemandThroughput) -> [(&'static str, Option<i64>); 2] {
    [
        ("MaxReadRequestUnits", requested.max_read_request_units),
        ("MaxWriteRequestUnits", requested.max_write_request_units),
    ]
}

/// How messages about on-demand throughput name an index: with a space in front of the colon.
fn on_demand_owner(owner: Owner<'_>) -> String {
    match owner {
        Owner::Table => "table".to_owned(),
        Owner::Index(name) => format!("index : {name}"),
    }
}

fn out_of_range(member: &str, owner: Owner<'_>) -> Error {
    let owner = on_demand_owner(owner);
    invalid(format_args!(
        "Requested {member} for OnDemandThroughput for {owner} is outside of valid range"
    ))
}

/// The on-demand bounds of a new table, or of an index made with it.
pub(super) fn new_on_demand(
    requested: Option<&types::OnDemandThroughput>,
    mode: BillingMode,
    owner: Owner<'_>,
) -> Result<Option<OnDemandThroughput>, Error> {
    let Some(requested) = requested else {
        return Ok(None);
    };
    for (member, units) in bounds(requested) {
        let Some(units) = units else { continue };
        if mode == BillingMode::Provisioned {
            let of_index = match owner {
                Owner::Table => String::new(),
                Owner::Index(name) => format!(" for index: {name}"),
            };
            return Err(invalid(format_args!(
                "{member} for OnDemandThroughput{of_index} cannot be specified when table BillingMode is PROVISIONED."
            )));
        }
        if units < 1 {
            return Err(out_of_range(member, owner));
        }
    }
    Ok(kept_bounds(
        requested.max_read_request_units,
        requested.max_write_request_units,
    ))
}

/// Changes on-demand bounds: members that are not named stay.
pub(super) fn change_on_demand(
    current: &mut Option<OnDemandThroughput>,
    requested: &types::OnDemandThroughput,
    mode: BillingMode,
    owner: Owner<'_>,
) -> Result<(), Error> {
    for (member, units) in bounds(requested) {
        let Some(units) = units else { continue };
        if mode == BillingMode::Provisioned {
            let of_index = match owner {
                Owner::Table => String::new(),
                Owner::Index(_) => format!(" for {}", on_demand_owner(owner)),
            };
            return Err(invalid(format_args!(
                "{member} for OnDemandThroughput{of_index} cannot be specified when the table BillingMode is PROVISIONED"
            )));
        }
        if units == 0 || units < NO_BOUND {
            return Err(out_of_range(member, owner));
        }
    }
    let merged = |old: Option<i64>, new: Option<i64>| match new {
        None => old,
        Some(NO_BOUND) => None,
        Some(units) => Some(units),
    };
    let old = current.take().unwrap_or_default();
    *current = kept_bounds(
        merged(old.max_read_units, requested.max_read_request_units),
        merged(old.max_write_units, requested.max_write_request_units),
    );
    Ok(())
}

fn kept_bounds(max_read_units: Option<i64>, max_write_units: Option<i64>) -> Option<OnDemandThroughput> {
    (max_read_units.is_some() || max_write_units.is_some()).then_some(OnDemandThroughput {
        max_read_units,
        max_write_units,
    })
}

/// On-demand bounds as they are described. The answer to the request that takes a bound away still
/// shows it, as -1.
pub(super) fn described_on_demand(
    kept: Option<&OnDemandThroughput>,
    requested: Option<&types::OnDemandThroughput>,
) -> Option<types::OnDemandThroughput> {
    let cleared = |units: Option<i64>| units.filter(|units| *units == NO_BOUND);
    let read = requested.and_then(|requested| cleared(requested.max_read_request_units));
    let write = requested.and_then(|requested| cleared(requested.max_write_request_units));
    let described = types::OnDemandThroughput {
        max_read_request_units: read.or(kept.and_then(|kept| kept.max_read_units)),
        max_write_request_units: write.or(kept.and_then(|kept| kept.max_write_units)),
    };
    (described != types::OnDemandThroughput::default()).then_some(described)
}

/// What a table or index of this billing is ready for without being asked.
fn warm_at_least(mode: BillingMode, provisioned: &ProvisionedCapacity) -> (i64, i64) {
    match mode {
        BillingMode::OnDemand => ON_DEMAND_WARM_UNITS,
        BillingMode::Provisioned => (provisioned.read_units, provisioned.write_units),
    }
}

/// The warm throughput of a new table or index.
pub(super) fn new_warm(
    requested: Option<&types::WarmThroughput>,
    mode: BillingMode,
    provisioned: &ProvisionedCapacity,
    owner: Owner<'_>,
) -> Result<WarmThroughput, Error> {
    let (read_units, write_units) = warm_at_least(mode, provisioned);
    let requested = requested.cloned().unwrap_or_default();
    let member = |name: &str, capacity_name: &str, asked: Option<i64>, least: i64| match asked {
        None => Ok(least),
        Some(units) if units >= least => Ok(units),
        Some(_) => Err(match mode {
            BillingMode::OnDemand => invalid(format_args!(
                "Requested {name} for WarmThroughput for {owner} is lower than initial throughput for OnDemand. See: \
                 https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html\
                 #on-demand-capacity-mode-initial"
            )),
            BillingMode::Provisioned => invalid(format_args!(
                "Requested {name} for WarmThroughput for {owner} is lower than {capacity_name} of ProvisionedThroughput"
            )),
        }),
    };
    Ok(WarmThroughput {
        read_units: member(
            "ReadUnitsPerSecond",
            "ReadCapacityUnits",
            requested.read_units_per_second,
            read_units,
        )?,
        write_units: member(
            "WriteUnitsPerSecond",
            "WriteCapacityUnits",
            requested.write_units_per_second,
            write_units,
        )?,
        ..WarmThroughput::default()
    })
}

impl WarmThroughput {
    /// Raises what is ready to what billing now asks for. It is never lowered.
    pub(super) fn follow(&mut self, mode: BillingMode, provisioned: &ProvisionedCapacity) {
        let (read_units, write_units) = warm_at_least(mode, provisioned);
        self.read_units = self.read_units.max(read_units);
        self.write_units = self.write_units.max(write_units);
    }

    /// Raises what is ready as a request asks; the old units are shown until `until_ms`.
    pub(super) fn raise(
        &mut self,
        requested: &types::WarmThroughput,
        until_ms: u64,
        owner: Owner<'_>,
    ) -> Result<(), Error> {
        let member = |name: &str, asked: Option<i64>, current: i64| match asked {
            None => Ok(current),
            Some(units) if units >= current => Ok(units),
            Some(_) => Err(invalid(format_args!(
                "Requested {name} for WarmThroughput for {owner} is lower than current WarmThroughput, decreasing \
                 WarmThroughput is not supported"
            ))),
        };
        let read_units = member(
            "ReadUnitsPerSecond",
            requested.read_units_per_second,
            self.read_units,
        )?;
        let write_units = member(
            "WriteUnitsPerSecond",
            requested.write_units_per_second,
            self.write_units,
        )?;
        self.previous_units = Some((self.read_units, self.write_units));
        (self.read_units, self.write_units) = (read_units, write_units);
        self.transition_until_ms = until_ms;
        Ok(())
    }
}
