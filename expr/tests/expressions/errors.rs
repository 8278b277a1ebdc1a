//! Expressions that are refused, word for word.

use expr::{Condition, ExpressionAttributes, ExpressionKind, Projection, Update};

use crate::notation::{item, names, with_attributes};

#[track_caller]
fn check(kind: ExpressionKind, text: &str, names: &str, values: &str, expected: &str) {
    let result = with_attributes(names, values, |attributes| match kind {
        ExpressionKind::Update => Update::parse(text, attributes).map(drop),
        ExpressionKind::Projection => Projection::parse(text, attributes).map(drop),
        kind => Condition::parse(kind, text, attributes).map(drop),
    });
    match result {
        Ok(()) => panic!("{text:?} is not refused"),
        Err(error) => {
            let expected = match expected.strip_prefix('!') {
                Some(whole) => whole.to_owned(),
                None => format!("Invalid {kind}: {expected}"),
            };
            assert_eq!(error.to_string(), expected, "{text}");
        }
    }
}

#[track_caller]
fn condition(text: &str, names: &str, values: &str, expected: &str) {
    check(ExpressionKind::Filter, text, names, values, expected);
}

#[track_caller]
fn update(text: &str, names: &str, values: &str, expected: &str) {
    check(ExpressionKind::Update, text, names, values, expected);
}

#[track_caller]
fn projection(text: &str, names: &str, expected: &str) {
    check(ExpressionKind::Projection, text, names, "", expected);
}

fn syntax(token: &str, near: &str) -> String {
    format!("Syntax error; token: \"{token}\", near: \"{near}\"")
}

#[test]
fn syntax_errors_of_conditions() {
    for (text, token, near) in [
        ("things are not gonna be ok", "are", "things are not"),
        ("a > 4", "4", "> 4"),
        ("foo", "<EOF>", "foo"),
        ("a = = b", "=", "= = b"),
        ("attribute_not_exists(", "<EOF>", "("),
        ("(a = :v", "<EOF>", ":v"),
        ("a = :v)", ")", ":v)"),
        ("#v = :i AND", "<EOF>", "AND"),
        ("ADD #v :i", "ADD", "ADD #v"),
        ("attribute_exists(Pictures-RearView)", "-", "Pictures-RearView"),
        ("attribute_exists(\"Pictures.RearView\")", "\"", "(\"Pictures"),
        ("attribute_exists(Pictures..RearView)", ".", "..RearView"),
        ("attribute_exists(Pi#ctures.RearView)", "#ctures", "Pi#ctures."),
        ("attribute_exists(asdf[a])", "a", "[a]"),
        ("a in b, c", "b", "in b,"),
        ("a > between", "between", "> between"),
        ("a in (b,c,)", ")", ",)"),
        ("(a)between(b.(c.d))and(c)", "(", ".(c"),
        ("(a)between(b.c.d)and((c)", "<EOF>", ")"),
        ("#$.b > a", "#", "#$"),
        ("a > :things.stuff", ".", ":things.stuff"),
        ("b[:a] > a", ":a", "[:a]"),
        ("b[#_] > a", "#_", "[#_]"),
        ("ü > a", "ü", "ü >"),
        ("(a)between(b.c[4.5].#d)and(:a)", ".", "4.5"),
        ("a[01] = :v", "1", "01]"),
        ("size(a).b > a", ".", ").b"),
        ("(size(a)).b > a", ".", ").b"),
        ("(size(a))[0] > a", "[", ")[0"),
        ("AND __typename = :v", "AND", "AND _"),
        ("a = :v AND __typename = :v", "_", "AND __"),
        ("(a) AND b = c", "AND", ") AND b"),
        ("(a, b) = c", ",", "a, b"),
        ("a = b = c", "=", "b = c"),
        ("(a = b) = c", "=", ") = c"),
        ("NOT a", "<EOF>", "a"),
        ("size() = :v", ")", "() ="),
        ("a BETWEEN :v OR :w", "OR", ":v OR :w"),
        (" ", "<EOF>", ""),
        ("(((", "<EOF>", "("),
    ] {
        condition(text, "", "", &syntax(token, near));
    }
}

