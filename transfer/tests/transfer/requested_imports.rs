//! Imports that requests ask for: what is put, what is refused, and that an interruption loses nothing.

use std::fs;
use std::time::Duration;

use api::Operation;
use serde_json::{Value, json};

use crate::server::Server;

fn request(name: &str, more: Value) -> Value {
    let mut request = json!({
        "S3BucketSource": {"S3Bucket": "source", "S3KeyPrefix": "rows"},
        "InputFormat": "DYNAMODB_JSON",
        "TableCreationParameters": {
            "TableName": name,
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "group", "AttributeType": "N"},
            ],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [{
                "IndexName": "by-group",
                "KeySchema": [{"AttributeName": "group", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }],
            "BillingMode": "PAY_PER_REQUEST",
        },
    });
    request
        .as_object_mut()
        .expect("an object")
        .extend(more.as_object().expect("an object").clone());
    request
}

async fn begin(server: &Server, request: Value) -> String {
    let answer = server.call(Operation::ImportTable, request).await;
    let described = &answer["ImportTableDescription"];
    assert_eq!(described["ImportStatus"], "IN_PROGRESS", "{answer}");
    described["ImportArn"].as_str().expect("an ARN").to_owned()
}

async fn describe(server: &Server, arn: &str) -> Value {
    let answer = server
        .call(Operation::DescribeImport, json!({"ImportArn": arn}))
        .await;
    answer["ImportTableDescription"].clone()
}

async fn wait(server: &Server, arn: &str) -> Value {
    server
        .run_until(|| async {
            let described = describe(server, arn).await;
            (described["ImportStatus"] != "IN_PROGRESS").then_some(described)
        })
        .await
}

fn row(number: usize) -> String {
    format!(
        "{{\"Item\":{{\"pk\":{{\"S\":\"{number:05}\"}},\"group\":{{\"N\":\"{}\"}}}}}}\n",
        number % 5
    )
}

