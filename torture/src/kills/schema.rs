//! The tables that are tortured, and the names in them.
//!
//! `Ledger` has everything that hangs on a table: two global indexes and a local one, a stream, and
//! items that expire. Each client owns keys in it; beside them are a few hot items that all write.
//! `Lists` holds lists that transactions append to.

use std::net::SocketAddr;

use serde_json::{Value, json};

use harness::control;
use harness::failure::Result;

/// The table of owned keys and hot items.
pub const LEDGER: &str = "Ledger";
/// The table of lists.
pub const LISTS: &str = "Lists";
/// How many hot items there are, and how many lists.
pub const HOT_KEYS: u32 = 5;
/// How many partitions a client owns.
pub const PARTITIONS: u32 = 4;
/// How many keys are in each of them.
pub const SORT_KEYS: u32 = 10;
/// The values of `group` of owned items.
pub const GROUPS: [&str; 6] = ["ant", "bee", "cat", "dog", "eel", "fox"];
/// The value of `group` of hot items.
pub const HOT_GROUP: &str = "hot";
/// The values of `colour`.
pub const COLOURS: [&str; 4] = ["red", "green", "blue", "grey"];
/// The attribute that says when an item expires.
pub const EXPIRY: &str = "expires_at";

/// An index, as the checks look at it.
#[derive(Clone, Copy, Debug)]
pub struct Index {
    pub name: &'static str,
    /// The attributes that an item must have to be in it, besides the table's keys.
    pub attributes: &'static [&'static str],
    /// What its entries show besides those and the table's keys; `None` for everything.
    pub projected: Option<&'static [&'static str]>,
    /// Whether it can be read consistently.
    pub is_local: bool,
}

/// All indexes of `Ledger`.
pub const INDEXES: [Index; 3] = [
    Index {
        name: "by-group",
        attributes: &["group", "number"],
        projected: None,
        is_local: false,
    },
    Index {
        name: "by-colour",
        attributes: &["colour"],
        projected: Some(&[]),
        is_local: false,
    },
    Index {
        name: "by-number",
        attributes: &["number"],
        projected: Some(&["version"]),
        is_local: true,
    },
];

impl Index {
    /// The entry of an item, or `None` where it has none.
    pub fn entry(&self, item: &Value) -> Option<Value> {
        let has_all = self.attributes.iter().all(|name| !item[*name].is_null());
        let shown = |name: &str| {
            let projected = self.projected.unwrap_or_default();
            name == "pk" || name == "sk" || self.attributes.contains(&name) || projected.contains(&name)
        };
        has_all.then(|| match (self.projected, item.as_object()) {
            (Some(_), Some(attributes)) => attributes
                .iter()
                .filter(|(name, _)| shown(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            _ => item.clone(),
        })
    }
}

/// Creates both tables.
pub fn create_tables(address: SocketAddr) -> Result<()> {
    let attribute = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    let schema = |hash: &str, range: Option<&str>| {
        let mut schema = vec![json!({"AttributeName": hash, "KeyType": "HASH"})];
        schema.extend(range.map(|name| json!({"AttributeName": name, "KeyType": "RANGE"})));
        schema
    };
    control::create_table(
        address,
        &json!({
            "TableName": LEDGER,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                attribute("pk", "S"), attribute("sk", "N"), attribute("group", "S"),
                attribute("number", "N"), attribute("colour", "S"),
            ],
            "KeySchema": schema("pk", Some("sk")),
            "LocalSecondaryIndexes": [{
                "IndexName": "by-number",
                "KeySchema": schema("pk", Some("number")),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["version"]},
            }],
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "by-group",
                    "KeySchema": schema("group", Some("number")),
                    "Projection": {"ProjectionType": "ALL"},
                },
                {
                    "IndexName": "by-colour",
                    "KeySchema": schema("colour", None),
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                },
            ],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        }),
    )?;
    control::enable_time_to_live(address, LEDGER, EXPIRY)?;
    control::create_table(
        address,
        &json!({
            "TableName": LISTS,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [attribute("pk", "S")],
            "KeySchema": schema("pk", None),
        }),
    )
}

/// A key of `Ledger`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub partition: String,
    pub sort: u32,
}

impl Key {
    /// One that a client owns.
    pub fn owned(client: u32, partition: u32, sort: u32) -> Self {
        Key {
            partition: format!("client-{client}-{partition}"),
            sort,
        }
    }

    /// A hot item; each history has its own.
    pub fn hot(history: u32, item: u32) -> Self {
        Key {
            partition: format!("hot-{history}"),
            sort: item,
        }
    }

    /// The key as requests have it.
    pub fn to_json(&self) -> Value {
        json!({"pk": {"S": self.partition}, "sk": {"N": self.sort.to_string()}})
    }

    /// The key of an item.
    pub fn of(item: &Value) -> Option<Self> {
        Some(Key {
            partition: item["pk"]["S"].as_str()?.to_owned(),
            sort: item["sk"]["N"].as_str()?.parse().ok()?,
        })
    }
}

/// Whether a key is that of a hot item.
pub fn is_hot(key: &Value) -> bool {
    key["pk"]["S"]
        .as_str()
        .is_some_and(|partition| partition.starts_with("hot-"))
}

/// The key of a list; each history has its own.
pub fn list_key(history: u32, list: u32) -> Value {
    json!({"pk": {"S": format!("list-{history}-{list}")}})
}

/// When an item expires, in seconds since 1970.
pub fn expiry_seconds(item: &Value) -> Option<u64> {
    item[EXPIRY]["N"].as_str()?.parse().ok()
}
