//! INSERT, UPDATE and DELETE: which item they write, under which condition, and what they answer.

use serde_json::{Value, json};

use crate::database::{Database, global, local};

const TABLE: &str = "\"table\"";

fn with_item() -> Database {
    let database = Database::with_table("pk:S");
    database.execute(
        "INSERT INTO \"table\" VALUE {'pk': 'a', 'n': 1, 's': 'text', 'l': [1, 2], 'm': {'k': 1}, 'set': <<'x', 'y'>>}",
    );
    database
}

#[test]
fn an_insert_stores_its_item_once() {
    let database = Database::with_table("pk:S");
    database.execute(
        "INSERT INTO \"table\" VALUE {'pk': 'a', 'n': -0, 'd': 2.50, 'e': .73e1, 'b': true, 'z': null, 't': 'it''s', \
         'l': [1, [], {}], 'm': {'k': <<1, 2>>, 'K': 'v'}, 'ss': <<'b', 'a'>>}",
    );
    let item = json!({
        "pk": {"S": "a"}, "n": {"N": "0"}, "d": {"N": "2.5"}, "e": {"N": "7.3"}, "b": {"BOOL": true},
        "z": {"NULL": true}, "t": {"S": "it's"}, "l": {"L": [{"N": "1"}, {"L": []}, {"M": {}}]},
        "m": {"M": {"k": {"NS": ["1", "2"]}, "K": {"S": "v"}}}, "ss": {"SS": ["a", "b"]},
    });
    database.holds(json!([item]));
    database
        .statement("INSERT INTO \"table\" VALUE {'pk': 'a'}")
        .fails("DuplicateItemException", "Duplicate primary key exists in table");
    database.holds(json!([item]));
    database.execute("DELETE FROM \"table\" WHERE pk = 'a'");
    database.execute("INSERT INTO \"table\" VALUE {'pk': 'a'}");
}

#[test]
fn an_insert_must_have_the_key() {
    let database = Database::with_indexes("pk:S sk:N,g:S", &[global("idx", "g:S", "ALL")]);
    database.refuses_statements(&[
        (
            "INSERT INTO \"table\" VALUE {'pk': 'a'}",
            "Key attribute should be present in the item: Key sk",
        ),
        (
            "INSERT INTO \"table\" VALUE {'pk': 1, 'sk': 1}",
            "Key attribute's data type should match its data type in table's schema: Key pk",
        ),
        (
            "INSERT INTO \"table\" VALUE {'pk': '', 'sk': 1}",
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty \
             string value. Key: pk",
        ),
        (
            "INSERT INTO \"table\" VALUE {'pk': 'a', 'sk': 1, 'g': 1}",
            "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N IndexName: idx",
        ),
        (
            "INSERT INTO \"table\".idx VALUE {'pk': 'a', 'sk': 1}",
            "FROM clause may only contain a single table name in data manipulation statements",
        ),
    ]);
    database.holds(json!([]));
}

