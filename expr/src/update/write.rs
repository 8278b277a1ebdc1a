//! Writing an updated item: one walk over the old item and the tree of the paths that change.

use model::{Encoder, Item, ListRef, MapRef, ValueRef, ValueType, limits};

use super::evaluate::{Computed, Outcome};
use crate::error::UpdateError;
use crate::path_tree::{Fields, PathTree};

/// The item that `base` becomes by `outcomes`, which the leaves of `tree` number.
pub(super) fn write(tree: &Fields, outcomes: &[Outcome<'_>], base: MapRef<'_>) -> Result<Item, UpdateError> {
    let (encoder, open) = Encoder::item(512);
    let mut writer = Writer { encoder, outcomes };
    writer.fields(tree, base, 1)?;
    Ok(writer.encoder.finish(open))
}

struct Writer<'o, 'v> {
    encoder: Encoder,
    outcomes: &'o [Outcome<'v>],
}

impl Writer<'_, '_> {
    /// The entries of a map, those that stay and those that are new, by name. `level` is the nesting
    /// level of their values, from 1.
    fn fields(&mut self, fields: &Fields, base: MapRef<'_>, level: usize) -> Result<(), UpdateError> {
        let mut fields = fields.iter().peekable();
        for entry in base.entries() {
            while let Some((name, tree)) = fields.next_if(|(name, _)| name.as_bytes() < entry.name) {
                self.field(name.as_bytes(), tree, None, level)?;
            }
            match fields.next_if(|(name, _)| name.as_bytes() == entry.name) {
                Some((_, tree)) => self.field(entry.name, tree, Some(entry.value()), level)?,
                None => {
                    self.encoder.name(entry.name);
                    self.encoder.raw(entry.raw());
                }
            }
        }
        fields.try_for_each(|(name, tree)| self.field(name.as_bytes(), tree, None, level))
    }

    fn field(
        &mut self,
        name: &[u8],
        tree: &PathTree,
        existing: Option<ValueRef<'_>>,
        level: usize,
    ) -> Result<(), UpdateError> {
        if self.stays(tree, existing) {
            self.encoder.name(name);
            self.value(tree, existing, level)?;
        }
        Ok(())
    }

    /// Whether there is a value afterwards.
    fn stays(&self, tree: &PathTree, existing: Option<ValueRef<'_>>) -> bool {
        match tree {
            PathTree::Leaf(number) => match &self.outcomes[*number] {
                Outcome::Keep => existing.is_some(),
                Outcome::Remove => false,
                Outcome::Write(_) => true,
            },
            PathTree::Fields(_) | PathTree::Elements(_) => true,
        }
    }

    /// A value that [`Writer::stays`].
    fn value(
        &mut self,
        tree: &PathTree,
        existing: Option<ValueRef<'_>>,
        level: usize,
    ) -> Result<(), UpdateError> {
        match (tree, existing) {
            (PathTree::Leaf(number), existing) => match (&self.outcomes[*number], existing) {
                (Outcome::Write(value), _) => self.computed(value, level)?,
                (_, Some(existing)) => self.encoder.value(&existing),
                (_, None) => return Err(UpdateError::InvalidPath),
            },
            (PathTree::Fields(fields), Some(ValueRef::Map(map))) => {
                let open = self.encoder.begin_map();
                self.fields(fields, map, level + 1)?;
                self.encoder.end_map(open);
            }
            (PathTree::Elements(elements), Some(ValueRef::List(list))) => {
                let open = self.encoder.begin_list();
                let count = self.elements(elements, list, level + 1)?;
                self.encoder.end_list(open, count);
            }
            _ => return Err(UpdateError::InvalidPath),
        }
        Ok(())
    }

    /// The elements of a list, and how many there are. What is set past the end is appended, in the
    /// order of the indexes.
    fn elements(
        &mut self,
        changes: &[(usize, PathTree)],
        list: ListRef<'_>,
        level: usize,
    ) -> Result<usize, UpdateError> {
        let mut count = 0;
        let mut changes = changes.iter().peekable();
        for (index, element) in list.iter().enumerate() {
            match changes.next_if(|(changed, _)| *changed == index) {
                None => self.encoder.value(&element),
                Some((_, tree)) if self.stays(tree, Some(element)) => {
                    self.value(tree, Some(element), level)?;
                }
                Some(_) => continue,
            }
            count += 1;
        }
        for (_, tree) in changes {
            if self.stays(tree, None) {
                self.value(tree, None, level)?;
                count += 1;
            }
        }
        Ok(count)
    }

    fn computed(&mut self, value: &Computed<'_>, level: usize) -> Result<(), UpdateError> {
        // What becomes a whole attribute comes from one, or from a value that has been checked.
        if level > 1 && level - 1 + computed_levels(value) > limits::NESTING_LEVELS_MAX {
            return Err(UpdateError::TooDeep);
        }
        match value {
            Computed::Value(_, Some(raw)) => self.encoder.raw(raw),
            Computed::Value(value, None) => self.encoder.value(value),
            Computed::Elements(elements) => {
                let open = self.encoder.begin_list();
                elements.iter().for_each(|element| self.encoder.value(element));
                self.encoder.end_list(open, elements.len());
            }
            Computed::Members(ValueType::NumberSet, members) => {
                self.encoder
                    .number_set(members.iter().filter_map(|member| match member {
                        ValueRef::Number(number) => Some(*number),
                        _ => None,
                    }));
            }
            Computed::Members(set_type, members) => {
                let members = members.iter().filter_map(|member| match member {
                    ValueRef::String(bytes) | ValueRef::Binary(bytes) => Some(*bytes),
                    _ => None,
                });
                if *set_type == ValueType::StringSet {
                    self.encoder.string_set(members);
                } else {
                    self.encoder.binary_set(members);
                }
            }
        }
        Ok(())
    }
}

fn computed_levels(value: &Computed<'_>) -> usize {
    match value {
        Computed::Value(value, _) => levels(value),
        Computed::Elements(elements) => 1 + elements.iter().map(levels).max().unwrap_or(0),
        Computed::Members(..) => 1,
    }
}

/// How many levels deep a value nests: 1 for a scalar or a set.
fn levels(value: &ValueRef<'_>) -> usize {
    match value {
        ValueRef::List(list) => 1 + list.iter().map(|element| levels(&element)).max().unwrap_or(0),
        ValueRef::Map(map) => {
            1 + map
                .entries()
                .map(|entry| levels(&entry.value()))
                .max()
                .unwrap_or(0)
        }
        _ => 1,
    }
}
