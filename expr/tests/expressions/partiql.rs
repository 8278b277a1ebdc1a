//! PartiQL statements: what the language refuses in which words, and that no text brings the parser
//! down.

use expr::Literal;
use expr::partiql::{Returning, Statement};
use fastrand::Rng;
use model::{Number, Value};

fn parse(text: &str) -> Result<Statement, String> {
    let parameters: Vec<Literal> = (1..=4)
        .map(|number| Literal::from(&Value::Number(Number::from(number))))
        .collect();
    Statement::parse(text, &parameters).map_err(|error| error.to_string())
}

/// Asserts that each statement is refused with its message.
#[track_caller]
fn refused(cases: &[(&str, &str)]) {
    for (statement, message) in cases {
        assert_eq!(parse(statement).unwrap_err(), *message, "{statement}");
    }
}

/// As [`refused`], for statements that are not well formed.
#[track_caller]
fn not_well_formed(cases: &[(&str, &str)]) {
    for (statement, detail) in cases {
        let message = format!("Statement wasn't well formed, can't be processed: {detail}");
        assert_eq!(parse(statement).unwrap_err(), message, "{statement}");
    }
}

/// As [`refused`], for conditions of a SELECT.
#[track_caller]
fn refused_conditions(cases: &[(&str, &str)]) {
    for (condition, message) in cases {
        let statement = format!("SELECT * FROM t WHERE {condition}");
        assert_eq!(parse(&statement).unwrap_err(), *message, "{condition}");
    }
}

#[test]
fn statements_that_are_well_formed() {
    for statement in [
        "select * from t;",
        "SELECT/**/*--\nFROM \"a-b.c\".\"i\" WHERE pk = 'it''s -- no /* comment */ ?'; -- the end",
        "SELECT a, \"b\".c[0].d[1], \"e.f\" FROM t WHERE pk = ? ORDER BY pk DESC, sk",
        "SELECT * FROM t WHERE pk IN ['a', 'b'] AND NOT (sk BETWEEN 1 AND - - 2 OR sk >= +.5e1)",
        "SELECT * FROM t WHERE pk IN ('a') AND a IS NOT MISSING AND b IS NULL AND c IS NOT STRING AND d IS BOOL",
        "SELECT * FROM t WHERE BEGINS_WITH(a, 'x') = true AND contains(a, ?) AND size(a) > 1 AND true <> (a = 1)",
        "SELECT * FROM t WHERE attribute_type(a, 'S') IN [true] AND attribute_exists(m.\"inner\")",
        "INSERT INTO t VALUE {'pk': 'a', 'n': -1.50, 'b': true, 'z': null, 'l': [1, {'x': <<'a', 'b'>>}], 'p': ?}",
        "insert into t value {}",
        "UPDATE t SET a = a + 1 - b.c, d = list_append(d, [1]) REMOVE e[0] SET f = set_add(f, <<1>>) WHERE pk = 'a'",
        "FROM t WHERE pk = 'a' SET n=n-1 REMOVE m.k RETURNING MODIFIED OLD *",
        "DELETE FROM t WHERE pk = 'a' AND data = 1 RETURNING ALL OLD *",
        "EXISTS(SELECT * FROM t WHERE pk = 'a' AND n = 1)",
        "SELECT data, name, status, total, free, flag, val, n, kind, year FROM t",
    ] {
        if let Err(message) = parse(statement) {
            panic!("{statement}: {message}");
        }
    }
    let Ok(Statement::Update(update)) = parse("UPDATE t SET a = 1 WHERE pk = 'a' RETURNING ALL NEW *") else {
        panic!("it is an update");
    };
    assert_eq!(update.returning, Some(Returning::AllNew));
    let Ok(Statement::Select(select)) = parse("SELECT * FROM \"T\".\"I\"") else {
        panic!("it is a query");
    };
    assert_eq!(
        (select.target.table.as_str(), select.target.index.as_deref()),
        ("T", Some("I"))
    );
}

