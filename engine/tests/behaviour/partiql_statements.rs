//! PartiQL statements before they reach an item: in which order they are looked at, and that bad
//! input changes nothing.

use serde_json::{Value, json};

use crate::database::Database;

const NOT_WELL_FORMED: &str = "Statement wasn't well formed, can't be processed: ";

#[test]
fn members_come_before_parameters_and_those_before_the_statement() {
    let database = Database::with_table("pk:S");
    let request = |statement: &str, parameters: Value, limit: i64| json!({"Statement": statement, "Parameters": parameters, "Limit": limit});
    let bad = json!([{"SS": ["a", "a"]}]);
    database.refuses(
        "ExecuteStatement",
        &[
            (
                request("SELECT", bad.clone(), 0),
                "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value \
                 greater than or equal to 1",
            ),
            (
                request("SELECT", bad, 1),
                "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
            ),
            (
                request("SELECT", json!([{"NULL": false}]), 1),
                "One or more parameter values were invalid: Null attribute value types must have the value of true",
            ),
            (
                request("SELECT", json!([{"SS": []}]), 1),
                "One or more parameter values were invalid: An string set  may not be empty",
            ),
            (
                request("SELECT * FROM absent WHERE pk = ?", json!([]), 1),
                "1 validation error detected: Value '[]' at 'parameters' failed to satisfy constraint: Member must have \
                 length greater than or equal to 1",
            ),
        ],
    );
}

#[test]
fn statements_are_checked_before_their_table_is_looked_up() {
    let database = Database::with_table("pk:S");
    database.refuses_statements(&[
        (
            "SELECT * FROM absent WHERE",
            &format!("{NOT_WELL_FORMED}Unexpected term"),
        ),
        (
            "SELECT * FROM absent WHERE a < true",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
        (
            "SELECT COUNT(*) FROM absent",
            "Unexpected path component at 1:8:5",
        ),
        (
            "SELECT * FROM absent.\"\"",
            "Path component cannot be an empty string",
        ),
    ]);
    for statement in [
        "SELECT * FROM absent",
        "SELECT * FROM absent.idx",
        "INSERT INTO absent VALUE {'pk': 'a'}",
        "DELETE FROM absent WHERE a = 1",
    ] {
        database
            .statement(statement)
            .fails("ResourceNotFoundException", "Requested resource not found");
    }
}

#[test]
fn a_statement_has_at_most_8192_characters() {
    let database = Database::with_table("pk:S");
    let statement = |length: usize| {
        let start = "SELECT * FROM table_ WHERE pk = '";
        format!("{start}{}'", "x".repeat(length - start.len() - 1))
    };
    database
        .statement(&statement(8192))
        .fails("ResourceNotFoundException", "Requested resource not found");
    for length in [8193, 3_000_000] {
        let (name, message) = database.statement(&statement(length)).error();
        assert_eq!(name, "ValidationException");
        assert!(
            message.ends_with(
                "at 'statement' failed to satisfy constraint: Member must have length less than or equal to 8192"
            ),
            "{length}"
        );
    }
    database.statement("").is_refused(
        "1 validation error detected: Value '' at 'statement' failed to satisfy constraint: Member must have length \
         greater than or equal to 1",
    );
}

#[test]
fn deep_statements_are_refused() {
    let database = Database::with_table("pk:S");
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("NOT ", ""),
        ("- ", ""),
        ("{'a':", "}"),
        ("size(", ")"),
    ] {
        for count in [300, 8000 / (open.len() + close.len())] {
            let nest = format!("{}1{}", open.repeat(count), close.repeat(count));
            for start in ["SELECT * FROM \"table\" WHERE ", "INSERT INTO \"table\" VALUE "] {
                let (name, _) = database.statement(&format!("{start}{nest}")).error();
                assert_eq!(name, "ValidationException");
            }
        }
    }
    database.holds(json!([]));
}

