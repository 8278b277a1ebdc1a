//! UpdateTimeToLive.
//!
//! Wording and order of the refusals: what is wrong with the table, then with the change, then its
//! being too early.

use api::types::{TableStatus, TimeToLiveSpecification, UpdateTimeToLiveInput, UpdateTimeToLiveOutput};
use api::{Context, Error};
use store::Store;

use super::table_description::{Moment, table_status};
use super::table_errors::in_use;
use crate::Engine;
use crate::arn::table_name_of;
use crate::background::{Job, discard_expiry};
use crate::catalog::{Change, TimeToLive, TimeToLiveState};

/// How many steps of the backfill the request itself does: a small table is ENABLED at once.
const INLINE_STEPS_MAX: usize = 4;

pub(crate) async fn update_time_to_live<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: UpdateTimeToLiveInput,
) -> Result<UpdateTimeToLiveOutput, Error> {
    let specification = input.time_to_live_specification;
    let wanted = specification.clone();
    let now_ms = engine.clock.now_ms();
    let settings = engine.settings;
    let mut table = engine
        .change_descriptor(table_name_of(&input.table_name), move |change| {
            apply(
                change,
                &wanted,
                Times {
                    now_ms,
                    until_ms: settings.transition_until_ms(now_ms),
                    change_ms: settings.time_to_live_change_ms,
                },
            )
        })
        .await?;
    if !specification.enabled {
        engine.jobs.add(Job::garbage());
    } else if settings.transition_ms == 0 {
        // Background work would do it as well; but the next description is to show the end of it.
        for _ in 0..INLINE_STEPS_MAX {
            let enabling = table.descriptor.time_to_live.as_ref();
            let Some(enabling) =
                enabling.filter(|time_to_live| time_to_live.state == TimeToLiveState::Enabling)
            else {
                break;
            };
            engine.expiry_backfill_step(&table, enabling).await?;
            table = super::describe_table::find_table(engine, table.name()).await?;
        }
    }
    Ok(UpdateTimeToLiveOutput {
        time_to_live_specification: Some(specification),
    })
}

/// When a change is made, in milliseconds.
#[derive(Clone, Copy)]
struct Times {
    now_ms: u64,
    /// When the answer ceases to show it as under way.
    until_ms: u64,
    /// How long the next one is refused.
    change_ms: u64,
}

fn apply(change: &mut Change, wanted: &TimeToLiveSpecification, times: Times) -> Result<(), Error> {
    let descriptor = &change.descriptor;
    if table_status(descriptor, Moment::description(times.now_ms)) == TableStatus::Creating {
        return Err(in_use(format_args!("Table {} is being created", descriptor.name)));
    }
    let present = descriptor.time_to_live.as_ref();
    check_is_change(present, wanted)?;
    if present.is_some_and(|present| times.now_ms < present.changed_at_ms.saturating_add(times.change_ms)) {
        return Err(Error::validation(
            "Time to live has been modified multiple times within a fixed interval",
        ));
    }
    let (id, state) = match present {
        Some(present) if !wanted.enabled => {
            discard_expiry(present, &mut change.batch);
            (present.id, TimeToLiveState::Disabled)
        }
        _ => (change.ids.take(), TimeToLiveState::Enabling),
    };
    change.descriptor.time_to_live = Some(TimeToLive {
        id,
        attribute: wanted.attribute_name.clone(),
        state,
        changed_at_ms: times.now_ms,
        transition_until_ms: times.until_ms,
    });
    Ok(())
}

/// Refuses what is so already, and a second attribute beside the first.
fn check_is_change(present: Option<&TimeToLive>, wanted: &TimeToLiveSpecification) -> Result<(), Error> {
    match present.filter(|present| present.is_kept()) {
        None if wanted.enabled => Ok(()),
        None => Err(Error::validation("TimeToLive is already disabled")),
        Some(present) if present.attribute != wanted.attribute_name => Err(Error::validation(format!(
            "TimeToLive is active on a different AttributeName: current AttributeName is {}",
            present.attribute
        ))),
        Some(_) if wanted.enabled => Err(Error::validation("TimeToLive is already enabled")),
        Some(_) => Ok(()),
    }
}
