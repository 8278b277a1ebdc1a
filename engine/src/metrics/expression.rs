//! Metric math: arithmetic over series of figures.
//!
//! `parse` makes a tree of a text, [`Expression::ids`] says what it refers to, and `evaluate` works it out over
//! figures by time. Of two series, the times count that both have.

use std::collections::BTreeMap;

/// Figures by the beginning of their period, in milliseconds since the Unix epoch.
pub(super) type Figures = BTreeMap<u64, f64>;

/// How deep an expression may be nested.
const DEPTH_MAX: usize = 64;

/// An expression that has been read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    Id(String),
    /// `METRICS()`, or `METRICS("part of an id")`.
    Metrics(Option<String>),
    Array(Vec<Expression>),
    Negated(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    Call(Function, Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    Abs,
    Avg,
    Ceil,
    Diff,
    Fill,
    Floor,
    If,
    Max,
    MetricCount,
    Min,
    Period,
    Rate,
    RunningSum,
    Sum,
    /// `REPEAT` and `LINEAR`, which stand in FILL alone.
    Repeat,
    Linear,
}

/// The functions, each with how many arguments it takes.
const FUNCTIONS: [(&str, Function, std::ops::RangeInclusive<usize>); 14] = [
    ("ABS", Function::Abs, 1..=1),
    ("AVG", Function::Avg, 1..=1),
    ("CEIL", Function::Ceil, 1..=1),
    ("DIFF", Function::Diff, 1..=1),
    ("FILL", Function::Fill, 2..=2),
    ("FLOOR", Function::Floor, 1..=1),
    ("IF", Function::If, 2..=3),
    ("MAX", Function::Max, 1..=1),
    ("METRIC_COUNT", Function::MetricCount, 1..=1),
    ("MIN", Function::Min, 1..=1),
    ("PERIOD", Function::Period, 1..=1),
    ("RATE", Function::Rate, 1..=1),
    ("RUNNING_SUM", Function::RunningSum, 1..=1),
    ("SUM", Function::Sum, 1..=1),
];

impl Expression {
    /// The ids that it refers to by name.
    pub fn ids(&self) -> Vec<&str> {
        match self {
            Expression::Number(_) | Expression::Metrics(_) => Vec::new(),
            Expression::Id(id) => vec![id],
            Expression::Negated(inner) => inner.ids(),
            Expression::Binary(_, left, right) => [left.ids(), right.ids()].concat(),
            Expression::Array(inner) | Expression::Call(_, inner) => {
                inner.iter().flat_map(Expression::ids).collect()
            }
        }
    }
}

/// Reads an expression; an error is a message.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let mut parser = Parser { rest: text, depth: 0 };
    let expression = parser.comparison()?;
    parser.skip_blanks();
    if parser.rest.is_empty() {
        Ok(expression)
    } else {
        Err(parser.unexpected())
    }
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn unexpected(&self) -> String {
        match self.rest.chars().next() {
            Some(letter) => format!("Unexpected '{letter}'"),
            None => "Unexpected end of expression".to_owned(),
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// A chain of operators of one rank.
    fn chain(
        &mut self,
        operators: &[(&str, Operator)],
        operand: fn(&mut Self) -> Result<Expression, String>,
    ) -> Result<Expression, String> {
        let mut left = operand(self)?;
        let mut links = 0;
        while let Some((_, operator)) = operators.iter().find(|(token, _)| self.eat(token)) {
            links += 1;
            if links > DEPTH_MAX {
                return Err("The expression is too long".to_owned());
            }
            left = Expression::Binary(*operator, Box::new(left), Box::new(operand(self)?));
        }
        Ok(left)
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("The expression is nested too deep".to_owned());
        }
        Ok(())
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        self.deeper()?;
        let operators = [
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let result = self.chain(&operators, Self::sum);
        self.depth -= 1;
        result
    }

    fn sum(&mut self) -> Result<Expression, String> {
        self.chain(&[("+", Operator::Add), ("-", Operator::Subtract)], Self::product)
    }

    fn product(&mut self) -> Result<Expression, String> {
        self.chain(&[("*", Operator::Multiply), ("/", Operator::Divide)], Self::power)
    }

    fn power(&mut self) -> Result<Expression, String> {
        self.chain(&[("^", Operator::Power)], Self::operand)
    }

    fn operand(&mut self) -> Result<Expression, String> {
        self.skip_blanks();
        if self.rest.starts_with('-') {
            self.rest = &self.rest[1..];
            self.deeper()?;
            let operand = self.operand()?;
            self.depth -= 1;
            return Ok(Expression::Negated(Box::new(operand)));
        }
        if self.eat("(") {
            let inner = self.comparison()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.eat("[") {
            return Ok(Expression::Array(self.list("]")?));
        }
        let length = |admit: fn(u8) -> bool| self.rest.bytes().take_while(|byte| admit(*byte)).count();
        let digits = length(|byte| byte.is_ascii_digit() || byte == b'.');
        if digits > 0 {
            let (number, rest) = self.rest.split_at(digits);
            self.rest = rest;
            let number = number.parse().map_err(|_| format!("{number} is not a number"))?;
            return Ok(Expression::Number(number));
        }
        let letters = length(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if letters == 0 {
            return Err(self.unexpected());
        }
        let (name, rest) = self.rest.split_at(letters);
        self.rest = rest;
        self.named(name)
    }

    fn named(&mut self, name: &str) -> Result<Expression, String> {
        match name {
            "REPEAT" => return Ok(Expression::Call(Function::Repeat, Vec::new())),
            "LINEAR" => return Ok(Expression::Call(Function::Linear, Vec::new())),
            _ => {}
        }
        if !self.eat("(") {
            return match name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
                true => Ok(Expression::Id(name.to_owned())),
                false => Err(format!("{name} is no id of a query")),
            };
        }
        if name == "METRICS" {
            let part = if self.eat("\"") {
                let (part, rest) = self.rest.split_once('"').ok_or("A quote is not closed")?;
                self.rest = rest;
                Some(part.to_owned())
            } else {
                None
            };
            self.expect(")")?;
            return Ok(Expression::Metrics(part));
        }
        let Some((_, function, takes)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else {
            return Err(format!("The function {name} is not supported"));
        };
        let arguments = self.list(")")?;
        if !takes.contains(&arguments.len()) {
            return Err(format!(
                "{name} takes {} arguments, not {}",
                takes.end(),
                arguments.len()
            ));
        }
        Ok(Expression::Call(*function, arguments))
    }

    fn list(&mut self, end: &str) -> Result<Vec<Expression>, String> {
        let mut list = Vec::new();
        if self.eat(end) {
            return Ok(list);
        }
        loop {
            list.push(self.comparison()?);
            if self.eat(end) {
                return Ok(list);
            }
            self.expect(",")?;
        }
    }
}

/// What an expression comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Series(Figures),
    /// Several series, each with its label.
    Array(Vec<(String, Figures)>),
}

/// What an expression is worked out over.
pub(super) trait Source {
    /// What the query of that id came to.
    fn value(&self, id: &str) -> Option<&Value>;
    /// The period of the query of that id, in milliseconds.
    fn period_ms(&self, id: &str) -> Option<u64>;
    /// All metrics, that is queries that are no expressions, with id and label.
    fn metrics(&self) -> Vec<(&str, &str, &Figures)>;
    /// All beginnings of periods within the time asked for.
    fn times(&self) -> Vec<u64>;
}

const NEEDS_SERIES: &str = "A function is given a number where it needs a time series";

/// Works an expression out; an error is a message.
pub(super) fn evaluate(expression: &Expression, source: &impl Source) -> Result<Value, String> {
    match expression {
        Expression::Number(number) => Ok(Value::Number(*number)),
        Expression::Id(id) => source
            .value(id)
            .cloned()
            .ok_or_else(|| format!("There is no query with the id {id}")),
        Expression::Metrics(part) => {
            let metrics = source.metrics().into_iter();
            let wanted = metrics.filter(|(id, ..)| part.as_deref().is_none_or(|part| id.contains(part)));
            Ok(Value::Array(
                wanted
                    .map(|(_, label, figures)| (label.to_owned(), figures.clone()))
                    .collect(),
            ))
        }
        Expression::Array(elements) => {
            let mut array = Vec::new();
            for element in elements {
                match evaluate(element, source)? {
                    Value::Number(_) => return Err(NEEDS_SERIES.to_owned()),
                    Value::Series(series) => array.push((label_of(element), series)),
                    Value::Array(inner) => array.extend(inner),
                }
            }
            Ok(Value::Array(array))
        }
        Expression::Negated(inner) => {
            let inner = evaluate(inner, source)?;
            binary(Operator::Subtract, &Value::Number(0.0), &inner)
        }
        Expression::Binary(operator, left, right) => {
            binary(*operator, &evaluate(left, source)?, &evaluate(right, source)?)
        }
        Expression::Call(function, arguments) => call(*function, arguments, source),
    }
}

fn label_of(expression: &Expression) -> String {
    match expression {
        Expression::Id(id) => id.clone(),
        _ => String::new(),
    }
}

/// The result of an operator; `None` where there is none, as of a division by zero.
fn apply(operator: Operator, left: f64, right: f64) -> Option<f64> {
    let truth = |is_true: bool| if is_true { 1.0 } else { 0.0 };
    let result = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Power => left.powf(right),
        Operator::Less => truth(left < right),
        Operator::LessOrEqual => truth(left <= right),
        Operator::Greater => truth(left > right),
        Operator::GreaterOrEqual => truth(left >= right),
        Operator::Equal => truth(left == right),
        Operator::NotEqual => truth(left != right),
    };
    result.is_finite().then_some(result)
}

fn binary(operator: Operator, left: &Value, right: &Value) -> Result<Value, String> {
    let map = |series: &Figures, compute: &dyn Fn(f64) -> Option<f64>| -> Figures {
        let computed = series
            .iter()
            .filter_map(|(time, figure)| Some((*time, compute(*figure)?)));
        computed.collect()
    };
    Ok(match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            Value::Number(apply(operator, *left, *right).ok_or("A number of the expression is not finite")?)
        }
        (Value::Series(left), Value::Number(right)) => {
            Value::Series(map(left, &|figure| apply(operator, figure, *right)))
        }
        (Value::Number(left), Value::Series(right)) => {
            Value::Series(map(right, &|figure| apply(operator, *left, figure)))
        }
        (Value::Series(left), Value::Series(right)) => {
            let both = left
                .iter()
                .filter_map(|(time, figure)| Some((*time, apply(operator, *figure, *right.get(time)?)?)));
            Value::Series(both.collect())
        }
        (Value::Array(_), Value::Array(_)) => {
            return Err("Two arrays of time series can't be operands of one operator".to_owned());
        }
        (Value::Array(array), other) => each(array, |series| binary(operator, &series, other))?,
        (other, Value::Array(array)) => each(array, |series| binary(operator, other, &series))?,
    })
}

