//! A disk that is told what a program did to its files, and tells what a loss of power may leave.
//!
//! What is assumed of the file system, which is what ext4 promises and no more:
//! - what was written to a file before a sync of it began is there once that sync is done;
//! - of what was written since, each page of 4 KiB is there or not, in any order, and where it is
//!   not there are the bytes from before, or zeros; the length is any from the old to the new one;
//! - names made, changed and removed in a directory since its last sync are there up to some point,
//!   in their order; a sync of a file makes no name durable (on ext4 it does);
//! - a rename is there whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;
use std::path::Path;

use harness::failure::{Context, Failure, Result};

use super::names::Recorded;
use super::trace::{Operation, Trace};

const PAGE_BYTES: usize = 4096;
const ROOT: usize = 0;

/// The disk, as far as it has been told.
pub struct Disk<'a> {
    trace: &'a Trace,
    /// The number of operations that it has been told.
    told: usize,
    nodes: Vec<Node>,
    /// What each open file is.
    open: HashMap<u32, usize>,
    /// The files whose syncs have begun, by the number of the operation.
    syncing: HashMap<u64, usize>,
}

/// A file or a directory.
enum Node {
    File {
        durable: Vec<u8>,
        since: Vec<Pending<Content>>,
    },
    Directory {
        durable: Names,
        now: Names,
        since: Vec<Pending<Naming>>,
    },
}

type Names = BTreeMap<String, usize>;

/// A change that no sync has made durable, and the number of its operation.
struct Pending<T> {
    at: u64,
    change: T,
}

enum Content {
    Write { offset: usize, data: Range<usize> },
    Length(usize),
    AtLeast(usize),
}

enum Naming {
    Set { name: String, node: usize },
    Remove { name: String },
    Rename { from: String, to: String, node: usize },
}

/// How much of what was not synced is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All of it.
    Everything,
    /// Nothing: the process alone ended.
    Nothing,
    /// Of each file and directory as much as chance wants.
    Mixed,
}

impl<'a> Disk<'a> {
    /// A disk with an empty directory.
    pub fn new(trace: &'a Trace) -> Self {
        Disk {
            trace,
            told: 0,
            nodes: vec![Node::directory()],
            open: HashMap::new(),
            syncing: HashMap::new(),
        }
    }

    /// Goes on to where so many operations have happened.
    pub fn advance(&mut self, count: usize) -> Result<()> {
        while self.told < count {
            let operation = &self.trace.operations[self.told];
            self.apply(operation, self.told as u64)
                .ok_or_else(|| Failure::new(format!("operation {} cannot be: {operation:?}", self.told)))?;
            self.told += 1;
        }
        Ok(())
    }

    fn apply(&mut self, operation: &Operation, at: u64) -> Option<()> {
        let length = operation.first as usize;
        match operation.what {
            Recorded::Open => {
                let node = match self.find(&operation.path) {
                    Some(node) => node,
                    None => self.create(&operation.path, Node::file(), at)?,
                };
                if operation.first == 2 {
                    self.change(node, at, Content::Length(0))?;
                }
                self.open.insert(operation.file, node);
            }
            Recorded::Write => {
                let (offset, data) = (length, operation.data.clone());
                self.change(
                    *self.open.get(&operation.file)?,
                    at,
                    Content::Write { offset, data },
                )?;
            }
            Recorded::Truncate => {
                self.change(*self.open.get(&operation.file)?, at, Content::Length(length))?;
            }
            Recorded::TruncatePath => {
                self.change(self.find(&operation.path)?, at, Content::Length(length))?;
            }
            Recorded::Extend => {
                self.change(*self.open.get(&operation.file)?, at, Content::AtLeast(length))?;
            }
            Recorded::SyncBegan => {
                self.syncing.insert(at, *self.open.get(&operation.file)?);
            }
            Recorded::SyncDone => {
                let node = self.syncing.remove(&operation.first)?;
                let trace = self.trace;
                self.nodes[node].sync(trace, operation.first);
            }
            // The directory that is watched is taken to be there.
            Recorded::MakeDirectory if operation.path.is_empty() => {}
            Recorded::MakeDirectory => {
                self.create(&operation.path, Node::directory(), at)?;
            }
            Recorded::Unlink | Recorded::RemoveDirectory => {
                let (parent, name) = self.place(&operation.path)?;
                self.rename(parent, at, Naming::Remove { name })?;
            }
            Recorded::Link => {
                let node = self.find(&operation.path)?;
                let (parent, name) = self.place(&operation.second_path)?;
                self.rename(parent, at, Naming::Set { name, node })?;
            }
            Recorded::Rename => {
                let node = self.find(&operation.path)?;
                let (parent, from) = self.place(&operation.path)?;
                let (new_parent, to) = self.place(&operation.second_path)?;
                // Nothing of Stator's moves from one directory to another.
                (parent == new_parent).then_some(())?;
                self.rename(parent, at, Naming::Rename { from, to, node })?;
            }
        }
        Some(())
    }

    fn create(&mut self, path: &str, node: Node, at: u64) -> Option<usize> {
        let (parent, name) = self.place(path)?;
        let number = self.nodes.len();
        self.nodes.push(node);
        self.rename(parent, at, Naming::Set { name, node: number })?;
        Some(number)
    }

    fn change(&mut self, node: usize, at: u64, change: Content) -> Option<()> {
        match &mut self.nodes[node] {
            Node::File { since, .. } => since.push(Pending { at, change }),
            Node::Directory { .. } => return None,
        }
        Some(())
    }

    fn rename(&mut self, directory: usize, at: u64, change: Naming) -> Option<()> {
        match &mut self.nodes[directory] {
            Node::File { .. } => return None,
            Node::Directory { now, since, .. } => {
                change.apply(now);
                since.push(Pending { at, change });
            }
        }
        Some(())
    }

