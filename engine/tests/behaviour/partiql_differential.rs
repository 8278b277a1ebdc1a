//! Random statements against the same requests made through the expressions, on two databases with
//! the same items: both answer the same, at the same cost, and leave the same.
//!
//! A failure prints its seed, with which `STATOR_SEED` begins; `STATOR_SEED=random` looks further.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::database::{Database, global, local};

const ATTRIBUTES: [&str; 7] = ["n", "s", "l", "m", "b", "ss", "ns"];

/// A statement and an expression that are being written side by side.
#[derive(Default)]
struct Texts {
    parameters: Vec<Value>,
    names: BTreeMap<String, Value>,
    values: BTreeMap<String, Value>,
}

/// The same in both languages.
struct Both {
    statement: String,
    expression: String,
}

fn both(statement: impl Into<String>, expression: impl Into<String>) -> Both {
    Both {
        statement: statement.into(),
        expression: expression.into(),
    }
}

impl Texts {
    fn name(&mut self, name: &str) -> Both {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), json!(name));
        both(format!("\"{name}\""), placeholder)
    }

    fn value(&mut self, rng: &mut Rng, value: &Value) -> Both {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value.clone());
        let is_parameter = rng.u8(..3) == 0 || literal(value).is_none();
        if is_parameter {
            self.parameters.push(value.clone());
            return both("?", placeholder);
        }
        both(literal(value).unwrap_or_default(), placeholder)
    }
}

/// A value as PartiQL writes it; `None` for one that it can't.
fn literal(value: &Value) -> Option<String> {
    let (kind, content) = value.as_object()?.iter().next()?;
    let all = |values: &Value| -> Option<Vec<String>> { values.as_array()?.iter().map(literal).collect() };
    let quoted = |text: &Value| Some(format!("'{}'", text.as_str()?.replace('\'', "''")));
    Some(match kind.as_str() {
        "S" => quoted(content)?,
        "N" => content.as_str()?.to_owned(),
        "BOOL" => content.to_string(),
        "NULL" => "null".to_owned(),
        "L" => format!("[{}]", all(content)?.join(", ")),
        "M" => {
            let entries: Option<Vec<String>> = content
                .as_object()?
                .iter()
                .map(|(name, value)| Some(format!("'{name}': {}", literal(value)?)))
                .collect();
            format!("{{{}}}", entries?.join(", "))
        }
        "SS" => {
            let members: Option<Vec<String>> = content.as_array()?.iter().map(quoted).collect();
            format!("<<{}>>", members?.join(", "))
        }
        "NS" => {
            let members: Vec<&str> = content.as_array()?.iter().filter_map(Value::as_str).collect();
            format!("<<{}>>", members.join(", "))
        }
        _ => return None,
    })
}

fn pick<'p, T: ?Sized>(rng: &mut Rng, all: &[&'p T]) -> &'p T {
    all[rng.usize(..all.len())]
}

fn number(rng: &mut Rng) -> Value {
    json!({"N": pick(rng, &["-1", "0", "1", "2", "3", "1.5", "10"])})
}

fn string(rng: &mut Rng) -> Value {
    json!({"S": pick(rng, &["", "a", "ab", "b", "it's", "é"])})
}

/// A value that suits an attribute, most of the time.
fn value_of(rng: &mut Rng, attribute: &str) -> Value {
    let attribute = if rng.u8(..8) == 0 {
        pick(rng, &ATTRIBUTES)
    } else {
        attribute
    };
    match attribute {
        "n" => number(rng),
        "s" => string(rng),
        "l" => json!({"L": (0..rng.usize(..3)).map(|_| number(rng)).collect::<Vec<_>>()}),
        "m" => json!({"M": {"k": if rng.bool() { number(rng) } else { string(rng) }}}),
        "b" => pick(
            rng,
            &[
                &json!({"BOOL": true}),
                &json!({"BOOL": false}),
                &json!({"NULL": true}),
                &json!({"B": "AAE="}),
            ],
        )
        .clone(),
        "ss" => pick(
            rng,
            &[
                &json!({"SS": ["a"]}),
                &json!({"SS": ["a", "b"]}),
                &json!({"SS": ["c"]}),
            ],
        )
        .clone(),
        _ => pick(
            rng,
            &[
                &json!({"NS": ["1"]}),
                &json!({"NS": ["1", "2"]}),
                &json!({"NS": ["3"]}),
            ],
        )
        .clone(),
    }
}

