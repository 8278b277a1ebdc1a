//! SELECT: what it reads, in which order, how much it costs, and how it goes on.

use serde_json::{Value, json};

use crate::database::{Database, global, local};
use crate::statements::values;

/// Partitions `a` and `b` of five items each, and `c` of one.
fn with_items() -> Database {
    let database = Database::with_table("pk:S sk:N");
    for pk in ["a", "b"] {
        for sk in 1..=5 {
            let item = json!({
                "pk": {"S": pk}, "sk": {"N": sk.to_string()}, "n": {"N": (sk * 10).to_string()},
                "name": {"S": format!("{pk}{sk}")}, "m": {"M": {"k": {"L": [{"S": "x"}, {"N": "1"}]}}},
                "flag": {"BOOL": sk % 2 == 0},
            });
            database.put(item);
        }
    }
    database.put(json!({"pk": {"S": "c"}, "sk": {"N": "1"}, "name": {"S": "c1"}, "empty": {"NULL": true}}));
    database
}

fn select(condition: &str) -> String {
    format!("SELECT * FROM \"table\" WHERE {condition}")
}

#[test]
fn a_select_reads_what_its_keys_name() {
    let database = with_items();
    for (condition, expected) in [
        ("pk = 'a' AND sk = 2", "a2"),
        ("pk = 'a'", "a1 a2 a3 a4 a5"),
        ("'a' = pk AND 3 < sk", "a4 a5"),
        ("pk = 'a' AND sk BETWEEN 2 AND 3", "a2 a3"),
        ("pk = 'a' AND sk >= 4 AND flag = true", "a4"),
        ("(pk = 'a' AND sk > 1) AND (flag = false AND n < 50)", "a3"),
        ("pk IN ['b', 'a'] AND sk = 1", "a1 b1"),
        ("pk = 'a' AND sk IN (5, 1)", "a1 a5"),
        ("pk = 'c' OR pk = 'a' AND sk = 5", "a5 c1"),
        ("pk = 'a' AND (sk < 2 OR sk > 4 OR sk = 3)", "a1 a3 a5"),
        ("pk = 'a' AND sk = 1 AND sk > 0", "a1"),
        ("pk = 'a' AND pk = 'a' AND sk <= 1", "a1"),
        ("pk = 'a' AND pk = 'b'", ""),
        ("pk = 'missing'", ""),
        ("pk > 'b' AND sk = 1", "c1"),
        ("pk > 1", ""),
    ] {
        database.selects(&select(condition), "name", expected);
    }
    let answer = database.statement("SELECT * FROM \"table\"").answer();
    assert_eq!(answer["Items"].as_array().unwrap().len(), 11);
}

#[test]
fn conditions_are_those_of_expressions_and_more() {
    let database = with_items();
    for (condition, expected) in [
        ("flag IS MISSING", "c1"),
        ("empty IS NULL", "c1"),
        ("pk = 'c' AND flag IS NOT NULL", "c1"),
        ("pk = 'c' AND m IS NOT MISSING", ""),
        ("pk = 'a' AND flag IS BOOLEAN AND n IS NUMERIC AND sk = 1", "a1"),
        (
            "pk = 'a' AND m IS TUPLE AND m.k IS LIST AND m.k[0] IS STRING AND sk = 2",
            "a2",
        ),
        ("begins_with(name, 'c')", "c1"),
        ("pk = 'a' AND CONTAINS(m.k, 1) AND sk = 1", "a1"),
        ("pk = 'a' AND size(name) = 2 AND sk = 1", "a1"),
        ("pk = 'a' AND attribute_type(flag, 'BOOL') AND sk = 1", "a1"),
        ("attribute_not_exists(flag)", "c1"),
        ("pk = 'c' AND NOT attribute_exists(flag)", "c1"),
        ("pk = 'c' AND flag <> true", "c1"),
        ("pk = 'c' AND begins_with(name, 'c') = true", "c1"),
        ("pk = 'c' AND (n = 1 OR n = 2) = false", "c1"),
        ("pk = 'c' AND begins_with(name, 'x') IN [true]", ""),
        ("pk = 'c' AND begins_with(name, 'x') = attribute_exists(n)", "c1"),
        ("pk = 'a' AND NOT begins_with(name, 'a') = false AND sk = 1", "a1"),
        (
            "pk = 'a' AND m = {'k': ['x', 1.0]} AND sk != 1 AND n NOT IN (20, 30, 40)",
            "a5",
        ),
        ("pk = 'a' AND n NOT BETWEEN 20 AND 50", "a1"),
    ] {
        database.selects(&select(condition), "name", expected);
    }
}

