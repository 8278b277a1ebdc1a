//! What is refused in an expression before the table is looked up, and in which words.

use serde_json::{Value, json};

use crate::database::Database;

/// Asserts what a Scan of a table that does not exist says about a filter.
#[track_caller]
fn check_filter(filter: &str, values: Value, message: &str) {
    let mut request = json!({"TableName": "nowhere", "FilterExpression": filter});
    if values != json!({}) {
        request["ExpressionAttributeValues"] = values;
    }
    Database::empty()
        .case("Scan", request)
        .is_refused(&format!("Invalid FilterExpression: {message}"));
}

/// Asserts that a Scan with this filter is looked up.
#[track_caller]
fn check_accepted(filter: &str, values: Value) {
    let mut request = json!({"TableName": "nowhere", "FilterExpression": filter});
    if values != json!({}) {
        request["ExpressionAttributeValues"] = values;
    }
    Database::empty()
        .case("Scan", request)
        .fails("ResourceNotFoundException", "Requested resource not found");
}

#[track_caller]
fn check_projection(projection: &str, names: Value, message: &str) {
    let mut request =
        json!({"TableName": "table", "Key": {"pk": {"S": "a"}}, "ProjectionExpression": projection});
    if names != json!({}) {
        request["ExpressionAttributeNames"] = names;
    }
    Database::empty()
        .case("GetItem", request)
        .is_refused(&format!("Invalid ProjectionExpression: {message}"));
}