#[test]
fn an_update_changes_the_item_that_is_there() {
    let database = with_item();
    for (changes, name, expected) in [
        ("SET n = n + 1", "n", json!({"N": "2"})),
        ("SET n=n-1", "n", json!({"N": "1"})),
        ("SET n = (n + 1) - -2 + m.k", "n", json!({"N": "5"})),
        ("SET m.k = n", "m", json!({"M": {"k": {"N": "5"}}})),
        (
            "SET l[0] = 'x', l[9] = 'y'",
            "l",
            json!({"L": [{"S": "x"}, {"N": "2"}, {"S": "y"}]}),
        ),
        ("REMOVE l[0] REMOVE l[1]", "l", json!({"L": [{"S": "y"}]})),
        (
            "SET l = list_append(l, [1]) REMOVE s",
            "l",
            json!({"L": [{"S": "y"}, {"N": "1"}]}),
        ),
        (
            "SET l = LIST_APPEND(['z'], l)",
            "l",
            json!({"L": [{"S": "z"}, {"S": "y"}, {"N": "1"}]}),
        ),
        (
            "SET \"set\" = set_add(\"set\", <<'z', 'x'>>)",
            "set",
            json!({"SS": ["x", "y", "z"]}),
        ),
        (
            "SET \"set\" = set_delete(\"set\", <<'z', 'w'>>)",
            "set",
            json!({"SS": ["x", "y"]}),
        ),
        (
            "SET \"set\" = SET_DELETE(\"set\", <<'x', 'y'>>)",
            "set",
            json!(null),
        ),
        (
            "SET \"set\" = set_add(\"set\", <<1>>) SET n = 7",
            "set",
            json!({"NS": ["1"]}),
        ),
        ("SET none = set_delete(none, <<1>>)", "none", json!(null)),
        ("SET s = 'it''s'", "s", json!({"S": "it's"})),
    ] {
        database.execute(&format!("UPDATE {TABLE} {changes} WHERE pk = 'a'"));
        assert_eq!(
            database.item(json!({"pk": {"S": "a"}}))[name],
            expected,
            "{changes}"
        );
    }
    database.execute("FROM \"table\" WHERE pk = 'a' SET n = 8 REMOVE s");
    assert_eq!(database.item(json!({"pk": {"S": "a"}}))["n"], json!({"N": "8"}));
}

#[test]
fn updates_that_do_not_fit_the_item_are_refused() {
    let database = with_item();
    let operand = "An operand in the update expression has an incorrect data type";
    let missing = "The provided expression refers to an attribute that does not exist in the item";
    for (changes, message) in [
        ("SET n = s + 1", operand),
        ("SET n = none + 1", missing),
        ("SET l = list_append(none, [1])", missing),
        ("SET \"set\" = set_add(\"set\", <<1>>)", operand),
        ("SET n = set_add(n, <<1>>)", operand),
        (
            "SET none.x = 1",
            "The document path provided in the update expression is invalid for update",
        ),
        (
            "SET pk = 'b'",
            "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key",
        ),
    ] {
        database
            .statement(&format!("UPDATE {TABLE} {changes} WHERE pk = 'a'"))
            .is_refused(message);
    }
    assert_eq!(database.item(json!({"pk": {"S": "a"}}))["n"], json!({"N": "1"}));
}

#[test]
fn a_path_must_not_make_an_item_too_deep() {
    let database = with_item();
    let deep = format!("{}1{}", "[".repeat(31), "]".repeat(31));
    database.execute(&format!("UPDATE {TABLE} SET d = {deep} WHERE pk = 'a'"));
    let message = "Nesting Levels have exceeded supported limits";
    database
        .statement(&format!("UPDATE {TABLE} SET m.k = {deep} WHERE pk = 'a'"))
        .is_refused(message);
    let statement = format!("UPDATE {TABLE} SET m.k = {deep} WHERE pk = 'a'");
    let batch = json!({"Statements": [{"Statement": statement}]});
    database.case("BatchExecuteStatement", batch).gives_at(
        "/Responses",
        json!([{"TableName": "table", "Error": {"Code": "ValidationError", "Message": message}}]),
    );
    let transaction = json!({"TransactStatements": [{"Statement": statement}]});
    let (_, body) = database.case("ExecuteTransaction", transaction).response();
    assert_eq!(
        body["CancellationReasons"],
        json!([{"Code": "ValidationError", "Message": message}])
    );
}