#[test]
fn columns_are_named_by_the_end_of_their_paths() {
    let database = with_items();
    let expected = json!([{"name": {"S": "a1"}, "k": {"L": [{"S": "x"}, {"N": "1"}]}, "k[1]": {"N": "1"}}]);
    database
        .statement("SELECT name, m.k, m.k[1], m.absent FROM \"table\" WHERE pk = 'a' AND sk = 1")
        .gives_at("/Items", expected);
    database
        .statement("SELECT absent FROM \"table\" WHERE pk = 'a' AND sk = 1")
        .gives_at("/Items", "[{}]");
}

#[test]
fn what_can_not_be_read_is_refused() {
    let database = with_items();
    let key_type = |name: &str| {
        format!("Key attribute's data type should match its data type in table's schema: Key {name}")
    };
    let overlap = "Overlapping conditions with range keys are not supported in where clause";
    let values = |count: usize| {
        let values: Vec<String> = (0..count).map(|number| format!("'{number}'")).collect();
        values.join(",")
    };
    let numbers = |count: usize| {
        let values: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        values.join(",")
    };
    let too_many = "Too many decomposed read operations for a given query.";
    for (condition, message) in [
        ("pk = 1".to_owned(), key_type("pk")),
        ("pk = 'a' AND sk IN ['x']".to_owned(), key_type("sk")),
        (format!("pk IN [{}]", values(51)), too_many.to_owned()),
        (format!("pk = 'a' AND sk IN [{}]", numbers(51)), too_many.to_owned()),
        (
            format!("pk IN [{}] AND sk IN [1, 2]", values(26)),
            too_many.to_owned(),
        ),
        (
            format!("pk IN [{}] AND sk IN [{}]", values(900), numbers(900)),
            too_many.to_owned(),
        ),
        (
            format!("n IN [{}]", numbers(101)),
            "The IN operator is provided with too many operands; number of operands: 101".to_owned(),
        ),
        ("pk IN ['a', 'a']".to_owned(), overlap.to_owned()),
        ("pk = 'a' OR pk = 'a'".to_owned(), overlap.to_owned()),
        ("pk = 'a' AND (sk > 0 OR sk < 5)".to_owned(), overlap.to_owned()),
        ("pk = 'a' AND (sk = 1 OR flag = true)".to_owned(), overlap.to_owned()),
        ("pk = 'a' AND x <> '1' OR pk = 'a' AND sk = 2".to_owned(), overlap.to_owned()),
        (
            "pk.x = 1".to_owned(),
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: pk"
                .to_owned(),
        ),
    ] {
        let statement = select(&condition);
        if statement.len() <= 8192 {
            database.statement(&statement).is_refused(&message);
        }
    }
    // Fifty reads are not too many, and what is scanned needs none.
    database.selects(&select(&format!("pk IN [{}]", values(50))), "name", "");
    database.selects(
        &select(&format!("pk IN [{}] OR name = 'c1'", values(51))),
        "name",
        "c1",
    );
}

#[test]
fn negated_sort_keys_may_overlap() {
    let database = with_items();
    for (condition, expected) in [
        ("pk = 'a' AND (sk = 2 OR NOT sk = 3)", "a1 a2 a4 a5"),
        (
            "pk = 'a' AND (sk = 2 OR sk <> 3 OR NOT sk > 4 OR NOT sk IN [5])",
            "a1 a2 a3 a4 a5",
        ),
        ("pk = 'a' OR pk = 'a' AND NOT sk = 1", "a1 a2 a3 a4 a5"),
    ] {
        database.selects(&select(condition), "name", expected);
    }
}

