//! What clients asked for and what they were told, and whether a database agrees with it.

use std::collections::BTreeMap;
use std::fmt;

use harness::failure::{Failure, Result};
use serde_json::{Value, json};

/// The tables of items: the first has an index and a stream.
pub const TABLES: [&str; 2] = ["indexed", "plain"];
/// The index of the first table.
pub const INDEX: &str = "by_group";

/// What is written: an item, or a whole table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An item of one of [`TABLES`], which alone this client writes.
    Item { client: u32, number: u32 },
    /// A table without items.
    Table { client: u32, number: u32 },
}

/// What a target holds: the number of the write that it is from; `None` where it is not there.
pub type Version = Option<u64>;

/// One request.
#[derive(Clone, Debug)]
pub struct Write {
    /// How many file operations were recorded before it was sent.
    pub started_at: u64,
    /// How many were recorded when its answer was there, if it was a success.
    pub acknowledged_at: Option<u64>,
    /// Whether all or none of it must be there.
    pub is_atomic: bool,
    pub changes: Vec<(Target, Version)>,
}

/// All requests of one client, which waits for each answer.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub writes: Vec<Write>,
    /// What requests that failed were told.
    pub refusals: Vec<String>,
}

/// What a database holds of it all.
pub type Observed = BTreeMap<Target, u64>;

/// What a target may hold.
#[derive(Default)]
struct Allowed {
    /// What the last acknowledged write left.
    floor: Version,
    /// Writes after it whose outcome nobody knows: their places in the ledger and what they leave.
    open: Vec<(usize, Version)>,
}

impl Ledger {
    /// How many of its writes were acknowledged before file operation `cut`.
    pub fn acknowledged(&self, cut: u64) -> usize {
        let writes = self.writes.iter();
        writes.filter(|write| write.is_acknowledged(cut)).count()
    }

    /// Fails where a database that was cut off after file operation `cut` cannot hold what it holds.
    pub fn check(&self, observed: &Observed, cut: u64) -> Result<()> {
        let mut targets: BTreeMap<Target, Allowed> = BTreeMap::new();
        let begun = self.writes.iter().take_while(|write| write.started_at <= cut);
        for (place, write) in begun.enumerate() {
            for (target, version) in &write.changes {
                let allowed = targets.entry(*target).or_default();
                if write.is_acknowledged(cut) {
                    allowed.floor = *version;
                    allowed.open.clear();
                } else {
                    allowed.open.push((place, *version));
                }
            }
        }
        for (target, allowed) in &targets {
            let found = observed.get(target).copied();
            let is_open = allowed.open.iter().any(|(_, version)| *version == found);
            if found != allowed.floor && !is_open {
                return Err(Failure::new(format!(
                    "{target} holds {}; acknowledged was {}, unanswered {:?}",
                    Shown(found),
                    Shown(allowed.floor),
                    allowed
                        .open
                        .iter()
                        .map(|(_, version)| version)
                        .collect::<Vec<_>>()
                )));
            }
        }
        self.check_atomicity(&targets, observed)
    }

    fn check_atomicity(&self, targets: &BTreeMap<Target, Allowed>, observed: &Observed) -> Result<()> {
        for (place, write) in self
            .writes
            .iter()
            .enumerate()
            .filter(|(_, write)| write.is_atomic)
        {
            // Only where nothing was written after it does a target tell whether it happened.
            let telling = write.changes.iter().filter(|(target, _)| {
                let last = targets.get(target).and_then(|allowed| allowed.open.last());
                last.is_some_and(|(last, _)| *last == place)
            });
            let (done, left): (Vec<_>, Vec<_>) =
                telling.partition(|(target, version)| observed.get(target).copied() == *version);
            if let (Some((done, version)), Some((left, _))) = (done.first(), left.first()) {
                return Err(Failure::new(format!(
                    "half of a transaction is there: {done} holds {}, {left} does not",
                    Shown(*version)
                )));
            }
        }
        Ok(())
    }
}

impl Write {
    fn is_acknowledged(&self, cut: u64) -> bool {
        self.acknowledged_at.is_some_and(|at| at <= cut)
    }
}

/// Fails where clients and database do not agree, or the database holds what nobody wrote.
pub fn check_all(ledgers: &[Ledger], observed: &Observed, cut: u64) -> Result<()> {
    for ledger in ledgers {
        ledger.check(observed, cut)?;
    }
    let written = |target: &Target| {
        let (Target::Item { client, .. } | Target::Table { client, .. }) = target;
        let ledger = ledgers.get(*client as usize);
        ledger.is_some_and(|ledger| {
            let mut changes = ledger.writes.iter().flat_map(|write| &write.changes);
            changes.any(|(changed, _)| changed == target)
        })
    };
    match observed.keys().find(|target| !written(target)) {
        None => Ok(()),
        Some(target) => Err(Failure::new(format!("{target} is there, and nobody wrote it"))),
    }
}

