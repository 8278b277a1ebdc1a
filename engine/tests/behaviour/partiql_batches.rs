//! BatchExecuteStatement: statements on one item each, each for itself.

use serde_json::{Value, json};

use crate::database::{Database, global, table_request};

fn batch(statements: &[&str]) -> Value {
    let statements: Vec<Value> = statements.iter().map(|text| json!({"Statement": text})).collect();
    json!({"Statements": statements})
}

fn with_items() -> Database {
    let database = Database::with_indexes("pk:S sk:S,g:S", &[global("idx", "g:S", "ALL")]);
    for sk in ["1", "2"] {
        database.put(json!({"pk": {"S": "a"}, "sk": {"S": sk}, "g": {"S": "g"}, "n": {"N": sk}}));
    }
    database
}

fn error(code: &str, message: &str) -> Value {
    json!({"Error": {"Code": code, "Message": message}})
}

fn error_of_table(code: &str, message: &str) -> Value {
    json!({"Error": {"Code": code, "Message": message}, "TableName": "table"})
}

#[test]
fn each_read_answers_for_itself() {
    let database = with_items();
    let key_rule = error(
        "ValidationError",
        "Select statements within BatchExecuteStatement must specify the primary key in the where clause.",
    );
    let table = "SELECT n FROM \"table\" WHERE";
    let cases = [
        (
            format!("{table} pk = 'a' AND sk = '1'"),
            json!({"TableName": "table", "Item": {"n": {"N": "1"}}}),
        ),
        (
            format!("{table} pk IN ['a'] AND sk = '2' AND pk = 'a'"),
            json!({"TableName": "table", "Item": {"n": {"N": "2"}}}),
        ),
        (
            format!("{table} pk = 'none' AND sk = '1'"),
            json!({"TableName": "table"}),
        ),
        (format!("{table} pk = 'a'"), key_rule.clone()),
        (
            format!("{table} pk = 'a' AND sk = '3' AND n = 1"),
            key_rule.clone(),
        ),
        (format!("{table} pk = 'a' AND sk > '3'"), key_rule.clone()),
        (
            format!("{table} pk = 'a' AND sk = '3' AND sk = '4'"),
            key_rule.clone(),
        ),
        (format!("{table} pk IN ['a', 'b'] AND sk = '3'"), key_rule.clone()),
        ("SELECT * FROM \"table\"".to_owned(), key_rule.clone()),
        (
            "SELECT * FROM \"table\".idx WHERE g = 'g' AND pk = 'a' AND sk = '1'".to_owned(),
            key_rule,
        ),
        (
            "SELECT * FROM \"table\".none WHERE pk = 'a'".to_owned(),
            error("ValidationError", "The table does not have the specified index"),
        ),
        (
            "SELECT * FROM absent WHERE pk = 'a'".to_owned(),
            error("ResourceNotFound", "Requested resource not found"),
        ),
        (
            "SLECT * FROM \"table\"".to_owned(),
            error(
                "ValidationError",
                "Statement wasn't well formed, can't be processed: Expected data manipulation",
            ),
        ),
        (
            "EXISTS(SELECT * FROM \"table\" WHERE pk = 'a' AND sk = '1' AND n = 1)".to_owned(),
            error(
                "ValidationError",
                "EXISTS can only be used in ExecuteTransaction write requests.",
            ),
        ),
        (
            format!("{table} pk = ? AND sk = ?"),
            error(
                "ValidationError",
                "Number of parameters in request and statement don't match.",
            ),
        ),
    ];
    let statements: Vec<&str> = cases.iter().map(|(statement, _)| statement.as_str()).collect();
    let expected: Vec<&Value> = cases.iter().map(|(_, response)| response).collect();
    database
        .case("BatchExecuteStatement", batch(&statements))
        .gives(json!({"Responses": expected}));
}

