//! Violations of constraints: form, order and number, per operation.

use super::{accept, check};

const RCC: &str = "Value 'X' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]";
const METRICS: &str = "Value 'X' at 'returnItemCollectionMetrics' failed to satisfy constraint: Member must satisfy enum value set: [SIZE, NONE]";
const RETURN_VALUES: &str = "Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]";
const EMPTY_NAME: &str = "1 validation error detected: Value at 'TableName' failed to satisfy constraint: Member must have length greater than or equal to 1";
const NO_TABLE_NAME: &str = "The parameter 'TableName' is required but was not present in the request";

fn one(text: &str) -> String {
    format!("1 validation error detected: {text}")
}

fn many(texts: &[&str]) -> String {
    format!("{} validation errors detected: {}", texts.len(), texts.join("; "))
}

fn null(path: &str) -> String {
    format!("Value null at '{path}' failed to satisfy constraint: Member must not be null")
}

#[test]
fn put_item() {
    check(
        "PutItem",
        r#"{"TableName":"t","Item":{},"ReturnConsumedCapacity":"X","ReturnItemCollectionMetrics":"X","ReturnValues":"X"}"#,
        &many(&[RCC, RETURN_VALUES, METRICS]),
    );
    check(
        "PutItem",
        r#"{"TableName":"","Item":{},"ReturnValues":"X"}"#,
        EMPTY_NAME,
    );
    check("PutItem", "{}", &many(&[&null("tableName"), &null("item")]));
    check(
        "PutItem",
        r#"{"Item":{},"TableName":null}"#,
        &one(&null("tableName")),
    );
    let long = "a".repeat(256);
    check(
        "PutItem",
        &format!(r#"{{"TableName":"{long}","Item":{{}}}}"#),
        &one(&format!(
            "Value '{long}' at 'tableName' failed to satisfy constraint: Member must have length less than or equal to 255"
        )),
    );
    accept(
        "PutItem",
        r#"{"TableName":"a","Item":{},"Unknown":[{"x":1e999}],"ReturnValues":"UPDATED_NEW"}"#,
    );
    accept(
        "PutItem",
        &format!(r#"{{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/{long}","Item":{{}}}}"#),
    );
}

#[test]
fn delete_item() {
    check(
        "DeleteItem",
        r#"{"TableName":"t","Key":{},"ReturnConsumedCapacity":"X","ReturnValues":"X"}"#,
        &many(&[RCC, RETURN_VALUES]),
    );
    check(
        "DeleteItem",
        r#"{"TableName":"t","Key":{},"ConditionalOperator":"XOR"}"#,
        &one("Failed to satisfy constraint: Member must satisfy enum value set: [ALL, OR]"),
    );
}

#[test]
fn update_item_stops_at_the_first_and_without_key_speaks_as_it_did() {
    check(
        "UpdateItem",
        r#"{"TableName":"t","Key":{},"ReturnConsumedCapacity":"X","ReturnValues":"X"}"#,
        &one(RETURN_VALUES),
    );
    check(
        "UpdateItem",
        r#"{"TableName":"t","Key":{},"ReturnConsumedCapacity":"X","ReturnItemCollectionMetrics":"X"}"#,
        &one(RCC),
    );
    check(
        "UpdateItem",
        r#"{"TableName":"","Key":{},"ReturnValues":"X"}"#,
        EMPTY_NAME,
    );
    let old_name = "Value '' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 1";
    let old_values = "Value 'X' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]";
    let old_operator = "Value 'X' at 'conditionalOperator' failed to satisfy constraint: Member must satisfy enum value set: [OR, AND]";
    check(
        "UpdateItem",
        r#"{"TableName":""}"#,
        &many(&[old_name, &null("key")]),
    );
    check(
        "UpdateItem",
        r#"{"TableName":"","ReturnConsumedCapacity":"X","ReturnValues":"X"}"#,
        &many(&[RCC, old_name, old_values, &null("key")]),
    );
    check(
        "UpdateItem",
        r#"{"TableName":"t","ConditionalOperator":"X"}"#,
        &many(&[old_operator, &null("key")]),
    );
}

#[test]
fn query_and_scan() {
    for name in ["Query", "Scan"] {
        check(
            name,
            r#"{"TableName":"t","Limit":0}"#,
            &one(
                "Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
            ),
        );
    }
    let select = "Value 'X' at 'select' failed to satisfy constraint: Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]";
    check(
        "Query",
        r#"{"TableName":"t","ReturnConsumedCapacity":"X","Select":"X"}"#,
        &many(&[select, RCC]),
    );
    check(
        "Query",
        r#"{"TableName":"t","ConditionalOperator":"XOR","Select":"X"}"#,
        "Failed to satisfy constraint: Member must satisfy enum value set: [ALL, OR]",
    );
    check(
        "Query",
        r#"{"TableName":"t","QueryFilter":{"a":{"ComparisonOperator":"X"}}}"#,
        &one(
            "Value 'X' at 'queryFilter.a.member.comparisonOperator' failed to satisfy constraint: Member must satisfy enum value set: [IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS]",
        ),
    );
    check(
        "Scan",
        r#"{"TableName":"t","Segment":-1,"TotalSegments":1000001.5}"#,
        &many(&[
            "Value '1000001' at 'totalSegments' failed to satisfy constraint: Member must have value less than or equal to 1000000",
            "Value '-1' at 'segment' failed to satisfy constraint: Member must have value greater than or equal to 0",
        ]),
    );
    check(
        "Scan",
        r#"{"TableName":"","AttributesToGet":[]}"#,
        &many(&[
            "Value '' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 1",
            "Value '[]' at 'attributesToGet' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ]),
    );
}

#[test]
fn batch_get_item() {
    let at_least = "failed to satisfy constraint: Member must have length greater than or equal to 1";
    check(
        "BatchGetItem",
        r#"{"RequestItems":{}}"#,
        &one(&format!("Value at 'RequestItems' {at_least}")),
    );
    check("BatchGetItem", "{}", &one(&null("requestItems")));
    check(
        "BatchGetItem",
        r#"{"RequestItems":{"tab":{}}}"#,
        &one(&null("requestItems.tab.member.keys")),
    );
    check(
        "BatchGetItem",
        r#"{"RequestItems":{"tab":{"Keys":[]}}}"#,
        &one(&format!("Value at 'RequestItems.tab.member.Keys' {at_least}")),
    );
    let keys = vec!["{}"; 101].join(",");
    check(
        "BatchGetItem",
        &format!(r#"{{"RequestItems":{{"tab":{{"Keys":[{keys}]}}}}}}"#),
        &one(
            "Value at 'RequestItems.tab.member.Keys' failed to satisfy constraint: Member must have length less than or equal to 100",
        ),
    );
    check(
        "BatchGetItem",
        r#"{"RequestItems":{"bad!name":{"Keys":[{"pk":{"S":"a"}}]}},"ReturnConsumedCapacity":"X"}"#,
        &many(&[
            r#"Value '{"bad!name":{"Keys":[{"pk":{"S":"a"}}]}}' at 'requestItems' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 3, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]"#,
            RCC,
        ]),
    );
}

#[test]
fn batch_write_item() {
    check(
        "BatchWriteItem",
        r#"{"RequestItems":{}}"#,
        "The requestItems parameter is required for BatchWriteItem",
    );
    check(
        "BatchWriteItem",
        r#"{"RequestItems":{"b!":[]},"ReturnItemCollectionMetrics":"X","ReturnConsumedCapacity":"X"}"#,
        &many(&[RCC, METRICS]),
    );
    let between = "Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]";
    check(
        "BatchWriteItem",
        r#"{"RequestItems":{"tab":[]}}"#,
        &one(&format!(
            "Value '{{tab=[]}}' at 'requestItems' failed to satisfy constraint: {between}"
        )),
    );
    let put = r#"{"PutRequest":{"Item":{"pk":{"S":"a"}}}}"#;
    let shown_put = "WriteRequest(putRequest=PutRequest(item={pk=AttributeValue(s=a, n=null, b=null, iNT=null, dECIMAL=null, dOUBLE=null, sS=null, nS=null, bS=null, iNTSET=null, dECIMALSET=null, dOUBLESET=null, m=null, l=null, nULL=null, bOOL=null)}, workloadProfileName=null), deleteRequest=null)";
    check(
        "BatchWriteItem",
        &format!(r#"{{"RequestItems":{{"tab":[{}]}}}}"#, vec![put; 26].join(",")),
        &one(&format!(
            "Value '{{tab=[{}]}}' at 'requestItems' failed to satisfy constraint: {between}",
            vec![shown_put; 26].join(", ")
        )),
    );
    check(
        "BatchWriteItem",
        r#"{"RequestItems":{"tab":[{"PutRequest":{}},{"DeleteRequest":{}}]}}"#,
        &many(&[
            &null("requestItems.tab.member.1.member.putRequest.item"),
            &null("requestItems.tab.member.2.member.deleteRequest.key"),
        ]),
    );
}

#[test]
fn transactions() {
    let token = "x".repeat(37);
    check(
        "TransactWriteItems",
        &format!(r#"{{"TransactItems":[],"ClientRequestToken":"{token}","ReturnConsumedCapacity":"X"}}"#),
        &one(
            "Value at 'ClientRequestToken' failed to satisfy constraint: Member must have length less than or equal to 36",
        ),
    );
    check(
        "TransactWriteItems",
        r#"{"TransactItems":[]}"#,
        &one(
            "Value at 'TransactItems' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
    );
    // Captured of the same region on the same day: reads still speak the older form.
    check(
        "TransactGetItems",
        r#"{"TransactItems":[]}"#,
        &one(
            "Value '[]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
    );
    check(
        "TransactWriteItems",
        r#"{"TransactItems":[{"Put":{"TableName":"t","Item":{}}}],"ReturnItemCollectionMetrics":"X","ReturnConsumedCapacity":"X"}"#,
        &many(&[RCC, METRICS]),
    );
    check(
        "TransactWriteItems",
        r#"{"TransactItems":[{"Delete":{"TableName":"t"}}]}"#,
        &one(&null("transactItems.1.member.delete.key")),
    );
}

#[test]
fn create_table() {
    check(
        "CreateTable",
        r#"{"KeySchema":[],"BillingMode":"X"}"#,
        NO_TABLE_NAME,
    );
    check(
        "CreateTable",
        r#"{"TableName":"ab","KeySchema":[]}"#,
        &one(
            "Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3",
        ),
    );
    check(
        "CreateTable",
        r#"{"TableName":"abc"}"#,
        &many(&[&null("attributeDefinitions"), &null("keySchema")]),
    );
    let key = |name: &str| format!(r#"{{"AttributeName":"{name}","KeyType":"HASH"}}"#);
    let shown = |name: &str| format!("KeySchemaElement(attributeName={name}, keyType=HASH)");
    check(
        "CreateTable",
        &format!(
            r#"{{"TableName":"abc","AttributeDefinitions":[],"KeySchema":[{},{},{}]}}"#,
            key("a"),
            key("b"),
            key("c")
        ),
        &one(&format!(
            "Value '[{}, {}, {}]' at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2",
            shown("a"),
            shown("b"),
            shown("c")
        )),
    );
    check(
        "CreateTable",
        r#"{"TableName":"abc","AttributeDefinitions":[{}],"KeySchema":[{"AttributeName":"pk","KeyType":"X"}],"BillingMode":"","ProvisionedThroughput":{}}"#,
        &many(&[
            &null("attributeDefinitions.1.member.attributeType"),
            &null("attributeDefinitions.1.member.attributeName"),
            "Value '' at 'billingMode' failed to satisfy constraint: Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]",
            &null("provisionedThroughput.writeCapacityUnits"),
            &null("provisionedThroughput.readCapacityUnits"),
            "Value 'X' at 'keySchema.1.member.keyType' failed to satisfy constraint: Member must satisfy enum value set: [HASH, RANGE]",
        ]),
    );
    let index = |name: &str| {
        format!(
            r#"[{{"IndexName":"{name}","KeySchema":[{{"AttributeName":"a","KeyType":"HASH"}}],"Projection":{{}}}}]"#
        )
    };
    let short = |name: &str, member: &str| {
        format!(
            "Value '{name}' at '{member}.1.member.indexName' failed to satisfy constraint: Member must have length greater than or equal to 3"
        )
    };
    check(
        "CreateTable",
        &format!(
            r#"{{"TableName":"abc","AttributeDefinitions":[],"KeySchema":[{}],"LocalSecondaryIndexes":{},"GlobalSecondaryIndexes":{}}}"#,
            key("pk"),
            index("aa"),
            index("zz")
        ),
        &many(&[
            &short("zz", "globalSecondaryIndexes"),
            &short("aa", "localSecondaryIndexes"),
        ]),
    );
    let base = format!(
        r#""TableName":"abc","AttributeDefinitions":[],"KeySchema":[{}]"#,
        key("pk")
    );
    check(
        "CreateTable",
        &format!(r#"{{{base},"TableClass":"X"}}"#),
        "Invalid table-class parameter provided. Please try again with a valid table-class value: [STANDARD, STANDARD_INFREQUENT_ACCESS].",
    );
    check(
        "CreateTable",
        &format!(r#"{{{base},"SSESpecification":{{"KMSMasterKeyId":""}}}}"#),
        &one(
            "Value '' at 'sSESpecification.kMSMasterKeyId' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
    );
    accept("CreateTable", &format!("{{{base}}}"));
    accept(
        "CreateTable",
        r#"{"TableName":"abc","GlobalTableSourceArn":"arn:aws:x"}"#,
    );
}

#[test]
fn other_control_operations() {
    for name in [
        "DescribeTable",
        "DeleteTable",
        "UpdateTable",
        "DescribeTimeToLive",
        "DescribeContinuousBackups",
    ] {
        check(name, "{}", NO_TABLE_NAME);
    }
    let pattern =
        "failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
    let length = "failed to satisfy constraint: Member must have length greater than or equal to 3";
    check(
        "DescribeTable",
        r#"{"TableName":""}"#,
        &many(&[
            &format!("Value '' at 'tableName' {length}"),
            &format!("Value '' at 'tableName' {pattern}"),
        ]),
    );
    check(
        "ListTables",
        r#"{"ExclusiveStartTableName":"","Limit":101}"#,
        &many(&[
            &format!("Value '' at 'exclusiveStartTableName' {pattern}"),
            &format!("Value '' at 'exclusiveStartTableName' {length}"),
            "Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100",
        ]),
    );
    check(
        "UpdateTable",
        r#"{"TableName":"abc","GlobalSecondaryIndexUpdates":[{"Create":{"IndexName":"","KeySchema":[],"Projection":{}}}]}"#,
        &many(&[
            "Value '[]' at 'globalSecondaryIndexUpdates.1.member.create.keySchema' failed to satisfy constraint: Member must have length greater than or equal to 1",
            &format!("Value '' at 'globalSecondaryIndexUpdates.1.member.create.indexName' {length}"),
            &format!("Value '' at 'globalSecondaryIndexUpdates.1.member.create.indexName' {pattern}"),
        ]),
    );
    check(
        "CreateGlobalTable",
        r#"{"GlobalTableName":"ab","ReplicationGroup":[]}"#,
        "TableName must be at least 3 characters long and at most 255 characters long",
    );
    check(
        "ImportTable",
        r#"{"ClientToken":"a$b"}"#,
        &many(&[
            "Value 'a$b' at 'clientToken' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[^\\$]+$",
            &null("inputFormat"),
            &null("s3BucketSource"),
            &null("tableCreationParameters"),
        ]),
    );
}

#[test]
fn at_most_ten_violations_are_listed() {
    let definitions = vec!["{}"; 20].join(",");
    let nulls: Vec<String> = (1..=5)
        .flat_map(|index| {
            ["attributeType", "attributeName"]
                .map(|member| null(&format!("attributeDefinitions.{index}.member.{member}")))
        })
        .collect();
    let nulls: Vec<&str> = nulls.iter().map(String::as_str).collect();
    check(
        "CreateTable",
        &format!(r#"{{"TableName":"abc","AttributeDefinitions":[{definitions}],"KeySchema":[]}}"#),
        &many(&nulls),
    );
}

#[test]
fn messages_about_huge_requests_are_bounded() {
    let key = "k".repeat(1_000_000);
    let requests = vec![r#"{"PutRequest":{}}"#; 20_000].join(",");
    let definitions = vec![format!(r#"{{"AttributeName":"{key}","AttributeType":"{key}"}}"#); 12].join(",");
    for (name, body) in [
        (
            "BatchWriteItem",
            format!(r#"{{"RequestItems":{{"{key}":[{requests}]}}}}"#),
        ),
        (
            "CreateTable",
            format!(r#"{{"TableName":"abc","AttributeDefinitions":[{definitions}],"KeySchema":[]}}"#),
        ),
    ] {
        let message = super::refuse(name, &body).message;
        assert!(message.starts_with("10 validation errors detected: "));
        assert!(message.len() < 4_000_000, "{}", message.len());
    }
}
