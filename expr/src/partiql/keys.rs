//! Which slices of a table or index a WHERE clause names, as the service decides it.
//!
//! A WHERE clause is looked at as alternatives (OR) of requirements (AND). Each alternative that
//! fixes the partition key by one equality is a read of that partition, narrowed by a condition on
//! the sort key where it has one. Where an alternative does not, everything is scanned. An OR inside
//! of an AND makes alternatives only where it speaks of key attributes. The clause as a whole is
//! asked of every item that the reads find, so that what the reads leave open is decided there.

use model::{ValueRef, ValueType};

use crate::condition::{Condition, Node, Operand};
use crate::java_order::sort_in_java_order;
use crate::key_condition::{KeyOperator, SortRange};
use crate::literal::Literal;
use crate::path::Path;
use crate::syntax::Comparator;

/// How many reads a clause may be split into.
const READS_MAX: usize = 50;

/// How many alternatives are worked out at most, so that no clause makes more than a bounded number
/// of them. It is far more than any clause may have.
const ALTERNATIVES_MAX: usize = 1000;

/// One read of a partition.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyedRead {
    /// The partition key's value.
    pub partition: Literal,
    /// The condition on the sort key.
    pub sort: Option<SortRange>,
    /// Whether the alternative has a negated condition on the sort key: such reads may overlap others.
    pub has_negated_sort: bool,
    /// The top-level attributes that the alternative asks for, each once, in the order written.
    pub attributes: Vec<String>,
}

/// Why a WHERE clause can't be a read of the keys that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// This key attribute is compared with a value of another type.
    Type(String),
    /// This key attribute is required to have two different values.
    Twice(String),
    /// The clause means more reads than are allowed.
    TooManyReads,
}

impl std::fmt::Display for KeyProblem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeyProblem::Type(name) => write!(
                formatter,
                "Key attribute's data type should match its data type in table's schema: Key {name}"
            ),
            KeyProblem::Twice(name) => write!(
                formatter,
                "Multiple conditions on same key {name}. Only single item Update/Insert/Delete are supported"
            ),
            KeyProblem::TooManyReads => {
                formatter.write_str("Too many decomposed read operations for a given query.")
            }
        }
    }
}

/// A key attribute: its name and its type.
type Key<'k> = (&'k str, ValueType);

impl Condition {
    /// The reads that the condition means in a table or index with this partition key and sort key;
    /// `None` where all of it must be scanned.
    pub fn keyed_reads(
        &self,
        partition: (&str, ValueType),
        sort: Option<(&str, ValueType)>,
    ) -> Result<Option<Vec<KeyedRead>>, KeyProblem> {
        check_types(&self.root, partition)?;
        sort.map_or(Ok(()), |sort| check_types(&self.root, sort))?;
        if !fixes(&self.root, partition) {
            return Ok(None);
        }
        let keys = Keys { partition, sort };
        let mut reads = Vec::new();
        for alternative in keys.alternatives(&self.root)? {
            match keys.read(&alternative) {
                Some(read) => reads.push(read),
                None => return Ok(None),
            }
        }
        if reads.len() > READS_MAX {
            return Err(KeyProblem::TooManyReads);
        }
        Ok(Some(reads))
    }

    /// The value that the condition requires of a key attribute: all equalities at its top level must
    /// agree. With `in_one`, IN with one value counts as an equality.
    pub fn required_value(&self, name: &str, in_one: bool) -> Result<Option<Literal>, KeyProblem> {
        let mut required: Option<Literal> = None;
        for value in self.required_values(name, in_one) {
            match &required {
                Some(known) if known.value() != value.value() => {
                    return Err(KeyProblem::Twice(name.to_owned()));
                }
                _ => required = Some(value.clone()),
            }
        }
        Ok(required)
    }

    /// The values that the condition requires of a key attribute, in the order written.
    pub fn required_values(&self, name: &str, in_one: bool) -> impl Iterator<Item = &Literal> {
        requirements(&self.root).filter_map(move |node| match equal_values(node, name)?.as_slice() {
            [value] if in_one || !matches!(node, Node::In(..)) => Some(*value),
            _ => None,
        })
    }

    /// Whether the condition requires values of these key attributes and nothing else. With `in_one`,
    /// IN with one value counts as an equality.
    pub fn requires_only(&self, names: &[&str], in_one: bool) -> bool {
        requirements(&self.root).all(|node| {
            names.iter().any(|name| {
                equal_values(node, name)
                    .is_some_and(|values| values.len() == 1 && (in_one || !matches!(node, Node::In(..))))
            })
        })
    }

    /// How many operands the longest IN on another attribute than these has.
    pub fn longest_in_list(&self, except: &[&str]) -> usize {
        fn longest(node: &Node, except: &[&str]) -> usize {
            match node {
                Node::And(parts) | Node::Or(parts) => {
                    parts.iter().map(|part| longest(part, except)).max().unwrap_or(0)
                }
                Node::Not(inner) => longest(inner, except),
                Node::In(Operand::Path(path), list) => {
                    let is_key = path.steps.is_empty() && except.contains(&path.attribute.as_str());
                    if is_key { 0 } else { list.len() }
                }
                Node::In(_, list) => list.len(),
                _ => 0,
            }
        }
        longest(&self.root, except)
    }

