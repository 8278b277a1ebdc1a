//! What updates make of items.

use expr::{Update, UpdateError};

use crate::notation::{item, with_attributes};

fn parse(text: &str, values: &str) -> Update {
    with_attributes("", values, |attributes| Update::parse(text, attributes))
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
fn check(old: &str, text: &str, values: &str, expected: &str) {
    let updated = parse(text, values).apply(&item("{pk: 'p'}"), Some(item(old).attributes()));
    let updated = updated.unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(updated, item(expected), "{text}");
    updated.check().unwrap();
}

#[track_caller]
fn fails(old: &str, text: &str, values: &str, expected: UpdateError) {
    let result = parse(text, values).apply(&item("{pk: 'p'}"), Some(item(old).attributes()));
    assert_eq!(result, Err(expected), "{text}");
}

#[test]
fn set() {
    for (old, text, values, expected) in [
        ("{pk: 'p'}", "SET a = :v", "{:v: 1}", "{pk: 'p', a: 1}"),
        (
            "{pk: 'p', a: 1, z: 2}",
            "SET a = :v, m = :w",
            "{:v: 'x', :w: {}}",
            "{pk: 'p', a: 'x', m: {}, z: 2}",
        ),
        ("{a: 1, b: 2}", "SET a = b, b = a", "", "{a: 2, b: 1}"),
        ("{a: 1}", "SET b = a + :v", "{:v: 2.5}", "{a: 1, b: 3.5}"),
        ("{a: 1}", "SET a = a - :v", "{:v: 3}", "{a: -2}"),
        ("{a: 1}", "SET a = :v - a", "{:v: 3}", "{a: 2}"),
        ("{a: 1, b: 5}", "SET c = (a + b)", "", "{a: 1, b: 5, c: 6}"),
        (
            "{a: {b: {c: 5}}}",
            "SET d = ((a.b.c)+(a.b.c))",
            "",
            "{a: {b: {c: 5}}, d: 10}",
        ),
        (
            "{a: 1}",
            "SET a = if_not_exists(b, :v) + :v",
            "{:v: 10}",
            "{a: 20}",
        ),
        ("{a: 1}", "SET a = if_not_exists(a, :v)", "{:v: 10}", "{a: 1}"),
        ("{a: 1}", "SET a = if_not_exists(b, a)", "", "{a: 1}"),
        (
            "{a: 1}",
            "SET a = if_not_exists(b, if_not_exists(c, :v))",
            "{:v: 's'}",
            "{a: 's'}",
        ),
        (
            "{l: [1]}",
            "SET l = list_append(l, :v)",
            "{:v: [2, 3]}",
            "{l: [1, 2, 3]}",
        ),
        ("{l: [1]}", "SET l = list_append(:v, l)", "{:v: []}", "{l: [1]}"),
        (
            "{}",
            "SET l = list_append(if_not_exists(l, :e), :v)",
            "{:e: [], :v: ['a']}",
            "{l: ['a']}",
        ),
        (
            "{l: [1]}",
            "SET l = list_append(list_append(l, l), :v)",
            "{:v: [[2]]}",
            "{l: [1, 1, [2]]}",
        ),
        (
            "{m: {a: 1, c: 3}}",
            "SET m.b = :v, m.c = :w",
            "{:v: 2, :w: 4}",
            "{m: {a: 1, b: 2, c: 4}}",
        ),
        (
            "{m: {a: {b: {}}}}",
            "SET m.a.b.c = :v",
            "{:v: <'x'>}",
            "{m: {a: {b: {c: <'x'>}}}}",
        ),
        (
            "{l: [0, {a: 1}]}",
            "SET l[1].a = l[1].a + :v",
            "{:v: 1}",
            "{l: [0, {a: 2}]}",
        ),
        (
            "{l: [0, [1, 2]]}",
            "SET l[1][0] = :v, l[0] = :w",
            "{:v: 'a', :w: 'b'}",
            "{l: ['b', ['a', 2]]}",
        ),
        // Past the end, elements are appended in the order of their indexes, without gaps.
        (
            "{l: ['a']}",
            "SET l[9] = :y, l[5] = :x",
            "{:x: 'x', :y: 'y'}",
            "{l: ['a', 'x', 'y']}",
        ),
        ("{l: []}", "SET l[0] = :x", "{:x: 1}", "{l: [1]}"),
    ] {
        check(old, text, values, expected);
    }
}

#[test]
fn remove() {
    for (old, text, expected) in [
        ("{pk: 'p', a: 1, b: 2}", "REMOVE a, absent", "{pk: 'p', b: 2}"),
        (
            "{l: ['a', 'b', 'c', 'd']}",
            "REMOVE l[0], l[1]",
            "{l: ['c', 'd']}",
        ),
        ("{l: ['a', 'b']}", "REMOVE l[1], l[7]", "{l: ['a']}"),
        ("{l: ['a']}", "REMOVE l[0]", "{l: []}"),
        ("{m: {a: 1, b: 2}}", "REMOVE m.a", "{m: {b: 2}}"),
        ("{m: {a: 1}}", "REMOVE m.a, m.absent", "{m: {}}"),
        ("{l: [{a: 1, b: 2}]}", "REMOVE l[0].a", "{l: [{b: 2}]}"),
    ] {
        check(old, text, "", expected);
    }
}

#[test]
fn add_and_delete() {
    for (old, text, values, expected) in [
        ("{a: 1}", "ADD a :v", "{:v: -3}", "{a: -2}"),
        ("{}", "ADD a :v", "{:v: 5}", "{a: 5}"),
        ("{}", "ADD a :v", "{:v: <'x'>}", "{a: <'x'>}"),
        (
            "{a: <'b', 'd'>}",
            "ADD a :v",
            "{:v: <'a', 'b', 'c'>}",
            "{a: <'a', 'b', 'c', 'd'>}",
        ),
        ("{a: <1, 2>}", "ADD a :v", "{:v: <2.0, 3>}", "{a: <1, 2, 3>}"),
        ("{a: <x01>}", "ADD a :v", "{:v: <x00>}", "{a: <x00, x01>}"),
        (
            "{m: {n: 1}}",
            "ADD m.n :v, m.k :v",
            "{:v: 1}",
            "{m: {n: 2, k: 1}}",
        ),
        ("{l: [1]}", "ADD l[0] :v, l[4] :v", "{:v: 1}", "{l: [2, 1]}"),
        (
            "{a: <'a', 'b', 'c'>}",
            "DELETE a :v",
            "{:v: <'b', 'x'>}",
            "{a: <'a', 'c'>}",
        ),
        ("{a: <1, 2>, b: 1}", "DELETE a :v", "{:v: <1, 2, 3>}", "{b: 1}"),
        ("{a: <x01, x02>}", "DELETE a :v", "{:v: <x02>}", "{a: <x01>}"),
        ("{b: 1}", "DELETE a :v", "{:v: <'a'>}", "{b: 1}"),
        ("{m: {s: <'a'>}}", "DELETE m.s :v", "{:v: <'a'>}", "{m: {}}"),
        (
            "{l: [<'a'>, 1]}",
            "DELETE l[0] :v, l[9] :v",
            "{:v: <'a'>}",
            "{l: [1]}",
        ),
    ] {
        check(old, text, values, expected);
    }
}

#[test]
fn every_clause_reads_the_item_as_it_was() {
    check(
        "{a: 1, b: 2, s: <'x', 'y'>, l: [1, 2, 3]}",
        "ADD n :v SET a = b, c = l[0], d = s REMOVE b, l[0] DELETE s :s",
        "{:v: 1, :s: <'x'>}",
        "{a: 2, c: 1, d: <'x', 'y'>, l: [2, 3], n: 1, s: <'y'>}",
    );
}

#[test]
fn a_new_item_begins_with_its_key() {
    let key = item("{pk: 'p', sk: 1}");
    for (text, values, expected) in [
        ("SET a = :v", "{:v: 1}", "{pk: 'p', sk: 1, a: 1}"),
        ("REMOVE a", "", "{pk: 'p', sk: 1}"),
        ("DELETE a :v", "{:v: <1>}", "{pk: 'p', sk: 1}"),
        ("ADD zz :v", "{:v: 1}", "{pk: 'p', sk: 1, zz: 1}"),
        ("SET a = sk", "", "{pk: 'p', sk: 1, a: 1}"),
    ] {
        assert_eq!(
            parse(text, values).apply(&key, None),
            Ok(item(expected)),
            "{text}"
        );
    }
}

#[test]
fn failures() {
    use model::NumberError::{Overflow, TooManyDigits};
    for (old, text, values, expected) in [
        ("{a: 1}", "SET b = absent", "", UpdateError::MissingAttribute),
        ("{a: 1}", "SET b = absent + a", "", UpdateError::MissingAttribute),
        (
            "{a: 1}",
            "SET b = if_not_exists(absent, another)",
            "",
            UpdateError::MissingAttribute,
        ),
        ("{a: 's'}", "SET b = a + :v", "{:v: 1}", UpdateError::OperandType),
        (
            "{a: 's'}",
            "SET b = list_append(a, :v)",
            "{:v: []}",
            UpdateError::OperandType,
        ),
        ("{a: 's'}", "ADD a :v", "{:v: 1}", UpdateError::OperandType),
        ("{a: <1>}", "ADD a :v", "{:v: 1}", UpdateError::OperandType),
        ("{a: <1>}", "ADD a :v", "{:v: <'a'>}", UpdateError::OperandType),
        ("{a: <1>}", "DELETE a :v", "{:v: <'a'>}", UpdateError::OperandType),
        ("{a: 1}", "DELETE a :v", "{:v: <1>}", UpdateError::OperandType),
        ("{a: 1}", "SET b.c = :v", "{:v: 1}", UpdateError::InvalidPath),
        ("{a: 1}", "SET a.c = :v", "{:v: 1}", UpdateError::InvalidPath),
        ("{a: {}}", "SET a[0] = :v", "{:v: 1}", UpdateError::InvalidPath),
        ("{a: []}", "SET a.b = :v", "{:v: 1}", UpdateError::InvalidPath),
        ("{a: []}", "SET a[0].b = :v", "{:v: 1}", UpdateError::InvalidPath),
        ("{a: 1}", "REMOVE b.c", "", UpdateError::InvalidPath),
        ("{a: 1}", "REMOVE b[0]", "", UpdateError::InvalidPath),
        ("{a: 1}", "ADD b.c :v", "{:v: 1}", UpdateError::InvalidPath),
        ("{a: 9e125}", "SET a = a + a", "", UpdateError::Number(Overflow)),
        (
            "{a: 1e40}",
            "ADD a :v",
            "{:v: 1}",
            UpdateError::Number(TooManyDigits),
        ),
        // The wrong kind of container before the wrong operand before what is missing.
        (
            "{a: 1, s: 's'}",
            "SET a.c = :v, b = s + :v, d = absent",
            "{:v: 1}",
            UpdateError::InvalidPath,
        ),
        (
            "{s: 's'}",
            "SET b = s + :v, d = absent",
            "{:v: 1}",
            UpdateError::OperandType,
        ),
        ("{s: 's'}", "SET b = absent + s", "", UpdateError::OperandType),
    ] {
        fails(old, text, values, expected);
    }
    for (error, message) in [
        (
            UpdateError::MissingAttribute,
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        (
            UpdateError::OperandType,
            "An operand in the update expression has an incorrect data type",
        ),
        (
            UpdateError::InvalidPath,
            "The document path provided in the update expression is invalid for update",
        ),
        (
            UpdateError::Number(Overflow),
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
    ] {
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn nesting_stays_within_the_limit() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let old = format!("{{a: {}}}", "{b: ".repeat(10) + "{}" + &"}".repeat(10));
    let text = format!("SET a{} = :v", ".b".repeat(10));
    let values = |levels| format!("{{:v: {}}}", nested(levels));
    let apply = |levels| parse(&text, &values(levels)).apply(&item("{}"), Some(item(&old).attributes()));
    assert!(apply(22).is_ok());
    assert_eq!(apply(23), Err(UpdateError::TooDeep));
}

#[test]
fn what_changed() {
    let old = item("{pk: 'p', a: 1, m: {x: 1, y: 2}, l: [1, 2, 3], s: <'a'>}");
    let update = parse(
        "SET a = :v, m.x = :v, fresh = :v, l[1] = :v REMOVE m.y DELETE s :s",
        "{:v: 9, :s: <'a'>}",
    );
    let new = update.apply(&item("{pk: 'p'}"), Some(old.attributes())).unwrap();
    assert_eq!(
        update.changed(old.attributes()),
        item("{a: 1, m: {x: 1, y: 2}, l: [2], s: <'a'>}")
    );
    assert_eq!(
        update.changed(new.attributes()),
        item("{a: 9, m: {x: 9}, l: [9], fresh: 9}")
    );
}

#[test]
fn the_paths_that_it_writes_and_reads() {
    let update = parse(
        "SET a.b = if_not_exists(c, d[0]) + e REMOVE f ADD g :v",
        "{:v: 1}",
    );
    assert_eq!(update.top_level_attributes().collect::<Vec<_>>(), ["a", "f", "g"]);
    let read: Vec<String> = update.read_paths().map(ToString::to_string).collect();
    assert_eq!(read, ["[c]", "[d, [0]]", "[e]"]);
}
