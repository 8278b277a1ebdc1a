//! Conditions, updates and projections as small trees, printed to the text that the engine parses.
//!
//! [`Printer`] chooses among the many ways to write one tree: names and values behind placeholders,
//! letter case, blanks, parentheses. It also notes what it has printed, for the mix.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use api::AttributeMap;
use fastrand::Rng;
use indexmap::IndexMap;

use crate::value::{Attributes, Value, to_map};

/// A step into a map or a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Field(String),
    Index(usize),
}

/// A document path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    pub root: String,
    pub steps: Vec<Step>,
}

impl Path {
    pub fn attribute(name: &str) -> Self {
        Path {
            root: name.to_owned(),
            steps: Vec::new(),
        }
    }

    /// Whether the two cannot stand in one projection or update: one leads into the other, or one
    /// takes for a list what the other takes for a map.
    pub fn clashes(&self, other: &Self) -> bool {
        if self.root != other.root {
            return false;
        }
        for (left, right) in self.steps.iter().zip(&other.steps) {
            match (left, right) {
                (Step::Field(_), Step::Index(_)) | (Step::Index(_), Step::Field(_)) => return true,
                (left, right) if left != right => return false,
                _ => {}
            }
        }
        true
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}", self.root)?;
        for step in &self.steps {
            match step {
                Step::Field(name) => write!(formatter, ".{name}")?,
                Step::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        formatter.write_str("`")
    }
}

/// An operand of a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    Path(Path),
    Literal(Value),
    Size(Path),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    pub const ALL: [Comparator; 6] = [
        Comparator::Equal,
        Comparator::NotEqual,
        Comparator::Less,
        Comparator::LessOrEqual,
        Comparator::Greater,
        Comparator::GreaterOrEqual,
    ];

    pub fn symbol(self) -> &'static str {
        match self {
            Comparator::Equal => "=",
            Comparator::NotEqual => "<>",
            Comparator::Less => "<",
            Comparator::LessOrEqual => "<=",
            Comparator::Greater => ">",
            Comparator::GreaterOrEqual => ">=",
        }
    }

    /// The comparator that says the same with its operands exchanged.
    pub fn mirrored(self) -> Self {
        match self {
            Comparator::Less => Comparator::Greater,
            Comparator::LessOrEqual => Comparator::GreaterOrEqual,
            Comparator::Greater => Comparator::Less,
            Comparator::GreaterOrEqual => Comparator::LessOrEqual,
            other => other,
        }
    }
}

/// A condition or filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Comparator, Operand, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    HasType(Path, &'static str),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

/// The right side of SET.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    Path(Path),
    Literal(Value),
    IfNotExists(Path, Box<Source>),
    ListAppend(Box<[Source; 2]>),
    Add(Box<[Source; 2]>),
    Subtract(Box<[Source; 2]>),
}

/// What an update does at one path.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Set(Source),
    Remove,
    Add(Value),
    Delete(Value),
}

/// One action of an update.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    pub path: Path,
    pub change: Change,
}

/// How a sort key is limited in a Query.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyOperator {
    Compare(Comparator, Value),
    Between(Value, Value),
    BeginsWith(Value),
}

/// A limit on one key attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyClause {
    pub attribute: String,
    pub operator: KeyOperator,
}

impl KeyClause {
    pub fn condition(&self) -> Condition {
        let path = Operand::Path(Path::attribute(&self.attribute));
        let literal = |value: &Value| Operand::Literal(value.clone());
        match &self.operator {
            KeyOperator::Compare(comparator, value) => Condition::Compare(*comparator, path, literal(value)),
            KeyOperator::Between(lower, upper) => Condition::Between(path, literal(lower), literal(upper)),
            KeyOperator::BeginsWith(prefix) => Condition::BeginsWith(path, literal(prefix)),
        }
    }
}

