//! Contributor insights: which keys of a table or a global index consume most, and which are throttled most.
//!
//! Read in this order: [`sketch`] (the heaviest of any number of keys), [`contributors`] (sketches by minute,
//! for a table or an index), [`rules`] (under which names CloudWatch has them), [`report`] (the answer to
//! GetInsightRuleReport). What is switched on where stands in the descriptors of tables; what was counted is in
//! memory alone, and gone with the process.
//!
//! A table points to what is counted of it ([`TableInsights`]), so that a request to a table without insights
//! finds that there is nothing to do, and no more. As on the service, requests in PartiQL are not counted; a
//! Query counts once, for its partition key, and a Scan not at all.

mod contributors;
mod report;
mod rules;
mod sketch;

use std::sync::Arc;

use parking_lot::Mutex;

use crate::catalog::{ContributorInsights, TableDescriptor};
use crate::schema::KeySchema;

pub(crate) use contributors::{Contributors, RuleKind};
pub(crate) use report::get_insight_rule_report;
pub(crate) use rules::rule_names;

/// What is counted by key of a table and of its indexes.
#[derive(Debug, Default)]
pub(crate) struct TableInsights {
    /// Of the table itself.
    pub table: Option<Arc<Contributors>>,
    /// Of its global indexes, by name.
    pub indexes: Vec<(String, Arc<Contributors>)>,
}

impl TableInsights {
    /// Of an index.
    pub fn index(&self, name: &str) -> Option<&Contributors> {
        let mut indexes = self.indexes.iter();
        let (_, contributors) = indexes.find(|(known, _)| known == name)?;
        Some(contributors.as_ref())
    }
}

/// What is counted of the parts of a table through all its versions: what stays enabled keeps its figures.
#[derive(Debug, Default)]
pub(crate) struct KnownInsights(Mutex<Vec<Known>>);

/// What is counted of a part, which is named by its id and by when its rules were made.
#[derive(Debug)]
struct Known {
    id: u32,
    rules_ms: u64,
    contributors: Arc<Contributors>,
}

impl KnownInsights {
    /// Follows a change of the table. Gives what is to be counted from now on; `None` where that is nothing.
    pub fn follow(&self, descriptor: &TableDescriptor) -> Option<Arc<TableInsights>> {
        let mut known = self.0.lock();
        let mut insights = TableInsights::default();
        let mut still_known = Vec::new();
        let mut follow = |id: u32, key_schema: &KeySchema, enabled: &ContributorInsights| {
            let rules_ms = enabled.rules_ms;
            let earlier = known
                .iter()
                .find(|known| (known.id, known.rules_ms) == (id, rules_ms));
            let contributors = match earlier {
                Some(known) => {
                    known.contributors.set_mode(enabled.mode);
                    known.contributors.clone()
                }
                None => Arc::new(Contributors::new(key_schema, enabled.mode)),
            };
            still_known.push(Known {
                id,
                rules_ms,
                contributors: contributors.clone(),
            });
            contributors
        };
        if let Some(enabled) = enabled(descriptor.insights.as_ref()) {
            insights.table = Some(follow(descriptor.id, &descriptor.key_schema, enabled));
        }
        for index in &descriptor.indexes {
            if let Some(enabled) = enabled(index.insights.as_ref()) {
                let contributors = follow(index.id, &index.key_schema, enabled);
                insights.indexes.push((index.name.clone(), contributors));
            }
        }
        let is_empty = still_known.is_empty();
        *known = still_known;
        (!is_empty).then(|| Arc::new(insights))
    }
}

fn enabled(insights: Option<&ContributorInsights>) -> Option<&ContributorInsights> {
    insights.filter(|insights| insights.enabled)
}
