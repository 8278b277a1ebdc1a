//! Requests as JSON: whatever comes, it is answered, and values come back as they were sent.

use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};

use api::types::{GetItemInput, GetItemOutput, PutItemInput, PutItemOutput};
use api::{AttributeMap, Context, DynamoDb, Error, Operation, Response, dispatch};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use model::{Item, ValueType};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

/// A service that answers with the values that it is sent.
struct Echo;

fn valid(operation: Operation, map: AttributeMap) -> Result<AttributeMap, Error> {
    match &map.error {
        Some(error) => Err(operation.value_error(error)),
        None => Ok(map),
    }
}

impl DynamoDb for Echo {
    async fn get_item(&self, _: &Context, input: GetItemInput) -> Result<GetItemOutput, Error> {
        Ok(GetItemOutput {
            item: Some(valid(Operation::GetItem, input.key)?),
            ..Default::default()
        })
    }

    async fn put_item(&self, _: &Context, input: PutItemInput) -> Result<PutItemOutput, Error> {
        Ok(PutItemOutput {
            attributes: Some(valid(Operation::PutItem, input.item)?),
            ..Default::default()
        })
    }
}

/// A service that answers with one item.
struct Holder(Item);

impl DynamoDb for Holder {
    async fn get_item(&self, _: &Context, _: GetItemInput) -> Result<GetItemOutput, Error> {
        Ok(GetItemOutput {
            item: Some(AttributeMap::from(self.0.clone())),
            ..Default::default()
        })
    }
}

fn ask(service: &impl DynamoDb, operation: Operation, body: &[u8]) -> Response {
    let context = Context::default();
    let answer = pin!(dispatch(service, &context, operation, body));
    match answer.poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a service that waits for nothing has not answered"),
    }
}

/// Takes the name of an operation, an empty place, and the body. Any other first word counts as one
/// of the operations too, so that each byte of an input leads somewhere.
pub fn check(input: &[u8]) {
    let (name, body) = match input.iter().position(|&byte| byte == b' ') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (&input[..0], input),
    };
    check_request(operation(name), body);
}

/// The operation of that name, or any.
pub fn operation(name: &[u8]) -> Operation {
    let named = Operation::all().find(|operation| operation.name().as_bytes() == name);
    let any = name.iter().fold(0, |sum, &byte| sum + usize::from(byte));
    named
        .or_else(|| Operation::all().nth(any % Operation::all().count()))
        .expect("there are operations")
}

fn check_request(operation: Operation, body: &[u8]) {
    let answer = ask(&Echo, operation, body);
    check_answer(&answer, body);
    if answer.status != 200 {
        return;
    }
    assert!(is_json(body), "what is no JSON was accepted");
    let Some((sent_as, answered_as)) = echoed(operation) else {
        return;
    };
    let answered: Value = serde_json::from_slice(&answer.body).expect("was checked to be JSON");
    let echoed = &answered[answered_as];
    // The same once more, which must be in its last form.
    let again = json!({"TableName": "table", sent_as: echoed}).to_string();
    let again = ask(&Echo, operation, again.as_bytes());
    let again: Value = serde_json::from_slice(&again.body).expect("an answer is JSON");
    assert_eq!(
        again[answered_as], *echoed,
        "values change as they are sent again"
    );
    // What serde_json reads of the request, in a normal form of its own.
    if let Ok(Value::Object(sent)) = serde_json::from_slice(body) {
        assert_eq!(
            normal_map(&sent[sent_as]),
            normal_map(echoed),
            "values change as they are read"
        );
    }
}

fn echoed(operation: Operation) -> Option<(&'static str, &'static str)> {
    match operation {
        Operation::GetItem => Some(("Key", "Item")),
        Operation::PutItem => Some(("Item", "Attributes")),
        _ => None,
    }
}