/// Who carries an import out may be held up when its end is there and not yet told.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_of_the_end_may_use_the_table() {
    let server = Server::new().await;
    server.directory.write("s3/source/rows.json", row(1));
    let arn = begin(&server, request("imported", json!({}))).await;
    server
        .try_call(Operation::Scan, json!({"TableName": "imported"}))
        .await
        .expect_err("a refusal");
    let runner = server.runner_of(server.other_engine().await);
    let ended = async {
        while describe(&server, &arn).await["ImportStatus"] == "IN_PROGRESS" {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = runner.run() => unreachable!("it runs for ever"),
        () = ended => {}
    }
    assert_eq!(server.items("imported", None).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_become_a_table_though_it_is_interrupted() {
    let server = Server::new().await;
    let mut expected = 0;
    for object in 0..5 {
        let mut text = String::new();
        for number in 0..2000 {
            text.push_str(&row(object * 2000 + number));
            expected += 1;
            // Some rows are none, some are refused: a key of another type, and no key.
            if number % 500 == 77 {
                text.push_str(
                    "{\"Item\":{\"pk\":{\"N\":\"1\"}}}\nno JSON\n{\"Item\":{\"x\":{\"S\":\"y\"}}}\n",
                );
            }
        }
        server
            .directory
            .write(&format!("s3/source/rows-{object}.json"), text);
    }
    server.directory.write("s3/source/other.json", "not looked at");
    let arn = begin(&server, request("imported", json!({}))).await;
    // Nobody sees the table before it is whole.
    let described = server
        .call(Operation::DescribeTable, json!({"TableName": "imported"}))
        .await;
    assert_eq!(described["Table"]["TableStatus"], "CREATING");
    let scan = server
        .try_call(Operation::Scan, json!({"TableName": "imported"}))
        .await;
    assert_eq!(scan.expect_err("a refusal").0, "ResourceNotFoundException");
    for round in 0..10 {
        let runner = server.runner();
        let run = tokio::time::timeout(Duration::from_millis(1 + round * 3), runner.run());
        run.await.expect_err("it runs for ever");
    }
    let described = wait(&server, &arn).await;
    assert_eq!(described["ImportStatus"], "COMPLETED", "{described}");
    assert_eq!(described["ImportedItemCount"], expected);
    assert_eq!(described["ErrorCount"], 5 * 4 * 3);
    assert_eq!(described["ProcessedItemCount"], expected + 5 * 4 * 3);
    let items = server.items("imported", None).await;
    assert_eq!(items.len(), expected);
    assert_eq!(server.items("imported", Some("by-group")).await, items);
    let id = arn.rsplit('/').next().expect("an id");
    let log = server
        .directory
        .path()
        .join(format!("backups/import-errors/{id}.jsonl"));
    assert!(log.exists(), "{:?}", server.directory.files());
    server.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_rows_are_named() {
    let server = Server::new().await;
    server.directory.write(
        "s3/source/rows.csv",
        "pk,group,text\na,1,x\nb,none,y\n,2,z\nc,3,\n",
    );
    let options = json!({"InputFormat": "CSV", "InputFormatOptions": {"Csv": {"Delimiter": ","}}});
    let arn = begin(&server, request("imported", options)).await;
    let described = wait(&server, &arn).await;
    assert_eq!(described["ImportedItemCount"], 2, "{described}");
    assert_eq!(described["ErrorCount"], 2);
    assert_eq!(described["InputFormatOptions"]["Csv"]["Delimiter"], ",");
    let expected = [
        json!({"pk": {"S": "a"}, "group": {"N": "1"}, "text": {"S": "x"}}),
        json!({"pk": {"S": "c"}, "group": {"N": "3"}}),
    ];
    let mut found: Vec<Value> = server
        .items("imported", None)
        .await
        .iter()
        .map(|item| serde_json::from_str(item).unwrap())
        .collect();
    found.sort_by_key(|item| item["pk"]["S"].as_str().map(str::to_owned));
    assert_eq!(found, expected);
    let id = arn.rsplit('/').next().expect("an id");
    let log = server
        .directory
        .path()
        .join(format!("backups/import-errors/{id}.jsonl"));
    let log = fs::read_to_string(log).expect("a log");
    let rows: Vec<u64> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| line["itemS3Pointer"]["itemIndex"].as_u64().expect("a number"))
        .collect();
    assert_eq!(rows, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_nothing_fails_and_leaves_no_table() {
    let server = Server::new().await;
    let arn = begin(&server, request("imported", json!({}))).await;
    let described = wait(&server, &arn).await;
    assert_eq!(described["ImportStatus"], "FAILED", "{described}");
    let message = described["FailureMessage"].as_str().expect("a message");
    assert!(message.contains("source"), "{message}");
    server.wait_until_gone("imported").await;
    // It can be tried again under the same name.
    server.clock.advance_ms(1000);
    server.directory.write("s3/source/rows", row(1));
    let arn = begin(&server, request("imported", json!({}))).await;
    assert_eq!(wait(&server, &arn).await["ImportStatus"], "COMPLETED");
    let listed = server.call(Operation::ListImports, json!({"PageSize": 1})).await;
    let token = listed["NextToken"].clone();
    assert_eq!(
        listed["ImportSummaryList"][0]["ImportStatus"], "FAILED",
        "{listed}"
    );
    let listed = server
        .call(Operation::ListImports, json!({"PageSize": 1, "NextToken": token}))
        .await;
    assert_eq!(
        listed["ImportSummaryList"][0]["ImportArn"],
        arn.as_str(),
        "{listed}"
    );
    assert_eq!(listed.get("NextToken"), None);
    let refused = server
        .try_call(Operation::ImportTable, request("imported", json!({})))
        .await;
    assert_eq!(refused.expect_err("a refusal").0, "ResourceInUseException");
    server.check().await;
}
