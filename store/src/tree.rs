//! An ordered map of bytes to bytes whose clones share all that they have in common.
//!
//! A B+ tree of reference-counted nodes. [`Tree::clone`] costs one reference; a write copies the
//! few nodes on its path that a clone still shares, and changes the others in place.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

/// A leaf is split above this many entries.
const LEAF_ENTRIES_MAX: usize = 32;
/// An inner node is split above this many children.
const CHILDREN_MAX: usize = 48;

/// A persistent ordered map.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    root: Arc<Node>,
}

/// What a removal took out of a tree, to be dropped where nobody waits for it.
#[derive(Debug, Default)]
pub(crate) struct Removed(Vec<Arc<Node>>);

/// A key with its first bytes beside the pointer, so that most comparisons follow no pointer.
#[derive(Clone, Debug)]
struct TreeKey {
    head: u128,
    bytes: Arc<[u8]>,
}

/// A borrowed key, ready to be compared with many.
#[derive(Clone, Copy)]
struct Probe<'a> {
    head: u128,
    bytes: &'a [u8],
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Vec<(TreeKey, Bytes)>),
    Inner(Inner),
}

/// `separators[i]` is above every key of `children[i]` and not above any of `children[i + 1]`.
#[derive(Clone, Debug, Default)]
struct Inner {
    separators: Vec<TreeKey>,
    children: Vec<Arc<Node>>,
}

/// The right half of a node that grew too large, and its smallest possible key.
type Split = Option<(TreeKey, Arc<Node>)>;

/// The first 16 bytes, padded with zeros: never in another order than the whole keys.
fn head(bytes: &[u8]) -> u128 {
    match bytes.first_chunk::<16>() {
        Some(chunk) => u128::from_be_bytes(*chunk),
        None => {
            let mut padded = [0; 16];
            padded[..bytes.len()].copy_from_slice(bytes);
            u128::from_be_bytes(padded)
        }
    }
}

impl<'a> Probe<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Probe {
            head: head(bytes),
            bytes,
        }
    }
}

impl TreeKey {
    fn is_below(&self, probe: Probe<'_>) -> bool {
        self.head < probe.head || (self.head == probe.head && *self.bytes < *probe.bytes)
    }

    fn is_not_above(&self, probe: Probe<'_>) -> bool {
        self.head < probe.head || (self.head == probe.head && *self.bytes <= *probe.bytes)
    }

    fn is(&self, probe: Probe<'_>) -> bool {
        self.head == probe.head && *self.bytes == *probe.bytes
    }
}

/// The position of the first entry that is not below `probe`.
fn lower_bound(leaf: &[(TreeKey, Bytes)], probe: Probe<'_>) -> usize {
    leaf.partition_point(|(key, _)| key.is_below(probe))
}

impl Default for Tree {
    fn default() -> Self {
        Tree {
            root: Arc::new(Node::Leaf(Vec::new())),
        }
    }
}

impl Tree {
    pub fn get(&self, key: &[u8]) -> Option<&Bytes> {
        let probe = Probe::new(key);
        let mut node = &*self.root;
        loop {
            match node {
                Node::Inner(inner) => node = &inner.children[inner.child_of(probe)],
                Node::Leaf(leaf) => {
                    let (found, value) = leaf.get(lower_bound(leaf, probe))?;
                    return found.is(probe).then_some(value);
                }
            }
        }
    }

    pub fn put(&mut self, key: &[u8], value: Bytes) {
        if let Some((separator, right)) = put(&mut self.root, Probe::new(key), value) {
            let left = std::mem::replace(&mut self.root, Arc::new(Node::Leaf(Vec::new())));
            self.root = Arc::new(Node::Inner(Inner {
                separators: vec![separator],
                children: vec![left, right],
            }));
        }
    }

    pub fn delete(&mut self, key: &[u8]) {
        if self.get(key).is_some() {
            delete(&mut self.root, Probe::new(key));
            self.lower_root();
        }
    }

    /// Removes all keys in `start <= key < end`.
    pub fn delete_range(&mut self, start: &[u8], end: &[u8], removed: &mut Removed) {
        if start < end {
            delete_range(&mut self.root, Probe::new(start), Probe::new(end), removed);
            self.lower_root();
        }
    }