    /// This condition, required only of an item that has the attribute.
    pub fn if_exists(self, attribute: &str) -> Self {
        Condition::from_tree(Node::Or(vec![
            Node::NotExists(Path::of_attribute(attribute)),
            self.root,
        ]))
    }

    /// This condition, and that there is an item: one that has the attribute.
    pub fn and_exists(self, attribute: &str) -> Self {
        Condition::from_tree(Node::And(vec![
            Node::Exists(Path::of_attribute(attribute)),
            self.root,
        ]))
    }
}

impl KeyedRead {
    /// The attributes that an index does not keep, where every read asks for some: those of the
    /// read, and in the order, in which the service names them.
    pub fn unprojected(reads: &[KeyedRead], is_projected: impl Fn(&str) -> bool) -> Option<Vec<&str>> {
        let mut by_key: Vec<(String, Vec<&str>)> = Vec::with_capacity(reads.len());
        for read in reads {
            let missing: Vec<&str> = read
                .attributes
                .iter()
                .map(String::as_str)
                .filter(|name| !is_projected(name))
                .collect();
            if missing.is_empty() {
                return None;
            }
            let key = match read.partition.value() {
                ValueRef::String(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Number(number) => number.to_string(),
                _ => String::new(),
            };
            by_key.push((key, missing));
        }
        let mut keys: Vec<&str> = by_key.iter().map(|(key, _)| key.as_str()).collect();
        let count = keys.len();
        sort_in_java_order(&mut keys, count);
        let first = (*keys.first()?).to_owned();
        let (_, mut names) = by_key.into_iter().find(|(key, _)| *key == first)?;
        let count = names.len();
        sort_in_java_order(&mut names, count);
        Some(names)
    }
}

/// What must hold together: the parts of nested ANDs.
fn requirements(node: &Node) -> Box<dyn Iterator<Item = &Node> + '_> {
    match node {
        Node::And(parts) => Box::new(parts.iter().flat_map(requirements)),
        other => Box::new(std::iter::once(other)),
    }
}

fn is_attribute(operand: &Operand, name: &str) -> bool {
    matches!(operand, Operand::Path(path) if path.steps.is_empty() && path.attribute == name)
}

