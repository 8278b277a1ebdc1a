//! Whether transactions could have happened one after another, each at some moment between its
//! call and its return.
//!
//! Each key holds a list, and all that transactions write is a number at a list's end that nobody
//! else writes. So whoever reads a list sees who wrote it, in order. What one transaction saw of
//! another, or did not see, and what returned before the other began, are edges from the earlier
//! one to the later one; there is an order exactly if the edges have no cycle.
//!
//! Real time would give an edge for nearly every pair. Instead each return is a mark in a row of
//! marks: from the transaction to the mark of its return, from mark to mark, and from the last mark
//! before a call to the transaction that is called.
//!
//! A transaction of unknown outcome happened if what it wrote was seen; otherwise it is left out.

use std::collections::HashMap;
use std::fmt::{self, Write};

use super::graph::Graph;
use super::{Outcome, Recorded};

/// The name of a list.
pub type Key = u32;
/// What is appended; no two appends bring the same.
pub type Element = u32;

/// What a transaction does to which lists, each at most once in each role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    pub reads: Vec<Key>,
    /// How long lists must be, before anything is appended, for the transaction to happen.
    pub lengths: Vec<(Key, usize)>,
    pub appends: Vec<(Key, Element)>,
}

/// The lists that an answer showed. Of a list that the transaction appends to, it is the list
/// afterwards; where it was refused, the list that was not of the length wanted.
pub type Seen = Vec<(Key, Vec<Element>)>;

/// One transaction, with what became of it.
pub type RecordedTransaction = Recorded<Transaction, Seen>;

/// How large the question was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub transactions: usize,
    pub edges: usize,
}

/// Why one transaction must come before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    /// Its append to the list comes before the other's.
    Overwritten(Key),
    /// The other saw its append.
    Read(Key),
    /// It did not see the other's append.
    Missed(Key),
    /// It returned before the other was called.
    RealTime,
}

/// Judges the transactions on lists that are empty at first; a sentence says what is wrong.
pub fn check(history: &[RecordedTransaction]) -> Result<Size, String> {
    Orders::of(history)?.check()
}

/// The lists as they must have grown.
struct Orders<'h> {
    history: &'h [RecordedTransaction],
    /// Whether it took effect, as far as anybody can tell.
    has_happened: Vec<bool>,
    lists: HashMap<Key, List<'h>>,
}

/// One list, as the longest answer shows it.
#[derive(Default)]
struct List<'h> {
    elements: &'h [Element],
    /// Who appended each of the elements.
    writers: Vec<usize>,
    /// Whose append must come behind all of the elements.
    later: Vec<usize>,
    /// How many more appends there may have been.
    open_count: usize,
}

impl<'h> Orders<'h> {
    fn of(history: &'h [RecordedTransaction]) -> Result<Self, String> {
        let writers = writers_of(history)?;
        let mut lists: HashMap<Key, List<'h>> = HashMap::new();
        for (key, seen) in history.iter().flat_map(seen_lists) {
            let list = lists.entry(*key).or_default();
            if seen.len() > list.elements.len() {
                list.elements = seen;
            }
        }
        for transaction in history {
            check_prefixes(transaction, &lists)?;
        }
        let mut has_happened: Vec<bool> = history
            .iter()
            .map(|transaction| matches!(transaction.outcome, Outcome::Done(_)))
            .collect();
        for (key, list) in &mut lists {
            let mut places = HashMap::new();
            for (place, &element) in list.elements.iter().enumerate() {
                if let Some(earlier) = places.insert(element, place) {
                    return Err(format!(
                        "{element} is in list {key} twice, at {earlier} and {place}"
                    ));
                }
                let Some(&writer) = writers.get(&(*key, element)) else {
                    return Err(format!("{element} is in list {key}, and nobody appended it"));
                };
                if matches!(history[writer].outcome, Outcome::Refused(_)) {
                    return Err(format!(
                        "{element} is in list {key}, though its transaction was refused: {}",
                        Told(&history[writer])
                    ));
                }
                has_happened[writer] = true;
                list.writers.push(writer);
            }
        }
        let mut orders = Orders {
            history,
            has_happened,
            lists,
        };
        orders.place_the_unseen();
        Ok(orders)
    }

    /// Appends that no answer shows are behind all that are shown.
    fn place_the_unseen(&mut self) {
        for (index, transaction) in self.history.iter().enumerate() {
            for &(key, _) in &transaction.operation.appends {
                let list = self.lists.entry(key).or_default();
                if list.writers.contains(&index) || matches!(transaction.outcome, Outcome::Refused(_)) {
                    continue;
                }
                list.open_count += 1;
                if self.has_happened[index] {
                    list.later.push(index);
                }
            }
        }
    }