    /// Shows the entries in `start <= key < end`, smallest first, until `visit` breaks.
    pub fn visit_forward(
        &self,
        start: &[u8],
        end: &[u8],
        visit: &mut impl FnMut(&[u8], &Bytes) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if start >= end {
            return ControlFlow::Continue(());
        }
        visit_forward(&self.root, Probe::new(start), Probe::new(end), visit)
    }

    /// Shows the entries in `start <= key < end`, largest first, until `visit` breaks.
    pub fn visit_reverse(
        &self,
        start: &[u8],
        end: &[u8],
        visit: &mut impl FnMut(&[u8], &Bytes) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if start >= end {
            return ControlFlow::Continue(());
        }
        visit_reverse(&self.root, Probe::new(start), Probe::new(end), visit)
    }

    /// Takes off levels that no longer tell anything apart.
    fn lower_root(&mut self) {
        loop {
            let below = match &*self.root {
                Node::Inner(inner) if inner.children.is_empty() => Arc::new(Node::Leaf(Vec::new())),
                Node::Inner(inner) if inner.children.len() == 1 => inner.children[0].clone(),
                _ => return,
            };
            self.root = below;
        }
    }
}

impl Node {
    fn len(&self) -> usize {
        match self {
            Node::Leaf(leaf) => leaf.len(),
            Node::Inner(inner) => inner.children.len(),
        }
    }
}

impl Inner {
    /// The position of the only child that can hold `probe`.
    fn child_of(&self, probe: Probe<'_>) -> usize {
        self.separators.partition_point(|key| key.is_not_above(probe))
    }

    /// After the children from `first` to `last` have shrunk: drops those that are empty, and joins
    /// the others with a neighbour if the two fit into one node.
    fn mend(&mut self, first: usize, last: usize) {
        // All empty ones first: an empty inner node has no place for the separator of a join.
        for index in (first..=last).rev() {
            if self.children[index].len() == 0 {
                self.children.remove(index);
                if !self.separators.is_empty() {
                    self.separators.remove(index.saturating_sub(1));
                }
            }
        }
        for index in (first.saturating_sub(1)..=last).rev() {
            if index + 1 < self.children.len() {
                self.join_with_next(index);
            }
        }
    }

    fn join_with_next(&mut self, index: usize) {
        let count = self.children[index].len() + self.children[index + 1].len();
        let fits = match &*self.children[index] {
            Node::Leaf(_) => count <= LEAF_ENTRIES_MAX,
            Node::Inner(_) => count <= CHILDREN_MAX,
        };
        if !fits {
            return;
        }
        let right = self.children.remove(index + 1);
        let separator = self.separators.remove(index);
        match (
            Arc::make_mut(&mut self.children[index]),
            Arc::unwrap_or_clone(right),
        ) {
            (Node::Leaf(left), Node::Leaf(right)) => left.extend(right),
            (Node::Inner(left), Node::Inner(right)) => {
                left.separators.push(separator);
                left.separators.extend(right.separators);
                left.children.extend(right.children);
            }
            _ => unreachable!("all children of a node are of one kind"),
        }
    }
}

fn put(node: &mut Arc<Node>, probe: Probe<'_>, value: Bytes) -> Split {
    match Arc::make_mut(node) {
        Node::Leaf(leaf) => {
            let index = lower_bound(leaf, probe);
            match leaf.get_mut(index) {
                Some((found, old)) if found.is(probe) => {
                    *old = value;
                    return None;
                }
                _ => {}
            }
            let key = TreeKey {
                head: probe.head,
                bytes: probe.bytes.into(),
            };
            leaf.insert(index, (key, value));
            if leaf.len() <= LEAF_ENTRIES_MAX {
                return None;
            }
            // Keys that arrive in order leave full nodes behind.
            let at = if index + 1 == leaf.len() {
                index
            } else {
                leaf.len() / 2
            };
            let right = leaf.split_off(at);
            Some((right[0].0.clone(), Arc::new(Node::Leaf(right))))
        }
        Node::Inner(inner) => {
            let index = inner.child_of(probe);
            let (separator, right) = put(&mut inner.children[index], probe, value)?;
            inner.separators.insert(index, separator);
            inner.children.insert(index + 1, right);
            if inner.children.len() <= CHILDREN_MAX {
                return None;
            }
            let at = if index + 2 == inner.children.len() {
                index + 1
            } else {
                inner.children.len() / 2
            };
            let children = inner.children.split_off(at);
            let mut separators = inner.separators.split_off(at - 1);
            let separator = separators.remove(0);
            Some((separator, Arc::new(Node::Inner(Inner { separators, children }))))
        }
    }
}

