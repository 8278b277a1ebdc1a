//! The background work that scales: each minute, every target is looked at, one in a step.

use api::types::{
    GlobalSecondaryIndexUpdate, ProvisionedThroughput, UpdateGlobalSecondaryIndexAction, UpdateTableInput,
};
use api::{Context, Error, ErrorKind};
use store::Store;

use super::policies::alarm_name;
use super::record::{Activity, Changed, Policy, Target};
use super::resource::{Direction, Resource};
use super::tracking::{IN_MINUTES, Load, Wanted, wanted};
use crate::background::{Job, Work};
use crate::catalog::BillingMode;
use crate::error::from_store;
use crate::metrics::{MINUTE_MS, Metric, Series};
use crate::{Engine, keys, ops};

/// How long after the end of a minute the targets are looked at: what was seen in it is kept by then.
const AFTER_MINUTE_MS: u64 = 15_000;
/// How long a change that failed is not tried again.
const AFTER_FAILURE_MS: u64 = 10 * MINUTE_MS;

/// What became of a change of capacity.
enum Outcome {
    Done,
    /// The table is being changed: later.
    Busy,
    Failed(String),
}

impl<S: Store> Engine<S> {
    /// Looks at the first target from `start` on, and says when and where to go on; `None` where there are no
    /// targets.
    pub(crate) async fn scaling_step(&self, start: &[u8]) -> Result<Option<Job>, Error> {
        let now_ms = self.clock.now_ms();
        let Some((target, next)) = self.next_target(start).await? else {
            let minute_ms = now_ms - now_ms % MINUTE_MS;
            let tick_ms = match minute_ms + AFTER_MINUTE_MS {
                tick_ms if tick_ms > now_ms => tick_ms,
                tick_ms => tick_ms + MINUTE_MS,
            };
            return Ok((!start.is_empty()).then_some(Job {
                due_ms: tick_ms,
                work: Work::Scaling(Vec::new()),
            }));
        };
        self.run_actions(&target, now_ms).await?;
        // The bounds may be others now.
        if let Some(target) = self.target(&target.resource).await? {
            self.keep_within_bounds(&target, now_ms).await?;
        }
        if let Some(target) = self.target(&target.resource).await? {
            self.follow_policies(&target, now_ms).await?;
            // An action is not kept waiting until everything is looked at again.
            let due = target.actions.values().filter_map(|action| action.due_ms);
            if let Some(due_ms) = due
                .min()
                .filter(|due_ms| *due_ms < now_ms + MINUTE_MS + AFTER_MINUTE_MS)
            {
                self.jobs.add(Job {
                    due_ms: due_ms.max(now_ms + 1),
                    work: Work::Scaling(keys::scalable_target(&target.resource.to_bytes()).bytes),
                });
            }
        }
        Ok(Some(Job {
            due_ms: now_ms,
            work: Work::Scaling(next),
        }))
    }

    /// Changes a target that is still there, and keeps what is told of it.
    async fn tell(
        &self,
        resource: &Resource,
        activities: Vec<Activity>,
        change: impl Fn(&mut Target) + Send + 'static,
    ) -> Result<(), Error> {
        self.change_target(resource, move |before| match before {
            None => Changed::Same(()),
            Some(mut target) => {
                change(&mut target);
                Changed::Now(Box::new(target), activities.clone(), ())
            }
        })
        .await
    }

    fn activity(&self, resource: &Resource, description: String, cause: String, start_ms: u64) -> Activity {
        Activity {
            id: self.new_uuid(),
            resource: resource.clone(),
            description,
            cause,
            start_ms,
            end_ms: self.clock.now_ms(),
            is_successful: true,
            message: String::new(),
        }
    }

