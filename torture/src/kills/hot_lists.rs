//! Transactions over the lists, as requests, and what their answers show.

use fastrand::Rng;
use serde_json::{Value, json};

use super::caller::{Caller, Reply, Trouble};
use super::histories::Histories;
use super::schema::{HOT_KEYS, LISTS, list_key};
use crate::history::Outcome;
use crate::history::serializability::{Element, Key, Seen, Transaction};
use harness::failure::Failure;

/// Makes one transaction over random lists.
pub fn step(
    client: u32,
    caller: &mut Caller,
    random: &mut Rng,
    histories: &Histories,
) -> Result<(), Trouble> {
    let mut lists: Vec<Key> = (0..HOT_KEYS).collect();
    random.shuffle(&mut lists);
    let history = histories.number();
    match random.u8(..100) {
        0..15 => get(client, caller, histories, lists[0]),
        15..45 => {
            lists.truncate(random.usize(2..=3));
            get_all(client, caller, histories, lists)
        }
        45..55 => {
            let transaction = appends(histories, &lists[..1]);
            let shows_list = random.bool();
            histories.record_transaction(client, transaction.clone(), || {
                append_one(caller, history, &transaction, shows_list)
            })
        }
        _ => {
            let count = random.usize(1..=3);
            let mut transaction = appends(histories, &lists[..count]);
            if random.u8(..4) == 0 {
                // On a list that is appended to, or on another one.
                let list = lists[random.usize(..=count)];
                transaction.lengths.push((list, histories.list_length(list)));
            }
            histories.record_transaction(client, transaction.clone(), || {
                append_all(caller, history, &transaction)
            })
        }
    }
}

/// Reads all lists at once, so that the history ends with what there is.
pub fn read_all(client: u32, caller: &mut Caller, histories: &Histories) -> Result<(), Trouble> {
    get_all(client, caller, histories, (0..HOT_KEYS).collect())
}

fn appends(histories: &Histories, lists: &[Key]) -> Transaction {
    Transaction {
        appends: lists
            .iter()
            .map(|&list| (list, histories.next_element()))
            .collect(),
        ..Transaction::default()
    }
}

fn get(client: u32, caller: &mut Caller, histories: &Histories, list: Key) -> Result<(), Trouble> {
    let request = json!({
        "TableName": LISTS,
        "Key": list_key(histories.number(), list),
        "ConsistentRead": true,
    });
    let transaction = Transaction {
        reads: vec![list],
        ..Transaction::default()
    };
    histories.record_transaction(client, transaction, || {
        let answer = caller.expect("GetItem", &request)?;
        let elements = elements(&answer["Item"])?;
        histories.note_list_length(list, elements.len());
        Ok(Outcome::Done(vec![(list, elements)]))
    })
}

fn get_all(client: u32, caller: &mut Caller, histories: &Histories, lists: Vec<Key>) -> Result<(), Trouble> {
    let history = histories.number();
    let gets = lists
        .iter()
        .map(|&list| json!({"Get": {"TableName": LISTS, "Key": list_key(history, list)}}));
    let request = json!({"TransactItems": gets.collect::<Vec<_>>()});
    let transaction = Transaction {
        reads: lists.clone(),
        ..Transaction::default()
    };
    histories.record_transaction(client, transaction, || {
        let reply = caller.call("TransactGetItems", &request)?;
        if reply.error() == Some("TransactionCanceledException") {
            return refusal(&reply, &request, &[]);
        }
        let responses = reply.body["Responses"].as_array();
        let Some(responses) = responses.filter(|responses| responses.len() == lists.len()) else {
            return reply.unexpected(&request);
        };
        let mut seen = Seen::new();
        for (&list, response) in lists.iter().zip(responses) {
            let elements = elements(&response["Item"])?;
            histories.note_list_length(list, elements.len());
            seen.push((list, elements));
        }
        Ok(Outcome::Done(seen))
    })
}

