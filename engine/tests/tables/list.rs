//! ListTables.

use serde_json::{Value, json};

use crate::service::{Service, table};

#[test]
fn pages_are_in_the_order_of_bytes() {
    let service = Service::new();
    assert_eq!(service.answer("ListTables", json!({})), json!({"TableNames": []}));
    for name in ["b_table", "a_table", "B_table", "a.table", "a_table2"] {
        service.answer("CreateTable", table(name, json!({})));
    }
    let check = |request: Value, names: &[&str], last: Option<&str>| {
        let mut expected = json!({"TableNames": names});
        if let Some(last) = last {
            expected["LastEvaluatedTableName"] = json!(last);
        }
        assert_eq!(
            service.answer("ListTables", request.clone()),
            expected,
            "{request}"
        );
    };
    let all = ["B_table", "a.table", "a_table", "a_table2", "b_table"];
    check(json!({}), &all, None);
    check(json!({"Limit": 5}), &all, None);
    check(json!({"Limit": 4}), &all[..4], Some("a_table2"));
    check(
        json!({"Limit": 2, "ExclusiveStartTableName": "a.table"}),
        &all[2..4],
        Some("a_table2"),
    );
    check(
        json!({"Limit": 2, "ExclusiveStartTableName": "a_table"}),
        &all[3..],
        None,
    );
    check(json!({"ExclusiveStartTableName": "a_table0"}), &all[3..], None);
    check(json!({"ExclusiveStartTableName": "zzz"}), &[], None);
}

#[test]
fn a_page_holds_a_hundred() {
    let service = Service::new();
    for number in 0..101 {
        service.answer("CreateTable", table(&format!("table{number:03}"), json!({})));
    }
    let page = service.answer("ListTables", json!({}));
    assert_eq!(page["TableNames"].as_array().unwrap().len(), 100);
    assert_eq!(page["LastEvaluatedTableName"], "table099");
    let rest = service.answer("ListTables", json!({"ExclusiveStartTableName": "table099"}));
    assert_eq!(rest, json!({"TableNames": ["table100"]}));
}