/// An array with each of its series changed.
fn each(
    array: &[(String, Figures)],
    mut change: impl FnMut(Value) -> Result<Value, String>,
) -> Result<Value, String> {
    let mut changed = Vec::with_capacity(array.len());
    for (label, series) in array {
        match change(Value::Series(series.clone()))? {
            Value::Series(series) => changed.push((label.clone(), series)),
            _ => return Err(NEEDS_SERIES.to_owned()),
        }
    }
    Ok(Value::Array(changed))
}

fn call(function: Function, arguments: &[Expression], source: &impl Source) -> Result<Value, String> {
    match function {
        Function::Period => {
            let [Expression::Id(id)] = arguments else {
                return Err("PERIOD takes the id of a query".to_owned());
            };
            let period_ms = source.period_ms(id);
            let period_ms = period_ms.ok_or_else(|| format!("There is no metric with the id {id}"))?;
            return Ok(Value::Number(period_ms as f64 / 1000.0));
        }
        Function::Repeat | Function::Linear => {
            return Err("REPEAT and LINEAR stand in FILL alone".to_owned());
        }
        Function::Fill => return fill(arguments, source),
        Function::If => return choose(arguments, source),
        _ => {}
    }
    let argument = match arguments {
        [argument] => evaluate(argument, source)?,
        _ => return Err(NEEDS_SERIES.to_owned()),
    };
    match function {
        Function::Sum | Function::Avg | Function::Min | Function::Max => match argument {
            Value::Number(_) => Err(NEEDS_SERIES.to_owned()),
            Value::Series(series) => {
                let figures: Vec<f64> = series.into_values().collect();
                // Of no figures, there is no mean and no extreme.
                match folded(function, &figures) {
                    Some(number) => Ok(Value::Number(number)),
                    None => Ok(Value::Series(Figures::new())),
                }
            }
            Value::Array(array) => {
                let mut by_time: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
                for (time, figure) in array.into_iter().flat_map(|(_, series)| series) {
                    by_time.entry(time).or_default().push(figure);
                }
                let folded = by_time
                    .into_iter()
                    .filter_map(|(time, figures)| Some((time, folded(function, &figures)?)));
                Ok(Value::Series(folded.collect()))
            }
        },
        Function::MetricCount => match argument {
            Value::Array(array) => Ok(Value::Number(array.len() as f64)),
            _ => Err("METRIC_COUNT takes an array of time series".to_owned()),
        },
        _ => mapped(function, &argument),
    }
}