#[test]
fn each_write_answers_for_itself() {
    let database = with_items();
    let cases = [
        (
            "INSERT INTO \"table\" VALUE {'pk': 'b', 'sk': '1'}",
            json!({"TableName": "table"}),
        ),
        (
            "INSERT INTO \"table\" VALUE {'pk': 'a', 'sk': '1'}",
            error_of_table("DuplicateItem", "Duplicate primary key exists in table"),
        ),
        (
            "UPDATE \"table\" SET n = 5 WHERE pk = 'a' AND sk = '2' RETURNING MODIFIED NEW *",
            json!({"TableName": "table", "Item": {"n": {"N": "5"}}}),
        ),
        (
            "UPDATE \"table\" SET n = 5 WHERE pk = 'c' AND sk = '2'",
            error_of_table("ConditionalCheckFailed", "The conditional request failed"),
        ),
        (
            "DELETE FROM \"table\" WHERE pk = 'd' AND sk = '2' RETURNING ALL OLD *",
            json!({"TableName": "table"}),
        ),
        (
            "DELETE FROM \"table\" WHERE pk = 'a'",
            error(
                "ValidationError",
                "Where clause does not contain a mandatory equality on all key attributes",
            ),
        ),
        (
            "DELETE FROM \"table\" WHERE pk = 'e' AND sk = '1' RETURNING MODIFIED OLD *",
            error(
                "ValidationError",
                "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE \
                 statements.",
            ),
        ),
    ];
    let statements: Vec<&str> = cases.iter().map(|(statement, _)| *statement).collect();
    let expected: Vec<&Value> = cases.iter().map(|(_, response)| response).collect();
    let mut request = batch(&statements);
    // It has no effect here.
    for statement in request["Statements"].as_array_mut().unwrap() {
        statement["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    }
    database
        .case("BatchExecuteStatement", request)
        .gives(json!({"Responses": expected}));
    database.holds(json!([
        {"pk": {"S": "a"}, "sk": {"S": "1"}, "g": {"S": "g"}, "n": {"N": "1"}},
        {"pk": {"S": "a"}, "sk": {"S": "2"}, "g": {"S": "g"}, "n": {"N": "5"}},
        {"pk": {"S": "b"}, "sk": {"S": "1"}},
    ]));
}

#[test]
fn a_batch_as_a_whole_is_refused() {
    let database = with_items();
    let read = "SELECT * FROM \"table\" WHERE pk = 'a' AND sk = '1'";
    let write = "DELETE FROM \"table\" WHERE pk = 'a' AND sk = '1'";
    let many = vec![read; 26];
    database.refuses(
        "BatchExecuteStatement",
        &[
            (
                batch(&[]),
                "1 validation error detected: Value '[]' at 'statements' failed to satisfy constraint: Member must have \
                 length greater than or equal to 1",
            ),
            (
                batch(&[read, "DELETE FROM \"table\" WHERE pk = 'a'"]),
                "Read and write requests together in the same batch is not supported.",
            ),
            (batch(&[read, read]), "Provided list of item keys contains duplicates"),
            (
                batch(&[write, "UPDATE \"table\" SET n = 1 WHERE sk = '1' AND pk = 'a'"]),
                "Provided list of item keys contains duplicates",
            ),
        ],
    );
    let (name, message) = database.case("BatchExecuteStatement", batch(&many)).error();
    assert_eq!(name, "ValidationException");
    assert!(
        message.ends_with("Member must have length less than or equal to 25"),
        "{message}"
    );
    // What can't be parsed is neither a read nor a write.
    database
        .case("BatchExecuteStatement", batch(&[read, "DELETE"]))
        .succeeds();
    let items = database.case("Scan", r#"{"TableName":"table"}"#).answer();
    assert_eq!(items["Count"], 2);
}

#[test]
fn parameters_are_those_of_each_statement() {
    let database = with_items();
    let statement = "SELECT n FROM \"table\" WHERE pk = ? AND sk = ?";
    let request = json!({"Statements": [
        {"Statement": statement, "Parameters": [{"S": "a"}, {"S": "2"}]},
        {"Statement": statement, "Parameters": [{"S": "a"}, {"N": "x"}]},
    ]});
    let refused = error(
        "ValidationError",
        "The parameter cannot be converted to a numeric value: x",
    );
    database.case("BatchExecuteStatement", request).gives_at(
        "/Responses",
        json!([{"TableName": "table", "Item": {"n": {"N": "2"}}}, refused]),
    );
}

#[test]
fn a_batch_costs_what_its_statements_cost() {
    let database = with_items();
    database.create(table_request("other", "pk:S", &[]));
    let capacity = |mut request: Value| {
        request["ReturnConsumedCapacity"] = json!("INDEXES");
        let answer = database.case("BatchExecuteStatement", request).answer();
        answer["ConsumedCapacity"].clone()
    };
    let read = |sk: &str, consistent: bool| {
        let text = format!("SELECT * FROM \"table\" WHERE pk = 'a' AND sk = '{sk}'");
        json!({"Statement": text, "ConsistentRead": consistent})
    };
    assert_eq!(
        capacity(json!({"Statements": [read("1", true), read("2", false), read("3", false)]})),
        json!([{"TableName": "table", "CapacityUnits": 2.0, "Table": {"CapacityUnits": 2.0}}])
    );
    // A write that fails costs its table, where another one succeeds, but no part of it.
    let insert = "INSERT INTO \"table\" VALUE {'pk': 'b', 'sk': '1', 'g': 'g'}";
    let duplicate = "INSERT INTO \"table\" VALUE {'pk': 'a', 'sk': '1'}";
    let elsewhere = "UPDATE other SET n = 1 WHERE pk = 'none'";
    assert_eq!(
        capacity(batch(&[insert, duplicate, elsewhere])),
        json!([{
            "TableName": "table", "CapacityUnits": 3.0, "Table": {"CapacityUnits": 1.0},
            "GlobalSecondaryIndexes": {"idx": {"CapacityUnits": 1.0}},
        }])
    );
    assert_eq!(capacity(batch(&[duplicate])), json!(null));
}
