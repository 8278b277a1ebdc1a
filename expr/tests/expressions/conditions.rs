//! What conditions say of items.

use expr::{Condition, ExpressionKind};

use crate::notation::{item, with_attributes};

const ITEM: &str = "{pk: 'p', n: 10, s: 'banana', b: x010203, t: true, z: null, e: '', \
    ss: <'green', 'red'>, ns: <1, 5>, bs: <x01, x02>, l: ['a', 'b', 3, [1], {k: 1}, <7>], \
    m: {nested: {deep: 'x'}, entries: [{v: 1}, {v: 2}]}, dotted.name: 'yes', u: 'é', big: 1e125}";

fn parse(text: &str, names: &str, values: &str) -> Condition {
    with_attributes(names, values, |attributes| {
        Condition::parse(ExpressionKind::Condition, text, attributes)
    })
    .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
fn check(text: &str, values: &str, expected: bool) {
    check_named(text, "", values, expected);
}

#[track_caller]
fn check_named(text: &str, names: &str, values: &str, expected: bool) {
    let item = item(ITEM);
    let found = parse(text, names, values).matches(Some(item.attributes()));
    assert_eq!(found, expected, "{text}");
}

#[test]
fn comparisons() {
    for (text, values, expected) in [
        ("n = :v", "{:v: 10}", true),
        ("n = :v", "{:v: 10.0}", true),
        ("n = :v", "{:v: '10'}", false),
        ("n <> :v", "{:v: '10'}", true),
        ("n <> :v", "{:v: 10}", false),
        ("n < :v", "{:v: 10.5}", true),
        ("n <= :v", "{:v: 10}", true),
        ("n > :v", "{:v: 9}", true),
        ("n >= :v", "{:v: 11}", false),
        ("big > :v", "{:v: 9.99e124}", true),
        (":v < n", "{:v: 9}", true),
        ("s < :v", "{:v: 'bananas'}", true),
        ("s > :v", "{:v: 'Banana'}", true),
        ("s < :v", "{:v: 100}", false),
        ("s >= :v", "{:v: 100}", false),
        ("u > :v", "{:v: 'z'}", true),
        ("b > :v", "{:v: x0102}", true),
        ("b = :v", "{:v: x010203}", true),
        ("t = :v", "{:v: true}", true),
        ("t = :v", "{:v: false}", false),
        ("z = :v", "{:v: null}", true),
        ("ss = :v", "{:v: <'red', 'green'>}", true),
        ("ss = :v", "{:v: <'red'>}", false),
        ("ss <> :v", "{:v: ['red', 'green']}", true),
        ("l = :v", "{:v: ['a', 'b', 3, [1], {k: 1}, <7>]}", true),
        (
            "m = :v",
            "{:v: {entries: [{v: 1}, {v: 2}], nested: {deep: 'x'}}}",
            true,
        ),
        (
            "m = :v",
            "{:v: {entries: [{v: 1}, {v: 2}], nested: {deep: 'y'}}}",
            false,
        ),
        ("e = :v", "{:v: ''}", true),
        // A missing operand is unequal to everything and not ordered.
        ("absent = :v", "{:v: 1}", false),
        ("absent <> :v", "{:v: 1}", true),
        ("absent < :v", "{:v: 1}", false),
        ("absent = another", "", false),
        ("n = absent", "", false),
        ("n <> absent", "", true),
    ] {
        check(text, values, expected);
    }
}

#[test]
fn between_and_in() {
    for (text, values, expected) in [
        ("n BETWEEN :a AND :b", "{:a: 10, :b: 10}", true),
        ("n BETWEEN :a AND :b", "{:a: 11, :b: 12}", false),
        ("s between :a and :b", "{:a: 'a', :b: 'c'}", true),
        ("n BETWEEN :a AND :b", "{:a: 'a', :b: 'b'}", false),
        (":v BETWEEN absent AND n", "{:v: 3}", false),
        ("absent BETWEEN :a AND :b", "{:a: 1, :b: 2}", false),
        ("n IN (:a, :b)", "{:a: 9, :b: 10}", true),
        ("n IN (:a)", "{:a: '10'}", false),
        ("m IN (:a)", "{:a: {}}", false),
        ("absent IN (:a, n)", "{:a: 1}", false),
        (":v IN (ss, n, s)", "{:v: 'banana'}", true),
        ("absent IN (another)", "", false),
    ] {
        check(text, values, expected);
    }
}

#[test]
fn functions() {
    for (text, values, expected) in [
        ("attribute_exists(n)", "", true),
        ("attribute_exists(z)", "", true),
        ("attribute_exists(absent)", "", false),
        ("attribute_not_exists(absent)", "", true),
        ("attribute_not_exists(m.nested.deep)", "", false),
        ("attribute_not_exists(m.nested.another)", "", true),
        ("attribute_exists(l[5])", "", true),
        ("attribute_exists(l[6])", "", false),
        ("attribute_exists(n[0])", "", false),
        ("attribute_exists(n.a)", "", false),
        ("attribute_type(n, :t)", "{:t: 'N'}", true),
        ("attribute_type(n, :t)", "{:t: 'S'}", false),
        ("attribute_type(l[5], :t)", "{:t: 'NS'}", true),
        ("attribute_type(absent, :t)", "{:t: 'NULL'}", false),
        ("attribute_type(z, :t)", "{:t: 'NULL'}", true),
        ("attribute_type(t, :t)", "{:t: 'BOOL'}", true),
        ("begins_with(s, :v)", "{:v: 'ban'}", true),
        ("begins_with(s, :v)", "{:v: ''}", true),
        ("begins_with(s, :v)", "{:v: 'an'}", false),
        ("begins_with(b, :v)", "{:v: x0102}", true),
        ("begins_with(b, :v)", "{:v: 'a'}", false),
        ("begins_with(n, :v)", "{:v: '1'}", false),
        ("begins_with(absent, :v)", "{:v: '1'}", false),
        ("begins_with(:v, pk)", "{:v: 'pear'}", true),
        ("contains(s, :v)", "{:v: 'nan'}", true),
        ("contains(s, :v)", "{:v: 'NAN'}", false),
        ("contains(b, :v)", "{:v: x0203}", true),
        ("contains(b, :v)", "{:v: x0103}", false),
        ("contains(ss, :v)", "{:v: 'red'}", true),
        ("contains(ss, :v)", "{:v: 're'}", false),
        ("contains(ss, :v)", "{:v: <'red'>}", false),
        ("contains(ns, :v)", "{:v: 5.0}", true),
        ("contains(ns, :v)", "{:v: '5'}", false),
        ("contains(bs, :v)", "{:v: x02}", true),
        ("contains(l, :v)", "{:v: 3}", true),
        ("contains(l, :v)", "{:v: [1]}", true),
        ("contains(l, :v)", "{:v: {k: 1}}", true),
        ("contains(l, :v)", "{:v: <7>}", true),
        ("contains(l, :v)", "{:v: 'c'}", false),
        ("contains(m, :v)", "{:v: 'nested'}", false),
        ("contains(n, :v)", "{:v: 1}", false),
        ("contains(absent, :v)", "{:v: 1}", false),
        ("contains(:v, pk)", "{:v: 'apple'}", true),
        ("size(s) = :v", "{:v: 6}", true),
        ("size(u) = :v", "{:v: 2}", true),
        ("size(b) = :v", "{:v: 3}", true),
        ("size(ss) = :v", "{:v: 2}", true),
        ("size(l) > :v", "{:v: 5}", true),
        ("size(m) < :v", "{:v: 3}", true),
        ("size(e) = :v", "{:v: 0}", true),
        ("size(n) > :v", "{:v: 0}", false),
        ("size(n) <> :v", "{:v: 0}", true),
        ("size(absent) = :v", "{:v: 0}", false),
        ("size(ss) BETWEEN :a AND :b", "{:a: 1, :b: 2}", true),
        ("size(l) IN (:a, size(s))", "{:a: 1}", true),
        ("size(:v) = size(l)", "{:v: 'abcdef'}", true),
    ] {
        check(text, values, expected);
    }
}

#[test]
fn precedence_and_keywords() {
    for (text, expected) in [
        (
            "attribute_exists(n) OR attribute_exists(x) AND attribute_exists(y)",
            true,
        ),
        (
            "(attribute_exists(n) OR attribute_exists(x)) AND attribute_exists(y)",
            false,
        ),
        ("NOT attribute_exists(x) AND attribute_exists(n)", true),
        ("NOT (attribute_exists(n) AND attribute_exists(s))", false),
        ("not not attribute_exists(n)", true),
        ("not NOT Not attribute_exists(n)", false),
        (
            "attribute_exists(x) or attribute_exists(y) Or attribute_exists(n)",
            true,
        ),
        ("attribute_exists(n)and(attribute_exists(s))", true),
        ("(s) = (s2) OR (size(s)) = (size(l))", true),
        ("((size(s)) = size(l))", true),
        ("(attribute_exists(n) AND (attribute_exists(s)))", true),
        ("\tattribute_exists\r\n( n )", true),
    ] {
        check(text, "", expected);
    }
}

#[test]
fn paths_and_names() {
    for (text, names, values, expected) in [
        ("m.nested.deep = :v", "", "{:v: 'x'}", true),
        ("m.entries[1].v = :v", "", "{:v: 2}", true),
        ("m . entries [ 1 ] . v = :v", "", "{:v: 2}", true),
        ("#m.#l[0].#v = :v", "#m=m #l=entries #v=v", "{:v: 1}", true),
        ("#d = :v", "#d=dotted.name", "{:v: 'yes'}", true),
        ("#0 = :0", "#0=n", "{:0: 10}", true),
        ("l[3][0] = :v", "", "{:v: 1}", true),
        ("l[4].k = :v", "", "{:v: 1}", true),
    ] {
        check_named(text, names, values, expected);
    }
}

#[test]
fn a_missing_item_has_no_attributes() {
    for (text, values, expected) in [
        ("attribute_not_exists(pk)", "", true),
        ("attribute_exists(pk)", "", false),
        ("a <> :v", "{:v: 1}", true),
        ("a = :v", "{:v: 1}", false),
        ("NOT a = :v", "{:v: 1}", true),
        (":v = :w", "{:v: 1, :w: 1}", true),
        ("size(:v) = :w", "{:v: 'a', :w: 1}", true),
    ] {
        assert_eq!(parse(text, "", values).matches(None), expected, "{text}");
    }
}

#[test]
fn the_attributes_that_it_reads() {
    let condition = parse(
        "a.b = :v AND (size(#c) > d[0] OR NOT attribute_exists(a))",
        "#c=e",
        "{:v: 1}",
    );
    let attributes: Vec<&str> = condition.top_level_attributes().collect();
    assert_eq!(attributes, ["a", "e", "d", "a"]);
    let paths: Vec<String> = condition.paths().map(ToString::to_string).collect();
    assert_eq!(paths, ["[a, b]", "[e]", "[d, [0]]", "[a]"]);
}
