//! The names under which CloudWatch has what is counted.
//!
//! The service makes them of the kind of the rule, the names of table and index, and the time at which
//! insights were enabled. Names of CloudWatch's rules have at most 128 characters, so that a long name of a
//! table is cut.

use std::sync::Arc;

use api::Error;
use store::Store;

use super::{Contributors, RuleKind, enabled};
use crate::Engine;
use crate::catalog::{ContributorInsights, InsightsMode, Table};
use crate::error::from_store;
use crate::keys;
use crate::read::Pages;
use crate::schema::KeySchema;

const PREFIX: &str = "DynamoDBContributorInsights-";
/// How long the name of a rule may be.
const NAME_CHARACTERS_MAX: usize = 128;
/// How much of it is left for the names of table and index: the prefix, three letters of the kind, two hyphens
/// and 13 digits stand around them.
const RESOURCE_CHARACTERS_MAX: usize = NAME_CHARACTERS_MAX - PREFIX.len() - 3 - 2 - 13;

impl RuleKind {
    /// The letters that stand for it in a rule's name.
    fn letters(self) -> &'static str {
        match (self.has_sort_key, self.is_throttled) {
            (false, false) => "PKC",
            (false, true) => "PKT",
            (true, false) => "SKC",
            (true, true) => "SKT",
        }
    }
}

/// The names of table and index, as far as they stand in the names of rules.
fn resource(table: &str, index: Option<&str>) -> String {
    let mut resource = match index {
        None => table.to_owned(),
        Some(index) => format!("{table}-{index}"),
    };
    resource.truncate(RESOURCE_CHARACTERS_MAX);
    resource
}

fn rule_name(kind: RuleKind, resource: &str, insights: &ContributorInsights) -> String {
    format!("{PREFIX}{}-{resource}-{:013}", kind.letters(), insights.rules_ms)
}

/// The kinds of rules that there are for what has this key.
fn kinds(key_schema: &KeySchema, mode: InsightsMode) -> impl Iterator<Item = RuleKind> {
    let has_sort_key = !key_schema.sort.is_empty();
    RuleKind::ALL.into_iter().filter(move |kind| {
        (kind.is_throttled || mode == InsightsMode::AccessedAndThrottled)
            && (has_sort_key || !kind.has_sort_key)
    })
}

/// The names of the rules of a table or of one of its indexes.
pub(crate) fn rule_names(
    table: &str,
    index: Option<&str>,
    key_schema: &KeySchema,
    insights: &ContributorInsights,
) -> Vec<String> {
    let resource = resource(table, index);
    kinds(key_schema, insights.mode)
        .map(|kind| rule_name(kind, &resource, insights))
        .collect()
}

/// A rule that there is.
pub(super) struct Rule {
    pub kind: RuleKind,
    pub key_schema: KeySchema,
    pub contributors: Arc<Contributors>,
}

/// The rule of a table, or of one of its indexes, that has this name.
fn rule_of(table: &Table, name: &str) -> Option<Rule> {
    let descriptor = &table.descriptor;
    let insights = table.insights.as_ref()?;
    let find = |index: Option<&str>, key_schema: &KeySchema, of: &ContributorInsights| {
        let resource = resource(&descriptor.name, index);
        let kind = kinds(key_schema, of.mode).find(|kind| rule_name(*kind, &resource, of) == name)?;
        let contributors = match index {
            None => insights.table.clone()?,
            Some(index) => {
                let mut indexes = insights.indexes.iter();
                indexes.find(|(known, _)| known == index)?.1.clone()
            }
        };
        Some(Rule {
            kind,
            key_schema: key_schema.clone(),
            contributors,
        })
    };
    let of_table = enabled(descriptor.insights.as_ref())
        .and_then(|insights| find(None, &descriptor.key_schema, insights));
    of_table.or_else(|| {
        descriptor.indexes.iter().find_map(|index| {
            let insights = enabled(index.insights.as_ref())?;
            find(Some(&index.name), &index.key_schema, insights)
        })
    })
}

impl<S: Store> Engine<S> {
    /// The rule of this name; `None` where there is none.
    pub(super) async fn insight_rule(&self, name: &str) -> Result<Option<Rule>, Error> {
        let resource = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('-'))
            .and_then(|(_, rest)| rest.rsplit_once('-'));
        let Some((resource, _)) = resource else {
            return Ok(None);
        };
        // The name of the table ends at one of the hyphens, or at the end, or was cut there.
        let hyphens = resource.match_indices('-').map(|(at, _)| at);
        for end in hyphens.chain([resource.len()]) {
            if let Some(rule) = self.insight_rule_of(&resource[..end], name).await? {
                return Ok(Some(rule));
            }
        }
        if resource.len() < RESOURCE_CHARACTERS_MAX {
            return Ok(None);
        }
        let mut pages = Pages::new(keys::CATALOG, keys::descriptor(resource).bytes);
        while let Some(page) = pages.next(&self.store).await.map_err(from_store)? {
            for (key, _) in page.iter() {
                let table = String::from_utf8_lossy(&key[1..]).into_owned();
                if let Some(rule) = self.insight_rule_of(&table, name).await? {
                    return Ok(Some(rule));
                }
            }
        }
        Ok(None)
    }

    async fn insight_rule_of(&self, table: &str, name: &str) -> Result<Option<Rule>, Error> {
        let table = self.catalog.table(&self.store, table).await.map_err(from_store)?;
        Ok(table.and_then(|table| rule_of(&table, name)))
    }
}
