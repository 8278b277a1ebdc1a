//! UpdateContributorInsights, DescribeContributorInsights and ListContributorInsights.
//!
//! The switch belongs to a table or to one of its global indexes. What it counts is in [`crate::insights`].

use api::types::{
    ContributorInsightsAction, ContributorInsightsMode, ContributorInsightsStatus,
    ContributorInsightsSummary, DescribeContributorInsightsInput, DescribeContributorInsightsOutput,
    ListContributorInsightsInput, ListContributorInsightsOutput, TableStatus, UpdateContributorInsightsInput,
    UpdateContributorInsightsOutput,
};
use api::{Context, Error};
use store::Store;

use super::describe_table::find_table;
use super::table_description::{Moment, seconds, table_status};
use super::table_not_found;
use crate::Engine;
use crate::arn::table_name_of;
use crate::catalog::{
    Change, ContributorInsights, IndexDescriptor, IndexKind, IndexState, InsightsMode, Table, TableDescriptor,
};
use crate::error::from_store;
use crate::insights::rule_names;
use crate::keys;
use crate::read::Pages;

/// How many parts a page holds where the request does not say: the most that one may ask for.
const PAGE_PARTS: usize = 100;

fn index_not_found(table: &str, index: &str) -> Error {
    Error::resource_not_found(format!(
        "Requested resource not found: Index {index} for table {table}"
    ))
}

fn is_counted(index: &IndexDescriptor) -> bool {
    index.kind == IndexKind::Global && index.state != IndexState::Deleting
}

/// What is kept of a table or of one of its global indexes; an error where there is no such index.
fn insights_of<'d>(
    descriptor: &'d TableDescriptor,
    index: Option<&str>,
) -> Result<Option<&'d ContributorInsights>, Error> {
    let Some(name) = index else {
        return Ok(descriptor.insights.as_ref());
    };
    let mut indexes = descriptor.indexes.iter();
    match indexes.find(|index| index.name == name && is_counted(index)) {
        Some(index) => Ok(index.insights.as_ref()),
        None => Err(index_not_found(&descriptor.name, name)),
    }
}

fn shown_mode(mode: InsightsMode) -> ContributorInsightsMode {
    match mode {
        InsightsMode::AccessedAndThrottled => ContributorInsightsMode::AccessedAndThrottledKeys,
        InsightsMode::Throttled => ContributorInsightsMode::ThrottledKeys,
    }
}

fn shown_status(insights: Option<&ContributorInsights>, moment: Moment) -> ContributorInsightsStatus {
    match insights {
        None => ContributorInsightsStatus::Disabled,
        Some(insights) => match (insights.enabled, moment.shows(insights.transition_until_ms)) {
            (true, true) => ContributorInsightsStatus::Enabling,
            (true, false) => ContributorInsightsStatus::Enabled,
            (false, true) => ContributorInsightsStatus::Disabling,
            (false, false) => ContributorInsightsStatus::Disabled,
        },
    }
}

pub(crate) async fn update_contributor_insights<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: UpdateContributorInsightsInput,
) -> Result<UpdateContributorInsightsOutput, Error> {
    let now_ms = engine.clock.now_ms();
    let until_ms = engine.settings.transition_until_ms(now_ms);
    let wanted = match input.contributor_insights_action {
        ContributorInsightsAction::Disable => None,
        ContributorInsightsAction::Enable => Some(match input.contributor_insights_mode {
            None | Some(ContributorInsightsMode::AccessedAndThrottledKeys) => {
                InsightsMode::AccessedAndThrottled
            }
            Some(ContributorInsightsMode::ThrottledKeys) => InsightsMode::Throttled,
        }),
    };
    let change = Wanted {
        mode: wanted,
        now_ms,
        until_ms,
    };
    let index_name = input.index_name.as_deref();
    let mut table = find_table(engine, &input.table_name).await?;
    let mut moment = Moment::description(now_ms);
    let present = insights_of(&table.descriptor, index_name)?;
    // What is so already is answered as it is; a change shows that it is under way.
    if change.applied(present).as_ref() != present {
        let index_name = input.index_name.clone();
        table = engine
            .change_descriptor(table_name_of(&input.table_name), move |pending| {
                apply(pending, index_name.as_deref(), change)
            })
            .await?;
        moment = Moment::answer(now_ms, until_ms);
    }
    let insights = insights_of(&table.descriptor, index_name)?;
    Ok(UpdateContributorInsightsOutput {
        table_name: Some(table.name().to_owned()),
        contributor_insights_status: Some(shown_status(insights, moment)),
        contributor_insights_mode: insights.map(|insights| shown_mode(insights.mode)),
        index_name: input.index_name,
    })
}

/// What is to become of a switch.
#[derive(Clone, Copy)]
struct Wanted {
    /// `None` to disable it.
    mode: Option<InsightsMode>,
    now_ms: u64,
    until_ms: u64,
}

impl Wanted {
    /// The switch as it is afterwards. What is so already stays as it is.
    fn applied(self, present: Option<&ContributorInsights>) -> Option<ContributorInsights> {
        let enabled = present.filter(|present| present.enabled);
        match (self.mode, enabled) {
            (None, None) => present.cloned(),
            (None, Some(enabled)) => Some(ContributorInsights {
                enabled: false,
                changed_at_ms: self.now_ms,
                transition_until_ms: self.until_ms,
                ..*enabled
            }),
            (Some(mode), Some(enabled)) if enabled.mode == mode => Some(enabled.clone()),
            (Some(mode), enabled) => Some(ContributorInsights {
                enabled: true,
                mode,
                rules_ms: enabled.map_or(self.now_ms, |enabled| enabled.rules_ms),
                changed_at_ms: self.now_ms,
                transition_until_ms: self.until_ms,
            }),
        }
    }
}