fn folded(function: Function, figures: &[f64]) -> Option<f64> {
    let sum: f64 = figures.iter().sum();
    match function {
        _ if figures.is_empty() => None,
        Function::Avg => Some(sum / figures.len() as f64),
        Function::Min => figures.iter().copied().reduce(f64::min),
        Function::Max => figures.iter().copied().reduce(f64::max),
        _ => Some(sum),
    }
}

/// A function of each figure, or of each and the one before.
fn mapped(function: Function, argument: &Value) -> Result<Value, String> {
    let single = |figure: f64| match function {
        Function::Abs => figure.abs(),
        Function::Ceil => figure.ceil(),
        _ => figure.floor(),
    };
    match argument {
        Value::Array(array) => each(array, |series| mapped(function, &series)),
        Value::Number(number) if matches!(function, Function::Abs | Function::Ceil | Function::Floor) => {
            Ok(Value::Number(single(*number)))
        }
        Value::Number(_) => Err(NEEDS_SERIES.to_owned()),
        Value::Series(series) => Ok(Value::Series(match function {
            Function::RunningSum => {
                let mut sum = 0.0;
                let sums = series.iter().map(|(time, figure)| {
                    sum += figure;
                    (*time, sum)
                });
                sums.collect()
            }
            Function::Diff | Function::Rate => series
                .iter()
                .zip(series.iter().skip(1))
                .map(|((before_ms, before), (time_ms, figure))| {
                    let seconds = match function {
                        Function::Rate => (time_ms - before_ms) as f64 / 1000.0,
                        _ => 1.0,
                    };
                    (*time_ms, (figure - before) / seconds)
                })
                .collect(),
            _ => series
                .iter()
                .map(|(time, figure)| (*time, single(*figure)))
                .collect(),
        })),
    }
}

