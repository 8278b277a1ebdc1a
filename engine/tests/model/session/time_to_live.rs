//! Time to live: set and described, items whose times are moved, and what the sweep deletes.

use api::DynamoDb;
use api::types::{
    DescribeTimeToLiveInput, GetItemInput, TimeToLiveSpecification, TimeToLiveStatus, UpdateItemInput,
    UpdateTimeToLiveInput,
};

use super::agree::{agreed, same};
use super::control::{in_use, missing_table};
use super::{Home, Session};
use crate::expression::{Action, Change, Path, Source};
use crate::random::{self, chance, pick};
use crate::table::{PrimaryKey, Refusal, Table, TimeToLive, TimeToLiveState, Write};
use crate::value::{Attributes, Value, size_bytes, to_map};

/// Attributes that may hold times: some always numbers, some anything.
const TIMES: [&str; 8] = ["a", "expires", "expires", "g2", "l1", "pk", "sk", "b"];

/// A table with fewer items and bytes is ENABLED when UpdateTimeToLive answers.
const SMALL_ITEMS: usize = 100;
const SMALL_BYTES: usize = 500_000;

impl<H: Home> Session<H> {
    pub async fn set_time_to_live(&mut self) {
        let name = self.table_name();
        self.set_time_to_live_of(name).await;
    }

    pub(super) async fn set_time_to_live_of(&mut self, name: String) {
        let drawn = (*pick(&mut self.rng, &TIMES)).to_owned();
        let present = self
            .tables
            .get(&name)
            .and_then(|table| table.time_to_live.clone());
        let kept = present
            .clone()
            .filter(|present| present.state != TimeToLiveState::Disabled);
        let is_usual = chance(&mut self.rng, 85);
        let (enables, attribute) = match &kept {
            None => (is_usual, drawn),
            Some(_) if !is_usual => (self.rng.bool(), drawn),
            Some(kept) => (false, kept.attribute.clone()),
        };
        self.log(format!(
            "UpdateTimeToLive {name} {enables} {attribute}, was {present:?}"
        ));
        self.mix.count("UpdateTimeToLive");
        let specification = TimeToLiveSpecification {
            enabled: enables,
            attribute_name: attribute.clone(),
        };
        let input = UpdateTimeToLiveInput {
            table_name: self.named(&name),
            time_to_live_specification: specification.clone(),
        };
        let answer = self.engine().update_time_to_live(&self.context, input).await;
        let now_ms = self.now_ms();
        let until_again_ms = self.settings.time_to_live_change_ms;
        let predicted = match self.tables.get(&name) {
            None => Err(missing_table(&name)),
            Some(table) if now_ms < table.created_until_ms => Err(in_use()),
            Some(_) => match (&kept, enables) {
                (None, false) => Err("TimeToLive is already disabled".to_owned()),
                (Some(kept), _) if kept.attribute != attribute => Err(format!(
                    "TimeToLive is active on a different AttributeName: current AttributeName is {}",
                    kept.attribute
                )),
                (Some(_), true) => Err("TimeToLive is already enabled".to_owned()),
                _ if present.is_some_and(|present| now_ms < present.changed_ms + until_again_ms) => {
                    Err("Time to live has been modified multiple times within a fixed interval".to_owned())
                }
                _ => Ok(()),
            }
            .map_err(Refusal::validation),
        };
        let Some((answer, ())) = agreed(answer, predicted) else {
            return self.mix.count("refused changes of times to live");
        };
        same(
            "specification",
            Some(specification),
            answer.time_to_live_specification,
        );
        let (state, what) = if enables {
            (TimeToLiveState::Enabling, "time to live enabled")
        } else {
            (TimeToLiveState::Disabled, "time to live disabled")
        };
        self.mix.count(what);
        let transition_ms = self.transition_ms;
        let table = self.tables.get_mut(&name).expect("was checked to be there");
        table.time_to_live = Some(TimeToLive {
            attribute,
            state,
            changed_ms: now_ms,
            changing_until_ms: now_ms + transition_ms,
        });
        let bytes: usize = table.rows.values().map(|item| size_bytes(item)).sum();
        let is_small = table.rows.len() <= SMALL_ITEMS && bytes <= SMALL_BYTES;
        if table.is_usable(now_ms) {
            self.describe_time_to_live_of(&name).await;
            let is_enabling = self.tables[&name]
                .kept_time_to_live()
                .is_some_and(|kept| kept.state == TimeToLiveState::Enabling);
            let may_last = transition_ms > 0 || !is_small;
            assert!(!is_enabling || may_last, "a small table is ENABLED at once");
        }
    }