#[test]
fn what_is_not_well_formed() {
    not_well_formed(&[
        ("SLECT * FROM \"T\" WHERE pk = 'a'", "Expected data manipulation"),
        ("SELECTT * FROMM \"T\"", "Unexpected token after expression"),
        ("NOT A STATEMENT", "Unexpected token after expression"),
        ("UPDATE Payment-x SET a = 1", "Expected data manipulation"),
        ("UPDATE t WHERE pk = 1", "Expected data manipulation"),
        (
            "SELECT * FROM t WHERE pk = 1 foo",
            "Unexpected token after expression",
        ),
        (
            "SELECT * FROM t WHERE pk = 1)",
            "Unexpected token after expression",
        ),
        (
            "SELECT * FROM t WHERE pk = 1 e5",
            "Unexpected token after expression",
        ),
        (
            "INSERT INTO t VALUE {'pk': 'a'} foo",
            "Unexpected token after expression",
        ),
        (
            "INSERT INTO t u VALUE {'pk': 'a'}",
            "Unexpected token after expression",
        ),
        ("INSERT INTO t (key, value) VALUES (1, 2)", "Unexpected keyword"),
        (
            "DELETE FROM t WHERE pk = 1 ORDER BY pk",
            "Unexpected token after expression",
        ),
        (
            "SELECT * FROM t ORDER BY pk WHERE pk = 1",
            "Unexpected token after expression",
        ),
        (
            "FROM t SET a = 1 WHERE pk = 1",
            "Unexpected token after expression",
        ),
        ("FROM t WHERE pk = 1", "Expected data manipulation"),
        (
            "SELECT * FROM t; SELECT * FROM t",
            "Unexpected token after semicolon. (Only one query is allowed.)",
        ),
        ("SELECT * FROM t WHERE", "Unexpected term"),
        ("SELECT * FROM t WHERE;", "Unexpected term"),
        ("SELECT * FROM t WHERE NOT", "Unexpected term"),
        ("SELECT * FROM t WHERE (", "Unexpected term"),
        ("SELECT * FROM t WHERE pk = :p", "Unexpected term"),
        ("SELECT * FROM", "Unexpected term"),
        ("", "Unexpected term"),
        ("SELECT * FROM t WHERE ORDER BY pk", "Unexpected keyword"),
        ("SELECT * FROM table", "Unexpected keyword"),
        ("SELECT * FROM t WHERE IS NULL", "Unexpected operator"),
        ("SELECT * FROM t WHERE pk = LIKE", "Unexpected operator"),
        (
            "SELECT * FROM t WHERE pk = 1 AND",
            "Missing right-hand side expression of infix operator",
        ),
        (
            "SELECT * FROM t WHERE pk = 1 OR",
            "Missing right-hand side expression of infix operator",
        ),
        (
            "SELECT * FROM t WHERE pk BETWEEN 1 AND",
            "Expected expression after AND",
        ),
        ("SELECT * FROM t WHERE pk IS FOO", "Expected type name"),
        ("SELECT * FROM t WHERE pk IS NOT foo", "Expected type name"),
        ("DELETE FROM", "Expected identifier for simple path"),
        ("DELETE FROM;", "Expected identifier for simple path"),
        ("DELETE FROM WHERE pk = 1", "Expected identifier for simple path"),
        ("DELETE t", "Expected FROM after DELETE"),
        ("SELECT m.inner FROM t", "Invalid path dot component"),
        ("SELECT a", "Expected FROM after SELECT list"),
        ("SELECT FROM t", "Cannot have empty SELECT list"),
        ("UPDATE t SET a 1 WHERE pk = 1", "Expected '='"),
        (
            "SELECT * FROM t WHERE pk = ()",
            "Expression group cannot be empty",
        ),
        ("SELECT * FROM t WHERE (pk = 1", "Expected RIGHT_PAREN"),
        ("SELECT * FROM t WHERE pk IN [1", "Expected RIGHT_BRACKET"),
        ("INSERT INTO t VALUE {'pk' 1}", "Expected COLON"),
        ("INSERT INTO t VALUE {'pk': 1", "Expected RIGHT_CURLY"),
        (
            "DELETE FROM t WHERE pk = 1 RETURNING SOME OLD *",
            "Expected ( MODIFIED | ALL ) ( NEW | OLD ) in each returning element.",
        ),
        ("SELECT * FROM t WHERE pk = 'open", ""),
        ("SELECT * FROM t WHERE pk = \"open", ""),
        ("SELECT * FROM t /* open", ""),
        ("SELECT * FROM t # comment", ""),
        ("SELECT * FROM t WHERE pk = `1`", ""),
        ("SELECT * FROM t WHERE pk = 1e2147483648", ""),
        ("SELECT * FROM t WHERE pk = 1.5e-2147483647", ""),
    ]);
}

