//! The calls around a measurement: tables made, described, given a time to live.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::failure::{Context, Failure, Result};
use crate::http;

/// How long a table may take to become active.
const TABLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Calls one operation, which must succeed, and gives its answer's body.
pub fn call(address: SocketAddr, operation: &str, body: &Value) -> Result<Value> {
    let answer = http::call(address, operation, &body.to_string())?;
    serde_json::from_slice(answer.body()).context(&format!("{operation}'s answer"))
}

/// The same for an operation of DynamoDB Streams.
pub fn call_streams(address: SocketAddr, operation: &str, body: &Value) -> Result<Value> {
    let answer = http::call_streams(address, operation, &body.to_string())?;
    serde_json::from_slice(answer.body()).context(&format!("{operation}'s answer"))
}

/// Creates the table that `definition` asks for, and waits until it is active.
pub fn create_table(address: SocketAddr, definition: &Value) -> Result<()> {
    call(address, "CreateTable", definition)?;
    let question = json!({"TableName": definition["TableName"]});
    let start = Instant::now();
    while start.elapsed() < TABLE_TIMEOUT {
        if call(address, "DescribeTable", &question)?["Table"]["TableStatus"] == "ACTIVE" {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(Failure::new("the table does not become ACTIVE"))
}

/// How many items the table has.
pub fn item_count(address: SocketAddr, table: &str) -> Result<u64> {
    let description = call(address, "DescribeTable", &json!({"TableName": table}))?;
    description["Table"]["ItemCount"]
        .as_u64()
        .ok_or_else(|| Failure::new("DescribeTable's answer has no ItemCount"))
}

/// Lets the items of a table expire at the seconds that `attribute` holds.
pub fn enable_time_to_live(address: SocketAddr, table: &str, attribute: &str) -> Result<()> {
    let request = json!({
        "TableName": table,
        "TimeToLiveSpecification": {"Enabled": true, "AttributeName": attribute},
    });
    call(address, "UpdateTimeToLive", &request).map(drop)
}

/// Enables point-in-time recovery of a table.
pub fn enable_recovery(address: SocketAddr, table: &str) -> Result<()> {
    let request = json!({
        "TableName": table,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true},
    });
    call(address, "UpdateContinuousBackups", &request).map(drop)
}

/// Whether every item of the table has been given its place in the order of expiry.
pub fn is_time_to_live_enabled(address: SocketAddr, table: &str) -> Result<bool> {
    let description = call(address, "DescribeTimeToLive", &json!({"TableName": table}))?;
    Ok(description["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED")
}