fn item(rng: &mut Rng, pk: &str, sk: u8) -> Value {
    let mut item = json!({"pk": {"S": pk}, "sk": {"N": sk.to_string()}});
    for attribute in ATTRIBUTES {
        if rng.u8(..4) > 0 {
            item[attribute] = value_of(rng, attribute);
        }
    }
    if rng.bool() {
        item["g"] = json!({"S": pick(rng, &["x", "y"])});
    }
    if rng.bool() {
        item["h"] = json!({"N": rng.u8(..3).to_string()});
    }
    item
}

/// A condition on attributes that are no keys.
fn condition(rng: &mut Rng, texts: &mut Texts, depth: usize) -> Both {
    if depth > 0 && rng.u8(..3) == 0 {
        let parenthesized =
            |part: Both| both(format!("({})", part.statement), format!("({})", part.expression));
        let first = condition(rng, texts, depth - 1);
        if rng.u8(..3) == 0 {
            let first = parenthesized(first);
            return both(
                format!("NOT {}", first.statement),
                format!("NOT {}", first.expression),
            );
        }
        let second = condition(rng, texts, depth - 1);
        let (first, second) = (parenthesized(first), parenthesized(second));
        let operator = pick(rng, &["AND", "OR"]);
        return both(
            format!("{} {operator} {}", first.statement, second.statement),
            format!("{} {operator} {}", first.expression, second.expression),
        );
    }
    let attribute = pick(rng, &ATTRIBUTES);
    let path = texts.name(attribute);
    let path = match attribute {
        "m" if rng.bool() => {
            let key = texts.name("k");
            both(
                format!("{}.{}", path.statement, key.statement),
                format!("{}.{}", path.expression, key.expression),
            )
        }
        "l" if rng.bool() => both(
            format!("{}[0]", path.statement),
            format!("{}[0]", path.expression),
        ),
        _ => path,
    };
    let mut with_value = |rng: &mut Rng, value: &Value, form: &str| {
        let value = texts.value(rng, value);
        let fill = |path: &str, value: &str| form.replace("{p}", path).replace("{v}", value);
        both(
            fill(&path.statement, &value.statement),
            fill(&path.expression, &value.expression),
        )
    };
    match rng.u8(..9) {
        0 | 1 => {
            let value = value_of(rng, attribute);
            let form = pick(rng, &["{p} = {v}", "{p} <> {v}"]);
            with_value(rng, &value, form)
        }
        2 | 3 => {
            let value = if rng.bool() { number(rng) } else { string(rng) };
            let form = pick(rng, &["{p} < {v}", "{p} <= {v}", "{p} > {v}", "{v} <= {p}"]);
            with_value(rng, &value, form)
        }
        4 => {
            let lower = with_value(rng, &json!({"N": "1"}), "{p} BETWEEN {v}");
            let upper = texts.value(rng, &json!({"N": "2"}));
            both(
                format!("{} AND {}", lower.statement, upper.statement),
                format!("{} AND {}", lower.expression, upper.expression),
            )
        }
        5 => {
            let (first, second) = (value_of(rng, attribute), value_of(rng, attribute));
            let first = with_value(rng, &first, "{p} IN ({v}");
            let second = texts.value(rng, &second);
            both(
                format!("{}, {})", first.statement, second.statement),
                format!("{}, {})", first.expression, second.expression),
            )
        }
        6 => {
            let value = string(rng);
            let form = pick(rng, &["begins_with({p}, {v})", "contains({p}, {v})"]);
            with_value(rng, &value, form)
        }
        7 => match rng.u8(..3) {
            0 => with_value(rng, &json!({"N": "1"}), "size({p}) > {v}"),
            1 => with_value(rng, &json!({"S": "L"}), "attribute_type({p}, {v})"),
            _ => with_value(rng, &json!({"N": "1"}), "contains({p}, {v})"),
        },
        _ => {
            // What PartiQL alone can say.
            let (statement, expression) = match rng.u8(..4) {
                0 => ("{p} IS MISSING", "attribute_not_exists({p})"),
                1 => ("{p} IS NOT MISSING", "attribute_exists({p})"),
                2 => ("attribute_exists({p}) = true", "attribute_exists({p})"),
                _ => ("attribute_not_exists({p})", "attribute_not_exists({p})"),
            };
            both(
                statement.replace("{p}", &path.statement),
                expression.replace("{p}", &path.expression),
            )
        }
    }
}