#[test]
fn what_the_service_does_not_have() {
    refused(&[
        ("SELECT * FROM t u WHERE pk = 1", "Aliasing is not supported"),
        ("SELECT * FROM t AS u", "Aliasing is not supported"),
        ("SELECT a AS b FROM t", "Aliasing is not supported"),
        ("DELETE FROM t u WHERE pk = 1", "Aliasing is not supported"),
        ("UPDATE t u SET a = 1 WHERE pk = 1", "Aliasing is not supported"),
        (
            "SELECT id FROM dbimp_page LIMIT 5",
            "Unsupported clause: LIMIT at 1:33:1",
        ),
        (
            "SELECT * FROM t, u",
            "Only select from a single table or index is supported.",
        ),
        (
            "SELECT * FROM a.b.c",
            "A path may contain at most 2 components in the FROM clause",
        ),
        ("SELECT * FROM \"\"", "Path component cannot be an empty string"),
        ("SELECT * FROM a.\"\"", "Path component cannot be an empty string"),
        ("SELECT COUNT(*) FROM t", "Unexpected path component at 1:8:5"),
        (
            "SELECT attribute_exists(ss) FROM t",
            "Unexpected path component at 1:8:16",
        ),
        (
            "SELECT a.z, b.z FROM t",
            "Duplicate identifiers in select clause: z",
        ),
        (
            "SELECT l[-1] FROM t",
            "List index is not within the allowable range; index: [-1] at 1:11:1",
        ),
        (
            "SELECT l[2147483648] FROM t",
            "List index is not within the allowable range; index: [2147483648] at 1:10:10",
        ),
        ("x IS INT4", "Unsupported operation: IsType"),
        (
            "INSERT INTO t VALUE 'a'",
            "Unsupported format in item expression. Please use struct format {...} to express item values for insert \
             statement.",
        ),
        (
            "INSERT INTO t VALUE <<{'pk': 'a'}>>",
            "Unsupported operation: Inserting multiple items in a single statement is not supported, use \"INSERT INTO \
             tableName VALUE item\" instead",
        ),
        (
            "INSERT INTO t.i VALUE {'pk': 'a'}",
            "FROM clause may only contain a single table name in data manipulation statements",
        ),
        (
            "DELETE FROM t WHERE pk = 1 RETURNING MODIFIED OLD *",
            "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE statements.",
        ),
        (
            "SELECT * FROM t WHERE a = ? AND b = ? AND c = ? AND d = ? AND e = ?",
            "Number of parameters in request and statement don't match.",
        ),
    ]);
}