#[test]
fn syntax_errors_of_updates() {
    for (text, token, near) in [
        ("INVALID SYNTAX HERE", "INVALID", "INVALID SYNTAX"),
        ("whatever", "whatever", "whatever"),
        ("set a", "<EOF>", "a"),
        ("SET a = :v,", "<EOF>", ","),
        ("set a=set", "set", "=set"),
        ("remove a = b", "=", "a = b"),
        ("add a = b", "=", "a = b"),
        ("delete a b", "b", "a b"),
        ("delete a if_not_exist(b)", "if_not_exist", "a if_not_exist("),
        ("add abort b", "b", "abort b"),
        ("remove a b", "b", "a b"),
        ("set :a = b", ":a", "set :a ="),
        ("remove :a", ":a", "remove :a"),
        ("set a = b / c", "/", "b / c"),
        ("set a = b * c", "*", "b * c"),
        ("set a[1] = \"eight\"", "\"", "= \"eight"),
        ("set a[1] = 1", "1", "= 1"),
        ("SET if_not_exist(a, b) = a", "(", "if_not_exist(a"),
        ("set (a = (b + c))", "(", "set (a"),
        ("set a = (b.c).d + e", ".", ").d"),
        ("set a = (b.c)[0] + e", "[", ")[0"),
        ("set a = b + c + d", "+", "c + d"),
        ("ADD hits : incr", ":", "hits : incr"),
        ("SET path1 = VALUE1 1", "1", "VALUE1 1"),
        ("SET _x = :v", "_", "SET _x"),
        ("SET a = {\"NULL\"", "{", "= {\""),
        ("SET #a = :v, #, #b = :v", "#", ", #,"),
    ] {
        update(text, "", "", &syntax(token, near));
    }
}

#[test]
fn syntax_errors_of_projections() {
    for (text, token, near) in [
        ("!!! INVALID !!!", "!", "!!"),
        ("whatever(stuff)", "(", "whatever(stuff"),
        (":a", ":a", ":a"),
        ("abort,", "<EOF>", ","),
        ("a, ", "<EOF>", ", "),
        ("a,,b", ",", ",,b"),
        ("a..b", ".", "..b"),
        ("a[b]", "b", "[b]"),
        ("(a.b).c", "(", "(a"),
        ("a-b", "-", "a-b"),
        ("a, and", "and", ", and"),
    ] {
        projection(text, "", &syntax(token, near));
    }
}

#[test]
fn empty_expressions() {
    let empty = "The expression can not be empty;";
    condition("", "", "", empty);
    update("", "", "", empty);
    projection("", "", empty);
}

#[test]
fn redundant_parentheses() {
    for text in [
        "((a = :v))",
        "((a)) = :v",
        "((a = b)) AND b = c",
        "a=b and a > ((views))",
        "(a)between(((b.c)).d)and(c)",
        "a > whatever((:things), ((a)))",
        "a=b AND ((a=b AND a=c)) AND a=d",
        "a=b OR ((a=b OR (a=b OR a=c)))",
        "a IN (((b)))",
        // What comes after it is not read.
        "((a)) = = b",
    ] {
        condition(text, "", "", "The expression has redundant parentheses;");
    }
    update(
        "SET a = ((b))",
        "",
        "",
        "The expression has redundant parentheses;",
    );
}

#[test]
fn functions_that_do_not_belong() {
    for (text, expected) in [
        (
            "a=b and whatever((:things)) > a",
            "Invalid function name; function: whatever",
        ),
        (
            "attRIbute_exIsts((views), #a)",
            "Invalid function name; function: attRIbute_exIsts",
        ),
        (
            "if_not_exists(a, :v)",
            "The function is not allowed in a condition expression; function: if_not_exists",
        ),
    ] {
        condition(text, "", "", expected);
    }
    for (text, function) in [
        ("a=b and attribute_exists((views), (#a)) > b", "attribute_exists"),
        ("attribute_not_exists(things) > b", "attribute_not_exists"),
        ("attribute_type(things, :a) > b", "attribute_type"),
        ("begins_with(things, a) > b", "begins_with"),
        ("contains(:things, c) > b", "contains"),
        ("size(contains(a, b)) > a", "contains"),
        ("size(things)", "size"),
        ("a between b and attribute_exists(things)", "attribute_exists"),
        ("a in (b, attribute_exists(things))", "attribute_exists"),
    ] {
        let expected =
            format!("The function is not allowed to be used this way in an expression; function: {function}");
        condition(text, "", "", &expected);
    }
    for (text, expected) in [
        (
            "SET a = contains(b, :v)",
            "The function is not allowed in an update expression; function: contains",
        ),
        (
            "SET #c = if_not_exist(:c) SET c = d",
            "Invalid function name; function: if_not_exist",
        ),
    ] {
        update(text, "", "", expected);
    }
}