    fn check(mut self) -> Result<Size, String> {
        self.place_the_conditions()?;
        let graph = self.graph();
        let size = Size {
            transactions: self.history.len(),
            edges: graph.edge_count(),
        };
        match graph.find_cycle(|node| node < self.history.len()) {
            None => Ok(size),
            Some(cycle) => Err(self.describe(&cycle)),
        }
    }

    /// A condition on a length that no answer shows was met behind all that is shown.
    fn place_the_conditions(&mut self) -> Result<(), String> {
        for (index, transaction) in self.history.iter().enumerate() {
            if !matches!(transaction.outcome, Outcome::Done(_)) {
                continue;
            }
            for &(key, length) in &transaction.operation.lengths {
                let list = self.lists.entry(key).or_default();
                if length > list.elements.len() + list.open_count {
                    return Err(format!(
                        "list {key} was never as long as {length}: {}",
                        Told(transaction)
                    ));
                }
                if length > list.elements.len() && !list.later.contains(&index) {
                    list.later.push(index);
                }
            }
        }
        Ok(())
    }

    fn graph(&self) -> Graph<Edge> {
        let mut returns: Vec<(u64, usize)> = self
            .nodes()
            .filter(|&index| self.history[index].is_known())
            .map(|index| (self.history[index].returned_ns, index))
            .collect();
        returns.sort_unstable();
        let marks_start = self.history.len();
        let mut graph = Graph::new(marks_start + returns.len());
        for (mark, &(_, index)) in returns.iter().enumerate() {
            graph.add(index, marks_start + mark, Edge::RealTime);
            if mark > 0 {
                graph.add(marks_start + mark - 1, marks_start + mark, Edge::RealTime);
            }
        }
        for index in self.nodes() {
            let invoked_ns = self.history[index].invoked_ns;
            let before = returns.partition_point(|&(returned_ns, _)| returned_ns < invoked_ns);
            if before > 0 {
                graph.add(marks_start + before - 1, index, Edge::RealTime);
            }
            self.add_reads(index, &mut graph);
        }
        for (&key, list) in &self.lists {
            for pair in list.writers.windows(2) {
                graph.add(pair[0], pair[1], Edge::Overwritten(key));
            }
            if let Some(&last) = list.writers.last() {
                for &later in &list.later {
                    graph.add(last, later, Edge::Overwritten(key));
                }
            }
        }
        graph
    }

    /// Those that happened, and those that were refused and saw something.
    fn nodes(&self) -> impl Iterator<Item = usize> {
        (0..self.history.len()).filter(|&index| {
            self.has_happened[index] || matches!(self.history[index].outcome, Outcome::Refused(_))
        })
    }

    fn add_reads(&self, index: usize, graph: &mut Graph<Edge>) {
        let transaction = &self.history[index];
        for (key, seen) in seen_lists(transaction) {
            if !appends_to(transaction, *key) {
                self.add_read(index, *key, seen.len(), graph);
            }
        }
        if matches!(transaction.outcome, Outcome::Done(_)) {
            for &(key, length) in &transaction.operation.lengths {
                if length <= self.lists[&key].elements.len() {
                    self.add_read(index, key, length, graph);
                }
            }
        }
    }

    /// The transaction found the list with `length` elements.
    fn add_read(&self, index: usize, key: Key, length: usize, graph: &mut Graph<Edge>) {
        let list = &self.lists[&key];
        if length > 0 {
            graph.add(list.writers[length - 1], index, Edge::Read(key));
        }
        match list.writers.get(length) {
            Some(&writer) => graph.add(index, writer, Edge::Missed(key)),
            None => {
                for &later in &list.later {
                    graph.add(index, later, Edge::Missed(key));
                }
            }
        }
    }

    /// How many of a transaction's appends are in the lists, and how many there are.
    fn appends_shown(&self, node: usize) -> Option<(usize, usize)> {
        let appends = &self.history.get(node)?.operation.appends;
        let is_shown = |append: &&(Key, Element)| self.lists[&append.0].elements.contains(&append.1);
        Some((appends.iter().filter(is_shown).count(), appends.len()))
    }