    pub async fn describe_time_to_live(&mut self) {
        let name = self.table_name();
        self.log(format!("DescribeTimeToLive {name}"));
        self.describe_time_to_live_of(&name).await;
    }

    /// Compares the description with the table, which sees from it when ENABLING is over.
    async fn describe_time_to_live_of(&mut self, name: &str) {
        self.mix.count("DescribeTimeToLive");
        let input = DescribeTimeToLiveInput {
            table_name: self.named(name),
        };
        let answer = self.engine().describe_time_to_live(&self.context, input).await;
        let now_ms = self.now_ms();
        let wrong_state = |state: &str| {
            Err(Refusal::validation(format!(
                "Cannot describe time to live while table is in {state} state: Current table state is {state}"
            )))
        };
        let predicted = match self.tables.get(name) {
            None => Err(missing_table(name)),
            Some(table) if table.deleting_until_ms.is_some() => wrong_state("DELETING"),
            Some(table) if now_ms < table.created_until_ms => wrong_state("CREATING"),
            Some(_) => Ok(()),
        };
        let Some((answer, ())) = agreed(answer, predicted) else {
            return;
        };
        let description = answer
            .time_to_live_description
            .expect("a time to live is described");
        let status = description.time_to_live_status.expect("there is a status");
        let table = self.tables.get_mut(name).expect("was checked to be there");
        let Some(time_to_live) = &mut table.time_to_live else {
            return same(
                "time to live",
                (TimeToLiveStatus::Disabled, None),
                (status, description.attribute_name),
            );
        };
        let is_changing = now_ms < time_to_live.changing_until_ms;
        if time_to_live.state == TimeToLiveState::Enabling && !is_changing {
            // Some time between the last look and this one.
            if status == TimeToLiveStatus::Enabled {
                time_to_live.state = TimeToLiveState::Enabled;
            }
        }
        let expected = match time_to_live.state {
            TimeToLiveState::Enabling => TimeToLiveStatus::Enabling,
            TimeToLiveState::Enabled => TimeToLiveStatus::Enabled,
            TimeToLiveState::Disabled if is_changing => TimeToLiveStatus::Disabling,
            TimeToLiveState::Disabled => TimeToLiveStatus::Disabled,
        };
        let attribute = (expected != TimeToLiveStatus::Disabled).then(|| time_to_live.attribute.clone());
        same(
            "time to live",
            (expected, attribute),
            (status, description.attribute_name),
        );
    }

    /// Notes that the store has been opened again while a time to live is being enabled.
    pub(super) fn note_enabling(&mut self) {
        for table in self.tables.values() {
            let is_enabling = |kept: &TimeToLive| kept.state == TimeToLiveState::Enabling;
            if table.kept_time_to_live().is_some_and(is_enabling) {
                self.mix.count("reopened while enabling");
            }
        }
    }

    /// Gives an item of a table with a time to live another time, mostly one that has expired.
    pub async fn touch(&mut self) {
        let now_ms = self.now_ms();
        let kept = |table: &&Table| table.kept_time_to_live().is_some() && !table.rows.is_empty();
        let names: Vec<String> = self
            .tables
            .values()
            .filter(kept)
            .map(|table| table.name.clone())
            .collect();
        if names.is_empty() {
            return;
        }
        let name = pick(&mut self.rng, &names).clone();
        let table = &self.tables[&name];
        let attribute = table.kept_time_to_live().expect("has one").attribute.clone();
        if table.schema.contains(&attribute) || !table.is_usable(now_ms) {
            return;
        }
        let expired = table.expired(now_ms);
        let rng = &mut self.rng;
        let had_expired = !expired.is_empty() && chance(rng, 60);
        let key = if had_expired {
            let row = &table.rows[pick(rng, &expired)];
            table.schema.key_of(row).expect("every item has its key")
        } else {
            random::existing_key(rng, table)
        };
        let time = random::time(rng, table, &attribute);
        let input = UpdateItemInput {
            table_name: name.clone(),
            key: to_map(&key),
            update_expression: Some("SET #time = :time".to_owned()),
            expression_attribute_names: Some([("#time".to_owned(), attribute.clone())].into()),
            expression_attribute_values: Some(to_map(&Attributes::from([(
                ":time".to_owned(),
                time.clone(),
            )]))),
            ..Default::default()
        };
        let write = Write::Update {
            key,
            actions: vec![Action {
                path: Path::attribute(&attribute),
                change: Change::Set(Source::Literal(time)),
            }],
            is_legacy: false,
        };
        self.log(format!("UpdateItem {name} {write:?}"));
        self.mix.count("UpdateItem");
        let answer = self.engine().update_item(&self.context, input).await;
        let moment = self.moment();
        let table = self.tables.get_mut(&name).expect("is there");
        let predicted = table.write(&write, None, moment);
        if agreed(answer, predicted).is_some() {
            let is_moved = had_expired && table.expired(now_ms).len() < expired.len();
            self.mix
                .hit("times moved", "expired items moved in time", is_moved);
        }
    }