/// The two databases, and what has been seen of them.
struct Pair {
    statements: Database,
    expressions: Database,
    seen: BTreeMap<String, usize>,
}

impl Pair {
    fn new() -> Self {
        let database = || {
            let indexes = [
                global("gsi", "g:S sk:N", "ALL"),
                local("lsi", "pk:S h:N", "INCLUDE n"),
            ];
            Database::with_indexes("pk:S sk:N,g:S,h:N", &indexes)
        };
        Pair {
            statements: database(),
            expressions: database(),
            seen: BTreeMap::new(),
        }
    }

    fn see(&mut self, what: impl Into<String>) {
        *self.seen.entry(what.into()).or_default() += 1;
    }

    /// Runs both and compares their errors; gives the answers where both succeed.
    fn run(
        &mut self,
        kind: &str,
        statement: Value,
        operation: &str,
        request: Value,
    ) -> Option<(Value, Value)> {
        let shown = format!("{statement}\n{operation} {request}");
        let (left_status, left) = self.statements.case("ExecuteStatement", statement).response();
        let (right_status, right) = self.expressions.case(operation, request).response();
        assert_eq!(left_status, right_status, "{shown}\n{left}\n{right}");
        if left_status == 200 {
            self.see(format!("{kind} done"));
            return Some((left, right));
        }
        let name = |body: &Value| {
            body["__type"]
                .as_str()
                .unwrap_or_default()
                .rsplit('#')
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let message = |body: &Value| body["message"].as_str().unwrap_or_default().to_owned();
        match (name(&left).as_str(), name(&right).as_str()) {
            ("DuplicateItemException", "ConditionalCheckFailedException") => {}
            (left_name, right_name) => {
                assert_eq!(left_name, right_name, "{shown}\n{left}\n{right}");
                // The expressions say which of them it is.
                assert!(
                    message(&right).ends_with(&message(&left)),
                    "{shown}\n{left}\n{right}"
                );
            }
        }
        self.see(format!("{kind} {}", name(&left)));
        None
    }

    fn insert(&mut self, rng: &mut Rng) {
        let (pk, sk) = (pick(rng, &["a", "b"]), rng.u8(..4));
        let item = item(rng, pk, sk);
        let mut texts = Texts::default();
        let fields: Vec<String> = item
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("'{name}': {}", texts.value(rng, value).statement))
            .collect();
        let statement = format!("INSERT INTO \"table\" VALUE {{{}}}", fields.join(", "));
        let request = json!({
            "TableName": "table", "Item": item, "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnConsumedCapacity": "INDEXES",
        });
        let answers = self.run("insert", statement_of(&statement, &texts), "PutItem", request);
        if let Some((left, right)) = answers {
            assert_eq!(left["Items"], json!([]));
            assert_eq!(left["ConsumedCapacity"], right["ConsumedCapacity"], "{statement}");
        }
    }

    /// UPDATE or DELETE of one item, under a condition or not.
    fn change(&mut self, rng: &mut Rng, is_update: bool) {
        let mut texts = Texts::default();
        let (pk, sk) = (pick(rng, &["a", "b"]), rng.u8(..4).to_string());
        let changes = if is_update {
            Some(self::changes(rng, &mut texts))
        } else {
            None
        };
        let mut statement_condition = format!("pk = '{pk}' AND {sk} = sk");
        let mut expression_condition = None;
        if rng.bool() {
            let condition = condition(rng, &mut texts, 2);
            statement_condition = format!("{statement_condition} AND ({})", condition.statement);
            expression_condition = Some(condition.expression);
        }
        let mut request = json!({
            "TableName": "table", "Key": {"pk": {"S": pk}, "sk": {"N": sk}}, "ReturnConsumedCapacity": "INDEXES",
        });
        let (returning, return_values) = match (is_update, rng.u8(..5)) {
            (_, 0) => ("RETURNING ALL OLD *", "ALL_OLD"),
            (true, 1) => ("RETURNING ALL NEW *", "ALL_NEW"),
            (true, 2) => ("RETURNING MODIFIED OLD *", "UPDATED_OLD"),
            (true, 3) => ("RETURNING MODIFIED NEW *", "UPDATED_NEW"),
            _ => ("", "NONE"),
        };
        request["ReturnValues"] = json!(return_values);
        let (kind, operation, statement) = match changes {
            Some(changes) => {
                request["UpdateExpression"] = json!(changes.expression);
                request["ConditionExpression"] = json!(match expression_condition {
                    Some(condition) => format!("attribute_exists(pk) AND ({condition})"),
                    None => "attribute_exists(pk)".to_owned(),
                });
                // The other form has its parameters in another order.
                let statement = if rng.bool() || !texts.parameters.is_empty() {
                    format!(
                        "UPDATE \"table\" {} WHERE {statement_condition} {returning}",
                        changes.statement
                    )
                } else {
                    format!(
                        "FROM \"table\" WHERE {statement_condition} {} {returning}",
                        changes.statement
                    )
                };
                ("update", "UpdateItem", statement)
            }
            None => {
                if let Some(condition) = expression_condition {
                    request["ConditionExpression"] =
                        json!(format!("attribute_not_exists(pk) OR ({condition})"));
                }
                let statement = format!("DELETE FROM \"table\" WHERE {statement_condition} {returning}");
                ("delete", "DeleteItem", statement)
            }
        };
        texts.give_to(&mut request);
        let answers = self.run(kind, statement_of(&statement, &texts), operation, request);
        if let Some((left, right)) = answers {
            let expected: Vec<&Value> = right.get("Attributes").into_iter().collect();
            assert_eq!(left["Items"], json!(expected), "{statement}");
            assert_eq!(left["ConsumedCapacity"], right["ConsumedCapacity"], "{statement}");
            if !expected.is_empty() {
                self.see(format!("{kind} returning"));
            }
        }
    }