#[test]
fn what_stands_in_quotes_is_text() {
    let database = Database::with_table("pk:S");
    let hostile = [
        "a' OR 'a' = 'a",
        "'; DELETE FROM \"table\" WHERE pk = 'kept'; --",
        "/* */ -- ?",
        "\" \\ \u{0} \n é 𝄞",
        "''",
    ];
    database.execute("INSERT INTO \"table\" VALUE {'pk': 'kept'}");
    for text in hostile {
        let quoted = text.replace('\'', "''");
        database.execute(&format!(
            "INSERT INTO \"table\" VALUE {{'pk': '{quoted}', 'n': 1}}"
        ));
        let expected = json!([{"pk": {"S": text}, "n": {"N": "1"}}]);
        database
            .statement(&format!("SELECT * FROM \"table\" WHERE pk = '{quoted}'"))
            .gives_at("/Items", &expected);
        database
            .statement_with("SELECT * FROM \"table\" WHERE pk = ?", json!([{"S": text}]))
            .gives_at("/Items", &expected);
        // Without its quotes doubled it is another statement, or none; it never reaches other items.
        let _ = database
            .statement(&format!("DELETE FROM \"table\" WHERE pk = '{text}' AND n = 1"))
            .response();
        database
            .statement_with("DELETE FROM \"table\" WHERE pk = ?", json!([{"S": text}]))
            .gives(r#"{"Items":[]}"#);
    }
    database.holds(json!([{"pk": {"S": "kept"}}]));
}

#[test]
fn parameters_stand_for_values_in_their_order() {
    let database = Database::with_table("pk:S");
    let all = json!([{"S": "a"}, {"B": "AA=="}, {"L": [{"NULL": true}]}, {"NS": ["1", "2"]}]);
    database
        .statement_with(
            "INSERT INTO \"table\" VALUE {'pk': ?, 'b': ?, 'l': ?, 's': ?}",
            all,
        )
        .gives(r#"{"Items":[]}"#);
    database.holds(json!([
        {"pk": {"S": "a"}, "b": {"B": "AA=="}, "l": {"L": [{"NULL": true}]}, "s": {"NS": ["1", "2"]}}
    ]));
    let condition = "SELECT pk FROM \"table\" WHERE pk IN [?] AND b = ? AND contains(s, ?) AND s = ?";
    let values = json!([{"S": "a"}, {"B": "AA=="}, {"N": "2.0"}, {"NS": ["2", "1"]}]);
    database
        .statement_with(condition, values)
        .gives_at("/Items", r#"[{"pk":{"S":"a"}}]"#);
    // Too many are let be, too few are not.
    database
        .statement_with(
            "SELECT pk FROM \"table\" WHERE pk = ?",
            json!([{"S": "a"}, {"N": "1"}]),
        )
        .gives_at("/Items", r#"[{"pk":{"S":"a"}}]"#);
    database
        .statement("SELECT pk FROM \"table\" WHERE pk = ?")
        .is_refused("Number of parameters in request and statement don't match.");
}

#[test]
fn numbers_of_parameters_are_read_into_32_bits() {
    let database = Database::with_table("pk:S");
    let underflow =
        "Number underflow. Attempting to store a number with magnitude smaller than supported range";
    for (text, message) in [
        ("abc", "The parameter cannot be converted to a numeric value: abc"),
        ("", "The parameter cannot be converted to a numeric value"),
        (
            "1e2147483648",
            "The parameter cannot be converted to a numeric value: 1e2147483648",
        ),
        (
            "1e-2147483649",
            "The parameter cannot be converted to a numeric value: 1e-2147483649",
        ),
        ("1e2147483647", underflow),
        (
            "1e126",
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
    ] {
        for parameter in [
            json!({"N": text}),
            json!({"L": [{"N": text}]}),
            json!({"NS": [text]}),
        ] {
            database
                .statement_with("SELECT * FROM \"table\" WHERE pk = ?", json!([parameter]))
                .is_refused(message);
        }
    }
}

#[test]
fn a_statement_that_is_refused_changes_nothing() {
    let database = Database::with_table("pk:S");
    database.execute("INSERT INTO \"table\" VALUE {'pk': 'a', 'n': 1}");
    for statement in [
        "DELETE FROM \"table\"",
        "DELETE FROM \"table\" WHERE n = 1",
        "DELETE FROM \"table\" WHERE pk = 'a' ORDER BY pk",
        "DELETE FROM \"table\" WHERE pk = 'a' RETURNING ALL NEW *",
        "DELETE FROM \"table\" WHERE pk = 'a'; DELETE FROM \"table\" WHERE pk = 'b'",
        "DELETE FROM \"table\" WHERE pk IN ['a']",
        "DELETE FROM \"table\" WHERE pk = 'a' OR pk = 'b'",
        "UPDATE \"table\" SET n = 2",
        "UPDATE \"table\" SET pk = 'b' WHERE pk = 'a'",
        "UPDATE \"table\" SET n = 2 WHERE pk = 'a' RETURNING NEW",
        "INSERT INTO \"table\" VALUE {'pk': 'b'} foo",
        "INSERT INTO \"table\" VALUE <<{'pk': 'b'}, {'pk': 'c'}>>",
        "INSERT INTO \"table\" VALUE {'pk': 1}",
        "INSERT INTO \"table\" VALUE {'n': 1}",
        "EXISTS(SELECT * FROM \"table\" WHERE pk = 'a' AND n = 1)",
    ] {
        let (name, _) = database.statement(statement).error();
        assert_eq!(name, "ValidationException", "{statement}");
        database.holds(json!([{"pk": {"S": "a"}, "n": {"N": "1"}}]));
    }
}