#[test]
fn order_by_names_keys() {
    let database = with_items();
    for (rest, expected) in [
        ("pk = 'a' ORDER BY sk", "a1 a2 a3 a4 a5"),
        ("pk = 'a' ORDER BY sk DESC", "a5 a4 a3 a2 a1"),
        // A sort key without a term of its own comes descending.
        ("pk = 'a' ORDER BY pk ASC", "a5 a4 a3 a2 a1"),
        (
            "pk IN ['a', 'b'] AND sk < 3 ORDER BY pk DESC, sk ASC",
            "b1 b2 a1 a2",
        ),
        ("pk IN ['b', 'a'] AND sk < 3 ORDER BY pk", "a2 a1 b2 b1"),
        ("pk = 'a' AND sk IN [1, 4, 2] ORDER BY sk DESC", "a4 a2 a1"),
        (
            "pk = 'a' AND (sk = 2 OR NOT sk = 3) ORDER BY sk DESC",
            "a5 a4 a2 a1",
        ),
    ] {
        database.selects(&select(rest), "name", expected);
    }
    database.refuses_statements(&[
        (
            "SELECT * FROM \"table\" ORDER BY n",
            "Must have WHERE clause in the statement when using ORDER BY clause.",
        ),
        (
            &select("pk > 'a' ORDER BY Total"),
            "Attribute Total in ORDER BY clause must be part of the primary key",
        ),
        (
            &select("pk > 'a' ORDER BY pk"),
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
        ),
        (
            &select("pk IN ['a', 'b'] ORDER BY sk"),
            "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.",
        ),
        (
            &select("pk = 'a' ORDER BY 'pk'"),
            "Argument to ORDER BY must be of type VariableReference. Type: Lit",
        ),
    ]);
}

/// All pages of a statement: the values of `name` of each, and that it ends.
fn pages(database: &Database, statement: &str, limit: usize) -> Vec<String> {
    let mut pages = Vec::new();
    let mut request = json!({"Statement": statement, "Limit": limit});
    loop {
        let answer = database.case("ExecuteStatement", &request).answer();
        pages.push(values(&answer, "name"));
        match answer.get("NextToken") {
            Some(token) => request["NextToken"] = token.clone(),
            None => return pages,
        }
        assert!(pages.len() < 30, "{statement} does not end");
    }
}

#[test]
fn a_limit_parts_a_read_into_pages() {
    let database = with_items();
    for (condition, limit, expected) in [
        ("pk = 'a'", 2, "a1 a2|a3 a4|a5"),
        ("pk = 'a' AND sk > 1", 2, "a2 a3|a4 a5|"),
        // The limit counts what is read, before the filter.
        ("pk = 'a' AND flag = true", 2, "a2|a4|"),
        ("pk = 'a' ORDER BY sk DESC", 3, "a5 a4 a3|a2 a1"),
        ("pk IN ['a', 'b'] AND sk < 3", 3, "a1 a2 b1|b2"),
        ("pk IN ['a', 'b'] AND sk = 2", 1, "a2|b2"),
        ("pk = 'a' AND sk IN [1, 3, 5]", 2, "a1 a3|a5"),
        (
            "pk IN ['a', 'b'] AND sk < 3 ORDER BY pk DESC, sk DESC",
            1,
            "b2|b1|a2|a1|",
        ),
        ("pk = 'a' AND sk = 2", 1, "a2"),
        ("pk = 'missing'", 1, ""),
    ] {
        let found = pages(&database, &select(condition), limit).join("|");
        assert_eq!(found, expected, "{condition} by {limit}");
    }
    let mut all = pages(&database, "SELECT name FROM \"table\"", 4);
    assert_eq!(all.len(), 3);
    let mut names: Vec<String> = all
        .drain(..)
        .flat_map(|page| page.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 11);
}

#[test]
fn a_page_ends_at_a_megabyte() {
    let database = Database::with_table("pk:S sk:N");
    let text = "x".repeat(300_000);
    for pk in ["a", "b"] {
        for sk in ["1", "2", "3"] {
            database.put(json!({"pk": {"S": pk}, "sk": {"N": sk}, "text": {"S": text}}));
        }
    }
    let statement = "SELECT pk FROM \"table\" WHERE pk IN ['a', 'b']";
    let first = database.statement(statement).answer();
    assert_eq!(first["Items"].as_array().unwrap().len(), 4);
    let request = json!({"Statement": statement, "NextToken": first["NextToken"]});
    let second = database.case("ExecuteStatement", request).answer();
    assert_eq!(values(&second, "pk"), "b b");
    assert_eq!(second.get("NextToken"), None);
}

