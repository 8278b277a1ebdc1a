//! Limits on expressions, and expressions that try to exhaust the parser.

use expr::{Condition, ExpressionKind, Projection, Update};

use crate::notation::with_attributes;

fn condition_error(text: &str, values: &str) -> Option<String> {
    let result = with_attributes("", values, |attributes| {
        Condition::parse(ExpressionKind::Condition, text, attributes)
    });
    result.err().map(|error| error.to_string())
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let expected = format!("Invalid ConditionExpression: {expected}");
    assert_eq!(condition_error(text, ""), Some(expected));
}

const TOO_MANY: &str = "The expression contains too many operators; operator count: 301";

#[test]
fn length() {
    let long = |length: usize| format!("{} = b", "a".repeat(length - 4));
    assert_eq!(condition_error(&long(4096), ""), None);
    refused(
        &long(4097),
        "Expression size has exceeded the maximum allowed size; expression size: 4097",
    );
    let update = with_attributes("", "", |attributes| {
        Update::parse(&format!("REMOVE {}", "a".repeat(4090)), attributes)
    });
    assert_eq!(
        update.unwrap_err().to_string(),
        "Invalid UpdateExpression: Expression size has exceeded the maximum allowed size;"
    );
}

#[test]
fn operators() {
    // 150 comparisons and 149 ORs.
    let nested = |depth: usize| format!("a<b {}{}", "or (a<b ".repeat(depth), ")".repeat(depth));
    assert_eq!(condition_error(&nested(149), ""), None);
    refused(&nested(454), TOO_MANY);
    let flat = |count: usize| vec!["a<b"; count].join(" or ");
    assert_eq!(condition_error(&flat(150), ""), None);
    refused(&flat(151), TOO_MANY);
    refused(&format!("{}a<b", "not ".repeat(1000)), TOO_MANY);
    assert_eq!(condition_error(&format!("{}a<b", "not ".repeat(200)), ""), None);
}

#[test]
fn operands_of_in() {
    let list = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("a{number}")).collect();
        format!("b IN ({})", names.join(", "))
    };
    assert_eq!(condition_error(&list(100), ""), None);
    refused(
        &list(101),
        "The IN operator is provided with too many operands; number of operands: 101",
    );
}

#[test]
fn depth_of_paths() {
    let deep = |parts: usize| format!("{} = :v", vec!["a"; parts].join("."));
    assert_eq!(condition_error(&deep(32), "{:v: 1}"), None);
    refused(
        &deep(33),
        "The document path has too many nesting levels; nesting levels: 33",
    );
}

#[test]
fn indexes_of_lists() {
    let path = |index: &str| format!("a[{index}] = b");
    assert_eq!(condition_error(&path("2147483647"), ""), None);
    for index in ["2147483648", "99999999999999999999999999"] {
        let expected = format!("List index is not within the allowable range; index: [{index}]");
        refused(&path(index), &expected);
        let projection = with_attributes("", "", |attributes| {
            Projection::parse(&format!("a[{index}]"), attributes)
        });
        assert_eq!(
            projection.unwrap_err().to_string(),
            format!("Invalid ProjectionExpression: {expected}")
        );
    }
}

/// The parser must not run out of stack, whatever it is given.
#[test]
fn nesting_without_end() {
    let wrapped = |open: &str, inside: &str, close: &str, depth: usize| {
        format!("{}{inside}{}", open.repeat(depth), close.repeat(depth))
    };
    let all = [
        "(".repeat(4096),
        wrapped("(", "a<b", ")", 2046),
        wrapped("NOT(", "a<b", ")", 800),
        wrapped("a=b or(", "a<b", ")", 500),
        format!("a < {}", wrapped("f(", "b", ")", 1355)),
        format!("a < {}", wrapped("size(", "b", ")", 680)),
        format!("a < {}", "(".repeat(4000)),
        format!("a IN {}", "(".repeat(4000)),
        format!("a{} = b", "[0]".repeat(1300)),
        format!("a{} = b", ".a".repeat(2000)),
        format!("a = b{}", " AND a = b".repeat(400)),
    ];
    let parse_all = move || {
        for text in &all {
            assert!(condition_error(text, "").is_some(), "{text}");
        }
        assert!(
            condition_error(&all[4], "")
                .unwrap()
                .ends_with("Invalid function name; function: f")
        );
        for inside in ["(", "if_not_exists(a,", "list_append(a,", "((a)+"] {
            let text = format!("SET a = {}", wrapped(inside, "b", ")", 4000 / (inside.len() + 1)));
            let update = with_attributes("", "", |attributes| Update::parse(&text, attributes));
            // What nests in 4096 bytes and has few operators is accepted.
            assert_eq!(update.is_ok(), inside.contains("_"), "{inside}");
        }
    };
    let small_stack = std::thread::Builder::new().stack_size(1024 * 1024);
    small_stack.spawn(parse_all).unwrap().join().unwrap();
}