    /// Takes over which of the expired items are gone.
    pub(super) async fn see_sweeps(&mut self) {
        let names: Vec<String> = self.tables.keys().cloned().collect();
        for name in names {
            let table = &self.tables[&name];
            let Some(kept) = table.kept_time_to_live() else {
                continue;
            };
            if !table.is_usable(self.now_ms()) {
                continue;
            }
            if kept.state == TimeToLiveState::Enabling {
                self.describe_time_to_live_of(&name).await;
            }
            let moment = self.moment();
            for key in self.tables[&name].expired(moment.time_ms) {
                if self.is_there(&name, &key).await {
                    self.mix.count("expired items kept till swept");
                    continue;
                }
                let table = self.tables.get_mut(&name).expect("is there");
                let is_recorded = table.open_stream().is_some();
                table.expire(&key, moment);
                self.mix
                    .hit("expired items", "expired items in streams", is_recorded);
            }
        }
    }

    async fn is_there(&self, name: &str, key: &PrimaryKey) -> bool {
        let schema = &self.tables[name].schema;
        let values: Vec<Value> = std::iter::once(&key.0).chain(&key.1).cloned().collect();
        let names = schema.attributes().map(|attribute| attribute.name.clone());
        let input = GetItemInput {
            table_name: name.to_owned(),
            key: to_map(&names.zip(values).collect()),
            consistent_read: Some(true),
            ..Default::default()
        };
        let answer = self.engine().get_item(&self.context, input).await;
        answer.expect("reads").item.is_some()
    }

    /// Lets the sweep look at every table once more: what had expired before is gone then.
    pub(super) async fn finish_sweeps(&mut self) {
        let now_ms = self.now_ms();
        let expired: Vec<(String, PrimaryKey)> = self
            .tables
            .values()
            .flat_map(|table| {
                table
                    .expired(now_ms)
                    .into_iter()
                    .map(|key| (table.name.clone(), key))
            })
            .collect();
        let period_ms = self.settings.expiry_sweep_period_ms;
        self.log(format!("{period_ms} ms pass, then all background steps"));
        self.pass(period_ms);
        self.settle().await;
        let now_ms = self.now_ms();
        for (name, key) in expired {
            // One that has meanwhile expired too long ago stays.
            let is_left = self.tables[&name].expired(now_ms).contains(&key);
            assert!(!is_left, "{name} {key:?} has expired and is there");
            self.mix.count("sweeps finished");
        }
        for table in self.tables.values().filter(|table| table.is_usable(now_ms)) {
            let is_left = table.kept_time_to_live().is_some_and(|kept| {
                kept.state == TimeToLiveState::Enabling && kept.changing_until_ms <= now_ms
            });
            assert!(
                !is_left,
                "enabling was left: {} {:?}",
                table.name, table.time_to_live
            );
        }
    }

    /// Compares the number of expiry entries, where it is known.
    pub(super) fn same_expiry_entries(&self, entries: u64) {
        let kept = || {
            self.tables
                .values()
                .filter_map(|table| Some((table, table.kept_time_to_live()?)))
        };
        if kept().any(|(_, kept)| kept.state == TimeToLiveState::Enabling) {
            return;
        }
        let (zero, first_too_large) = (Value::number("0"), Value::number("18446744073709551616"));
        let has_entry =
            |value: &Value| matches!(value, Value::N(_)) && zero <= *value && *value < first_too_large;
        let expected: usize = kept()
            .map(|(table, kept)| {
                let times = table.rows.values().filter_map(|item| item.get(&kept.attribute));
                times.filter(|time| has_entry(time)).count()
            })
            .sum();
        same("expiry entries", expected as u64, entries);
    }
}