#[test]
fn a_token_is_good_for_its_own_request() {
    let database = with_items();
    database.create(crate::database::table_request("other", "pk:S sk:N", &[]));
    let statement = "SELECT * FROM \"table\" WHERE pk = ?";
    let request = |statement: &str, value: &str, token: &Value| json!({"Statement": statement, "Parameters": [{"S": value}], "Limit": 2, "NextToken": token});
    let first =
        json!({"Statement": statement, "Parameters": [{"S": "a"}], "Limit": 2, "ConsistentRead": true});
    let token = database.case("ExecuteStatement", first).answer()["NextToken"].clone();
    // Another limit and another consistency are fine.
    database
        .case("ExecuteStatement", {
            let mut other = request(statement, "a", &token);
            other["Limit"] = json!(1);
            other
        })
        .gives_at("/Items/0/name/S", "\"a3\"");
    for (statement, value) in [
        (statement, "b"),
        ("SELECT * FROM \"table\" WHERE pk = ? ", "a"),
        ("SELECT * FROM \"other\" WHERE pk = ?", "a"),
    ] {
        database
            .case("ExecuteStatement", request(statement, value, &token))
            .is_refused("NextToken does not match request");
    }
    let token = token.as_str().unwrap();
    for text in [
        "garbage",
        "00",
        &token[..token.len() - 2],
        &token.replace('A', "B"),
    ] {
        database
            .case("ExecuteStatement", request(statement, "a", &json!(text)))
            .is_refused("Invalid NextToken");
    }
}

fn with_indexes() -> Database {
    let indexes = [
        global("all", "g:S", "ALL"),
        global("inc", "g:S", "INCLUDE x"),
        global("two", "g:S+h:S", "ALL"),
        local("loc", "pk:S l:S", "KEYS_ONLY"),
    ];
    let database = Database::with_indexes("pk:S sk:S,g:S h:S,l:S", &indexes);
    for (sk, g, l) in [("1", "y", "b"), ("2", "y", "a"), ("3", "z", "c")] {
        database.put(json!({
            "pk": {"S": "p"}, "sk": {"S": sk}, "g": {"S": g}, "h": {"S": "h"}, "l": {"S": l},
            "x": {"S": "x"}, "y": {"S": "y"},
        }));
    }
    database.put(json!({"pk": {"S": "p"}, "sk": {"S": "4"}}));
    database
}

#[test]
fn an_index_is_read_by_its_name() {
    let database = with_indexes();
    for (statement, expected) in [
        ("SELECT * FROM \"table\".\"all\" WHERE g = 'z'", "3"),
        ("SELECT * FROM \"table\".\"all\" WHERE y = 'y' AND g > 'y'", "3"),
        ("SELECT * FROM \"table\".\"loc\" WHERE pk = 'p'", "2 1 3"),
        (
            "SELECT * FROM \"table\".\"loc\" WHERE pk = 'p' AND l IN ['c', 'a']",
            "2 3",
        ),
        (
            "SELECT sk, y FROM \"table\".loc WHERE pk = 'p' ORDER BY l DESC",
            "3 1 2",
        ),
        // What an index does not keep is missing in a scan of it.
        ("SELECT * FROM \"table\".\"inc\" WHERE y = 'y'", ""),
        ("SELECT * FROM \"table\".\"inc\" WHERE g = 'z' OR y = 'y'", "3"),
        (
            "SELECT * FROM \"table\".\"inc\" WHERE (g = 'z' AND x = 'x') OR (g = 'y' AND y = 'y')",
            "3",
        ),
        (
            "SELECT * FROM \"table\".\"inc\" WHERE g = 'z' AND (g = 'y' OR y = 'y')",
            "",
        ),
    ] {
        database.selects(statement, "sk", expected);
    }
    let answer = database
        .statement("SELECT * FROM \"table\".inc WHERE g = 'z'")
        .answer();
    assert_eq!(
        answer["Items"],
        json!([{"pk": {"S": "p"}, "sk": {"S": "3"}, "g": {"S": "z"}, "x": {"S": "x"}}])
    );
    let answer = database.statement("SELECT sk FROM \"table\".\"all\"").answer();
    assert_eq!(answer["Items"].as_array().unwrap().len(), 3);
}