/// An update that appends to a list.
fn update(history: u32, list: Key, element: Element) -> Value {
    json!({
        "TableName": LISTS,
        "Key": list_key(history, list),
        "UpdateExpression": "SET elements = list_append(if_not_exists(elements, :empty), :more)",
        "ExpressionAttributeValues": {
            ":empty": {"L": []},
            ":more": {"L": [{"N": element.to_string()}]},
        },
    })
}

fn append_one(
    caller: &mut Caller,
    history: u32,
    transaction: &Transaction,
    shows_list: bool,
) -> Result<Outcome<Seen>, Trouble> {
    let mut seen = Seen::new();
    for &(list, element) in &transaction.appends {
        let mut request = update(history, list, element);
        if shows_list {
            request["ReturnValues"] = json!("ALL_NEW");
        }
        let answer = caller.expect("UpdateItem", &request)?;
        if shows_list {
            seen.push((list, elements(&answer["Attributes"])?));
        }
    }
    Ok(Outcome::Done(seen))
}

/// Puts the condition that a list has a length into an action of a transaction.
fn demand_length(action: &mut Value, length: usize) {
    action["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    if length == 0 {
        action["ConditionExpression"] = json!("attribute_not_exists(elements)");
        return;
    }
    action["ConditionExpression"] = json!("size(elements) = :length");
    action["ExpressionAttributeValues"][":length"] = json!({"N": length.to_string()});
}

fn append_all(
    caller: &mut Caller,
    history: u32,
    transaction: &Transaction,
) -> Result<Outcome<Seen>, Trouble> {
    let mut actions = Vec::new();
    // Which list each action is about.
    let mut lists = Vec::new();
    for &(list, element) in &transaction.appends {
        let mut action = update(history, list, element);
        for &(_, length) in transaction.lengths.iter().filter(|length| length.0 == list) {
            demand_length(&mut action, length);
        }
        actions.push(json!({"Update": action}));
        lists.push(list);
    }
    for &(list, length) in &transaction.lengths {
        if !lists.contains(&list) {
            let mut action = json!({"TableName": LISTS, "Key": list_key(history, list)});
            demand_length(&mut action, length);
            actions.push(json!({"ConditionCheck": action}));
            lists.push(list);
        }
    }
    let request = json!({"TransactItems": actions});
    let reply = caller.call("TransactWriteItems", &request)?;
    match (reply.status, reply.error()) {
        (200, _) => Ok(Outcome::Done(Seen::new())),
        (_, Some("TransactionCanceledException")) => refusal(&reply, &request, &lists),
        _ => reply.unexpected(&request),
    }
}

/// What a cancelled transaction shows of the lists that were not as long as it demanded.
fn refusal(reply: &Reply, request: &Value, lists: &[Key]) -> Result<Outcome<Seen>, Trouble> {
    let mut seen = Seen::new();
    for (place, reason) in reply.body["CancellationReasons"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        match (reason["Code"].as_str(), lists.get(place)) {
            (Some("None" | "TransactionConflict"), _) => {}
            (Some("ConditionalCheckFailed"), Some(&list)) => seen.push((list, elements(&reason["Item"])?)),
            _ => return reply.unexpected(request),
        }
    }
    Ok(Outcome::Refused(seen))
}

/// The numbers in an item of the table; none where there is no item.
fn elements(item: &Value) -> Result<Vec<Element>, Trouble> {
    let Some(elements) = item["elements"]["L"].as_array() else {
        return match item {
            Value::Null => Ok(Vec::new()),
            _ => Err(Failure::new(format!("nobody wrote a list like {item:.200}")).into()),
        };
    };
    let numbers = elements
        .iter()
        .map(|element| element["N"].as_str()?.parse::<Element>().ok());
    numbers
        .collect::<Option<Vec<Element>>>()
        .ok_or_else(|| Failure::new("a list has elements that are no numbers").into())
}
