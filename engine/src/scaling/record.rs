//! What is kept of a scalable target: a record with its policies and scheduled actions, and a row for each
//! activity.

use std::collections::BTreeMap;

use api::Error;
use serde::{Deserialize, Serialize};
use store::{Batch, Decision, Declared, Direction, Held, Outcome, RangeRequest, Store, StoreError};

use super::resource::Resource;
use crate::Engine;
use crate::background::{Job, Work};
use crate::error::from_store;
use crate::keys;

/// A scalable target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub resource: Resource,
    /// What its ARN ends in.
    pub id: String,
    pub min_units: i64,
    pub max_units: i64,
    pub created_ms: u64,
    pub suspended: Suspended,
    pub tags: BTreeMap<String, String>,
    pub policies: BTreeMap<String, Policy>,
    pub actions: BTreeMap<String, Action>,
    /// Whether the capacity has to be brought within the bounds, and why: they were set.
    pub adjust_because: Option<String>,
    /// When capacity was last raised, and lowered, by a policy.
    pub scaled_out_ms: Option<u64>,
    pub scaled_in_ms: Option<u64>,
    /// Not before this is a policy tried again that failed.
    pub failed_until_ms: u64,
}

/// What is suspended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Suspended {
    pub scale_in: bool,
    pub scale_out: bool,
    pub scheduled: bool,
}

/// A target-tracking policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Policy {
    /// What its ARN names.
    pub id: String,
    /// What the names of its four alarms end in.
    pub alarm_ids: [String; 4],
    pub created_ms: u64,
    /// The share of the capacity that is to be consumed, in per cent.
    pub target_percent: f64,
    pub scale_out_cooldown_s: Option<i32>,
    pub scale_in_cooldown_s: Option<i32>,
    pub disable_scale_in: Option<bool>,
}

/// A scheduled action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Action {
    /// What its ARN names.
    pub id: String,
    pub schedule: String,
    pub timezone: Option<String>,
    pub start_ms: Option<u64>,
    pub end_ms: Option<u64>,
    pub min_units: Option<i64>,
    pub max_units: Option<i64>,
    pub created_ms: u64,
    /// When it is due; never again where it is not there.
    pub due_ms: Option<u64>,
}

/// A change of capacity or of bounds, as activities tell it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Activity {
    pub id: String,
    pub resource: Resource,
    pub description: String,
    pub cause: String,
    pub start_ms: u64,
    pub end_ms: u64,
    pub is_successful: bool,
    pub message: String,
}

/// How long activities are kept: six weeks, as the service keeps them.
pub(super) const ACTIVITIES_KEPT_MS: u64 = 42 * 24 * 3600 * 1000;

fn stored<T: Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(value).expect("numbers and texts can always be written")
}

pub(super) fn from_stored<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, StoreError> {
    rmp_serde::from_slice(bytes).map_err(|error| StoreError::Damaged {
        path: "catalog".into(),
        offset: None,
        detail: format!("a scalable target cannot be read: {error}"),
    })
}

/// What a change of a target comes to.
pub(super) enum Changed<T> {
    /// The target is this now, the activities are told, and the caller is told something.
    Now(Box<Target>, Vec<Activity>, T),
    /// The target is no more.
    Gone(T),
    /// It stays as it is.
    Same(T),
}

impl<S: Store> Engine<S> {
    /// Changes a target by what `change` makes of it, whether it is there or not.
    pub(super) async fn change_target<T, F>(&self, resource: &Resource, mut change: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(Option<Target>) -> Changed<T> + Send + 'static,
    {
        let key = keys::scalable_target(&resource.to_bytes());
        let declared = Declared {
            shared: Vec::new(),
            exclusive: vec![key.clone()],
        };
        let now_ms = self.clock.now_ms();
        let decide = move |held: &Held| {
            let before = held.exclusive.first().and_then(Option::as_deref);
            let before = match before.map(from_stored::<Target>).transpose() {
                Ok(before) => before,
                Err(error) => return Decision::Abort(from_store(error)),
            };
            let mut batch = Batch::new();
            let told = match change(before) {
                Changed::Same(told) => told,
                Changed::Gone(told) => {
                    batch.delete(key.clone());
                    told
                }
                Changed::Now(target, activities, told) => {
                    batch.put(key.clone(), stored(&target));
                    let resource = target.resource.to_bytes();
                    if let Some(first) = activities.first() {
                        let old_ms = first.start_ms.min(now_ms).saturating_sub(ACTIVITIES_KEPT_MS);
                        let start = keys::scaling_activity(&resource, 0, "").bytes;
                        let end = keys::scaling_activity(&resource, old_ms, "").bytes;
                        batch.delete_range(keys::CATALOG, start, end);
                    }
                    for activity in activities {
                        let key = keys::scaling_activity(&resource, activity.start_ms, &activity.id);
                        batch.put(key, stored(&activity));
                    }
                    told
                }
            };
            Decision::Commit(batch, told)
        };
        match self.store.commit(declared, decide).await.map_err(from_store)? {
            Outcome::Committed(told) => Ok(told),
            Outcome::Aborted(error) => Err(error),
            Outcome::Replan => Err(Error::internal()),
        }
    }

    /// The target of a resource.
    pub(super) async fn target(&self, resource: &Resource) -> Result<Option<Target>, Error> {
        let key = keys::scalable_target(&resource.to_bytes());
        let stored = self.store.get(key.space, &key.bytes).await.map_err(from_store)?;
        stored
            .map(|stored| from_stored(&stored).map_err(from_store))
            .transpose()
    }

    /// The first target whose key is `start` or above it, and the key that follows it.
    pub(super) async fn next_target(&self, start: &[u8]) -> Result<Option<(Target, Vec<u8>)>, Error> {
        let prefix = keys::scalable_target(&[]).bytes;
        let end = model::key::prefix_end(&prefix).expect("the prefix is two letters");
        let page = self
            .store
            .range(RangeRequest {
                space: keys::CATALOG,
                start: start.max(prefix.as_slice()),
                end: &end,
                direction: Direction::Forward,
                rows_max: 1,
                bytes_max: 1 << 20,
            })
            .await
            .map_err(from_store)?;
        match page.iter().next() {
            None => Ok(None),
            Some((key, value)) => {
                let target = from_stored(value).map_err(from_store)?;
                Ok(Some((target, [key, &[0]].concat())))
            }
        }
    }

    /// Sees to it that the targets are looked at now.
    pub(super) fn schedule_scaling(&self) {
        self.jobs.add(Job {
            due_ms: self.clock.now_ms(),
            work: Work::Scaling(Vec::new()),
        });
    }
}
