//! ExecuteTransaction: all statements or none, why not, and what a token is good for.

use serde_json::{Value, json};

use crate::database::{Database, global, local, table_request};

fn transaction(statements: &[&str]) -> Value {
    let statements: Vec<Value> = statements.iter().map(|text| json!({"Statement": text})).collect();
    json!({"TransactStatements": statements})
}

fn with_items() -> Database {
    let database = Database::with_indexes("pk:S,g:S", &[global("idx", "g:S", "ALL")]);
    for (pk, n) in [("a", "1"), ("b", "2")] {
        database.put(json!({"pk": {"S": pk}, "n": {"N": n}}));
    }
    database
}

fn n(database: &Database, pk: &str) -> Value {
    database.item(json!({"pk": {"S": pk}}))["n"]["N"].clone()
}

/// The reasons for which a transaction is cancelled.
#[track_caller]
fn cancelled(database: &Database, statements: &[&str]) -> Value {
    let case = database.case("ExecuteTransaction", transaction(statements));
    let (name, _) = case.error();
    assert_eq!(name, "TransactionCanceledException", "{statements:?}");
    case.response().1["CancellationReasons"].clone()
}

#[test]
fn statements_write_together_or_not_at_all() {
    let database = with_items();
    database
        .case(
            "ExecuteTransaction",
            transaction(&[
                "INSERT INTO \"table\" VALUE {'pk': 'c', 'n': 3}",
                "UPDATE \"table\" SET n = n + 1 WHERE pk = 'a' AND n = 1",
                "EXISTS(SELECT * FROM \"table\" WHERE pk = 'b' AND n = 2)",
                "DELETE FROM \"table\" WHERE pk = 'none' AND n = 9",
            ]),
        )
        .gives(r#"{"Responses":[]}"#);
    assert_eq!((n(&database, "a"), n(&database, "c")), (json!("2"), json!("3")));
    let none = json!({"Code": "None"});
    let failed = json!({"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"});
    for (statement, reason) in [
        (
            "INSERT INTO \"table\" VALUE {'pk': 'a'}",
            json!({"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}),
        ),
        ("UPDATE \"table\" SET n = 1 WHERE pk = 'none'", failed.clone()),
        ("DELETE FROM \"table\" WHERE pk = 'a' AND n = 9", failed.clone()),
        (
            "EXISTS(SELECT * FROM \"table\" WHERE pk = 'a' AND n = 9)",
            failed.clone(),
        ),
        (
            "EXISTS(SELECT * FROM \"table\" WHERE pk = 'none' AND n <> 9)",
            failed.clone(),
        ),
        (
            "EXISTS(SELECT * FROM \"table\" WHERE pk = 'a' AND pk = 'b')",
            failed,
        ),
    ] {
        let reasons = cancelled(
            &database,
            &["UPDATE \"table\" SET n = 9 WHERE pk = 'b'", statement],
        );
        assert_eq!(reasons, json!([none, reason]), "{statement}");
        assert_eq!(n(&database, "b"), "2");
    }
    let message =
        "Transaction cancelled, please refer cancellation reasons for specific reasons [DuplicateItem]";
    database
        .case(
            "ExecuteTransaction",
            transaction(&["INSERT INTO \"table\" VALUE {'pk': 'a'}"]),
        )
        .fails("TransactionCanceledException", message);
}

#[test]
fn statements_read_one_moment() {
    let database = with_items();
    database
        .case(
            "ExecuteTransaction",
            transaction(&[
                "SELECT n FROM \"table\" WHERE pk = 'b'",
                "SELECT * FROM \"table\" WHERE pk IN ['none']",
                "SELECT none FROM \"table\" WHERE pk = 'a' AND pk = 'a'",
            ]),
        )
        .gives(r#"{"Responses":[{"Item":{"n":{"N":"2"}}},{},{"Item":{}}]}"#);
}

#[test]
fn a_statement_that_is_no_good_fails_the_transaction() {
    let database = with_items();
    let good = "UPDATE \"table\" SET n = 9 WHERE pk = 'b'";
    let key_rule =
        "Select statements within ExecuteTransaction must specify the primary key in the where clause.";
    let shape = "EXISTS() must contain a single item read with additional condition";
    for (statement, message) in [
        (
            "DELETE",
            "Statement wasn't well formed, can't be processed: Expected FROM after DELETE",
        ),
        (
            "UPDATE \"table\" SET n = 1 WHERE pk = 'a' RETURNING ALL NEW *",
            "RETURNING clause is not supported in ExecuteTransaction.",
        ),
        (
            "DELETE FROM \"table\".idx WHERE pk = 'a'",
            "This operation is not supported on an index",
        ),
        ("EXISTS(SELECT * FROM \"table\" WHERE pk = 'a')", shape),
        (
            "EXISTS(SELECT * FROM \"table\" WHERE pk IN ['a'] AND n = 1)",
            shape,
        ),
        ("EXISTS(SELECT * FROM \"table\" WHERE n = 1)", shape),
        (
            "UPDATE \"table\" SET n = n + 'x' WHERE pk = 'a'",
            "Incorrect operand type for operator or function; operator or function: +, operand type: S",
        ),
        (
            "DELETE FROM \"table\"",
            "Where clause does not contain a mandatory equality on all key attributes",
        ),
    ] {
        database
            .case("ExecuteTransaction", transaction(&[good, statement]))
            .is_refused(&format!("Validation failed in TransactStatements[1]: {message}"));
    }
    for (statement, message) in [
        (
            "SELECT * FROM \"table\".idx WHERE g = 'g'",
            "Reads on indices are not supported within transactions.",
        ),
        ("SELECT * FROM \"table\" WHERE n = 1", key_rule),
        ("SELECT * FROM \"table\" WHERE pk = 'a' AND n = 1", key_rule),
        ("SELECT * FROM \"table\" WHERE pk = 'a' AND pk = 'b'", key_rule),
    ] {
        database
            .case("ExecuteTransaction", transaction(&[statement]))
            .is_refused(&format!("Validation failed in TransactStatements[0]: {message}"));
    }
    assert_eq!(n(&database, "b"), "2");
}

#[test]
fn a_transaction_as_a_whole_is_refused() {
    let database = with_items();
    let update = "UPDATE \"table\" SET n = 9 WHERE pk = 'b'";
    let twice = "Transaction request cannot include multiple operations on one item";
    let mixed = "ExecuteTransaction API does not support both read and write operations in the same request.";
    database.refuses(
        "ExecuteTransaction",
        &[
            (
                transaction(&[update, "SELECT * FROM \"table\" WHERE pk = 'a'"]),
                mixed,
            ),
            (
                transaction(&[update, "DELETE FROM \"table\" WHERE pk = 'b'"]),
                twice,
            ),
            (
                transaction(&[
                    "SELECT * FROM \"table\" WHERE pk = 'b'",
                    "SELECT n FROM \"table\" WHERE pk = 'b'",
                ]),
                twice,
            ),
            (
                json!({"TransactStatements": [
                    {"Statement": update},
                    {"Statement": "DELETE FROM \"table\" WHERE pk = ?", "Parameters": [{"N": "x"}]},
                ]}),
                "The parameter cannot be converted to a numeric value: x",
            ),
            (
                transaction(&[]),
                "1 validation error detected: Value '[]' at 'transactStatements' failed to satisfy constraint: Member \
                 must have length greater than or equal to 1",
            ),
        ],
    );
    let (name, message) = database
        .case("ExecuteTransaction", transaction(&vec![update; 101]))
        .error();
    assert_eq!(name, "ValidationException");
    assert!(
        message.ends_with("Member must have length less than or equal to 100"),
        "{message}"
    );
    assert_eq!(n(&database, "b"), "2");
}

#[test]
fn keys_and_tables_that_do_not_fit_cancel() {
    let database = with_items();
    database.create(table_request("pair", "pk:S sk:S", &[]));
    let none = json!({"Code": "None"});
    let mismatch =
        json!({"Code": "ValidationError", "Message": "The provided key element does not match the schema"});
    let good = "UPDATE \"table\" SET n = 9 WHERE pk = 'b'";
    for statement in [
        "DELETE FROM pair WHERE pk = 'a'",
        "DELETE FROM pair WHERE pk = 'a' AND sk IN ['b']",
        "DELETE FROM pair WHERE pk = 'a' AND sk = 'b' AND sk = 'c'",
        "UPDATE pair SET n = 1 WHERE pk = 1 AND sk = 'b'",
    ] {
        assert_eq!(
            cancelled(&database, &[good, statement]),
            json!([none, mismatch]),
            "{statement}"
        );
    }
    assert_eq!(
        cancelled(&database, &["SELECT * FROM \"table\" WHERE pk = 1"]),
        json!([mismatch])
    );
    let missing_key = "One or more parameter values were invalid: Missing the key sk in the item";
    assert_eq!(
        cancelled(&database, &[good, "INSERT INTO pair VALUE {'pk': 'a'}"]),
        json!([none, {"Code": "ValidationError", "Message": missing_key}])
    );
    // A wrong key is found before two operations on one item are.
    assert_eq!(
        cancelled(&database, &[good, good, "DELETE FROM pair WHERE pk = 'a'"]),
        json!([none, none, mismatch])
    );
    let missing = json!({"Code": "ResourceNotFound", "Message": "Requested resource not found"});
    assert_eq!(
        cancelled(
            &database,
            &[good, "DELETE FROM absent WHERE pk = 'a' RETURNING ALL OLD *"]
        ),
        json!([none, missing])
    );
    database
        .case(
            "ExecuteTransaction",
            transaction(&[
                "DELETE FROM absent WHERE pk = 'a'",
                "DELETE FROM \"table\" WHERE pk = 'a' RETURNING ALL OLD *",
            ]),
        )
        .is_refused(
            "Validation failed in TransactStatements[1]: RETURNING clause is not supported in ExecuteTransaction.",
        );
    assert_eq!(n(&database, "b"), "2");
}

#[test]
fn a_token_makes_a_repeat_do_nothing() {
    let database = with_items();
    let request = |statement: &str, parameter: &str| {
        json!({
            "TransactStatements": [{"Statement": statement, "Parameters": [{"N": parameter}]}],
            "ClientRequestToken": "token", "ReturnConsumedCapacity": "TOTAL",
        })
    };
    let add = "UPDATE \"table\" SET n = n + ? WHERE pk = 'a'";
    database
        .case("ExecuteTransaction", request(add, "1"))
        .gives(r#"{"Responses":[],"ConsumedCapacity":[{"TableName":"table","CapacityUnits":2,"WriteCapacityUnits":2}]}"#);
    database
        .case("ExecuteTransaction", request(add, "1"))
        .gives(r#"{"Responses":[],"ConsumedCapacity":[{"TableName":"table","CapacityUnits":2,"ReadCapacityUnits":2}]}"#);
    assert_eq!(n(&database, "a"), "2");
    for (statement, parameter) in [(add, "2"), ("UPDATE \"table\" SET n = n + ? WHERE pk = 'b'", "1")] {
        let (name, _) = database
            .case("ExecuteTransaction", request(statement, parameter))
            .error();
        assert_eq!(name, "IdempotentParameterMismatchException");
    }
    // The same token of TransactWriteItems is another one.
    let delete = json!({"Delete": {"TableName": "table", "Key": {"pk": {"S": "b"}}}});
    database
        .case(
            "TransactWriteItems",
            json!({"TransactItems": [delete], "ClientRequestToken": "token"}),
        )
        .gives("{}");
    database.wait_ms(10 * 60 * 1000);
    database.case("ExecuteTransaction", request(add, "1")).succeeds();
    assert_eq!(n(&database, "a"), "3");
}

#[test]
fn a_transaction_of_statements_costs_double_in_its_table() {
    let indexes = [
        global("gsi", "g:S", "INCLUDE proj"),
        local("lsi", "pk:S l:S", "ALL"),
    ];
    let database = Database::with_indexes("pk:S sk:S,g:S,l:S", &indexes);
    let capacity = |statements: &[&str], wanted: &str| {
        let mut request = transaction(statements);
        request["ReturnConsumedCapacity"] = json!(wanted);
        database.case("ExecuteTransaction", request).answer()["ConsumedCapacity"].clone()
    };
    let units = |units: f64| json!({"CapacityUnits": units, "WriteCapacityUnits": units});
    let insert = "INSERT INTO \"table\" VALUE {'pk': 'a', 'sk': '1', 'g': 'g', 'l': 'l'}";
    assert_eq!(
        capacity(&[insert], "INDEXES"),
        json!([{
            "TableName": "table", "CapacityUnits": 4.0, "WriteCapacityUnits": 4.0, "Table": units(2.0),
            "GlobalSecondaryIndexes": {"gsi": units(1.0)}, "LocalSecondaryIndexes": {"lsi": units(1.0)},
        }])
    );
    let exists = "EXISTS(SELECT * FROM \"table\" WHERE pk = 'a' AND sk = '1' AND g = 'g')";
    assert_eq!(
        capacity(&[exists], "TOTAL"),
        json!([{"TableName": "table", "CapacityUnits": 2.0, "WriteCapacityUnits": 2.0}])
    );
    let reads = [
        "SELECT * FROM \"table\" WHERE pk = 'a' AND sk = '1'",
        "SELECT * FROM \"table\" WHERE pk = 'a' AND sk = 'none'",
    ];
    assert_eq!(
        capacity(&reads, "TOTAL"),
        json!([{"TableName": "table", "CapacityUnits": 4.0, "ReadCapacityUnits": 4.0}])
    );
    assert_eq!(capacity(&reads, "NONE"), json!(null));
}