impl Condition {
    /// All paths, those inside of `size` too.
    pub fn paths(&self) -> Vec<&Path> {
        fn of_operand<'c>(operand: &'c Operand, paths: &mut Vec<&'c Path>) {
            if let Operand::Path(path) | Operand::Size(path) = operand {
                paths.push(path);
            }
        }
        fn collect<'c>(condition: &'c Condition, paths: &mut Vec<&'c Path>) {
            match condition {
                Condition::And(parts) | Condition::Or(parts) => {
                    parts.iter().for_each(|part| collect(part, paths))
                }
                Condition::Not(inner) => collect(inner, paths),
                Condition::Compare(_, left, right)
                | Condition::BeginsWith(left, right)
                | Condition::Contains(left, right) => {
                    of_operand(left, paths);
                    of_operand(right, paths);
                }
                Condition::Between(value, lower, upper) => {
                    [value, lower, upper]
                        .into_iter()
                        .for_each(|operand| of_operand(operand, paths));
                }
                Condition::In(value, list) => {
                    of_operand(value, paths);
                    list.iter().for_each(|operand| of_operand(operand, paths));
                }
                Condition::Exists(path) | Condition::NotExists(path) | Condition::HasType(path, _) => {
                    paths.push(path)
                }
            }
        }
        let mut paths = Vec::new();
        collect(self, &mut paths);
        paths
    }
}

impl Source {
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Source::Path(path) => vec![path],
            Source::Literal(_) => Vec::new(),
            Source::IfNotExists(path, default) => {
                let mut paths = vec![path];
                paths.extend(default.paths());
                paths
            }
            Source::ListAppend(operands) | Source::Add(operands) | Source::Subtract(operands) => {
                operands.iter().flat_map(Source::paths).collect()
            }
        }
    }
}

/// Writes expressions, and collects the names and values behind their placeholders.
pub struct Printer {
    rng: Rng,
    names: IndexMap<String, String>,
    values: Attributes,
    /// What has been printed.
    pub used: Vec<&'static str>,
}

impl Printer {
    pub fn new(rng: &mut Rng) -> Self {
        Printer {
            rng: rng.fork(),
            names: IndexMap::new(),
            values: Attributes::new(),
            used: Vec::new(),
        }
    }

    /// ExpressionAttributeNames.
    pub fn names(&self) -> Option<IndexMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    /// ExpressionAttributeValues.
    pub fn values(&self) -> Option<AttributeMap> {
        (!self.values.is_empty()).then(|| to_map(&self.values))
    }

    /// Names and values, to be printed where a test fails.
    pub fn placeholders(&self) -> String {
        format!("{:?} {:?}", self.names, self.values)
    }