    /// Says what is wrong with a cycle: first in a word, then each transaction on it.
    fn describe(&self, cycle: &[(usize, Edge)]) -> String {
        let has = |wanted: fn(&Edge) -> bool| cycle.iter().any(|(_, edge)| wanted(edge));
        let is_timed = has(|edge| matches!(edge, Edge::RealTime));
        let is_missed = has(|edge| matches!(edge, Edge::Missed(_)));
        let is_read = has(|edge| matches!(edge, Edge::Read(_)));
        // Of those whose appends no answer shows it is clear what happened to them.
        let shown = |&(node, _): &(usize, Edge)| self.appends_shown(node);
        let is_half = cycle
            .iter()
            .filter_map(shown)
            .any(|(shown, all)| shown > 0 && shown < all);
        let is_lost = cycle
            .iter()
            .filter_map(shown)
            .any(|(shown, all)| shown == 0 && all > 0);
        let name = match (is_timed, is_missed, is_read) {
            _ if is_half => "half a transaction is lost",
            _ if is_lost => "an acknowledged append is lost",
            (false, true, true) => "a transaction is seen in half",
            (false, true, false) => "transactions missed each other's writes",
            (false, false, _) => "transactions wrote or saw each other in both orders",
            (true, true, _) => "a read is stale",
            (true, false, _) => "an append took effect before it was asked for, or too late",
        };
        let mut text = name.to_owned();
        for &(node, edge) in cycle {
            if let Some(transaction) = self.history.get(node) {
                let _infallible = write!(text, "; {}, then {}", Told(transaction), edge);
            }
        }
        text
    }
}

/// Who appends what.
fn writers_of(history: &[RecordedTransaction]) -> Result<HashMap<(Key, Element), usize>, String> {
    let mut writers = HashMap::new();
    for (index, transaction) in history.iter().enumerate() {
        for &append in &transaction.operation.appends {
            if writers.insert(append, index).is_some() {
                return Err(format!(
                    "the history itself is wrong: {append:?} is appended twice"
                ));
            }
        }
    }
    Ok(writers)
}

fn seen_lists(transaction: &RecordedTransaction) -> &[(Key, Vec<Element>)] {
    match &transaction.outcome {
        Outcome::Done(seen) | Outcome::Refused(seen) => seen,
        Outcome::Unknown => &[],
    }
}

fn appends_to(transaction: &RecordedTransaction, key: Key) -> bool {
    matches!(transaction.outcome, Outcome::Done(_))
        && transaction.operation.appends.iter().any(|append| append.0 == key)
}

/// Every answer must show the beginning of the longest list, and fit what was asked for.
fn check_prefixes(transaction: &RecordedTransaction, lists: &HashMap<Key, List<'_>>) -> Result<(), String> {
    for (key, seen) in seen_lists(transaction) {
        let longest = lists[key].elements;
        if let Some(place) = (0..seen.len()).find(|&place| seen[place] != longest[place]) {
            return Err(format!(
                "list {key} was seen with {} at place {place}, and with {} there: {}",
                seen[place],
                longest[place],
                Told(transaction)
            ));
        }
        let own = transaction.operation.appends.iter().find(|(own, _)| own == key);
        if let (Outcome::Done(_), Some((_, element))) = (&transaction.outcome, own)
            && seen.last() != Some(element)
        {
            return Err(format!(
                "list {key} does not end with what was appended: {}",
                Told(transaction)
            ));
        }
        let wanted = transaction.operation.lengths.iter().find(|(list, _)| list == key);
        if let (Outcome::Refused(_), Some((_, length))) = (&transaction.outcome, wanted)
            && seen.len() == *length
        {
            return Err(format!(
                "a transaction was refused though its condition held: {}",
                Told(transaction)
            ));
        }
    }
    Ok(())
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edge::Overwritten(key) => write!(f, "the next append to list {key}"),
            Edge::Read(key) => write!(f, "who saw that in list {key}"),
            Edge::Missed(key) => write!(f, "the append to list {key} that it did not see"),
            Edge::RealTime => f.write_str("after it had returned"),
        }
    }
}

/// A transaction without the lists that it saw, which are long.
struct Told<'h>(&'h RecordedTransaction);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Transaction {
            reads,
            lengths,
            appends,
        } = &self.0.operation;
        write!(f, "client {}:", self.0.client)?;
        if !appends.is_empty() {
            write!(f, " appends {appends:?}")?;
        }
        if !lengths.is_empty() {
            write!(f, " if lengths are {lengths:?}")?;
        }
        if !reads.is_empty() {
            write!(f, " reads {reads:?}")?;
        }
        let (name, seen) = match &self.0.outcome {
            Outcome::Done(seen) => ("done", seen.as_slice()),
            Outcome::Refused(seen) => ("refused", seen.as_slice()),
            Outcome::Unknown => ("unknown", [].as_slice()),
        };
        write!(f, ", {name}")?;
        for (key, list) in seen {
            write!(f, ", saw {} elements of {key}", list.len())?;
        }
        Ok(())
    }
}