/// An answer is JSON, and an error says which and why.
pub fn check_answer(answer: &Response, body: &[u8]) {
    let shown = || {
        format!(
            "{} {} to {}",
            answer.status,
            String::from_utf8_lossy(&answer.body),
            String::from_utf8_lossy(body)
        )
    };
    if answer.status == 200 {
        // Some operations answer nothing.
        assert!(answer.body.is_empty() || is_json(&answer.body), "{}", shown());
        return;
    }
    let Ok(error) = serde_json::from_slice::<Value>(&answer.body) else {
        panic!("an error is no JSON: {}", shown());
    };
    assert!((400..500).contains(&answer.status), "{}", shown());
    let kind = error["__type"].as_str().unwrap_or_default();
    assert!(!kind.is_empty(), "an error has no type: {}", shown());
    let has_message = ["message", "Message"]
        .iter()
        .any(|name| error[name].as_str().is_some_and(|message| !message.is_empty()));
    // The service has no message for what is no request at all.
    let is_object = matches!(serde_json::from_slice(body), Ok(Value::Object(_)));
    let is_speechless = kind.ends_with("#SerializationException") && !is_object
        // And none for a token that is used again for something else.
        || kind.ends_with("#IdempotentParameterMismatchException");
    assert!(
        has_message || is_speechless,
        "an error has no message: {}",
        shown()
    );
}

/// An item is the same after a way through JSON.
pub fn check_round_trip(item: &Item) {
    let answer = ask(
        &Holder(item.clone()),
        Operation::GetItem,
        br#"{"TableName":"table","Key":{}}"#,
    );
    let answered: Value = serde_json::from_slice(&answer.body).expect("an answer is JSON");
    let request = json!({"TableName": "table", "Item": answered["Item"]}).to_string();
    let keeper = Keeper::default();
    let answer = ask(&keeper, Operation::PutItem, request.as_bytes());
    assert_eq!(
        answer.status,
        200,
        "{request} {}",
        String::from_utf8_lossy(&answer.body)
    );
    let kept = keeper.0.lock().expect("nothing else has it").take();
    assert_eq!(kept.as_ref(), Some(item), "{request}");
}

/// A service that keeps the item that it is sent.
#[derive(Default)]
struct Keeper(std::sync::Mutex<Option<Item>>);

impl DynamoDb for Keeper {
    async fn put_item(&self, _: &Context, input: PutItemInput) -> Result<PutItemOutput, Error> {
        let item = valid(Operation::PutItem, input.item)?.item;
        *self.0.lock().expect("nothing else has it") = Some(item);
        Ok(PutItemOutput::default())
    }
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

fn normal_map(map: &Value) -> Value {
    let entries = map.as_object().into_iter().flatten();
    Value::Object(
        entries
            .map(|(name, value)| (name.clone(), normal(value)))
            .collect(),
    )
}

/// An attribute value in the form that all ways of writing it share.
fn normal(value: &Value) -> Value {
    // Members that are null, or of no datatype, count as absent.
    let mut members = value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, content)| !content.is_null() && ValueType::from_name(name).is_some());
    let Some((datatype, content)) = members.next() else {
        return Value::Null;
    };
    let texts = |each: fn(&str) -> String| {
        let members = content.as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut members: Vec<String> = members.map(each).collect();
        members.sort();
        json!(members)
    };
    let normal = match datatype.as_str() {
        "N" => json!(content.as_str().map(normal_number)),
        "B" => json!(content.as_str().map(normal_binary)),
        "SS" => texts(str::to_owned),
        "NS" => texts(normal_number),
        "BS" => texts(normal_binary),
        "L" => content
            .as_array()
            .into_iter()
            .flatten()
            .map(self::normal)
            .collect(),
        "M" => normal_map(content),
        _ => content.clone(),
    };
    Value::Object(Map::from_iter([(datatype.clone(), normal)]))
}

fn normal_binary(text: &str) -> String {
    match BASE64_STANDARD.decode(text) {
        Ok(bytes) => format!("{bytes:?}"),
        Err(error) => format!("{text}: {error}"),
    }
}

/// Sign, digits without zeros at either end, and the power of ten of the last digit.
fn normal_number(text: &str) -> String {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let is_negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches(['-', '+']);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut exponent: i64 = exponent.parse().unwrap_or(i64::MAX / 2);
    exponent = exponent.saturating_sub_unsigned(fraction.len() as u64);
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    exponent = exponent.saturating_add_unsigned((digits.len() - significant.len()) as u64);
    let sign = if is_negative { "-" } else { "" };
    format!("{sign}{significant}E{exponent}")
}
