//! Operations on the hot items, as requests, and what their answers show.

use fastrand::Rng;
use serde_json::{Value, json};

use super::caller::{Caller, Trouble};
use super::histories::Histories;
use super::schema::{HOT_GROUP, HOT_KEYS, Key, LEDGER};
use crate::history::Outcome;
use crate::history::item::{Change, Condition, Item, Operation, Seen, State};
use harness::failure::Failure;

/// What stands for a value that there was not.
const NO_VALUE: u64 = 0;

/// Does one thing to a random item.
pub fn step(
    client: u32,
    caller: &mut Caller,
    random: &mut Rng,
    histories: &Histories,
    last_value: &mut u64,
) -> Result<(), Trouble> {
    let item = random.u32(..HOT_KEYS);
    let operation = random_operation(random, histories, *last_value);
    let shows_all = random.u8(..10) < 7;
    let key = Key::hot(histories.number(), item);
    histories.record_operation(client, item, operation, || {
        let (name, request) = request(&key, operation, shows_all);
        let reply = caller.call(name, &request)?;
        let outcome = match (reply.status, reply.error()) {
            (200, _) => Outcome::Done(seen(operation, &reply.body, &request)?),
            (_, Some("ConditionalCheckFailedException")) => {
                Outcome::Refused(Seen::Before(state(&reply.body["Item"])?))
            }
            _ => return reply.unexpected(&request),
        };
        if let Outcome::Done(seen) | Outcome::Refused(seen) = &outcome
            && let Some(found) = seen.item()
        {
            *last_value = found.value;
        }
        Ok(outcome)
    })
}

/// Reads all items, so that the history ends with what there is.
pub fn read_all(client: u32, caller: &mut Caller, histories: &Histories) -> Result<(), Trouble> {
    for item in 0..HOT_KEYS {
        let (name, request) = request(&Key::hot(histories.number(), item), Operation::Read, true);
        histories.record_operation(client, item, Operation::Read, || {
            let answer = caller.expect(name, &request)?;
            Ok(Outcome::Done(seen(Operation::Read, &answer, &request)?))
        })?;
    }
    Ok(())
}

/// `last_value` is what the client saw last, of whichever item.
fn random_operation(random: &mut Rng, histories: &Histories, last_value: u64) -> Operation {
    let condition = match random.u8(..10) {
        0 => Some(Condition::Absent),
        1..3 => Some(Condition::ValueIs(last_value)),
        _ => None,
    };
    let change = match random.u8(..100) {
        0..35 => return Operation::Read,
        35..60 => Change::Put(histories.next_value()),
        60..92 => Change::Update(histories.next_value()),
        _ => Change::Delete,
    };
    Operation::Write { change, condition }
}

fn number(number: u64) -> Value {
    json!({"N": number.to_string()})
}

/// The operation's name and its request; `shows_all` asks to be shown the item also where nothing
/// follows from it.
fn request(key: &Key, operation: Operation, shows_all: bool) -> (&'static str, Value) {
    let mut request = json!({"TableName": LEDGER, "Key": key.to_json()});
    let Operation::Write { change, condition } = operation else {
        request["ConsistentRead"] = json!(true);
        return ("GetItem", request);
    };
    let mut values = json!({});
    match condition {
        Some(Condition::Absent) => request["ConditionExpression"] = json!("attribute_not_exists(pk)"),
        Some(Condition::ValueIs(value)) => {
            request["ConditionExpression"] = json!("v = :expected");
            values[":expected"] = number(value);
        }
        None => {}
    }
    if condition.is_some() {
        request["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    }
    if shows_all {
        request["ReturnValues"] = json!("ALL_OLD");
    }
    let name = match change {
        Change::Put(value) => {
            let mut item = request["Key"].take();
            if let Some(request) = request.as_object_mut() {
                request.remove("Key");
            }
            item["v"] = number(value);
            item["count"] = number(0);
            item["group"] = json!({"S": HOT_GROUP});
            item["number"] = number(value);
            request["Item"] = item;
            "PutItem"
        }
        Change::Update(value) => {
            request["UpdateExpression"] = json!(
                "SET previous = if_not_exists(v, :none), v = :v, #number = :v, #group = :group ADD #count :one"
            );
            request["ExpressionAttributeNames"] =
                json!({"#number": "number", "#group": "group", "#count": "count"});
            values[":none"] = number(NO_VALUE);
            values[":v"] = number(value);
            values[":group"] = json!({"S": HOT_GROUP});
            values[":one"] = number(1);
            if !shows_all {
                request["ReturnValues"] = json!("ALL_NEW");
            }
            "UpdateItem"
        }
        Change::Delete => "DeleteItem",
    };
    if values.as_object().is_some_and(|values| !values.is_empty()) {
        request["ExpressionAttributeValues"] = values;
    }
    (name, request)
}

/// What an answer shows.
fn seen(operation: Operation, answer: &Value, request: &Value) -> Result<Seen, Trouble> {
    Ok(match (operation, request["ReturnValues"].as_str()) {
        (Operation::Read, _) => Seen::Before(state(&answer["Item"])?),
        (_, Some("ALL_OLD")) => Seen::Before(state(&answer["Attributes"])?),
        (_, Some("ALL_NEW")) => Seen::After(state(&answer["Attributes"])?),
        _ => Seen::Nothing,
    })
}

fn state(item: &Value) -> Result<State, Trouble> {
    if item.is_null() {
        return Ok(None);
    }
    let number = |name: &str| item[name]["N"].as_str().and_then(|text| text.parse::<u64>().ok());
    let state = || {
        Some(Item {
            value: number("v")?,
            previous: number("previous").filter(|&previous| previous != NO_VALUE),
            count: u32::try_from(number("count")?).ok()?,
        })
    };
    match state() {
        Some(state) if number("number") == Some(state.value) => Ok(Some(state)),
        _ => Err(Failure::new(format!("nobody wrote a hot item like {item}")).into()),
    }
}
