//! PartiQL statements as cases.

use serde_json::{Value, json};

use crate::database::{Case, Database};

impl Database {
    /// An ExecuteStatement to look at.
    pub fn statement(&self, text: &str) -> Case<'_> {
        self.case("ExecuteStatement", json!({"Statement": text}))
    }

    /// An ExecuteStatement with parameters.
    pub fn statement_with(&self, text: &str, parameters: Value) -> Case<'_> {
        self.case(
            "ExecuteStatement",
            json!({"Statement": text, "Parameters": parameters}),
        )
    }

    /// Runs a statement that answers nothing.
    #[track_caller]
    pub fn execute(&self, text: &str) {
        self.statement(text).gives(r#"{"Items":[]}"#);
    }

    /// Asserts that a SELECT gives items whose attribute `name` is a string or a number with these
    /// values, parted by blanks, in this order; an item without it is a dash.
    #[track_caller]
    pub fn selects(&self, text: &str, name: &str, expected: &str) {
        let answer = self.statement(text).answer();
        assert_eq!(values(&answer, name), expected, "{text}\n{answer}");
    }

    /// Asserts that each statement is refused as invalid, with this message.
    #[track_caller]
    pub fn refuses_statements(&self, cases: &[(&str, &str)]) {
        for (text, message) in cases {
            self.statement(text).is_refused(message);
        }
    }

    /// Asserts that the table `table` has these items and no other.
    #[track_caller]
    pub fn holds(&self, expected: Value) {
        let answer = self.case("Scan", r#"{"TableName":"table"}"#).answer();
        let mut found = answer["Items"].as_array().cloned().unwrap_or_default();
        let mut expected = expected.as_array().cloned().unwrap_or_default();
        found.sort_by_key(Value::to_string);
        expected.sort_by_key(Value::to_string);
        assert_eq!(found, expected);
    }
}

/// The values of one attribute of an answer's items, as [`Database::selects`] compares them.
pub fn values(answer: &Value, name: &str) -> String {
    let values: Vec<&str> = answer["Items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| {
            let value = &item[name];
            value["S"].as_str().or(value["N"].as_str()).unwrap_or("-")
        })
        .collect();
    values.join(" ")
}
