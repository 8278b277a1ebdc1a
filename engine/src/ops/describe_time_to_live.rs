//! DescribeTimeToLive.

use api::types::{
    DescribeTimeToLiveInput, DescribeTimeToLiveOutput, TableStatus, TimeToLiveDescription, TimeToLiveStatus,
};
use api::{Context, Error};
use store::Store;

use super::describe_table::find_table;
use super::table_description::{Moment, table_status};
use crate::Engine;
use crate::catalog::{TimeToLive, TimeToLiveState};

pub(crate) async fn describe_time_to_live<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: DescribeTimeToLiveInput,
) -> Result<DescribeTimeToLiveOutput, Error> {
    let table = find_table(engine, &input.table_name).await?;
    let moment = Moment::description(engine.clock.now_ms());
    let status = table_status(&table.descriptor, moment);
    if matches!(status, TableStatus::Creating | TableStatus::Deleting) {
        let state = status.as_str();
        return Err(Error::validation(format!(
            "Cannot describe time to live while table is in {state} state: Current table state is {state}"
        )));
    }
    Ok(DescribeTimeToLiveOutput {
        time_to_live_description: Some(describe(table.descriptor.time_to_live.as_ref(), moment)),
    })
}

/// The attribute shows until the table has ceased to heed it.
fn describe(time_to_live: Option<&TimeToLive>, moment: Moment) -> TimeToLiveDescription {
    let status = time_to_live.map_or(TimeToLiveStatus::Disabled, |time_to_live| {
        let is_changing = moment.shows(time_to_live.transition_until_ms);
        match time_to_live.state {
            TimeToLiveState::Enabling => TimeToLiveStatus::Enabling,
            TimeToLiveState::Enabled if is_changing => TimeToLiveStatus::Enabling,
            TimeToLiveState::Enabled => TimeToLiveStatus::Enabled,
            TimeToLiveState::Disabled if is_changing => TimeToLiveStatus::Disabling,
            TimeToLiveState::Disabled => TimeToLiveStatus::Disabled,
        }
    });
    TimeToLiveDescription {
        attribute_name: time_to_live
            .filter(|_| status != TimeToLiveStatus::Disabled)
            .map(|time_to_live| time_to_live.attribute.clone()),
        time_to_live_status: Some(status),
    }
}