#[test]
fn what_an_index_can_not_answer_is_refused() {
    let database = with_indexes();
    let invalid = "One or more parameter values were invalid: ";
    database.refuses_statements(&[
        (
            "SELECT * FROM \"table\".absent",
            "The table does not have the specified index",
        ),
        (
            "SELECT * FROM \"table\".\"table\"",
            "The table does not have the specified index",
        ),
        (
            "SELECT * FROM \"table\".two WHERE pk = 1",
            "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE \
             keys.",
        ),
        (
            "SELECT y, sk, z FROM \"table\".inc WHERE g = 'y'",
            &format!("{invalid}Global secondary index inc does not project [y, z]"),
        ),
        (
            "SELECT * FROM \"table\".inc WHERE g = 'y' AND NOT y = 'x'",
            &format!("{invalid}Secondary index inc does not project one or more filter attributes: [y]"),
        ),
        (
            "SELECT * FROM \"table\".inc WHERE g = 'y' AND (zz = 1 OR aa = 1 OR mm = 1)",
            &format!("{invalid}Secondary index inc does not project one or more filter attributes: [zz, aa, mm]"),
        ),
        (
            "SELECT * FROM \"table\".inc WHERE (g = 'b' AND u1 = '1') OR (g = 'q' AND u2 = '1')",
            &format!("{invalid}Secondary index inc does not project one or more filter attributes: [u2]"),
        ),
        (
            "SELECT * FROM \"table\".loc WHERE pk = 'p' AND l BETWEEN 'a' AND 'b' AND x = 'x'",
            &format!("{invalid}Secondary index loc does not project one or more filter attributes: [x]"),
        ),
    ]);
    let consistent = |statement: &str| json!({"Statement": statement, "ConsistentRead": true});
    database.refuses(
        "ExecuteStatement",
        &[
            (
                consistent("SELECT * FROM \"table\".\"all\""),
                "Strongly consistent read is not supported on Global Secondary Indexes",
            ),
            (
                consistent("SELECT * FROM \"table\".absent"),
                "The table does not have the specified index",
            ),
        ],
    );
    database
        .case(
            "ExecuteStatement",
            consistent("SELECT * FROM \"table\".loc WHERE pk = 'p'"),
        )
        .succeeds();
}

#[test]
fn a_read_costs_what_it_walks() {
    let database = with_indexes();
    let cost = |statement: &str, consistent: bool| {
        let request = json!({
            "Statement": statement, "ConsistentRead": consistent, "ReturnConsumedCapacity": "INDEXES",
        });
        let capacity = database.case("ExecuteStatement", request).answer()["ConsumedCapacity"].clone();
        let of = |value: &Value| value.as_f64().unwrap_or(-1.0);
        (
            of(&capacity["CapacityUnits"]),
            of(&capacity["Table"]["CapacityUnits"]),
        )
    };
    for (statement, eventual, consistent) in [
        (
            "SELECT * FROM \"table\" WHERE pk = 'p' AND sk = '1'",
            (0.5, 0.5),
            (1.0, 1.0),
        ),
        (
            "SELECT * FROM \"table\" WHERE pk = 'p' AND sk = 'none'",
            (0.5, 0.5),
            (1.0, 1.0),
        ),
        (
            "SELECT * FROM \"table\" WHERE pk = 'p' AND x = 'none'",
            (0.5, 0.5),
            (1.0, 1.0),
        ),
        (
            "SELECT * FROM \"table\" WHERE pk = 'p' AND sk IN ['1', '2', '3']",
            (1.5, 1.5),
            (3.0, 3.0),
        ),
        (
            "SELECT * FROM \"table\".loc WHERE pk = 'p'",
            (0.5, 0.0),
            (1.0, 0.0),
        ),
        // Each item that is fetched counts for itself.
        (
            "SELECT y FROM \"table\".loc WHERE pk = 'p'",
            (2.0, 1.5),
            (4.0, 3.0),
        ),
    ] {
        assert_eq!(cost(statement, false), eventual, "{statement}");
        assert_eq!(cost(statement, true), consistent, "{statement}");
    }
    assert_eq!(
        cost("SELECT * FROM \"table\".inc WHERE g = 'y'", false),
        (0.5, 0.0)
    );
}
