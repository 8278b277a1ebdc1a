//! Several document paths as one tree, so that an item is walked once for all of them.

use model::{Encoder, Entry, Item, ListRef, MapRef, ValueRef};

use crate::path::{Path, Step};

/// What paths ask of one value.
#[derive(Clone, Debug)]
pub(crate) enum PathTree {
    /// The value itself: a path ends here. Its number among the paths.
    Leaf(usize),
    /// Entries of the map that the value is.
    Fields(Fields),
    /// Elements of the list that the value is, ascending.
    Elements(Vec<(usize, PathTree)>),
}

/// Entries by name, ascending.
pub(crate) type Fields = Vec<(String, PathTree)>;

/// Joins paths into a tree; refuses two of which one leads into or past the other, or which take one
/// value for a map and for a list.
pub(crate) fn join_paths(paths: &[&Path]) -> Result<Fields, String> {
    let mut root = Fields::new();
    for (number, path) in paths.iter().enumerate() {
        let fits = insert_field(&mut root, &path.attribute, &path.steps, number);
        if !fits {
            return Err(first_clash(paths));
        }
    }
    Ok(root)
}

/// The tree below a new entry.
fn branch(steps: &[Step], number: usize) -> PathTree {
    match steps.split_first() {
        None => PathTree::Leaf(number),
        Some((Step::Field(name), rest)) => PathTree::Fields(vec![(name.clone(), branch(rest, number))]),
        Some((Step::Index(index), rest)) => PathTree::Elements(vec![(*index, branch(rest, number))]),
    }
}

fn insert_field(fields: &mut Fields, name: &str, steps: &[Step], number: usize) -> bool {
    match fields.binary_search_by(|(candidate, _)| candidate.as_str().cmp(name)) {
        Ok(found) => insert_below(&mut fields[found].1, steps, number),
        Err(place) => {
            fields.insert(place, (name.to_owned(), branch(steps, number)));
            true
        }
    }
}

fn insert_below(tree: &mut PathTree, steps: &[Step], number: usize) -> bool {
    match (tree, steps.split_first()) {
        (PathTree::Fields(fields), Some((Step::Field(name), rest))) => {
            insert_field(fields, name, rest, number)
        }
        (PathTree::Elements(elements), Some((Step::Index(index), rest))) => {
            match elements.binary_search_by_key(index, |(candidate, _)| *candidate) {
                Ok(found) => insert_below(&mut elements[found].1, rest, number),
                Err(place) => {
                    elements.insert(place, (*index, branch(rest, number)));
                    true
                }
            }
        }
        _ => false,
    }
}

/// What is wrong with paths that don't join: the first overlap, or else the first conflict.
fn first_clash(paths: &[&Path]) -> String {
    let pairs = || (1..paths.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
    let first_of = |wanted: Clash| {
        pairs()
            .map(|(first, second)| (paths[first], paths[second]))
            .find(|(first, second)| clash(first, second) == Some(wanted))
    };
    let described = |verb: &str, (first, second): (&Path, &Path)| {
        format!(
            "Two document paths {verb} with each other; must remove or rewrite one of these paths; path \
             one: {first}, path two: {second}"
        )
    };
    first_of(Clash::Overlap)
        .map(|pair| described("overlap", pair))
        .or_else(|| first_of(Clash::Conflict).map(|pair| described("conflict", pair)))
        .unwrap_or_default()
}

#[derive(Clone, Copy, PartialEq)]
enum Clash {
    Overlap,
    Conflict,
}

fn clash(first: &Path, second: &Path) -> Option<Clash> {
    if first.attribute != second.attribute {
        return None;
    }
    for pair in first.steps.iter().zip(&second.steps) {
        match pair {
            (Step::Field(left), Step::Field(right)) if left == right => {}
            (Step::Index(left), Step::Index(right)) if left == right => {}
            (Step::Field(_), Step::Index(_)) | (Step::Index(_), Step::Field(_)) => {
                return Some(Clash::Conflict);
            }
            _ => return None,
        }
    }
    Some(Clash::Overlap)
}

/// What the paths select of `item`: maps and lists on the way hold what is selected and nothing else,
/// and are left out where nothing is.
pub(crate) fn select(fields: &Fields, item: MapRef<'_>) -> Item {
    let (mut encoder, open) = Encoder::item(256);
    copy_fields(fields, item, &mut encoder);
    encoder.finish(open)
}

/// The entries of `map` that the tree asks for, each with what it asks of it.
fn wanted_entries<'t, 'i>(
    fields: &'t Fields,
    map: MapRef<'i>,
) -> impl Iterator<Item = (&'t PathTree, Entry<'i>)> {
    let mut wanted = fields.as_slice();
    map.entries()
        .map_while(move |entry| {
            while wanted.first()?.0.as_bytes() < entry.name {
                wanted = &wanted[1..];
            }
            let (name, tree) = &wanted[0];
            Some((name.as_bytes() == entry.name).then_some((tree, entry)))
        })
        .flatten()
}

/// The elements of `list` that the tree asks for, each with what it asks of it.
fn wanted_elements<'t, 'i>(
    elements: &'t [(usize, PathTree)],
    list: ListRef<'i>,
) -> impl Iterator<Item = (&'t PathTree, ValueRef<'i>)> {
    let mut wanted = elements.iter().peekable();
    list.iter()
        .enumerate()
        .map_while(move |(index, element)| {
            let next = *wanted.peek()?;
            let found = next.0 == index;
            if found {
                wanted.next();
            }
            Some(found.then_some((&next.1, element)))
        })
        .flatten()
}

fn copy_fields(fields: &Fields, map: MapRef<'_>, encoder: &mut Encoder) {
    for (tree, entry) in wanted_entries(fields, map) {
        if let PathTree::Leaf(_) = tree {
            encoder.name(entry.name);
            encoder.raw(entry.raw());
        } else if selects_any(tree, entry.value()) {
            encoder.name(entry.name);
            copy_value(tree, entry.value(), encoder);
        }
    }
}

/// Copies what is selected of a value of which something is.
fn copy_value(tree: &PathTree, value: ValueRef<'_>, encoder: &mut Encoder) {
    match (tree, value) {
        (PathTree::Fields(fields), ValueRef::Map(map)) => {
            let open = encoder.begin_map();
            copy_fields(fields, map, encoder);
            encoder.end_map(open);
        }
        (PathTree::Elements(elements), ValueRef::List(list)) => {
            let open = encoder.begin_list();
            let mut count = 0;
            for (tree, element) in wanted_elements(elements, list) {
                if selects_any(tree, element) {
                    copy_value(tree, element, encoder);
                    count += 1;
                }
            }
            encoder.end_list(open, count);
        }
        (_, value) => encoder.value(&value),
    }
}

fn selects_any(tree: &PathTree, value: ValueRef<'_>) -> bool {
    match (tree, value) {
        (PathTree::Leaf(_), _) => true,
        (PathTree::Fields(fields), ValueRef::Map(map)) => {
            wanted_entries(fields, map).any(|(tree, entry)| selects_any(tree, entry.value()))
        }
        (PathTree::Elements(elements), ValueRef::List(list)) => {
            wanted_elements(elements, list).any(|(tree, element)| selects_any(tree, element))
        }
        _ => false,
    }
}