fn fill(arguments: &[Expression], source: &impl Source) -> Result<Value, String> {
    let [argument, filler] = arguments else {
        return Err(NEEDS_SERIES.to_owned());
    };
    let filler = match filler {
        Expression::Call(function @ (Function::Repeat | Function::Linear), _) => Err(*function),
        other => match evaluate(other, source)? {
            Value::Number(number) => Ok(number),
            _ => return Err("FILL takes a number, REPEAT or LINEAR".to_owned()),
        },
    };
    let times = source.times();
    match evaluate(argument, source)? {
        Value::Number(_) => Err(NEEDS_SERIES.to_owned()),
        Value::Series(series) => Ok(Value::Series(filled(&series, &times, filler))),
        Value::Array(array) => each(&array, |series| match series {
            Value::Series(series) => Ok(Value::Series(filled(&series, &times, filler))),
            other => Ok(other),
        }),
    }
}

fn filled(series: &Figures, times: &[u64], filler: Result<f64, Function>) -> Figures {
    let figure = |time: u64| {
        let before = series.range(..=time).next_back();
        let after = series.range(time..).next();
        match (filler, before, after) {
            (_, Some((at, figure)), _) if *at == time => Some(*figure),
            (Ok(number), ..) => Some(number),
            (Err(Function::Linear), Some((low_ms, low)), Some((high_ms, high))) => {
                let share = (time - low_ms) as f64 / (high_ms - low_ms) as f64;
                Some(low + (high - low) * share)
            }
            // Before the first figure and after the last there is no line: the nearest goes on.
            (Err(Function::Linear), None, Some((_, figure))) => Some(*figure),
            (Err(_), Some((_, figure)), _) => Some(*figure),
            (Err(_), None, _) => None,
        }
    };
    let known = series.keys().copied();
    times
        .iter()
        .copied()
        .chain(known)
        .filter_map(|time| Some((time, figure(time)?)))
        .collect()
}