fn delete(node: &mut Arc<Node>, probe: Probe<'_>) {
    match Arc::make_mut(node) {
        Node::Leaf(leaf) => {
            let index = lower_bound(leaf, probe);
            if leaf.get(index).is_some_and(|(key, _)| key.is(probe)) {
                leaf.remove(index);
            }
        }
        Node::Inner(inner) => {
            let index = inner.child_of(probe);
            delete(&mut inner.children[index], probe);
            inner.mend(index, index);
        }
    }
}

fn delete_range(node: &mut Arc<Node>, start: Probe<'_>, end: Probe<'_>, removed: &mut Removed) {
    match Arc::make_mut(node) {
        Node::Leaf(leaf) => {
            let (from, to) = (lower_bound(leaf, start), lower_bound(leaf, end));
            leaf.drain(from..to);
        }
        Node::Inner(inner) => {
            let first = inner.child_of(start);
            let last = inner.separators.partition_point(|key| key.is_below(end));
            delete_range(&mut inner.children[first], start, end, removed);
            if first < last {
                delete_range(&mut inner.children[last], start, end, removed);
                removed.0.extend(inner.children.drain(first + 1..last));
                inner.separators.drain(first + 1..last);
            }
            inner.mend(first, last.min(first + 1));
        }
    }
}

fn visit_forward(
    node: &Node,
    start: Probe<'_>,
    end: Probe<'_>,
    visit: &mut impl FnMut(&[u8], &Bytes) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match node {
        Node::Leaf(leaf) => {
            for (key, value) in &leaf[lower_bound(leaf, start)..] {
                if !key.is_below(end) {
                    return ControlFlow::Break(());
                }
                visit(&key.bytes, value)?;
            }
        }
        Node::Inner(inner) => {
            for child in &inner.children[inner.child_of(start)..] {
                visit_forward(child, start, end, visit)?;
            }
        }
    }
    ControlFlow::Continue(())
}