#[test]
fn writes_name_the_whole_key() {
    let database = Database::with_indexes("pk:S sk:S,g:S", &[global("idx", "g:S", "ALL")]);
    database.put(json!({"pk": {"S": "a"}, "sk": {"S": "1"}, "g": {"S": "g"}}));
    let no_key = "Where clause does not contain a mandatory equality on all key attributes";
    for (condition, message) in [
        ("", no_key),
        ("WHERE pk = 'a'", no_key),
        ("WHERE sk = '1' AND n = 1", no_key),
        ("WHERE pk = 'a' AND sk > '0'", no_key),
        ("WHERE pk = 'a' AND sk IN ['1']", no_key),
        ("WHERE pk = 'a' AND (sk = '1' OR n = 1)", no_key),
        ("WHERE NOT pk = 'a' AND sk = '1'", no_key),
        (
            "WHERE pk = 'a' AND sk = '1' AND pk = 'b'",
            "Multiple conditions on same key pk. Only single item Update/Insert/Delete are supported",
        ),
        (
            "WHERE pk = 'a' AND sk = 1",
            "Key attribute's data type should match its data type in table's schema: Key sk",
        ),
    ] {
        for start in ["UPDATE \"table\" SET n = 1", "DELETE FROM \"table\""] {
            database
                .statement(&format!("{start} {condition}"))
                .is_refused(message);
        }
    }
    for statement in [
        "UPDATE \"table\".idx SET n = 1 WHERE pk = 'a' AND sk = '1'",
        "DELETE FROM \"table\".idx WHERE pk = 'a' AND sk = '1'",
    ] {
        database
            .statement(statement)
            .is_refused("This operation is not supported on an index");
    }
    database.execute("UPDATE \"table\" SET n = 1 WHERE (pk = 'a' AND sk = '1') AND pk = 'a'");
    database.execute("DELETE FROM \"table\" WHERE '1' = sk AND pk = 'a' AND n = 1");
    database.holds(json!([]));
}

#[test]
fn an_update_needs_its_item_and_a_delete_does_not() {
    let database = with_item();
    let failed = |statement: &str| {
        database.statement(statement).fails(
            "ConditionalCheckFailedException",
            "The conditional request failed",
        );
    };
    failed("UPDATE \"table\" SET n = 1 WHERE pk = 'missing'");
    failed("UPDATE \"table\" SET n = 1 WHERE pk = 'missing' AND attribute_not_exists(pk)");
    failed("UPDATE \"table\" SET n = 2 WHERE pk = 'a' AND n > 1");
    failed("DELETE FROM \"table\" WHERE pk = 'a' AND NOT begins_with(s, 'te')");
    database.execute("DELETE FROM \"table\" WHERE pk = 'missing'");
    database.execute("DELETE FROM \"table\" WHERE pk = 'missing' AND n = 5");
    assert_eq!(database.item(json!({"pk": {"S": "a"}}))["n"], json!({"N": "1"}));
    database.execute("DELETE FROM \"table\" WHERE pk = 'a' AND n = 1");
    database.holds(json!([]));
}