    fn select(&mut self, rng: &mut Rng) {
        let mut texts = Texts::default();
        let filter = rng.bool().then(|| condition(rng, &mut texts, 3));
        let mut request = json!({"TableName": "table", "ReturnConsumedCapacity": "INDEXES"});
        let mut columns = "*".to_owned();
        let mut columns_asked = Vec::new();
        if rng.u8(..3) == 0 {
            for name in ["pk", "n", "s", "m"] {
                if rng.bool() {
                    columns_asked.push(texts.name(name));
                }
            }
        }
        if !columns_asked.is_empty() {
            let list = |of: fn(&Both) -> &String| -> String {
                let parts: Vec<&str> = columns_asked.iter().map(|both| of(both).as_str()).collect();
                parts.join(", ")
            };
            columns = list(|both| &both.statement);
            request["ProjectionExpression"] = json!(list(|both| &both.expression));
        }
        let (pk, sk) = (pick(rng, &["a", "b", "none"]), rng.u8(..4).to_string());
        let consistent = rng.bool();
        let limit = rng.bool().then(|| rng.usize(1..4));
        let mut order = "";
        let (kind, operation, source, keys) = match rng.u8(..5) {
            0 => {
                request["Key"] = json!({"pk": {"S": pk}, "sk": {"N": sk}});
                (
                    "get",
                    "GetItem",
                    "\"table\"",
                    format!("pk = '{pk}' AND sk = {sk}"),
                )
            }
            1 | 2 => {
                let is_local = rng.u8(..3) == 0 && filter.is_none();
                let (sort, source, kind) = if is_local {
                    request["IndexName"] = json!("lsi");
                    ("h", "\"table\".\"lsi\"", "query of a local index")
                } else {
                    ("sk", "\"table\"", "query")
                };
                let range = pick(rng, &["", "= 2", "> 1", "<= 2", "BETWEEN 1 AND 2"]);
                let mut keys = format!("pk = '{pk}'");
                let mut expression = "pk = :pk".to_owned();
                request["ExpressionAttributeValues"] = json!({":pk": {"S": pk}});
                if !range.is_empty() {
                    keys = format!("{keys} AND {sort} {range}");
                    let range = range.replace('1', ":one").replace('2', ":two");
                    for (name, value) in [(":one", "1"), (":two", "2")] {
                        if range.contains(name) {
                            request["ExpressionAttributeValues"][name] = json!({"N": value});
                        }
                    }
                    expression = format!("{expression} AND {sort} {range}");
                }
                request["KeyConditionExpression"] = json!(expression);
                if rng.bool() {
                    request["ScanIndexForward"] = json!(false);
                    order = if is_local {
                        "ORDER BY h DESC"
                    } else {
                        "ORDER BY sk DESC"
                    };
                }
                (kind, "Query", source, keys)
            }
            3 => {
                request["IndexName"] = json!("gsi");
                request["KeyConditionExpression"] = json!("g = :g");
                request["ExpressionAttributeValues"] = json!({":g": {"S": "x"}});
                (
                    "query of a global index",
                    "Query",
                    "\"table\".gsi",
                    "g = 'x'".to_owned(),
                )
            }
            _ => ("scan", "Scan", "\"table\"", String::new()),
        };
        let mut conditions: Vec<String> = Vec::new();
        if !keys.is_empty() {
            conditions.push(keys);
        }
        let has_filter = match (&filter, operation) {
            (Some(filter), "Query" | "Scan") => {
                request["FilterExpression"] = json!(filter.expression);
                conditions.push(format!("({})", filter.statement));
                true
            }
            _ => false,
        };
        if !has_filter {
            // What the filter would have used is not there to be used.
            texts.parameters.clear();
            texts.values.clear();
            texts.names.retain(|placeholder, _| {
                columns_asked
                    .iter()
                    .any(|column| column.expression == *placeholder)
            });
        }
        texts.give_to(&mut request);
        let mut statement = format!("SELECT {columns} FROM {source}");
        if !conditions.is_empty() {
            statement = format!("{statement} WHERE {}", conditions.join(" AND "));
        }
        let statement = format!("{statement} {order}");
        let mut left = statement_of(&statement, &texts);
        let is_global = kind == "query of a global index";
        if consistent && !is_global {
            left["ConsistentRead"] = json!(true);
            request["ConsistentRead"] = json!(true);
        }
        if operation != "GetItem"
            && let Some(limit) = limit
        {
            left["Limit"] = json!(limit);
            request["Limit"] = json!(limit);
        }
        // Page by page, until both end.
        loop {
            let Some((answer, expected)) = self.run(kind, left.clone(), operation, request.clone()) else {
                return;
            };
            let expected_items = match operation {
                "GetItem" => json!(expected.get("Item").into_iter().collect::<Vec<_>>()),
                _ => expected["Items"].clone(),
            };
            assert_eq!(answer["Items"], expected_items, "{statement}");
            assert_eq!(
                answer["ConsumedCapacity"], expected["ConsumedCapacity"],
                "{statement}"
            );
            if expected_items.as_array().is_some_and(|items| !items.is_empty()) {
                self.see(format!("{kind} found"));
            }
            // One item by its sort key is got here, and so has no next page.
            let is_one = operation == "Query" && statement.contains("sk = 2");
            if is_one {
                assert_eq!(answer.get("NextToken"), None, "{statement}");
                return;
            }
            assert_eq!(
                answer.get("NextToken").is_some(),
                expected.get("LastEvaluatedKey").is_some(),
                "{statement}"
            );
            let Some(token) = answer.get("NextToken") else {
                return;
            };
            self.see(format!("{kind} goes on"));
            left["NextToken"] = token.clone();
            request["ExclusiveStartKey"] = expected["LastEvaluatedKey"].clone();
        }
    }