#[test]
fn conditions_that_are_refused() {
    refused_conditions(&[
        (
            "a < true",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
        (
            "a BETWEEN 1 AND []",
            "Incorrect operand type for operator or function; operator or function: BETWEEN, operand type: L",
        ),
        (
            "begins_with(a, 'x') > false",
            "Incorrect operand type for operator or function; operator or function: >, operand type: BOOL",
        ),
        (
            "attribute_exists('ss')",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "attribute_exists()",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of \
             operands: 0",
        ),
        (
            "attribute_type(a, 'X')",
            "Invalid attribute type name found; type: X, valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}",
        ),
        (
            "attribute_type(a, 1)",
            "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: N",
        ),
        ("EXISTS(ss)", "Unrecognized function: exists at 1:23:6"),
        ("Set_Add(a, <<1>>)", "Unrecognized function: set_add at 1:23:7"),
        (
            "a = b + 1",
            "Unsupported operator in Condition Expression. Operator: +",
        ),
        (
            "a LIKE 'x'",
            "Unsupported operator in Condition Expression. Operator: LIKE",
        ),
        (
            "a > -b",
            "Incorrect number of operands for operator or function; operator or function: -, number of operands: 1",
        ),
        ("a = MISSING", "MISSING must be compared using IS operator"),
        ("a IS INT4", "Unsupported operation: IsType"),
        (
            "a IS SYMBOL",
            "Unsupported data type for IS operator: SYMBOL. Supported data types are [MISSING, NULL, BOOLEAN, BLOB, \
             STRING, NUMERIC, STRUCT, TUPLE, LIST]",
        ),
        (
            "a",
            "WHERE clause must contain an expression that resolves to a boolean",
        ),
        (
            "size(a)",
            "WHERE clause must contain an expression that resolves to a boolean",
        ),
        ("NOT a", "The argument to NOT must be a Type or Expression"),
        ("a = 1 OR b", "The arguments to AND/OR must be Expressions"),
    ]);
}

#[test]
fn values_that_are_refused() {
    let nested = |levels: usize| format!("{}1{}", "{'a': ".repeat(levels), "}".repeat(levels));
    let too_deep = format!(
        "Nesting Levels have exceeded supported limits under root{}",
        ".a".repeat(32)
    );
    let insert = |value: &str| parse(&format!("INSERT INTO t VALUE {{'a': {value}}}"));
    assert!(insert(&nested(31)).is_ok());
    for (value, message) in [
        (
            "1e126",
            "Number overflow. Attempting to store a number with magnitude larger than supported range under root",
        ),
        (
            "[0, 1e-131]",
            "Number underflow. Attempting to store a number with magnitude smaller than supported range under root[1]",
        ),
        (
            "{'x': 123456789012345678901234567890123456789}",
            "Attempting to store more than 38 significant digits in a Number under root.x",
        ),
        ("<<>>", "Empty bags are not supported"),
        (
            "<<1, 'a'>>",
            "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags",
        ),
        (
            "<<'a', 'a'>>",
            "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
        ),
        (
            "<<2, 2.0>>",
            "One or more parameter values were invalid: Input collection [2, 2.0] contains duplicates! under root",
        ),
        (
            "[?]",
            "Unsupported data type: Parameter under key root[0] at 1:28:1",
        ),
        (
            "{'k': ?}",
            "Unsupported data type: Parameter under key root.k at 1:33:1",
        ),
        (
            "set_add(a, <<1>>)",
            "Unsupported data type: set_add under key root at 1:27:7",
        ),
        ("{'k': 1, 'k': 2}", "Duplicate keys in tuple. Key: k under root"),
        (nested(32).as_str(), too_deep.as_str()),
    ] {
        assert_eq!(insert(value).unwrap_err(), message, "{value}");
    }
}

#[test]
fn assignments_that_are_refused() {
    for (assignment, message) in [
        (
            "a = a + 'x'",
            "Incorrect operand type for operator or function; operator or function: +, operand type: S",
        ),
        (
            "a = set_add(b, <<1>>)",
            "The first argument to SET_ADD must equal the assignment value at 1:18:7",
        ),
        (
            "a = set_add('a', <<1>>)",
            "The first argument to SET_ADD must equal the assignment value at 1:18:7",
        ),
        (
            "\"a\" = set_delete(\"a\", [1])",
            "The second argument to SET_DELETE must be a value with type SET at 1:31:3",
        ),
        (
            "a = set_add(a)",
            "SET_ADD must have exactly two arguments at 1:18:7",
        ),
        (
            "a = if_not_exists(a, 1)",
            "Unrecognized function: if_not_exists at 1:18:13",
        ),
        (
            "a = a * 2",
            "Unsupported operator in Update Expression. Operator: *",
        ),
        (
            "a = 1, a.b = 2",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], \
             path two: [a, b]",
        ),
    ] {
        let statement = format!("UPDATE t SET {assignment} WHERE pk = 'a'");
        assert_eq!(parse(&statement).unwrap_err(), message, "{statement}");
    }
}

/// On a stack smaller than that of any thread of the server.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(test)
        .unwrap();
    thread.join().unwrap();
}

#[test]
fn depth_and_length_are_bounded() {
    on_a_small_stack(|| {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("{'a': ", "}"),
            ("<<", ">>"),
            ("NOT ", ""),
            ("- ", ""),
            ("a[", "]"),
            ("size(", ")"),
            ("EXISTS(SELECT a FROM ", ")"),
            ("a = ", ""),
            ("a AND b OR ", ""),
            ("a BETWEEN ", " AND 1"),
            ("a IN (", ")"),
            ("FROM ", ""),
            ("a.", ""),
        ] {
            for count in [100, 250, 1000, 20_000] {
                let nest = format!("{}1{}", open.repeat(count), close.repeat(count));
                let chain = format!("{}1", open.repeat(count));
                for text in [&nest, &chain] {
                    for start in [
                        "",
                        "SELECT * FROM t WHERE ",
                        "INSERT INTO t VALUE ",
                        "UPDATE t SET a = ",
                    ] {
                        drop(parse(&format!("{start}{text}")));
                    }
                }
            }
        }
        let message = "The expression contains too many operators; operator count: 301";
        for operator in ["+", "AND", "OR", "=", "<"] {
            for count in [301, 5000] {
                let chain = vec!["a = 1"; count + 1].join(&format!(" {operator} "));
                assert_eq!(
                    parse(&format!("SELECT * FROM t WHERE {chain}")).unwrap_err(),
                    message,
                    "{operator}"
                );
            }
        }
    });
}