/// `IF(condition, value)` and `IF(condition, value, otherwise)`.
fn choose(arguments: &[Expression], source: &impl Source) -> Result<Value, String> {
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match evaluate(argument, source)? {
            Value::Array(_) => return Err("IF takes no array of time series".to_owned()),
            value => values.push(value),
        }
    }
    let at = |value: Option<&Value>, time: u64| match value {
        Some(Value::Number(number)) => Some(*number),
        Some(Value::Series(series)) => series.get(&time).copied(),
        _ => None,
    };
    let times: std::collections::BTreeSet<u64> = values
        .iter()
        .flat_map(|value| match value {
            Value::Series(series) => series.keys().copied().collect::<Vec<_>>(),
            _ => Vec::new(),
        })
        .collect();
    if let (true, Some(Value::Number(condition))) = (times.is_empty(), values.first()) {
        let chosen = if *condition != 0.0 {
            values.get(1)
        } else {
            values.get(2)
        };
        return Ok(chosen.cloned().unwrap_or(Value::Series(Figures::new())));
    }
    let chosen = times.into_iter().filter_map(|time| {
        let is_true = at(values.first(), time)? != 0.0;
        let chosen = if is_true { values.get(1) } else { values.get(2) };
        Some((time, at(chosen, time)?))
    });
    Ok(Value::Series(chosen.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Given(BTreeMap<&'static str, Value>);

    impl Source for Given {
        fn value(&self, id: &str) -> Option<&Value> {
            self.0.get(id)
        }

        fn period_ms(&self, id: &str) -> Option<u64> {
            self.0.get(id).map(|_| 60_000)
        }

        fn metrics(&self) -> Vec<(&str, &str, &Figures)> {
            let series = self.0.iter().filter_map(|(id, value)| match value {
                Value::Series(series) => Some((*id, *id, series)),
                _ => None,
            });
            series.collect()
        }

        fn times(&self) -> Vec<u64> {
            vec![0, 60_000, 120_000, 180_000]
        }
    }

    fn series(figures: &[(u64, f64)]) -> Value {
        Value::Series(
            figures
                .iter()
                .map(|(minute, figure)| (minute * 60_000, *figure))
                .collect(),
        )
    }

    fn given() -> Given {
        Given(BTreeMap::from([
            ("a", series(&[(0, 1.0), (1, 2.0), (3, 8.0)])),
            ("b", series(&[(0, 10.0), (1, 0.0), (2, 5.0)])),
        ]))
    }

    #[test]
    fn expressions_are_worked_out() {
        let cases = [
            ("1 + 2 * 3 - 4 / 2", Value::Number(5.0)),
            ("-(2 ^ 3)", Value::Number(-8.0)),
            ("a + b", series(&[(0, 11.0), (1, 2.0)])),
            ("100 * a / b", series(&[(0, 10.0)])),
            (
                "SUM(METRICS())",
                series(&[(0, 11.0), (1, 2.0), (2, 5.0), (3, 8.0)]),
            ),
            ("AVG([a, b])", series(&[(0, 5.5), (1, 1.0), (2, 5.0), (3, 8.0)])),
            ("MIN(METRICS(\"a\"))", series(&[(0, 1.0), (1, 2.0), (3, 8.0)])),
            ("SUM(a) + MAX(b)", Value::Number(21.0)),
            (
                "a / PERIOD(a)",
                series(&[(0, 1.0 / 60.0), (1, 2.0 / 60.0), (3, 8.0 / 60.0)]),
            ),
            ("RATE(a)", series(&[(1, 1.0 / 60.0), (3, 6.0 / 120.0)])),
            ("FILL(a, 0)", series(&[(0, 1.0), (1, 2.0), (2, 0.0), (3, 8.0)])),
            (
                "FILL(a, REPEAT)",
                series(&[(0, 1.0), (1, 2.0), (2, 2.0), (3, 8.0)]),
            ),
            (
                "FILL(a, LINEAR)",
                series(&[(0, 1.0), (1, 2.0), (2, 5.0), (3, 8.0)]),
            ),
            ("IF(a > 1, a, b)", series(&[(0, 10.0), (1, 2.0), (3, 8.0)])),
            ("RUNNING_SUM(a)", series(&[(0, 1.0), (1, 3.0), (3, 11.0)])),
            ("METRIC_COUNT(METRICS())", Value::Number(2.0)),
        ];
        for (text, expected) in cases {
            let expression = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(evaluate(&expression, &given()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        let deep = "(".repeat(100_000);
        let minuses = format!("{}1", "- ".repeat(100_000));
        let long = "1+".repeat(100_000);
        for text in [
            "",
            "1 +",
            "a b",
            "SEARCH('x')",
            "a)",
            "A",
            "SUM()",
            "FILL(a)",
            "1..2",
            "ü",
            "METRICS(\"a",
            &deep,
            &minuses,
            &long,
        ] {
            assert!(parse(text).is_err(), "{}", &text[..text.len().min(20)]);
        }
        for text in [
            "c",
            "SUM(1)",
            "REPEAT",
            "FILL(a, b)",
            "METRICS() + METRICS()",
            "1 / 0",
            "PERIOD(1)",
        ] {
            let expression = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(evaluate(&expression, &given()).is_err(), "{text}");
        }
    }
}