fn visit_reverse(
    node: &Node,
    start: Probe<'_>,
    end: Probe<'_>,
    visit: &mut impl FnMut(&[u8], &Bytes) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match node {
        Node::Leaf(leaf) => {
            for (key, value) in leaf[..lower_bound(leaf, end)].iter().rev() {
                if key.is_below(start) {
                    return ControlFlow::Break(());
                }
                visit(&key.bytes, value)?;
            }
        }
        Node::Inner(inner) => {
            let last = inner.separators.partition_point(|key| key.is_below(end));
            for child in inner.children[..=last].iter().rev() {
                visit_reverse(child, start, end, visit)?;
            }
        }
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    impl Tree {
        /// Panics where the tree breaks one of its own rules.
        fn check(&self) {
            fn walk(node: &Node, low: Option<&TreeKey>, high: Option<&TreeKey>, root: bool) -> usize {
                let inside = |key: &TreeKey| {
                    assert_eq!(key.head, head(&key.bytes));
                    assert!(low.is_none_or(|low| low.bytes <= key.bytes));
                    assert!(high.is_none_or(|high| key.bytes < high.bytes));
                };
                match node {
                    Node::Leaf(leaf) => {
                        assert!(root || !leaf.is_empty());
                        assert!(leaf.len() <= LEAF_ENTRIES_MAX);
                        assert!(leaf.is_sorted_by(|a, b| a.0.bytes < b.0.bytes));
                        leaf.iter().for_each(|(key, _)| inside(key));
                        1
                    }
                    Node::Inner(inner) => {
                        assert!(inner.children.len() <= CHILDREN_MAX);
                        assert_eq!(inner.separators.len() + 1, inner.children.len());
                        inner.separators.iter().for_each(inside);
                        let depths: Vec<usize> = inner
                            .children
                            .iter()
                            .enumerate()
                            .map(|(index, child)| {
                                let low = index.checked_sub(1).map(|index| &inner.separators[index]).or(low);
                                walk(child, low, inner.separators.get(index).or(high), false)
                            })
                            .collect();
                        assert!(depths.iter().all(|depth| *depth == depths[0]));
                        depths[0] + 1
                    }
                }
            }
            walk(&self.root, None, None, true);
        }

        fn rows(&self, start: &[u8], end: &[u8]) -> Vec<(Vec<u8>, Bytes)> {
            let mut rows = Vec::new();
            let _ = self.visit_forward(start, end, &mut |key, value| {
                rows.push((key.to_vec(), value.clone()));
                ControlFlow::Continue(())
            });
            let mut reversed = Vec::new();
            let _ = self.visit_reverse(start, end, &mut |key, value| {
                reversed.push((key.to_vec(), value.clone()));
                ControlFlow::Continue(())
            });
            reversed.reverse();
            assert_eq!(rows, reversed);
            rows
        }
    }

    fn random_key(random: &mut fastrand::Rng, width: usize) -> Vec<u8> {
        let length = random.usize(0..=width);
        let shared_start = if random.bool() { 20 } else { 0 };
        let mut key = vec![7; shared_start];
        key.extend((0..length).map(|_| random.u8(0..4)));
        key
    }

    #[test]
    fn agrees_with_a_plain_map() {
        for seed in 0..30 {
            let mut random = fastrand::Rng::with_seed(seed);
            let width = random.usize(2..8);
            let mut tree = Tree::default();
            let mut plain = BTreeMap::new();
            let mut snapshots = Vec::new();
            for step in 0..6000u32 {
                let key = random_key(&mut random, width);
                match random.u32(0..1000) {
                    0..600 => {
                        let value = Bytes::from(step.to_be_bytes().to_vec());
                        tree.put(&key, value.clone());
                        plain.insert(key, value);
                    }
                    600..950 => {
                        tree.delete(&key);
                        plain.remove(&key);
                    }
                    950..970 => {
                        let end = random_key(&mut random, width);
                        tree.delete_range(&key, &end, &mut Removed::default());
                        plain.retain(|held, _| !(key <= *held && *held < end));
                    }
                    970..980 => snapshots.push((tree.clone(), plain.clone())),
                    _ => {
                        let end = random_key(&mut random, width);
                        let expected: Vec<_> = plain
                            .iter()
                            .filter(|(held, _)| key <= **held && **held < end)
                            .map(|(key, value)| (key.clone(), value.clone()))
                            .collect();
                        assert_eq!(tree.rows(&key, &end), expected);
                        assert_eq!(tree.get(&key), plain.get(&key));
                    }
                }
                if step % 50 == 0 {
                    tree.check();
                }
            }
            snapshots.push((tree, plain));
            for (tree, plain) in snapshots {
                tree.check();
                let expected: Vec<_> = plain.into_iter().collect();
                assert_eq!(tree.rows(&[], &[255]), expected);
            }
        }
    }

    #[test]
    fn range_deletes_leave_deep_trees_whole() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut tree = Tree::default();
            let mut plain = BTreeMap::new();
            for number in 0..6000u32 {
                tree.put(&number.to_be_bytes(), Bytes::new());
                plain.insert(number, ());
            }
            for _ in 0..12 {
                // Most nodes begin at a multiple of 32: a range from there on empties whole nodes.
                let start = random.u32(0..188) * 32;
                let end = start + random.u32(0..3000);
                tree.delete_range(&start.to_be_bytes(), &end.to_be_bytes(), &mut Removed::default());
                plain.retain(|number, ()| !(start..end).contains(number));
                tree.check();
                for _ in 0..20 {
                    let number = random.u32(0..6000);
                    tree.put(&number.to_be_bytes(), Bytes::new());
                    plain.insert(number, ());
                }
                tree.check();
                let expected: Vec<_> = plain.keys().map(|number| number.to_be_bytes().to_vec()).collect();
                let found: Vec<_> = tree.rows(&[], &[255]).into_iter().map(|(key, _)| key).collect();
                assert_eq!(found, expected, "seed {seed}");
            }
        }
    }

    #[test]
    fn empties_and_fills_again() {
        let mut tree = Tree::default();
        for round in 0..3 {
            for number in 0..5000u32 {
                tree.put(&number.to_be_bytes(), Bytes::new());
            }
            tree.check();
            match round {
                0 => tree.delete_range(&[], &[255], &mut Removed::default()),
                1 => (0..5000u32).for_each(|number| tree.delete(&number.to_be_bytes())),
                _ => (0..5000u32)
                    .rev()
                    .for_each(|number| tree.delete(&number.to_be_bytes())),
            }
            tree.check();
            assert_eq!(tree.root.len(), 0);
        }
    }
}