#[test]
fn a_failed_condition_answers_with_the_item_when_asked() {
    let database = Database::with_table("pk:S");
    database.execute("INSERT INTO \"table\" VALUE {'pk': 'a', 'n': 1}");
    for statement in [
        "UPDATE \"table\" SET n = 2 WHERE pk = 'a' AND n = 5",
        "DELETE FROM \"table\" WHERE pk = 'a' AND n = 5",
    ] {
        let request = json!({"Statement": statement, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"});
        let (_, body) = database.case("ExecuteStatement", request).response();
        assert_eq!(body["Item"], json!({"pk": {"S": "a"}, "n": {"N": "1"}}));
        let (_, body) = database.statement(statement).response();
        assert_eq!(body.get("Item"), None);
    }
}

#[test]
fn returning_names_an_image() {
    let database = Database::with_table("pk:S");
    let update = |returning: &str, n: i64| {
        database.execute("DELETE FROM \"table\" WHERE pk = 'a'");
        database.execute("INSERT INTO \"table\" VALUE {'pk': 'a', 'n': 1, 'm': {'x': 1, 'y': 2}}");
        let statement =
            format!("UPDATE \"table\" SET n = {n}, m.x = 3 WHERE pk = 'a' RETURNING {returning} *");
        database.statement(&statement).answer()["Items"].clone()
    };
    let m = |x: &str| json!({"M": {"x": {"N": x}, "y": {"N": "2"}}});
    assert_eq!(
        update("ALL OLD", 2),
        json!([{"pk": {"S": "a"}, "n": {"N": "1"}, "m": m("1")}])
    );
    assert_eq!(
        update("ALL NEW", 2),
        json!([{"pk": {"S": "a"}, "n": {"N": "2"}, "m": m("3")}])
    );
    assert_eq!(
        update("MODIFIED OLD", 2),
        json!([{"n": {"N": "1"}, "m": {"M": {"x": {"N": "1"}}}}])
    );
    assert_eq!(
        update("modified new", 2),
        json!([{"n": {"N": "2"}, "m": {"M": {"x": {"N": "3"}}}}])
    );
    database
        .statement("UPDATE \"table\" REMOVE n WHERE pk = 'a' RETURNING MODIFIED NEW *")
        .gives(r#"{"Items":[]}"#);
    database
        .statement("DELETE FROM \"table\" WHERE pk = 'a' RETURNING ALL OLD *")
        .gives_at("/Items", json!([{"pk": {"S": "a"}, "m": m("3")}]));
    database
        .statement("DELETE FROM \"table\" WHERE pk = 'a' RETURNING ALL OLD *")
        .gives(r#"{"Items":[]}"#);
}

#[test]
fn items_are_as_large_as_others() {
    let database = Database::with_table("pk:S");
    let text = |bytes: usize| json!([{"S": "x".repeat(bytes)}]);
    // The key and the names count: `pk`, `a` and `t`.
    let room = 409_600 - 4;
    let insert = "INSERT INTO \"table\" VALUE {'pk': 'a', 't': ?}";
    database
        .statement_with(insert, text(room + 1))
        .is_refused("Item size has exceeded the maximum allowed size");
    database.statement_with(insert, text(room)).succeeds();
    let update = "UPDATE \"table\" SET t = ? WHERE pk = 'a'";
    database
        .statement_with(update, text(room + 1))
        .is_refused("Item size to update has exceeded the maximum allowed size");
    database.statement_with(update, text(room)).succeeds();
}

#[test]
fn a_write_costs_what_it_costs_elsewhere() {
    let indexes = [
        global("gsi", "g:S", "INCLUDE proj"),
        local("lsi", "pk:S l:S", "ALL"),
    ];
    let database = Database::with_indexes("pk:S sk:S,g:S,l:S", &indexes);
    let cost = |statement: &str| {
        let request = json!({"Statement": statement, "ReturnConsumedCapacity": "INDEXES"});
        let capacity = database.case("ExecuteStatement", request).answer()["ConsumedCapacity"].clone();
        let units = |value: &Value| value["CapacityUnits"].as_f64().unwrap_or(0.0);
        (
            units(&capacity),
            units(&capacity["Table"]),
            units(&capacity["GlobalSecondaryIndexes"]["gsi"]),
            units(&capacity["LocalSecondaryIndexes"]["lsi"]),
        )
    };
    let at = "WHERE pk = 'a' AND sk = '1'";
    let insert =
        "INSERT INTO \"table\" VALUE {'pk': 'a', 'sk': '1', 'g': 'g', 'l': 'l', 'proj': 'p', 'other': 'o'}";
    assert_eq!(cost(insert), (3.0, 1.0, 1.0, 1.0));
    assert_eq!(
        cost(&format!("UPDATE \"table\" SET other = 'x' {at}")),
        (2.0, 1.0, 0.0, 1.0)
    );
    assert_eq!(
        cost(&format!("UPDATE \"table\" SET g = 'h' {at}")),
        (4.0, 1.0, 2.0, 1.0)
    );
    assert_eq!(cost(&format!("DELETE FROM \"table\" {at}")), (3.0, 1.0, 1.0, 1.0));
    assert_eq!(cost(&format!("DELETE FROM \"table\" {at}")), (1.0, 1.0, 0.0, 0.0));
}
