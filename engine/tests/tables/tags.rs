//! TagResource, UntagResource, ListTagsOfResource, and tags given to CreateTable.

use serde_json::{Value, json};

use crate::service::{INVALID, Service, table};

const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/t_tagged";

fn tagged(tags: Value) -> Service {
    let service = Service::new();
    service.answer("CreateTable", table("t_tagged", json!({"Tags": tags})));
    service
}

fn tags(pairs: &[(&str, &str)]) -> Value {
    pairs
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

fn list(service: &Service) -> Value {
    let answer = service.answer("ListTagsOfResource", json!({"ResourceArn": ARN}));
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    answer["Tags"].clone()
}

#[test]
fn tags_are_added_replaced_and_removed() {
    let service = tagged(tags(&[("team", "a"), ("Env", "")]));
    assert_eq!(list(&service), tags(&[("Env", ""), ("team", "a")]));
    let added = json!({"ResourceArn": ARN, "Tags": tags(&[("team", "b"), ("läge/1:x@y", "+-=._:/@ ä1")])});
    assert_eq!(service.answer("TagResource", added), json!({}));
    assert_eq!(
        list(&service),
        tags(&[("Env", ""), ("läge/1:x@y", "+-=._:/@ ä1"), ("team", "b")])
    );
    let removed = json!({"ResourceArn": ARN, "TagKeys": ["team", "never"]});
    assert_eq!(service.answer("UntagResource", removed), json!({}));
    assert_eq!(
        list(&service),
        tags(&[("Env", ""), ("läge/1:x@y", "+-=._:/@ ä1")])
    );
    let elsewhere = "arn:aws:dynamodb:eu-west-2:123456789012:table/t_tagged";
    service.answer(
        "UntagResource",
        json!({"ResourceArn": elsewhere, "TagKeys": ["Env", "läge/1:x@y"]}),
    );
    assert_eq!(list(&service), json!([]));
}

#[test]
fn bad_tags_are_refused_everywhere() {
    let service = tagged(json!([]));
    let many: Vec<(String, &str)> = (0..51).map(|number| (format!("key{number}"), "v")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let long = "v".repeat(256);
    let large: Vec<(String, &str)> = (0..41)
        .map(|number| (format!("k{number:02}"), long.as_str()))
        .collect();
    let large: Vec<(&str, &str)> = large.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let cases: [(&[(&str, &str)], &str); 6] = [
        (
            &[("bad#char", "v")],
            "The Tag Key provided is invalid, Key: bad#char",
        ),
        (
            &[("key", "bad#char")],
            "The Tag Value provided is invalid, Value: bad#char",
        ),
        (
            &[("AwS:x", "v")],
            "Tag Key cannot be prefixed with aws:, Key: AwS:x",
        ),
        (
            &[("dup", "1"), ("dup", "2")],
            "Duplicate Tag Keys provided as input: Duplicate Tag Key found dup",
        ),
        (
            &many,
            "Number of Tags exceed the current limit for the provided ResourceArn",
        ),
        (
            &large,
            "Tag set size 10619 bytes is above max size limit of 10240 bytes",
        ),
    ];
    for (pairs, expected) in cases {
        let added = json!({"ResourceArn": ARN, "Tags": tags(pairs)});
        assert_eq!(service.refusal("TagResource", added), expected);
        assert_eq!(
            service.refusal("CreateTable", table("t_other", json!({"Tags": tags(pairs)}))),
            expected
        );
    }
    assert_eq!(list(&service), json!([]));
    service.answer(
        "TagResource",
        json!({"ResourceArn": ARN, "Tags": tags(&many[..50])}),
    );
    assert_eq!(
        service.refusal(
            "TagResource",
            json!({"ResourceArn": ARN, "Tags": tags(&many[50..])})
        ),
        "Number of Tags exceed the current limit for the provided ResourceArn"
    );
    assert_eq!(
        service.refusal("UntagResource", json!({"ResourceArn": ARN, "TagKeys": ["aws:x"]})),
        "Tag Key cannot be prefixed with aws:, Key: aws:x"
    );
}

#[test]
fn arns_are_checked_before_tags() {
    let service = tagged(json!([]));
    let check = |arn: &str, expected: &str| {
        let message = format!("{INVALID}{expected}{arn}");
        assert_eq!(
            service.refusal("ListTagsOfResource", json!({"ResourceArn": arn})),
            message
        );
        assert_eq!(
            service.refusal("TagResource", json!({"ResourceArn": arn, "Tags": []})),
            message
        );
        assert_eq!(
            service.refusal("UntagResource", json!({"ResourceArn": arn, "TagKeys": []})),
            message
        );
    };
    check("not-an-arn", "ARNs must start with 'arn:': ");
    check(
        "arn:aws:s3:::bucket",
        "Provided Arn is not a DynamoDB resource arn: ",
    );
    check(
        "arn:aws:dynamodb:us-east-1:000000000000:table/",
        "Provided Arn is not a DynamoDB resource arn: ",
    );
    check(
        &format!("{ARN}/backup/01600000000000-abcdef12"),
        "Provided Arn is not a DynamoDB resource arn: ",
    );
    check(
        &format!("{ARN}/index/one"),
        "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: ",
    );
    let empty = |operation, member: &str| service.refusal(operation, json!({"ResourceArn": ARN, member: []}));
    assert_eq!(
        empty("TagResource", "Tags"),
        "Atleast one Tag needs to be provided as Input."
    );
    assert_eq!(
        empty("UntagResource", "TagKeys"),
        "Atleast one Tag Key needs to be provided as Input."
    );
}

#[test]
fn an_unknown_table_is_not_the_callers_to_list() {
    let service = Service::new();
    let (kind, message) = service.error("ListTagsOfResource", json!({"ResourceArn": ARN}));
    assert_eq!(kind, "AccessDeniedException");
    assert!(
        message.ends_with(&format!(
            "to perform: dynamodb:ListTagsOfResource on resource: {ARN}"
        )),
        "{message}"
    );
    let missing = (
        "ResourceNotFoundException".to_owned(),
        format!("Requested resource not found: ResourceArn: {ARN} not found"),
    );
    let added = json!({"ResourceArn": ARN, "Tags": tags(&[("k", "v")])});
    assert_eq!(service.error("TagResource", added), missing);
    assert_eq!(
        service.error("UntagResource", json!({"ResourceArn": ARN, "TagKeys": ["k"]})),
        missing
    );
}