fn apply(change: &mut Change, index: Option<&str>, wanted: Wanted) -> Result<(), Error> {
    let moment = Moment::description(wanted.now_ms);
    let descriptor = &mut change.descriptor;
    if table_status(descriptor, moment) == TableStatus::Creating {
        return Err(table_not_found(&descriptor.name));
    }
    let place = match index {
        None => &mut descriptor.insights,
        Some(name) => {
            let mut indexes = descriptor.indexes.iter_mut();
            let Some(index) = indexes.find(|index| index.name == name && is_counted(index)) else {
                return Err(index_not_found(&descriptor.name, name));
            };
            if index.state == IndexState::Creating || moment.shows(index.transition_until_ms) {
                return Err(Error::validation("IndexStatus must be ACTIVE"));
            }
            &mut index.insights
        }
    };
    *place = wanted.applied(place.as_ref());
    Ok(())
}

pub(crate) async fn describe_contributor_insights<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: DescribeContributorInsightsInput,
) -> Result<DescribeContributorInsightsOutput, Error> {
    let table = find_table(engine, &input.table_name).await?;
    let index_name = input.index_name.as_deref();
    let insights = insights_of(&table.descriptor, index_name)?;
    let rules = insights.filter(|insights| insights.enabled).map(|insights| {
        let mut indexes = table.descriptor.indexes.iter();
        let index = index_name.and_then(|name| indexes.find(|index| index.name == name));
        let key_schema = index.map_or(&table.descriptor.key_schema, |index| &index.key_schema);
        rule_names(table.name(), index_name, key_schema, insights)
    });
    let moment = Moment::description(engine.clock.now_ms());
    Ok(DescribeContributorInsightsOutput {
        table_name: Some(table.name().to_owned()),
        contributor_insights_rule_list: rules,
        contributor_insights_status: Some(shown_status(insights, moment)),
        last_update_date_time: insights.map(|insights| seconds(insights.changed_at_ms)),
        contributor_insights_mode: insights.map(|insights| shown_mode(insights.mode)),
        index_name: input.index_name,
        failure_exception: None,
    })
}

/// Where a page of the list goes on: behind an index of a table, or behind the table itself.
struct Place {
    table: String,
    index: String,
}

impl Place {
    fn to_token(&self) -> String {
        // Neither name holds a slash.
        format!("{}/{}", self.table, self.index)
    }

    fn from_token(token: &str) -> Result<Self, Error> {
        let invalid = || Error::validation("The provided NextToken is invalid");
        let (table, index) = token.split_once('/').ok_or_else(invalid)?;
        Ok(Place {
            table: table.to_owned(),
            index: index.to_owned(),
        })
    }
}

/// What is listed of a table: the table before its indexes, which are in the order of their names.
fn summaries(table: &Table, moment: Moment, after: Option<&str>) -> Vec<ContributorInsightsSummary> {
    let descriptor = &table.descriptor;
    let mut indexes: Vec<&IndexDescriptor> = descriptor
        .indexes
        .iter()
        .filter(|index| is_counted(index))
        .collect();
    indexes.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    let of_indexes = indexes
        .into_iter()
        .map(|index| (index.name.as_str(), index.insights.as_ref()));
    std::iter::once(("", descriptor.insights.as_ref()))
        .chain(of_indexes)
        .filter(|(name, _)| after.is_none_or(|after| *name > after))
        .filter_map(|(name, insights)| {
            let status = shown_status(insights, moment);
            // What is DISABLED is not listed, what is on its way there is.
            (status != ContributorInsightsStatus::Disabled).then(|| ContributorInsightsSummary {
                table_name: Some(descriptor.name.clone()),
                index_name: (!name.is_empty()).then(|| name.to_owned()),
                contributor_insights_status: Some(status),
                contributor_insights_mode: insights.map(|insights| shown_mode(insights.mode)),
            })
        })
        .collect()
}

pub(crate) async fn list_contributor_insights<S: Store>(
    engine: &Engine<S>,
    _: &Context,
    input: ListContributorInsightsInput,
) -> Result<ListContributorInsightsOutput, Error> {
    let limit = match input.max_results {
        None | Some(0) => PAGE_PARTS,
        Some(limit) => {
            usize::try_from(limit).map_err(|_| Error::validation("MaxResults must not be below zero"))?
        }
    };
    let moment = Moment::description(engine.clock.now_ms());
    let place = input.next_token.as_deref().map(Place::from_token).transpose()?;
    let mut found = Vec::new();
    if let Some(name) = &input.table_name {
        let table = find_table(engine, name).await?;
        let after = place.as_ref().map(|place| place.index.as_str());
        found = summaries(&table, moment, after);
    } else {
        let start = match &place {
            None => Vec::new(),
            Some(place) => keys::descriptor(&place.table).bytes,
        };
        let mut pages = Pages::new(keys::CATALOG, vec![keys::DESCRIPTOR_PREFIX]).starting_at(start);
        // One more than fits tells whether any follow.
        while found.len() <= limit
            && let Some(page) = pages.next(&engine.store).await.map_err(from_store)?
        {
            for (_, stored) in page.iter() {
                let table = Table::from_stored(stored).map_err(from_store)?;
                let after = place.as_ref().filter(|place| place.table == table.name());
                found.extend(summaries(&table, moment, after.map(|place| place.index.as_str())));
            }
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(|last| Place {
        table: last.table_name.clone().unwrap_or_default(),
        index: last.index_name.clone().unwrap_or_default(),
    });
    Ok(ListContributorInsightsOutput {
        contributor_insights_summaries: Some(found),
        next_token: last.map(|last| last.to_token()),
    })
}