const PIECES: [&str; 72] = [
    "SELECT",
    "*",
    "FROM",
    "t",
    "\"t\".\"i\"",
    "WHERE",
    "pk",
    "=",
    "'a'",
    "AND",
    "OR",
    "NOT",
    "(",
    ")",
    "IN",
    "[",
    "]",
    "IS",
    "MISSING",
    "NULL",
    "BETWEEN",
    "1",
    "-1.5e3",
    "?",
    ",",
    ".",
    ";",
    "INSERT",
    "INTO",
    "VALUE",
    "{",
    "}",
    ":",
    "'k'",
    "UPDATE",
    "SET",
    "REMOVE",
    "RETURNING",
    "ALL",
    "OLD",
    "MODIFIED",
    "NEW",
    "DELETE",
    "EXISTS",
    "ORDER",
    "BY",
    "DESC",
    "LIMIT",
    "<<",
    ">>",
    "begins_with",
    "size",
    "set_add",
    "list_append",
    "+",
    "-",
    "<",
    ">=",
    "<>",
    "true",
    "'",
    "\"",
    "--",
    "/*",
    "*/",
    "#",
    "é",
    "\n",
    "LIKE",
    "UNION",
    "VALUES",
    "STRING",
];

#[test]
fn no_text_brings_the_parser_down() {
    let seed = crate::random::first_seed();
    eprintln!("STATOR_SEED={seed}");
    let sound = [
        "SELECT a, b.c[0] FROM \"t\".\"i\" WHERE pk = 'a' AND (sk BETWEEN 1 AND 2 OR NOT x IS MISSING) ORDER BY pk",
        "UPDATE t SET a = a + 1, b = list_append(b, [1, {'x': <<1>>}]) REMOVE c WHERE pk = ? RETURNING ALL NEW *",
        "INSERT INTO t VALUE {'pk': 'a', 'n': -1.5, 'l': [1, {'x': <<'a'>>}], 'p': ?}",
        "EXISTS(SELECT * FROM t WHERE pk = 'a' AND begins_with(sk, 'x'))",
        "DELETE FROM t WHERE pk IN ('a') AND size(a) > 1 RETURNING ALL OLD *",
    ];
    let mut rng = Rng::with_seed(seed);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..60_000 {
        let text = match rng.u8(..3) {
            // Pieces of statements at random.
            0 => {
                let pieces: Vec<&str> = (0..rng.usize(1..20))
                    .map(|_| PIECES[rng.usize(..PIECES.len())])
                    .collect();
                pieces.join(if rng.bool() { " " } else { "" })
            }
            // A sound statement in which words are dropped, exchanged or put in.
            1 => {
                let mut words: Vec<&str> = sound[rng.usize(..sound.len())].split(' ').collect();
                for _ in 0..rng.usize(..3) {
                    let place = rng.usize(..words.len());
                    match rng.u8(..3) {
                        0 => drop(words.remove(place)),
                        1 => words[place] = PIECES[rng.usize(..PIECES.len())],
                        _ => words.insert(place, PIECES[rng.usize(..PIECES.len())]),
                    }
                    if words.is_empty() {
                        words.push("x");
                    }
                }
                words.join(" ")
            }
            // A sound statement with another character.
            _ => {
                let mut characters: Vec<char> = sound[rng.usize(..sound.len())].chars().collect();
                let place = rng.usize(..characters.len());
                characters[place] = rng.char(..);
                characters.into_iter().collect()
            }
        };
        match parse(&text) {
            Ok(_) => accepted += 1,
            Err(message) => {
                assert!(!message.is_empty(), "{text}");
                refused += 1;
            }
        }
    }
    // Both sides of the parser must have been seen.
    assert!(
        accepted > 3000 && refused > 3000,
        "{accepted} accepted, {refused} refused"
    );
}
