//! Tags, and the ARNs that name what is tagged.

use serde_json::{Value, json};

use crate::database::Database;

const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/table";
const NOWHERE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/nowhere";

fn tag(arn: &str, key: &str, value: &str) -> Value {
    json!({"ResourceArn": arn, "Tags": [{"Key": key, "Value": value}]})
}

#[test]
fn a_malformed_arn_is_invalid() {
    let database = Database::with_table("pk:S");
    let not_arn = "One or more parameter values were invalid: ARNs must start with 'arn:': table";
    database
        .case("ListTagsOfResource", r#"{"ResourceArn":"table"}"#)
        .is_refused(not_arn);
    database
        .case("TagResource", tag("table", "k", "v"))
        .is_refused(not_arn);
    database
        .case("UntagResource", r#"{"ResourceArn":"table","TagKeys":["k"]}"#)
        .is_refused(not_arn);
}

#[test]
fn the_tags_of_an_unknown_table_are_nobodys_to_list() {
    let database = Database::empty();
    let (name, _) = database
        .case("ListTagsOfResource", json!({"ResourceArn": NOWHERE}))
        .error();
    assert_eq!(name, "AccessDeniedException");
    let (name, _) = database.case("TagResource", tag(NOWHERE, "k", "v")).error();
    assert_eq!(name, "ResourceNotFoundException");
}

#[test]
fn tags_are_added_replaced_and_removed() {
    let database = Database::with_table("pk:S");
    let list = || database.case("ListTagsOfResource", json!({"ResourceArn": TABLE}));
    list().gives(r#"{"Tags":[]}"#);
    database.case("TagResource", tag(TABLE, "k", "1")).gives("{}");
    database.case("TagResource", tag(TABLE, "k", "2")).gives("{}");
    list().gives(r#"{"Tags":[{"Key":"k","Value":"2"}]}"#);
    database
        .case(
            "UntagResource",
            json!({"ResourceArn": TABLE, "TagKeys": ["k", "never"]}),
        )
        .gives("{}");
    list().gives(r#"{"Tags":[]}"#);
}