/// The literals that an attribute equals one of; `None` for any other condition.
fn equal_values<'n>(node: &'n Node, name: &str) -> Option<Vec<&'n Literal>> {
    match node {
        Node::Compare(Comparator::Equal, left, Operand::Literal(value)) if is_attribute(left, name) => {
            Some(vec![value])
        }
        Node::Compare(Comparator::Equal, Operand::Literal(value), right) if is_attribute(right, name) => {
            Some(vec![value])
        }
        Node::In(operand, list) if is_attribute(operand, name) => list
            .iter()
            .map(|candidate| match candidate {
                Operand::Literal(value) => Some(value),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// Refuses equalities of a key attribute with a value of another type.
fn check_types(node: &Node, key: Key<'_>) -> Result<(), KeyProblem> {
    match node {
        Node::And(parts) | Node::Or(parts) => parts.iter().try_for_each(|part| check_types(part, key)),
        node => {
            let values = equal_values(node, key.0).unwrap_or_default();
            if values.iter().all(|value| value.value().value_type() == key.1) {
                Ok(())
            } else {
                Err(KeyProblem::Type(key.0.to_owned()))
            }
        }
    }
}

/// Whether every alternative has an equality for the key attribute.
fn fixes(node: &Node, key: Key<'_>) -> bool {
    match node {
        Node::And(parts) => parts.iter().any(|part| fixes(part, key)),
        Node::Or(parts) => parts.iter().all(|part| fixes(part, key)),
        node => equal_values(node, key.0).is_some(),
    }
}

/// The key attributes that alternatives are made for.
struct Keys<'k> {
    partition: Key<'k>,
    sort: Option<Key<'k>>,
}

/// One requirement of an alternative.
#[derive(Clone, Copy)]
enum Requirement<'n> {
    /// The partition key has this value.
    Partition(&'n Literal),
    /// The sort key has this value.
    Sort(&'n Literal),
    /// Anything else.
    Other(&'n Node),
}

impl<'k> Keys<'k> {
    /// Whether a condition speaks of a key attribute.
    fn concerns(&self, node: &Node) -> bool {
        let mut paths = Vec::new();
        node.collect_paths(&mut paths);
        let is_key = |path: &&Path| {
            path.steps.is_empty()
                && (path.attribute == self.partition.0
                    || self.sort.is_some_and(|(name, _)| path.attribute == name))
        };
        paths.iter().any(is_key)
    }

    /// The alternatives of a condition, each a list of requirements.
    fn alternatives<'n>(&self, node: &'n Node) -> Result<Vec<Vec<Requirement<'n>>>, KeyProblem> {
        match node {
            Node::Or(parts) if self.concerns(node) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(self.alternatives(part)?);
                    check_count(all.len())?;
                }
                Ok(all)
            }
            Node::And(parts) => {
                let mut all: Vec<Vec<Requirement<'n>>> = vec![Vec::new()];
                for part in parts {
                    let choices = self.alternatives(part)?;
                    check_count(all.len().saturating_mul(choices.len()))?;
                    all = all
                        .iter()
                        .flat_map(|before| {
                            choices
                                .iter()
                                .map(move |choice| before.iter().chain(choice).copied().collect::<Vec<_>>())
                        })
                        .collect();
                }
                Ok(all)
            }
            node => {
                if let Some(values) = equal_values(node, self.partition.0) {
                    check_count(values.len())?;
                    return Ok(values
                        .into_iter()
                        .map(|value| vec![Requirement::Partition(value)])
                        .collect());
                }
                if let Some((sort, _)) = self.sort
                    && let Some(values) = equal_values(node, sort)
                {
                    check_count(values.len())?;
                    return Ok(values
                        .into_iter()
                        .map(|value| vec![Requirement::Sort(value)])
                        .collect());
                }
                Ok(vec![vec![Requirement::Other(node)]])
            }
        }
    }

    /// The read of an alternative; `None` where it does not name one partition.
    fn read(&self, alternative: &[Requirement<'_>]) -> Option<KeyedRead> {
        let mut partition: Option<&Literal> = None;
        let mut equal: Option<&Literal> = None;
        let mut range: Option<SortRange> = None;
        let mut has_negated_sort = false;
        let mut attributes: Vec<String> = Vec::new();
        for requirement in alternative {
            match requirement {
                Requirement::Partition(value) => match partition {
                    Some(known) if known.value() != value.value() => return None,
                    _ => partition = Some(value),
                },
                Requirement::Sort(value) => {
                    equal.get_or_insert(value);
                }
                Requirement::Other(node) => {
                    if let Some(sort) = self.sort {
                        range = range.or_else(|| sort_range(node, sort));
                        has_negated_sort |= is_negated(node) && self.concerns(node);
                    }
                    let mut paths = Vec::new();
                    node.collect_paths(&mut paths);
                    for path in paths {
                        if !attributes.contains(&path.attribute) {
                            attributes.push(path.attribute.clone());
                        }
                    }
                }
            }
        }
        let sort = match equal {
            Some(value) => Some(SortRange {
                operator: KeyOperator::Equal,
                operands: vec![value.clone()],
            }),
            None => range,
        };
        Some(KeyedRead {
            partition: partition?.clone(),
            sort,
            has_negated_sort,
            attributes,
        })
    }
}

fn check_count(count: usize) -> Result<(), KeyProblem> {
    if count > ALTERNATIVES_MAX {
        return Err(KeyProblem::TooManyReads);
    }
    Ok(())
}

fn is_negated(node: &Node) -> bool {
    matches!(node, Node::Not(_) | Node::Compare(Comparator::NotEqual, ..))
}

/// The range of the sort key that a condition names.
fn sort_range(node: &Node, (name, value_type): Key<'_>) -> Option<SortRange> {
    let (operator, operands) = match node {
        Node::Compare(comparator, left, right) => {
            let is_mirrored = is_attribute(right, name);
            let (key, value) = if is_mirrored { (right, left) } else { (left, right) };
            if !is_attribute(key, name) {
                return None;
            }
            let operator = match (comparator, is_mirrored) {
                (Comparator::Less, false) | (Comparator::Greater, true) => KeyOperator::Less,
                (Comparator::LessOrEqual, false) | (Comparator::GreaterOrEqual, true) => {
                    KeyOperator::LessOrEqual
                }
                (Comparator::Greater, false) | (Comparator::Less, true) => KeyOperator::Greater,
                (Comparator::GreaterOrEqual, false) | (Comparator::LessOrEqual, true) => {
                    KeyOperator::GreaterOrEqual
                }
                (Comparator::Equal | Comparator::NotEqual, _) => return None,
            };
            (operator, vec![value])
        }
        Node::Between(operands) => {
            let [value, lower, upper] = operands.as_ref();
            if !is_attribute(value, name) {
                return None;
            }
            (KeyOperator::Between, vec![lower, upper])
        }
        Node::BeginsWith(value, prefix) if is_attribute(value, name) => {
            (KeyOperator::BeginsWith, vec![prefix])
        }
        _ => return None,
    };
    let operands: Vec<Literal> = operands
        .into_iter()
        .map(|operand| match operand {
            Operand::Literal(value) if value.value().value_type() == value_type => Some(value.clone()),
            _ => None,
        })
        .collect::<Option<_>>()?;
    Some(SortRange { operator, operands })
}