#[test]
fn reserved_words() {
    for (text, word) in [
        (":a < abOrT", "abOrT"),
        ("pk = :v AND status = :v", "status"),
        ("a.b.name = :v", "name"),
    ] {
        let expected = format!("Attribute name is a reserved keyword; reserved keyword: {word}");
        condition(text, "", "", &expected);
    }
    let expected = |word: &str| format!("Attribute name is a reserved keyword; reserved keyword: {word}");
    update(" set #c = :c set abOrt = true ", "", "", &expected("abOrt"));
    update(" remove Absolute ", "", "", &expected("Absolute"));
    update("SET status = :s, name = :n", "", "", &expected("status"));
    update("SET a = date", "", "", &expected("date"));
    projection("a.abORt", "", &expected("abORt"));
    projection("#a,ABSoLUTE", "", &expected("ABSoLUTE"));
}

#[test]
fn undefined_names_and_values() {
    let name = |name: &str| {
        format!(
            "An expression attribute name used in the document path is not defined; attribute name: {name}"
        )
    };
    let value = |value: &str| {
        format!("An expression attribute value used in expression is not defined; attribute value: {value}")
    };
    condition("begins_with(Pictures.#RearView, :v)", "", "", &name("#RearView"));
    condition(
        "(#P between :lo and :hi) and (#PC in (:cat1, :cat2))",
        "",
        "",
        &name("#P"),
    );
    condition("#4g > a", "", "", &name("#4g"));
    condition("(a)between(b.c[45].#d)and(:a)", "", "", &name("#d"));
    condition("#missing = :fv", "", "{:fv: 'x'}", &name("#missing"));
    condition(":a < :b", "", "", &value(":a"));
    condition(":_ > a", "", "", &value(":_"));
    update("SET attr1 = :v", "", "", &value(":v"));
    update("SET a = :v, #b = :w", "", "", &name("#b"));
    update("SET #a = if_not_exists(:c)", "#a=a", "", &value(":c"));
    // The right sides are looked at from the last to the first.
    update("SET a = :v, b = :w", "", "", &value(":w"));
    update("SET a = :v, b = #w", "", "", &name("#w"));
    projection("a,b,a,#a", "", &name("#a"));
}

#[test]
fn operand_counts() {
    for (text, function, count) in [
        ("attribute_exists(things, a) and a=a", "attribute_exists", 2),
        ("attribute_not_exists(things, b)", "attribute_not_exists", 2),
        ("attribute_type(things)", "attribute_type", 1),
        ("begins_with(things)", "begins_with", 1),
        ("begins_with(things, size(a), b)", "begins_with", 3),
        ("contains(things)", "contains", 1),
        ("size(things, a) > b", "size", 2),
    ] {
        let expected = format!(
            "Incorrect number of operands for operator or function; operator or function: {function}, number of \
             operands: {count}"
        );
        condition(text, "", "", &expected);
    }
    for (text, function) in [
        ("set a = if_not_exists(c)", "if_not_exists"),
        ("set a = list_append(c)", "list_append"),
    ] {
        let expected = format!(
            "Incorrect number of operands for operator or function; operator or function: {function}, number of \
             operands: 1"
        );
        update(text, "", "", &expected);
    }
}

#[test]
fn operand_types() {
    let types = [
        ("'s'", "S"),
        ("1", "N"),
        ("x01", "B"),
        ("true", "BOOL"),
        ("null", "NULL"),
        ("[]", "L"),
        ("{}", "M"),
        ("<'a'>", "SS"),
        ("<1>", "NS"),
        ("<x01>", "BS"),
    ];
    for (text, operator, fitting) in [
        ("begins_with(a, :a)", "begins_with", "S B"),
        ("begins_with(:a, a)", "begins_with", "S B"),
        ("size(:a) > a", "size", "S B L M SS NS BS"),
        ("a < :a", "<", "S N B"),
        (":a >= a", ">=", "S N B"),
        ("a BETWEEN :a AND b", "BETWEEN", "S N B"),
        (":a BETWEEN a AND b", "BETWEEN", "S N B"),
    ] {
        for (value, name) in types {
            let values = format!("{{:a: {value}}}");
            if fitting.split(' ').any(|fitting| fitting == name) {
                with_attributes("", &values, |attributes| {
                    Condition::parse(ExpressionKind::Filter, text, attributes)
                })
                .unwrap();
                continue;
            }
            let expected = format!(
                "Incorrect operand type for operator or function; operator or function: {operator}, operand type: \
                 {name}"
            );
            condition(text, "", &values, &expected);
        }
    }
    for (text, operator) in [
        ("begins_with(a, size(a)) and a=:a", "begins_with"),
        ("size(size(a)) > :a", "size"),
        ("attribute_not_exists(size(:a))", "size"),
        ("attribute_type(a, size(a)) and a=:a", "attribute_type"),
    ] {
        let expected = format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: N"
        );
        condition(text, "", "{:a: 1}", &expected);
    }
    condition(
        "attribute_type(a, b)",
        "",
        "",
        "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: \
         {NS,SS,L,BS,N,M,B,BOOL,NULL,S}",
    );
    condition(
        "attribute_type(a, :a)",
        "",
        "{:a: '1'}",
        "Invalid attribute type name found; type: 1, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
    );
    for (text, function) in [
        ("attribute_exists(:a) and a=b", "attribute_exists"),
        ("attribute_not_exists(size(:a))", "attribute_not_exists"),
    ] {
        let expected =
            format!("Operator or function requires a document path; operator or function: {function}");
        condition(text, "", "{:a: 's'}", &expected);
    }
}