    /// Sets the bounds that scheduled actions ask for which are due.
    async fn run_actions(&self, target: &Target, now_ms: u64) -> Result<(), Error> {
        let due = target
            .actions
            .iter()
            .filter(|(_, action)| action.due_ms.is_some_and(|due_ms| due_ms <= now_ms));
        for (name, action) in due {
            let mut activities = Vec::new();
            let is_suspended = target.suspended.scheduled;
            if !is_suspended {
                let bounds = [("min", action.min_units), ("max", action.max_units)];
                let bounds: Vec<String> = bounds
                    .into_iter()
                    .filter_map(|(which, units)| Some(format!("{which} capacity to {}", units?)))
                    .collect();
                let description = format!("Setting {}", bounds.join(" and "));
                let cause = format!("scheduled action name {name} was triggered");
                let mut activity = self.activity(&target.resource, description.clone(), cause, now_ms);
                activity.message = format!("Successfully set {}", bounds.join(" and "));
                activities.push(activity);
            }
            let (name, action) = (name.clone(), action.clone());
            self.tell(&target.resource, activities, move |target| {
                if let Some(known) = target.actions.get_mut(&name) {
                    known.due_ms = action.next_ms(now_ms);
                }
                if !is_suspended {
                    target.min_units = action.min_units.unwrap_or(target.min_units);
                    target.max_units = action.max_units.unwrap_or(target.max_units);
                    // A bound that is set moves the other one that it passes.
                    match action.max_units {
                        Some(max_units) => target.min_units = target.min_units.min(max_units),
                        None => target.max_units = target.max_units.max(target.min_units),
                    }
                    target.adjust_because = Some("was set".to_owned());
                    target.failed_until_ms = 0;
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Brings the capacity within bounds that were set.
    async fn keep_within_bounds(&self, target: &Target, now_ms: u64) -> Result<(), Error> {
        if target.adjust_because.is_none() || target.failed_until_ms > now_ms {
            return Ok(());
        }
        let resource = &target.resource;
        let provisioned = match self.provisioned(resource).await? {
            Ok((read, write)) => match resource.direction {
                Direction::Read => read,
                Direction::Write => write,
            },
            // What is not provisioned has no capacity to bring anywhere.
            Err(_) => {
                return self
                    .tell(resource, Vec::new(), |target| target.adjust_because = None)
                    .await;
            }
        };
        let units = provisioned.clamp(target.min_units, target.max_units);
        if units == provisioned {
            return self
                .tell(resource, Vec::new(), |target| target.adjust_because = None)
                .await;
        }
        let which = if units > provisioned { "minimum" } else { "maximum" };
        let cause = format!("{which} capacity was set to {units}");
        self.scale(resource, units, cause, now_ms, |target| {
            target.adjust_because = None
        })
        .await
    }

    /// Does what the policies of a target want.
    async fn follow_policies(&self, target: &Target, now_ms: u64) -> Result<(), Error> {
        if target.failed_until_ms > now_ms || target.adjust_because.is_some() {
            return Ok(());
        }
        let resource = &target.resource;
        for (name, policy) in &target.policies {
            let Ok((read, write)) = self.provisioned(resource).await? else {
                return Ok(());
            };
            let provisioned = match resource.direction {
                Direction::Read => read,
                Direction::Write => write,
            };
            let consumed = self.consumed(resource, policy, now_ms).await?;
            let load = Load {
                consumed: &consumed,
                provisioned,
                min_units: target.min_units,
                max_units: target.max_units,
                target_percent: policy.target_percent,
            };
            let is_over = |since_ms: Option<u64>, cooldown_s: Option<i32>| {
                let cooldown_ms = 1000 * u64::try_from(cooldown_s.unwrap_or(0)).unwrap_or(0);
                since_ms.is_none_or(|since_ms| since_ms + cooldown_ms <= now_ms)
            };
            let (units, is_out) = match wanted(&load) {
                Some(Wanted::Out(units))
                    if !target.suspended.scale_out
                        && is_over(target.scaled_out_ms, policy.scale_out_cooldown_s) =>
                {
                    (units, true)
                }
                Some(Wanted::In(units))
                    if !target.suspended.scale_in
                        && policy.disable_scale_in != Some(true)
                        && is_over(
                            target.scaled_in_ms.max(target.scaled_out_ms),
                            policy.scale_in_cooldown_s,
                        ) =>
                {
                    (units, false)
                }
                _ => continue,
            };
            let cause = format!(
                "monitor alarm {} in state ALARM triggered policy {name}",
                alarm_name(resource, policy, is_out)
            );
            return self
                .scale(resource, units, cause, now_ms, move |target| {
                    let place = if is_out {
                        &mut target.scaled_out_ms
                    } else {
                        &mut target.scaled_in_ms
                    };
                    *place = Some(now_ms);
                })
                .await;
        }
        Ok(())
    }

    /// Sets the capacity and tells of it; `change` is made to the target where that went well.
    async fn scale(
        &self,
        resource: &Resource,
        units: i64,
        cause: String,
        now_ms: u64,
        change: impl Fn(&mut Target) + Send + 'static,
    ) -> Result<(), Error> {
        let noun = resource.direction.noun();
        let description = format!("Setting {noun} to {units}.");
        let mut activity = match self.set_capacity(resource, units).await? {
            Outcome::Busy => return Ok(()),
            Outcome::Done => Activity {
                message: format!(
                    "Successfully set {noun} to {units}. Change successfully fulfilled by dynamodb."
                ),
                ..self.activity(resource, description, cause, now_ms)
            },
            Outcome::Failed(why) => Activity {
                is_successful: false,
                message: format!("Failed to set {noun} to {units}. Reason: {why}"),
                ..self.activity(resource, description, cause, now_ms)
            },
        };
        activity.end_ms = self.clock.now_ms();
        let is_successful = activity.is_successful;
        self.tell(resource, vec![activity], move |target| {
            if is_successful {
                change(target);
            } else {
                target.failed_until_ms = now_ms + AFTER_FAILURE_MS;
            }
        })
        .await
    }

    /// The provisioned read and write units of a table or index, or why it has none.
    async fn provisioned(&self, resource: &Resource) -> Result<Result<(i64, i64), String>, Error> {
        let table = self
            .catalog
            .table(&self.store, &resource.table)
            .await
            .map_err(from_store)?;
        let Some(table) = table else {
            return Ok(Err(format!("DynamoDB table does not exist: {}", resource.id())));
        };
        let descriptor = &table.descriptor;
        if descriptor.billing_mode != BillingMode::Provisioned {
            return Ok(Err(format!("{} is billed by request", resource.id())));
        }
        let provisioned = match &resource.index {
            None => Some(&descriptor.provisioned),
            Some(name) => {
                let index = descriptor.indexes.iter().find(|index| index.name == *name);
                index.map(|index| &index.provisioned)
            }
        };
        Ok(provisioned
            .map(|capacity| (capacity.read_units, capacity.write_units))
            .ok_or_else(|| format!("DynamoDB index does not exist: {}", resource.id())))
    }

    /// What was consumed in each of the last minutes that a policy looks at, the newest last.
    async fn consumed(&self, resource: &Resource, policy: &Policy, now_ms: u64) -> Result<Vec<f64>, Error> {
        // The last minute that is kept for certain.
        let kept_ms = now_ms.saturating_sub(AFTER_MINUTE_MS);
        let end_ms = kept_ms - kept_ms % MINUTE_MS;
        let made_ms = policy.created_ms.div_ceil(MINUTE_MS) * MINUTE_MS;
        let start_ms = made_ms.max(end_ms.saturating_sub(IN_MINUTES as u64 * MINUTE_MS));
        let minutes = end_ms.saturating_sub(start_ms) / MINUTE_MS;
        let mut consumed = vec![0.0; minutes as usize];
        let metric = match resource.direction {
            Direction::Read => Metric::ConsumedReadCapacityUnits,
            Direction::Write => Metric::ConsumedWriteCapacityUnits,
        };
        let series = Series {
            index: resource.index.clone(),
            ..Series::of_table(metric, resource.table.as_str())
        };
        self.each_minute(&series, start_ms, end_ms, |minute_ms, samples| {
            let place = (minute_ms - start_ms) / MINUTE_MS;
            if let Some(minute) = consumed.get_mut(place as usize) {
                *minute += samples.sum;
            }
        })
        .await?;
        Ok(consumed)
    }

    /// Sets the capacity by the way that UpdateTable goes, so that the table's history shows it.
    async fn set_capacity(&self, resource: &Resource, units: i64) -> Result<Outcome, Error> {
        let (read, write) = match self.provisioned(resource).await? {
            Ok(provisioned) => provisioned,
            Err(why) => return Ok(Outcome::Failed(why)),
        };
        let throughput = match resource.direction {
            Direction::Read => ProvisionedThroughput {
                read_capacity_units: units,
                write_capacity_units: write,
            },
            Direction::Write => ProvisionedThroughput {
                read_capacity_units: read,
                write_capacity_units: units,
            },
        };
        let mut input = UpdateTableInput {
            table_name: resource.table.clone(),
            ..UpdateTableInput::default()
        };
        match &resource.index {
            None => input.provisioned_throughput = Some(throughput),
            Some(name) => {
                input.global_secondary_index_updates = Some(vec![GlobalSecondaryIndexUpdate {
                    update: Some(UpdateGlobalSecondaryIndexAction {
                        index_name: name.clone(),
                        provisioned_throughput: Some(throughput),
                        ..UpdateGlobalSecondaryIndexAction::default()
                    }),
                    ..GlobalSecondaryIndexUpdate::default()
                }]);
            }
        }
        match ops::update_table(self, &Context::default(), input).await {
            Ok(_) => Ok(Outcome::Done),
            Err(error) if error.kind == ErrorKind::ResourceInUseException => Ok(Outcome::Busy),
            Err(error) if error.kind == ErrorKind::InternalServerError => Err(error),
            Err(error) => Ok(Outcome::Failed(error.message)),
        }
    }
}
