//! All that one look at a server found.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::client::Client;
use super::page::{self, Sample};
use crate::failure::Failure;

/// How far back the hottest keys are looked for, in seconds.
const KEYS_SECONDS: u64 = 300;
/// How many rules are asked for their keys, and how many keys of each.
const RULES_MAX: usize = 8;
const KEYS_PER_RULE: usize = 5;

/// What a look found.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub samples: Vec<Sample>,
    pub hot_keys: Vec<HotKey>,
}

/// A key that many requests go to.
#[derive(Clone, Debug, PartialEq)]
pub struct HotKey {
    /// The table, or the table and its index.
    pub place: String,
    /// The values of the key.
    pub key: String,
    /// Whether its requests were throttled; else what it consumed counts.
    pub is_throttled: bool,
    /// Capacity units (written ones count thrice), or throttled requests, of the last five minutes.
    pub weight: f64,
}

impl Reading {
    /// Looks at a server.
    pub async fn take(client: &Client) -> Result<Self, Failure> {
        let page = client.metrics().await?;
        Ok(Reading {
            samples: page::samples(&page),
            hot_keys: hot_keys(client).await?,
        })
    }

    /// The samples of that name.
    pub fn named<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r Sample> {
        self.samples.iter().filter(move |sample| sample.name == name)
    }

    /// The sum of all samples of that name.
    pub fn total(&self, name: &str) -> f64 {
        self.named(name).map(|sample| sample.value).sum()
    }

    /// The sums of the samples of that name by table.
    pub fn by_table<'r>(&'r self, name: &'r str) -> BTreeMap<&'r str, f64> {
        let mut sums = BTreeMap::new();
        for sample in self.named(name) {
            *sums.entry(sample.label("table")).or_default() += sample.value;
        }
        sums
    }
}

/// The hottest keys of all tables and indexes whose contributor insights are on, the hottest first.
async fn hot_keys(client: &Client) -> Result<Vec<HotKey>, Failure> {
    let listed = client
        .call(
            "DynamoDB_20120810.ListContributorInsights",
            &json!({"MaxResults": RULES_MAX}),
        )
        .await?;
    let mut found = Vec::new();
    let summaries = listed
        .as_ref()
        .and_then(|listed| listed["ContributorInsightsSummaries"].as_array());
    for summary in summaries.into_iter().flatten().take(RULES_MAX) {
        let mut asked = json!({"TableName": summary["TableName"]});
        if let Value::String(index) = &summary["IndexName"] {
            asked["IndexName"] = json!(index);
        }
        let described = client
            .call("DynamoDB_20120810.DescribeContributorInsights", &asked)
            .await?;
        let rules = described
            .as_ref()
            .and_then(|described| described["ContributorInsightsRuleList"].as_array().cloned());
        let rules: Vec<String> = rules
            .into_iter()
            .flatten()
            .filter_map(|rule| rule.as_str().map(str::to_owned))
            .collect();
        // Where there are sort keys, their rules say more than those of the partition keys alone.
        let has_sort_key = rules.iter().any(|rule| kind(rule).starts_with("SK"));
        for rule in rules
            .iter()
            .filter(|rule| kind(rule).starts_with("SK") == has_sort_key)
        {
            let place = place(summary);
            found.extend(keys_of(client, rule, &place).await?);
        }
    }
    found.sort_by(|left, right| right.weight.total_cmp(&left.weight));
    Ok(found)
}

/// The letters of a rule's kind.
fn kind(rule: &str) -> &str {
    rule.split('-').nth(1).unwrap_or_default()
}

fn place(summary: &Value) -> String {
    let table = summary["TableName"].as_str().unwrap_or_default();
    match summary["IndexName"].as_str() {
        None => table.to_owned(),
        Some(index) => format!("{table}/{index}"),
    }
}

/// A key as a terminal may show it: what would steer the terminal is shown as a mark.
fn printable(key: &str) -> String {
    key.chars()
        .map(|letter| if letter.is_control() { '\u{FFFD}' } else { letter })
        .collect()
}

async fn keys_of(client: &Client, rule: &str, place: &str) -> Result<Vec<HotKey>, Failure> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let input = json!({
        "RuleName": rule, "Period": KEYS_SECONDS, "MaxContributorCount": KEYS_PER_RULE,
        "StartTime": now.saturating_sub(KEYS_SECONDS), "EndTime": now + 1,
    });
    let report = client
        .call("GraniteServiceVersion20100801.GetInsightRuleReport", &input)
        .await?
        .unwrap_or_default();
    let contributors = report["Contributors"].as_array().into_iter().flatten();
    Ok(contributors
        .map(|contributor| {
            let values = contributor["Keys"].as_array().into_iter().flatten();
            let values: Vec<&str> = values.filter_map(Value::as_str).collect();
            HotKey {
                place: place.to_owned(),
                key: printable(&values.join(", ")),
                is_throttled: kind(rule).ends_with('T'),
                weight: contributor["ApproximateAggregateValue"]
                    .as_f64()
                    .unwrap_or_default(),
            }
        })
        .collect())
}
