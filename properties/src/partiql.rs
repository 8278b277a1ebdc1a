//! PartiQL statements: whatever their text, they are refused or mean reads and writes of items.

use std::collections::BTreeMap;

use expr::partiql::{Select, Statement};
use expr::{KeyOperator, Literal};
use model::{Item, Number, Value, ValueType};

use crate::expressions::{check_condition, check_projection, check_update};

/// Takes a statement as text.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let parameters: Vec<Literal> = [
        Value::String("a".to_owned()),
        Value::Number(Number::from(7)),
        Value::List(vec![Value::Null]),
        Value::StringSet(vec!["a".to_owned()]),
    ]
    .iter()
    .map(Literal::from)
    .collect();
    let Ok(statement) = Statement::parse(text, &parameters) else {
        return;
    };
    let item = item();
    let (item, key) = (item.attributes(), key());
    match &statement {
        Statement::Select(select) | Statement::Exists(select) => check_select(select),
        Statement::Insert(insert) => {
            assert_eq!(insert.item.check(), Ok(()));
            assert_eq!(Item::from_tree(&insert.item.attributes().to_tree()), insert.item);
        }
        Statement::Update(update) => {
            check_update(&update.update, &key, Some(item));
            check_update(&update.update, &key, None);
            if let Some(condition) = &update.condition {
                check_condition(condition, Some(item));
            }
        }
        Statement::Delete(delete) => {
            if let Some(condition) = &delete.condition {
                check_condition(condition, Some(item));
                check_condition(condition, None);
            }
        }
    }
}

fn check_select(select: &Select) {
    let item = item();
    if let Some(projection) = &select.projection {
        check_projection(projection, item.attributes());
    }
    let Some(condition) = &select.condition else {
        return;
    };
    check_condition(condition, Some(item.attributes()));
    let partition = ("pk", ValueType::String);
    for sort in [None, Some(("sk", ValueType::Number))] {
        let Ok(Some(reads)) = condition.keyed_reads(partition, sort) else {
            continue;
        };
        // An item that the clause matches is in one of the slices that it names.
        if condition.matches(Some(item.attributes())) {
            let has_its_key = |literal: &Literal| Some(literal.value()) == item.get("pk");
            assert!(
                reads.iter().any(|read| has_its_key(&read.partition)),
                "a matching item would not be read"
            );
        }
        for range in reads.iter().filter_map(|read| read.sort.as_ref()) {
            let operands = match range.operator {
                KeyOperator::Between => 2,
                _ => 1,
            };
            assert_eq!(range.operands.len(), operands);
        }
    }
    for name in ["pk", "sk"] {
        for in_one in [false, true] {
            let required = condition.required_value(name, in_one);
            let Ok(Some(required)) = required else { continue };
            // What is required is so of each item that matches.
            if condition.matches(Some(item.attributes())) {
                assert_eq!(item.get(name), Some(required.value()));
            }
        }
    }
}

fn key() -> Item {
    let mut tree = item().attributes().to_tree();
    tree.retain(|name, _| name == "pk" || name == "sk");
    Item::from_tree(&tree)
}

fn item() -> Item {
    let number = |value: i64| Value::Number(Number::from(value));
    let inner = BTreeMap::from([("a".to_owned(), number(3))]);
    Item::from_tree(&BTreeMap::from([
        ("pk".to_owned(), Value::String("a".to_owned())),
        ("sk".to_owned(), number(7)),
        ("a".to_owned(), number(1)),
        (
            "b".to_owned(),
            Value::List(vec![Value::Map(inner.clone()), Value::Bool(false)]),
        ),
        ("c".to_owned(), Value::Map(inner)),
        ("d".to_owned(), Value::StringSet(vec!["a".to_owned()])),
    ]))
}