#[test]
fn operands_that_are_not_distinct() {
    for (text, operator, path) in [
        ("a = a AND #a = b", "=", "[a]"),
        ("#a <> a", "<>", "[a]"),
        ("a > #a", ">", "[a]"),
        ("((#a=a) OR (a=a))", "=", "[a]"),
        (
            "contains(ab.bc[1].a, ab.bc[1].#a)",
            "contains",
            "[ab, bc, [1], a]",
        ),
        (
            "attribute_type(ab.bc[1].#a, ab.bc[1].a)",
            "attribute_type",
            "[ab, bc, [1], a]",
        ),
        (
            "begins_with(ab.bc[1].a, ab.bc[1].#a)",
            "begins_with",
            "[ab, bc, [1], a]",
        ),
        ("a BETWEEN b AND #a", "BETWEEN", "[a]"),
        ("a IN (b, #a)", "IN", "[a]"),
    ] {
        let expected = format!(
            "The first operand must be distinct from the remaining operands for this operator or function; \
             operator: {operator}, first operand: {path}"
        );
        condition(text, "#a=a", "", &expected);
    }
}

#[test]
fn bounds_of_between() {
    condition(
        "a between :b and :a",
        "",
        "{:a: 'a', :b: 1}",
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: \
         AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:a}",
    );
    condition(
        "a between :b and :a",
        "",
        "{:a: x01, :b: x0200}",
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound \
         operand: AttributeValue: {B:java.nio.HeapByteBuffer[pos=0 lim=2 cap=2]}, upper bound operand: \
         AttributeValue: {B:java.nio.HeapByteBuffer[pos=0 lim=1 cap=1]}",
    );
}

#[test]
fn sections_of_updates() {
    for (text, section) in [
        ("set a = #c set c = :d", "SET"),
        ("remove #d set a = b remove e", "REMOVE"),
        ("add #d :e set a = b add e :f", "ADD"),
        ("delete #d :e set a = b delete #e :f", "DELETE"),
    ] {
        let expected = format!("The \"{section}\" section can only be used once in an update expression;");
        update(text, "", "", &expected);
    }
}

#[test]
fn paths_that_clash() {
    let clash = |verb: &str, one: &str, two: &str| {
        format!(
            "Two document paths {verb} with each other; must remove or rewrite one of these paths; path one: \
             {one}, path two: {two}"
        )
    };
    for (text, verb, one, two) in [
        (
            "set d[1] = a, d.b = a, c[1].a = a, #c = if_not_exists(a)",
            "overlap",
            "[c, [1], a]",
            "[c]",
        ),
        (
            "set #c[3].#d = a, #c[3] = a",
            "overlap",
            "[c, [3], [3]]",
            "[c, [3]]",
        ),
        (
            "set #c[3].#d = a, #c.#d[3] = if_not_exists(a)",
            "conflict",
            "[c, [3], [3]]",
            "[c, [3], [3]]",
        ),
        ("remove a.#c set a[1] = #d", "conflict", "[a, c]", "[a, [1]]"),
        ("SET #c = :v, c = :w", "overlap", "[c]", "[c]"),
    ] {
        update(text, "#c=c #d=[3]", "", &clash(verb, one, two));
    }
    for (text, verb, one, two) in [
        ("b[1], b.a, #a.b, a", "overlap", "[a, b]", "[a]"),
        ("a, #a[1]", "overlap", "[a]", "[a, [1]]"),
        ("a.b, #a[1], #b", "conflict", "[a, b]", "[a, [1]]"),
        ("a.b[1], #a[1], #b", "conflict", "[a, b, [1]]", "[a, [1]]"),
        ("a[3].b, #a.#b.b", "conflict", "[a, [3], b]", "[a, [3], b]"),
    ] {
        projection(text, "#a=a #b=[3]", &clash(verb, one, two));
    }
}