impl Target {
    /// The table that it is in, or is.
    pub fn table(self) -> String {
        match self {
            Target::Item { number, .. } => TABLES[number as usize % TABLES.len()].to_owned(),
            Target::Table { client, number } => format!("extra-{client}-{number}"),
        }
    }

    /// Its key, as the attribute of an item.
    pub fn key(self) -> Value {
        let (Target::Item { client, number } | Target::Table { client, number }) = self;
        json!({"pk": {"S": format!("{client}-{number}")}})
    }

    /// The target of a key's text; `None` where it is no such key.
    pub fn of_key(key: &str) -> Option<Self> {
        let (client, number) = key.split_once('-')?;
        Some(Target::Item {
            client: client.parse().ok()?,
            number: number.parse().ok()?,
        })
    }

    /// The target that is a table of this name, if it is one.
    pub fn of_table(name: &str) -> Option<Self> {
        match Target::of_key(name.strip_prefix("extra-")?)? {
            Target::Item { client, number } | Target::Table { client, number } => {
                Some(Target::Table { client, number })
            }
        }
    }

    /// The item that write number `version` leaves: nothing of it is left to chance, so that a
    /// reader can tell every byte.
    pub fn item(self, version: u64) -> Value {
        let mut item = self.key();
        item["version"] = json!({"N": version.to_string()});
        let filler_bytes = match version % 10 {
            0..7 => 20 + version % 300,
            7..9 => 1_000 + version % 700,
            _ => 5_000 + version % 3_000,
        };
        let letters = (0..filler_bytes).map(|at| char::from(b'a' + ((version * 31 + at * at) % 26) as u8));
        item["filler"] = json!({"S": letters.collect::<String>()});
        if is_indexed(version) {
            item["group"] = json!({"S": format!("group-{}", version % 7)});
        }
        item
    }
}

/// Whether the item of this version is in the index.
pub fn is_indexed(version: u64) -> bool {
    !version.is_multiple_of(3)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Item { client, number } => write!(f, "item {client}-{number} of {}", self.table()),
            Target::Table { .. } => write!(f, "table {}", self.table()),
        }
    }
}

struct Shown(Version);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(version) => write!(f, "version {version}"),
            None => write!(f, "nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Target = Target::Item { client: 0, number: 1 };
    const B: Target = Target::Item { client: 0, number: 2 };

    fn write(acknowledged_at: Option<u64>, is_atomic: bool, changes: &[(Target, Version)]) -> Write {
        Write {
            started_at: 0,
            acknowledged_at,
            is_atomic,
            changes: changes.to_vec(),
        }
    }

    fn check(writes: &[Write], observed: &[(Target, u64)]) -> bool {
        let ledger = Ledger {
            writes: writes.to_vec(),
            refusals: Vec::new(),
        };
        check_all(&[ledger], &observed.iter().copied().collect(), 10).is_ok()
    }

    #[test]
    fn what_was_acknowledged_must_be_there() {
        let put = write(Some(5), false, &[(A, Some(1))]);
        assert!(check(std::slice::from_ref(&put), &[(A, 1)]));
        assert!(!check(std::slice::from_ref(&put), &[]));
        assert!(!check(std::slice::from_ref(&put), &[(A, 2)]));
        let delete = write(Some(6), false, &[(A, None)]);
        assert!(check(&[put.clone(), delete.clone()], &[]));
        assert!(!check(&[put, delete], &[(A, 1)]), "it was deleted");
        assert!(!check(&[], &[(A, 1)]), "nobody wrote it");
    }

    #[test]
    fn what_was_not_answered_before_the_cut_may_be_there() {
        for unanswered in [None, Some(11)] {
            let writes = [
                write(Some(5), false, &[(A, Some(1))]),
                write(unanswered, false, &[(A, Some(2))]),
            ];
            assert!(check(&writes, &[(A, 1)]));
            assert!(check(&writes, &[(A, 2)]));
            assert!(!check(&writes, &[]));
        }
    }

    #[test]
    fn half_a_transaction_is_noticed() {
        let open = [write(None, true, &[(A, Some(1)), (B, Some(1))])];
        assert!(check(&open, &[]));
        assert!(check(&open, &[(A, 1), (B, 1)]));
        assert!(!check(&open, &[(A, 1)]));
        let overwritten = [open[0].clone(), write(Some(6), false, &[(B, Some(2))])];
        assert!(check(&overwritten, &[(A, 1), (B, 2)]));
        assert!(check(&overwritten, &[(B, 2)]));
    }
}
