//! The way of a request through a service.

use std::pin::pin;
use std::task::{Poll, Waker};

use indexmap::IndexMap;
use model::Item;

use crate::types::*;
use crate::{AttributeMap, Context, DynamoDb, Error, ErrorKind, Operation, Response, dispatch};

/// Answers what it is asked, without a store.
struct Echo;

impl DynamoDb for Echo {
    async fn put_item(&self, _: &Context, input: PutItemInput) -> Result<PutItemOutput, Error> {
        match input.table_name.as_str() {
            "refuse" => Err(Error::conditional_check_failed(Some(input.item.item))),
            "cancel" => {
                let none = CancellationReason {
                    code: Some("None".to_owned()),
                    ..Default::default()
                };
                let failed = CancellationReason {
                    code: Some("ConditionalCheckFailed".to_owned()),
                    message: Some("The conditional request failed".to_owned()),
                    item: Some(input.item),
                };
                Err(Error::transaction_canceled(vec![none, failed]))
            }
            _ => Ok(PutItemOutput {
                attributes: Some(input.item),
                ..Default::default()
            }),
        }
    }

    async fn tag_resource(&self, _: &Context, _: TagResourceInput) -> Result<TagResourceOutput, Error> {
        Ok(TagResourceOutput::default())
    }

    async fn describe_table(
        &self,
        context: &Context,
        input: DescribeTableInput,
    ) -> Result<DescribeTableOutput, Error> {
        let table = TableDescription {
            table_name: Some(input.table_name),
            table_arn: Some(context.region.clone()),
            creation_date_time: Some(1_700_000_000.25),
            item_count: Some(7),
            table_status: Some(TableStatus::Active),
            deletion_protection_enabled: Some(false),
            key_schema: Some(vec![KeySchemaElement {
                attribute_name: "pk".to_owned(),
                key_type: KeyType::Hash,
            }]),
            ..Default::default()
        };
        Ok(DescribeTableOutput { table: Some(table) })
    }

    async fn batch_get_item(
        &self,
        _: &Context,
        input: BatchGetItemInput,
    ) -> Result<BatchGetItemOutput, Error> {
        let responses: IndexMap<String, Vec<AttributeMap>> = input
            .request_items
            .into_iter()
            .map(|(table, asked)| (table, asked.keys))
            .collect();
        Ok(BatchGetItemOutput {
            responses: Some(responses),
            unprocessed_keys: Some(IndexMap::new()),
            consumed_capacity: Some(vec![ConsumedCapacity {
                capacity_units: Some(1.5),
                ..Default::default()
            }]),
        })
    }
}

fn ask(operation: Operation, body: &str) -> (u16, String) {
    let context = Context::default();
    let answer = pin!(dispatch(&Echo, &context, operation, body.as_bytes()));
    match answer.poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(Response { status, body }) => (status, String::from_utf8(body).expect("JSON is UTF-8")),
        Poll::Pending => panic!("the answer has to wait"),
    }
}

fn check(operation: Operation, body: &str, status: u16, expected: &str) {
    assert_eq!(ask(operation, body), (status, expected.to_owned()), "{body}");
}

#[test]
fn answers() {
    check(
        Operation::PutItem,
        r#"{"TableName":"t","Item":{"a":{"S":"x"}}}"#,
        200,
        r#"{"Attributes":{"a":{"S":"x"}}}"#,
    );
    check(
        Operation::TagResource,
        r#"{"ResourceArn":"a","Tags":[]}"#,
        200,
        "",
    );
    check(
        Operation::DescribeTable,
        r#"{"TableName":"tab"}"#,
        200,
        r#"{"Table":{"CreationDateTime":1700000000.250,"DeletionProtectionEnabled":false,"ItemCount":7,"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"TableArn":"us-east-1","TableName":"tab","TableStatus":"ACTIVE"}}"#,
    );
    check(
        Operation::BatchGetItem,
        r#"{"RequestItems":{"two":{"Keys":[{"a":{"N":"1"}}]},"one":{"Keys":[{}]}}}"#,
        200,
        r#"{"ConsumedCapacity":[{"CapacityUnits":1.5}],"Responses":{"two":[{"a":{"N":"1"}}],"one":[{}]},"UnprocessedKeys":{}}"#,
    );
}

#[test]
fn errors() {
    check(
        Operation::PutItem,
        "{}x",
        400,
        r#"{"__type":"com.amazon.coral.service#SerializationException"}"#,
    );
    check(
        Operation::PutItem,
        r#"{"TableName":5}"#,
        400,
        r#"{"__type":"com.amazon.coral.service#SerializationException","Message":"NUMBER_VALUE cannot be converted to String"}"#,
    );
    check(
        Operation::PutItem,
        r#"{"TableName":"t"}"#,
        400,
        r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"1 validation error detected: Value null at 'item' failed to satisfy constraint: Member must not be null"}"#,
    );
    check(
        Operation::PutItem,
        r#"{"TableName":"refuse","Item":{"a":{"S":"x"}}}"#,
        400,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","Item":{"a":{"S":"x"}},"message":"The conditional request failed"}"#,
    );
    check(
        Operation::PutItem,
        r#"{"TableName":"cancel","Item":{"a":{"S":"x"}}}"#,
        400,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed","Item":{"a":{"S":"x"}},"Message":"The conditional request failed"}],"Message":"Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]"}"#,
    );
}

#[test]
fn what_is_not_built_or_not_there_is_named() {
    for operation in Operation::all() {
        let (status, body) = ask(operation, "{}");
        if !operation.is_built() {
            let message = format!(
                r#"{{"__type":"com.amazon.coral.service#UnknownOperationException","message":"The operation {} is not supported."}}"#,
                operation.name()
            );
            assert_eq!((status, body), (400, message));
        }
    }
    check(
        Operation::Scan,
        r#"{"TableName":"t"}"#,
        400,
        r#"{"__type":"com.amazon.coral.service#UnknownOperationException","message":"The operation Scan is not supported."}"#,
    );
}

#[test]
fn kinds_of_errors() {
    for (kind, status, type_name) in [
        (
            ErrorKind::InternalServerError,
            500,
            "com.amazonaws.dynamodb.v20120810#InternalServerError",
        ),
        (
            ErrorKind::ThrottlingException,
            400,
            "com.amazon.coral.availability#ThrottlingException",
        ),
        (
            ErrorKind::AccessDeniedException,
            400,
            "com.amazon.coral.service#AccessDeniedException",
        ),
        (
            ErrorKind::TrimmedDataAccessException,
            400,
            "com.amazonaws.dynamodb.v20120810#TrimmedDataAccessException",
        ),
    ] {
        assert_eq!((kind.status(), kind.type_name()), (status, type_name));
        assert_eq!(ErrorKind::from_name(kind.name()), Some(kind));
    }
    let error = Error::new(ErrorKind::AccessDeniedException, "no");
    assert_eq!(
        error.to_json(),
        br#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}"#
    );
    assert_eq!(AttributeMap::default(), AttributeMap::from(Item::empty()));
}