    fn blank(&mut self) -> &'static str {
        match self.rng.u8(..16) {
            0 => "  ",
            1 => "\n",
            2 => "\t",
            _ => " ",
        }
    }

    /// A blank, where one may stand and need not.
    fn gap(&mut self) -> &'static str {
        if self.rng.u8(..4) == 0 { "" } else { " " }
    }

    /// A keyword, in any case.
    fn keyword(&mut self, word: &'static str) -> String {
        self.used.push(word);
        match self.rng.u8(..8) {
            0 => word.to_ascii_lowercase(),
            1 => {
                let mut letters = word.to_ascii_lowercase();
                letters[..1].make_ascii_uppercase();
                letters
            }
            _ => word.to_owned(),
        }
    }

    fn name(&mut self, name: &str) -> String {
        let plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !crate::random::RESERVED.contains(&name);
        if plain && self.rng.u8(..3) > 0 {
            return name.to_owned();
        }
        if let Some((placeholder, _)) = self.names.iter().find(|(_, named)| *named == name)
            && self.rng.u8(..4) > 0
        {
            return placeholder.clone();
        }
        let placeholder = format!("#{}{}", ["n", "N_", "0"][self.rng.usize(..3)], self.names.len());
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: &Value) -> String {
        if let Some((placeholder, _)) = self.values.iter().find(|(_, known)| *known == value)
            && self.rng.bool()
        {
            return placeholder.clone();
        }
        let placeholder = format!(":{}{}", ["v", "_", "7"][self.rng.usize(..3)], self.values.len());
        self.values.insert(placeholder.clone(), value.clone());
        placeholder
    }

    fn path(&mut self, path: &Path) -> String {
        let mut text = self.name(&path.root);
        for step in &path.steps {
            match step {
                Step::Field(name) => {
                    let name = self.name(name);
                    write!(text, ".{name}").expect("a string takes all");
                }
                Step::Index(index) => write!(text, "[{index}]").expect("a string takes all"),
            }
        }
        text
    }

    fn operand(&mut self, operand: &Operand) -> String {
        match operand {
            Operand::Path(path) => self.path(path),
            Operand::Literal(value) => self.value(value),
            Operand::Size(path) => {
                let path = self.path(path);
                self.call("size", &[path])
            }
        }
    }

    fn call(&mut self, function: &'static str, arguments: &[String]) -> String {
        self.used.push(function);
        let (gap, comma) = (self.gap(), self.gap());
        format!(
            "{function}{}({})",
            if gap.is_empty() { " " } else { "" },
            arguments.join(&format!(",{comma}"))
        )
    }

    /// Prints a condition. Anything may stand in parentheses, but not in two at once.
    pub fn condition(&mut self, condition: &Condition) -> String {
        let text = self.bare_condition(condition);
        if self.rng.u8(..8) == 0 {
            self.parenthesized(text)
        } else {
            text
        }
    }

    fn parenthesized(&mut self, text: String) -> String {
        let (before, after) = (self.gap(), self.gap());
        format!("({before}{text}{after})")
    }

    /// A part of a larger condition: in parentheses where it must be, or where chance says so.
    fn part(&mut self, condition: &Condition, must: bool) -> String {
        let text = self.bare_condition(condition);
        if must || self.rng.u8(..6) == 0 {
            self.parenthesized(text)
        } else {
            text
        }
    }

    fn joined(&mut self, parts: &[Condition], word: &'static str, must: fn(&Condition) -> bool) -> String {
        let mut text = String::new();
        for (position, part) in parts.iter().enumerate() {
            if position > 0 {
                let (before, word, after) = (self.blank(), self.keyword(word), self.blank());
                write!(text, "{before}{word}{after}").expect("a string takes all");
            }
            text.push_str(&self.part(part, must(part)));
        }
        text
    }

    fn bare_condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::And(parts) => self.joined(parts, "AND", |part| matches!(part, Condition::Or(_))),
            Condition::Or(parts) => self.joined(parts, "OR", |_| false),
            Condition::Not(inner) => {
                let word = self.keyword("NOT");
                let must = matches!(**inner, Condition::And(_) | Condition::Or(_));
                let inner = self.part(inner, must);
                format!("{word} {inner}")
            }
            Condition::Compare(comparator, left, right) => {
                self.used.push(comparator.symbol());
                let (left, right) = (self.operand(left), self.operand(right));
                let (before, after) = (self.gap(), self.gap());
                format!("{left}{before}{}{after}{right}", comparator.symbol())
            }
            Condition::Between(value, lower, upper) => {
                let operands = [value, lower, upper].map(|operand| self.operand(operand));
                let (between, and) = (self.keyword("BETWEEN"), self.keyword("AND"));
                format!("{} {between} {} {and} {}", operands[0], operands[1], operands[2])
            }
            Condition::In(value, list) => {
                let value = self.operand(value);
                let list: Vec<String> = list.iter().map(|operand| self.operand(operand)).collect();
                let (word, gap) = (self.keyword("IN"), self.gap());
                format!("{value} {word}{gap}({})", list.join(", "))
            }
            Condition::Exists(path) => {
                let path = self.path(path);
                self.call("attribute_exists", &[path])
            }
            Condition::NotExists(path) => {
                let path = self.path(path);
                self.call("attribute_not_exists", &[path])
            }
            Condition::HasType(path, type_name) => {
                let arguments = [self.path(path), self.value(&Value::string(type_name))];
                self.call("attribute_type", &arguments)
            }
            Condition::BeginsWith(value, prefix) => {
                let arguments = [self.operand(value), self.operand(prefix)];
                self.call("begins_with", &arguments)
            }
            Condition::Contains(whole, part) => {
                let arguments = [self.operand(whole), self.operand(part)];
                self.call("contains", &arguments)
            }
        }
    }

    /// Prints a key condition: its clauses in any order, with the value on either side.
    pub fn key_condition(&mut self, clauses: &[KeyClause]) -> String {
        let mut conditions: Vec<Condition> = clauses.iter().map(KeyClause::condition).collect();
        if self.rng.u8(..4) == 0 {
            self.rng.shuffle(&mut conditions);
        }
        for condition in &mut conditions {
            if let Condition::Compare(comparator, left, right) = condition
                && self.rng.u8(..8) == 0
            {
                *condition = Condition::Compare(comparator.mirrored(), right.clone(), left.clone());
            }
        }
        let texts: Vec<String> = conditions
            .iter()
            .map(|condition| self.part(condition, false))
            .collect();
        let word = self.keyword("AND");
        texts.join(&format!(" {word} "))
    }

    /// Prints a projection.
    pub fn projection(&mut self, paths: &[Path]) -> String {
        let texts: Vec<String> = paths.iter().map(|path| self.path(path)).collect();
        texts.join(if self.rng.bool() { ", " } else { "," })
    }

    fn source(&mut self, source: &Source) -> String {
        match source {
            Source::Path(path) => self.path(path),
            Source::Literal(value) => self.value(value),
            Source::IfNotExists(path, default) => {
                let arguments = [self.path(path), self.source(default)];
                self.call("if_not_exists", &arguments)
            }
            Source::ListAppend(operands) => {
                let arguments = [self.source(&operands[0]), self.source(&operands[1])];
                self.call("list_append", &arguments)
            }
            Source::Add(operands) => self.sum(operands, "+"),
            Source::Subtract(operands) => self.sum(operands, "-"),
        }
    }

    fn sum(&mut self, operands: &[Source; 2], sign: &'static str) -> String {
        self.used.push(sign);
        let (left, right) = (self.source(&operands[0]), self.source(&operands[1]));
        let (before, after) = (self.gap(), self.gap());
        let text = format!("{left}{before}{sign}{after}{right}");
        if self.rng.u8(..6) == 0 {
            self.parenthesized(text)
        } else {
            text
        }
    }

    fn action(&mut self, action: &Action) -> String {
        let path = self.path(&action.path);
        match &action.change {
            Change::Set(source) => {
                let source = self.source(source);
                let (before, after) = (self.gap(), self.gap());
                format!("{path}{before}={after}{source}")
            }
            Change::Remove => path,
            Change::Add(value) | Change::Delete(value) => {
                let value = self.value(value);
                format!("{path} {value}")
            }
        }
    }

    /// Prints an update: its actions by section, the sections in any order.
    pub fn update(&mut self, actions: &[Action]) -> String {
        let mut sections = [
            (
                "SET",
                (|change| matches!(change, Change::Set(_))) as fn(&Change) -> bool,
            ),
            ("REMOVE", |change| matches!(change, Change::Remove)),
            ("ADD", |change| matches!(change, Change::Add(_))),
            ("DELETE", |change| matches!(change, Change::Delete(_))),
        ];
        self.rng.shuffle(&mut sections);
        let mut text = String::new();
        for (word, belongs) in sections {
            let actions: Vec<&Action> = actions.iter().filter(|action| belongs(&action.change)).collect();
            if actions.is_empty() {
                continue;
            }
            let (word, blank) = (self.keyword(word), self.blank());
            let actions: Vec<String> = actions.into_iter().map(|action| self.action(action)).collect();
            let gap = if text.is_empty() { "" } else { " " };
            write!(text, "{gap}{word}{blank}{}", actions.join(", ")).expect("a string takes all");
        }
        text
    }
}

/// The distinct names at the top of paths, for what AttributesToGet and projections of indexes need.
pub fn roots<'p>(paths: impl IntoIterator<Item = &'p Path>) -> BTreeSet<&'p str> {
    paths.into_iter().map(|path| path.root.as_str()).collect()
}