#[test]
fn a_syntax_error_shows_the_token_and_what_stands_around_it() {
    check_projection("!!! bad", json!({}), r#"Syntax error; token: "!", near: "!!""#);
    check_filter("a = = b", json!({}), r#"Syntax error; token: "=", near: "= = b""#);
    check_filter("a b c", json!({}), r#"Syntax error; token: "b", near: "a b c""#);
}

#[test]
fn the_end_of_an_expression_is_a_token() {
    check_filter(
        "attribute_not_exists(",
        json!({}),
        r#"Syntax error; token: "<EOF>", near: "(""#,
    );
    check_filter(
        "(a = :v",
        json!({":v": {"S": "a"}}),
        r#"Syntax error; token: "<EOF>", near: ":v""#,
    );
}

#[test]
fn an_empty_expression_is_refused_with_a_semicolon() {
    check_filter("", json!({}), "The expression can not be empty;");
    check_projection("", json!({}), "The expression can not be empty;");
    Database::empty()
        .case(
            "Query",
            json!({"TableName": "table", "KeyConditionExpression": ""}),
        )
        .is_refused("Invalid KeyConditionExpression: The expression can not be empty;");
}

#[test]
fn redundant_parentheses_are_refused() {
    let redundant = "The expression has redundant parentheses;";
    let values = || json!({":v": {"S": "a"}});
    check_filter("((a = :v))", values(), redundant);
    check_filter("((a)) = :v", values(), redundant);
    check_filter("((a = :v)) AND b = :v", values(), redundant);
    check_accepted("(a = :v)", values());
    check_accepted("((a = :v) AND b = :v)", values());
    check_accepted("(a) = (:v)", values());
    Database::empty()
        .case(
            "DeleteItem",
            json!({
                "TableName": "table", "Key": {"pk": {"S": "a"}}, "ConditionExpression": "((attribute_exists(a)))",
            }),
        )
        .is_refused("1 validation error detected: Invalid ConditionExpression: The expression has redundant parentheses;");
}

#[test]
fn an_operand_is_not_compared_with_itself() {
    let same = |operator: &str, path: &str| {
        format!(
            "The first operand must be distinct from the remaining operands for this operator or function; operator: \
             {operator}, first operand: {path}"
        )
    };
    check_filter("contains(a, a)", json!({}), &same("contains", "[a]"));
    check_filter("a = a", json!({}), &same("=", "[a]"));
    check_filter("a[1].b <= a[1].b", json!({}), &same("<=", "[a, [1], b]"));
}

#[test]
fn overlapping_projection_paths_are_found_behind_aliases() {
    let overlap = |one: &str, two: &str| {
        format!(
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {one}, \
             path two: {two}"
        )
    };
    check_projection("a, a.b", json!({}), &overlap("[a]", "[a, b]"));
    check_projection("#x, a", json!({"#x": "a"}), &overlap("[a]", "[a]"));
    check_projection("a.b[0], #x", json!({"#x": "a"}), &overlap("[a, b, [0]]", "[a]"));
    check_projection(
        "a[0], a.b",
        json!({}),
        "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, [0]], \
         path two: [a, b]",
    );
}

#[test]
fn undefined_placeholders_are_named() {
    check_filter(
        "#a = :v",
        json!({":v": {"S": "a"}}),
        "An expression attribute name used in the document path is not defined; attribute name: #a",
    );
    check_filter(
        "a = :v",
        json!({}),
        "An expression attribute value used in expression is not defined; attribute value: :v",
    );
}

#[test]
fn reserved_words_need_an_alias_in_any_case_and_at_any_depth() {
    let reserved = |word: &str| format!("Attribute name is a reserved keyword; reserved keyword: {word}");
    for word in ["name", "Status", "ABORT", "size2"] {
        match word {
            "size2" => check_accepted("size2 = :v", json!({":v": {"S": "a"}})),
            _ => check_filter(
                &format!("{word} = :v"),
                json!({":v": {"S": "a"}}),
                &reserved(word),
            ),
        }
    }
    check_projection("a.name", json!({}), &reserved("name"));
}

#[test]
fn operand_types_are_checked_where_they_are_known() {
    let wrong = |operator: &str, kind: &str| {
        format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {kind}"
        )
    };
    check_filter(
        "begins_with(a, :v)",
        json!({":v": {"N": "1"}}),
        &wrong("begins_with", "N"),
    );
    check_filter("a < :v", json!({":v": {"BOOL": true}}), &wrong("<", "BOOL"));
    check_filter("size(:v) = :v", json!({":v": {"N": "1"}}), &wrong("size", "N"));
    check_filter(
        "begins_with(a)",
        json!({}),
        "Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: 1",
    );
}

#[test]
fn functions_have_their_home() {
    check_filter("foo(a)", json!({}), "Invalid function name; function: foo");
    check_filter(
        "if_not_exists(a, b) = c",
        json!({}),
        "The function is not allowed in a condition expression; function: if_not_exists",
    );
    check_filter(
        "size(a)",
        json!({}),
        "The function is not allowed to be used this way in an expression; function: size",
    );
    check_filter(
        "attribute_exists(:v)",
        json!({":v": {"S": "a"}}),
        "Operator or function requires a document path; operator or function: attribute_exists",
    );
}

#[test]
fn bounds_of_between_are_of_one_type_and_in_order() {
    check_filter(
        "a BETWEEN :x AND :y",
        json!({":x": {"S": "b"}, ":y": {"S": "a"}}),
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: \
         AttributeValue: {S:b}, upper bound operand: AttributeValue: {S:a}",
    );
    check_filter(
        "a BETWEEN :x AND :y",
        json!({":x": {"N": "1"}, ":y": {"S": "a"}}),
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: \
         AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:a}",
    );
}

#[test]
fn an_expression_has_at_most_4096_bytes_as_sent() {
    let filter = |length: usize| {
        let tail = " = :v";
        format!("{}{tail}", "a".repeat(length - tail.len()))
    };
    check_accepted(&filter(4096), json!({":v": {"S": "x".repeat(5000)}}));
    check_filter(
        &filter(4097),
        json!({":v": {"S": "x"}}),
        "Expression size has exceeded the maximum allowed size; expression size: 4097",
    );
    let accented = format!("{}é", "a".repeat(4095));
    check_filter(
        &accented,
        json!({}),
        "Expression size has exceeded the maximum allowed size; expression size: 4097",
    );
    // What an alias stands for does not count.
    let request = json!({
        "TableName": "nowhere", "FilterExpression": "attribute_exists(#a)",
        "ExpressionAttributeNames": {"#a": "a".repeat(5000)},
    });
    Database::empty()
        .case("Scan", request)
        .fails("ResourceNotFoundException", "Requested resource not found");
}

#[test]
fn an_update_expression_that_is_too_long_is_not_measured_aloud() {
    let request = json!({
        "TableName": "table", "Key": {"pk": {"S": "a"}}, "UpdateExpression": format!("REMOVE {}", "a".repeat(4090)),
    });
    Database::empty().case("UpdateItem", request).is_refused(
        "1 validation error detected: Invalid UpdateExpression: Expression size has exceeded the maximum allowed size;",
    );
}

#[test]
fn an_expression_has_at_most_300_operators() {
    // Each comparison is an operator, and each AND.
    let filter = |comparisons: usize| vec!["a=:v"; comparisons].join(" AND ");
    check_accepted(
        &format!("{} AND NOT b=:v", filter(149)),
        json!({":v": {"S": "a"}}),
    );
    check_filter(
        &filter(151),
        json!({":v": {"S": "a"}}),
        "The expression contains too many operators; operator count: 301",
    );
}

#[test]
fn in_takes_at_most_100_operands() {
    let filter = |count: usize| format!("a IN ({})", vec![":v"; count].join(", "));
    check_accepted(&filter(100), json!({":v": {"S": "a"}}));
    check_filter(
        &filter(101),
        json!({":v": {"S": "a"}}),
        "The IN operator is provided with too many operands; number of operands: 101",
    );
}

#[test]
fn names_and_values_have_at_most_two_megabytes() {
    let database = Database::empty();
    let scan = |length: usize| {
        json!({
            "TableName": "nowhere", "FilterExpression": "a = :v OR a = :w",
            "ExpressionAttributeValues": {":v": {"S": "x".repeat(length)}, ":w": {"S": "y".repeat(1 << 20)}},
        })
    };
    database
        .case("Scan", scan((1 << 20) - 100))
        .fails("ResourceNotFoundException", "Requested resource not found");
    database.case("Scan", scan(1 << 20)).is_refused(
        "The total size of ExpressionAttributeNames and ExpressionAttributeValues has exceeded the maximum allowed size; \
         size: 2097164",
    );
}