#[test]
fn operand_types_of_updates() {
    let types = [
        ("'s'", "S", "STRING"),
        ("1", "N", "NUMBER"),
        ("x01", "B", "BINARY"),
        ("true", "BOOL", "BOOLEAN"),
        ("null", "NULL", "NULL"),
        ("[]", "L", "LIST"),
        ("{}", "M", "MAP"),
        ("<'a'>", "SS", "STRING_SET"),
        ("<1>", "NS", "NUMBER_SET"),
        ("<x01>", "BS", "BINARY_SET"),
    ];
    for (value, short, long) in types {
        let values = format!("{{:a: {value}}}");
        let is_set = short.len() == 2;
        for (operator, fits) in [("ADD", is_set || short == "N"), ("DELETE", is_set)] {
            if !fits {
                let expected = format!(
                    "Incorrect operand type for operator or function; operator: {operator}, operand type: {long}, \
                     typeSet: ALLOWED_FOR_{operator}_OPERAND"
                );
                update(&format!("{operator} a.b :a"), "", &values, &expected);
            }
        }
        for (text, operator, fitting) in [
            ("set a = list_append(:a, a)", "list_append", "L"),
            ("set a = list_append(a, :a)", "list_append", "L"),
            ("set a = a + :a", "+", "N"),
            ("set a = :a - a", "-", "N"),
        ] {
            if short != fitting {
                let expected = format!(
                    "Incorrect operand type for operator or function; operator or function: {operator}, operand \
                     type: {short}"
                );
                update(text, "", &values, &expected);
            }
        }
    }
    for text in [
        "set a = if_not_exists(:a, c)",
        "set a = if_not_exists(if_not_exists(a, b), c)",
    ] {
        let expected = "Operator or function requires a document path; operator or function: if_not_exists";
        update(text, "", "{:a: 's'}", expected);
    }
    update(
        "SET a = if_not_exists(b, #b)",
        "#b=b",
        "",
        "The first operand must be distinct from the remaining operands for this operator or function; operator: \
         if_not_exists, first operand: [b]",
    );
}

#[test]
fn unused_names_and_values() {
    condition(
        "a = :a",
        "#b=b #a=a",
        "{:a: 1}",
        "!Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b}",
    );
    condition(
        "a = :a",
        "",
        "{:a: 1, :c: 1, :b: 2}",
        "!Value provided in ExpressionAttributeValues unused in expressions: keys: {:b, :c}",
    );
    condition(
        "a = b",
        "#unused=a",
        "{:a: 1}",
        "!Value provided in ExpressionAttributeNames unused in expressions: keys: {#unused}",
    );
}

#[test]
fn names_and_values_of_a_bad_form() {
    let error = |names: Option<&[(String, String)]>, values: Option<&model::Item>| {
        ExpressionAttributes::new(names, values)
            .err()
            .map(|error| error.to_string())
    };
    let no_names: Vec<(String, String)> = Vec::new();
    assert_eq!(
        error(Some(&no_names), None).unwrap(),
        "ExpressionAttributeNames must not be empty"
    );
    assert_eq!(
        error(None, Some(&model::Item::empty())).unwrap(),
        "ExpressionAttributeValues must not be empty"
    );
    for (text, expected) in [
        (
            "a=a",
            "ExpressionAttributeNames contains invalid key: Syntax error; key: \"a\"",
        ),
        (
            "#=a",
            "ExpressionAttributeNames contains invalid key: Syntax error; key: \"#\"",
        ),
        (
            "#a-b=a",
            "ExpressionAttributeNames contains invalid key: Syntax error; key: \"#a-b\"",
        ),
        (
            "#a=",
            "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a",
        ),
    ] {
        assert_eq!(error(Some(&names(text)), None).unwrap(), expected);
    }
    let long = names(&format!("#{}=a", "a".repeat(255)));
    assert_eq!(
        error(Some(&long), None).unwrap(),
        "ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too \
         long; size of key: 256"
    );
    assert_eq!(
        error(None, Some(&item("{b: 1}"))).unwrap(),
        "ExpressionAttributeValues contains invalid key: Syntax error; key: \"b\""
    );
    assert_eq!(
        error(Some(&names("#a_1=a #_=b #0=c")), Some(&item("{:_0: 1}"))),
        None
    );
}