    /// What a path names now.
    fn find(&self, path: &str) -> Option<usize> {
        components(path).try_fold(ROOT, |node, name| match &self.nodes[node] {
            Node::Directory { now, .. } => now.get(name).copied(),
            Node::File { .. } => None,
        })
    }

    /// The directory that a path is in, and its name there.
    fn place(&self, path: &str) -> Option<(usize, String)> {
        let name = components(path).next_back()?;
        let end = path.rfind(name)?;
        Some((self.find(&path[..end])?, name.to_owned()))
    }

    /// Makes at `path` what the disk holds after a loss of power now.
    pub fn leave(&self, path: &Path, loss: Loss, random: &mut fastrand::Rng) -> Result<()> {
        self.leave_node(ROOT, path, loss, random)
            .context(&format!("{} cannot be made", path.display()))
    }

    fn leave_node(
        &self,
        node: usize,
        path: &Path,
        loss: Loss,
        random: &mut fastrand::Rng,
    ) -> std::io::Result<()> {
        match &self.nodes[node] {
            Node::File { durable, since } => {
                fs::write(path, left_content(self.trace, durable, since, loss, random))
            }
            Node::Directory { durable, since, .. } => {
                fs::create_dir_all(path)?;
                let kept = match loss {
                    Loss::Everything => 0,
                    Loss::Nothing => since.len(),
                    Loss::Mixed => random.usize(0..=since.len()),
                };
                let mut names = durable.clone();
                since[..kept]
                    .iter()
                    .for_each(|pending| pending.change.apply(&mut names));
                for (name, node) in names {
                    self.leave_node(node, &path.join(name), loss, random)?;
                }
                Ok(())
            }
        }
    }
}

fn components(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|name| !matches!(*name, "" | "."))
}

impl Node {
    fn file() -> Self {
        Node::File {
            durable: Vec::new(),
            since: Vec::new(),
        }
    }

    fn directory() -> Self {
        Node::Directory {
            durable: Names::new(),
            now: Names::new(),
            since: Vec::new(),
        }
    }

    /// All changes before operation `began` are durable.
    fn sync(&mut self, trace: &Trace, began: u64) {
        match self {
            Node::File { durable, since } => {
                let synced = since.partition_point(|pending| pending.at < began);
                for pending in since.drain(..synced) {
                    pending.change.apply(trace, durable);
                }
            }
            Node::Directory { durable, since, .. } => {
                let synced = since.partition_point(|pending| pending.at < began);
                for pending in since.drain(..synced) {
                    pending.change.apply(durable);
                }
            }
        }
    }
}

impl Content {
    fn apply(&self, trace: &Trace, content: &mut Vec<u8>) {
        match self {
            Content::Write { offset, data } => write_at(content, *offset, trace.data(data.clone())),
            Content::Length(length) => content.resize(*length, 0),
            Content::AtLeast(length) => content.resize(content.len().max(*length), 0),
        }
    }

    /// Does the first half of it, where it can be halved.
    fn apply_part(&self, trace: &Trace, content: &mut Vec<u8>, random: &mut fastrand::Rng) {
        if let Content::Write { offset, data } = self {
            let end = random.usize(data.start..=data.end);
            write_at(content, *offset, trace.data(data.start..end));
        }
    }

    /// The bytes that it writes.
    fn range(&self) -> Range<usize> {
        match self {
            Content::Write { offset, data } => *offset..*offset + data.len(),
            Content::Length(length) | Content::AtLeast(length) => *length..*length,
        }
    }
}

fn write_at(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let end = offset + data.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(data);
}

impl Naming {
    fn apply(&self, names: &mut Names) {
        match self {
            Naming::Set { name, node } => drop(names.insert(name.clone(), *node)),
            Naming::Remove { name } => drop(names.remove(name)),
            Naming::Rename { from, to, node } => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}

/// What is left of a file.
fn left_content(
    trace: &Trace,
    durable: &[u8],
    since: &[Pending<Content>],
    loss: Loss,
    random: &mut fastrand::Rng,
) -> Vec<u8> {
    let mut left = durable.to_vec();
    let apply_first = |count: usize, left: &mut Vec<u8>| {
        since[..count]
            .iter()
            .for_each(|pending| pending.change.apply(trace, left));
    };
    if since.is_empty() {
        return left;
    }
    match (loss, random.u32(..8)) {
        (Loss::Everything, _) | (Loss::Mixed, 0..2) => {}
        (Loss::Nothing, _) | (Loss::Mixed, 2) => apply_first(since.len(), &mut left),
        // Cut to a prefix.
        (Loss::Mixed, 3..5) => {
            let whole = random.usize(0..since.len());
            apply_first(whole, &mut left);
            since[whole].change.apply_part(trace, &mut left, random);
        }
        // Torn: each page that was written is the old or the new one.
        (Loss::Mixed, _) => {
            let mut new = durable.to_vec();
            apply_first(since.len(), &mut new);
            let mut pages = std::collections::BTreeSet::new();
            for pending in since {
                let range = pending.change.range();
                pages.extend(range.start / PAGE_BYTES..range.end.div_ceil(PAGE_BYTES));
            }
            let mut length = durable.len();
            for page in pages {
                let start = page * PAGE_BYTES;
                let end = (start + PAGE_BYTES).min(new.len());
                if start < end && random.bool() {
                    write_at(&mut left, start, &new[start..end]);
                    length = length.max(end);
                }
            }
            // The length is another thing that may be written late, or early.
            left.resize(length, 0);
            if random.bool() {
                let (shorter, longer) = (new.len().min(length), new.len().max(length));
                left.resize(random.usize(shorter..=longer), 0);
            }
        }
    }
    left
}