    /// Asserts that both hold the same items.
    fn compare(&self) {
        let scan =
            |database: &Database| database.case("Scan", r#"{"TableName":"table"}"#).answer()["Items"].clone();
        assert_eq!(scan(&self.statements), scan(&self.expressions));
    }
}

impl Texts {
    /// Adds the names and values to a request.
    fn give_to(&self, request: &mut Value) {
        if !self.names.is_empty() {
            request["ExpressionAttributeNames"] = json!(self.names);
        }
        for (name, value) in &self.values {
            request["ExpressionAttributeValues"][name] = value.clone();
        }
    }
}

fn statement_of(statement: &str, texts: &Texts) -> Value {
    let mut request = json!({"Statement": statement, "ReturnConsumedCapacity": "INDEXES"});
    if !texts.parameters.is_empty() {
        request["Parameters"] = json!(texts.parameters);
    }
    request
}

/// Changes of one to three attributes, the sections in the order of both languages.
fn changes(rng: &mut Rng, texts: &mut Texts) -> Both {
    let mut attributes: Vec<&str> = ATTRIBUTES.to_vec();
    rng.shuffle(&mut attributes);
    attributes.truncate(1 + rng.usize(..3));
    let mut statements = Vec::new();
    let mut sections: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for attribute in attributes {
        let path = texts.name(attribute);
        let (p, e) = (path.statement, path.expression);
        let (section, statement, expression) = match (attribute, rng.u8(..4)) {
            (_, 0) => ("REMOVE", format!("REMOVE {p}"), e),
            ("n", 1 | 2) => {
                let sign = pick(rng, &["+", "-"]);
                let value = number(rng);
                let value = texts.value(rng, &value);
                (
                    "SET",
                    format!("SET {p} = {p} {sign} {}", value.statement),
                    format!("{e} = {e} {sign} {}", value.expression),
                )
            }
            ("l", 1 | 2) => {
                let value = texts.value(rng, &json!({"L": [{"S": "new"}]}));
                (
                    "SET",
                    format!("SET {p} = list_append({p}, {})", value.statement),
                    format!("{e} = list_append({e}, {})", value.expression),
                )
            }
            ("ss" | "ns", kind @ (1 | 2)) => {
                let value = if attribute == "ss" {
                    json!({"SS": [pick(rng, &["a", "b", "c"])]})
                } else {
                    json!({"NS": [pick(rng, &["1", "2", "3"])]})
                };
                let value = texts.value(rng, &value);
                let (section, function) = if kind == 1 {
                    ("ADD", "set_add")
                } else {
                    ("DELETE", "set_delete")
                };
                (
                    section,
                    format!("SET {p} = {function}({p}, {})", value.statement),
                    format!("{e} {}", value.expression),
                )
            }
            ("m", 1 | 2) => {
                let key = texts.name("k");
                let value = number(rng);
                let value = texts.value(rng, &value);
                (
                    "SET",
                    format!("SET {p}.{} = {}", key.statement, value.statement),
                    format!("{e}.{} = {}", key.expression, value.expression),
                )
            }
            _ => {
                let value = value_of(rng, attribute);
                let value = texts.value(rng, &value);
                (
                    "SET",
                    format!("SET {p} = {}", value.statement),
                    format!("{e} = {}", value.expression),
                )
            }
        };
        statements.push(statement);
        sections.entry(section).or_default().push(expression);
    }
    let sections: Vec<String> = sections
        .iter()
        .map(|(section, actions)| format!("{section} {}", actions.join(", ")))
        .collect();
    both(statements.join(" "), sections.join(" "))
}

/// What every run must have seen, and how often in all seeds together.
const WANTED: [(&str, usize); 21] = [
    ("insert done", 100),
    ("insert DuplicateItemException", 100),
    ("update done", 100),
    ("update returning", 100),
    ("update ConditionalCheckFailedException", 100),
    ("update ValidationException", 20),
    ("delete done", 100),
    ("delete returning", 20),
    ("delete ConditionalCheckFailedException", 50),
    ("get done", 100),
    ("get found", 50),
    ("query done", 100),
    ("query found", 100),
    ("query goes on", 50),
    ("query of a local index found", 20),
    ("query of a local index goes on", 10),
    ("query of a global index found", 50),
    ("query of a global index goes on", 20),
    ("scan done", 100),
    ("scan found", 100),
    ("scan goes on", 50),
];

fn session(seed: u64, seen: &mut BTreeMap<String, usize>) {
    struct PrintedOnPanic(u64);
    impl Drop for PrintedOnPanic {
        fn drop(&mut self) {
            eprintln!("STATOR_SEED={}", self.0);
        }
    }
    let guard = PrintedOnPanic(seed);
    let mut rng = Rng::with_seed(seed);
    let mut pair = Pair::new();
    for _ in 0..300 {
        match rng.u8(..10) {
            0..=2 => pair.insert(&mut rng),
            3 | 4 => pair.change(&mut rng, true),
            5 => pair.change(&mut rng, false),
            _ => pair.select(&mut rng),
        }
    }
    pair.compare();
    for (what, count) in pair.seen {
        *seen.entry(what).or_default() += count;
    }
    std::mem::forget(guard);
}

#[test]
fn statements_do_what_the_same_requests_do() {
    let mut seen = BTreeMap::new();
    // The same in each run, so that a change is judged by what it changes.
    let first = match std::env::var("STATOR_SEED").as_deref() {
        Ok("random") => fastrand::u64(..u64::MAX / 2),
        Ok(seed) => seed.parse().expect("STATOR_SEED is a number or `random`"),
        Err(_) => 20_261_121,
    };
    (first..first + 20).for_each(|seed| session(seed, &mut seen));
    for (what, wanted) in WANTED {
        let found = seen.get(what).copied().unwrap_or(0);
        assert!(
            found >= wanted,
            "{what}: {found} of {wanted}, seeds from {first}\n{seen:#?}"
        );
    }
}
