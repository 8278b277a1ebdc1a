//! Writing values in their stored form, front to back, without a tree.
//!
//! Containers are opened and closed; a map's entries may come in any order and are put in order
//! when it is closed, a later entry of the same name replacing an earlier one.

use crate::number::{Number, append_variable};
use crate::stored::{self, Item, ValueRef};

/// Where an entry of a map being written lies in the buffer.
#[derive(Clone, Copy)]
struct EntrySpan {
    start: usize,
    name_start: usize,
    name_end: usize,
    end: usize,
}

/// Writes values in their stored form.
pub struct Encoder {
    buffer: Vec<u8>,
    /// The entries of all maps that are open, innermost last.
    entries: Vec<EntrySpan>,
    /// Where a map's entries are put in order; kept for its memory.
    scratch: Vec<u8>,
}

/// An open map; give it back to [`Encoder::end_map`] or [`Encoder::finish`].
#[must_use]
pub struct OpenMap {
    length_at: usize,
    body_at: usize,
    first_entry: usize,
}

/// An open list; give it back to [`Encoder::end_list`].
#[must_use]
pub struct OpenList {
    length_at: usize,
    body_at: usize,
}

impl Encoder {
    /// An encoder whose value is an item, and the item's open map of attributes.
    pub fn item(capacity_bytes: usize) -> (Self, OpenMap) {
        let mut buffer = Vec::with_capacity(capacity_bytes);
        buffer.extend_from_slice(&stored::HEADER);
        let encoder = Encoder {
            buffer,
            entries: Vec::new(),
            scratch: Vec::new(),
        };
        (
            encoder,
            OpenMap {
                length_at: usize::MAX,
                body_at: stored::HEADER.len(),
                first_entry: 0,
            },
        )
    }

    /// Ends the item.
    pub fn finish(mut self, attributes: OpenMap) -> Item {
        debug_assert_eq!(
            attributes.length_at,
            usize::MAX,
            "the item's own map ends the item"
        );
        self.close_entries(&attributes);
        Item::from_encoded(self.buffer)
    }

    /// Starts an entry of a map that is the innermost open container; its value must follow.
    pub fn name(&mut self, name: &[u8]) {
        let start = self.buffer.len();
        append_variable(&mut self.buffer, name.len() as u128);
        let name_start = self.buffer.len();
        self.buffer.extend_from_slice(name);
        self.entries.push(EntrySpan {
            start,
            name_start,
            name_end: self.buffer.len(),
            end: 0,
        });
    }

    /// Writes a string; `text` is UTF-8.
    pub fn string(&mut self, text: &[u8]) {
        self.prefixed(stored::TAG_STRING, text);
    }

    /// Writes a binary.
    pub fn binary(&mut self, bytes: &[u8]) {
        self.prefixed(stored::TAG_BINARY, bytes);
    }

    fn prefixed(&mut self, tag: u8, bytes: &[u8]) {
        self.buffer.push(tag);
        append_variable(&mut self.buffer, bytes.len() as u128);
        self.buffer.extend_from_slice(bytes);
    }

    /// Writes a number.
    pub fn number(&mut self, number: Number) {
        self.buffer.push(stored::TAG_NUMBER);
        number.append_stored(&mut self.buffer);
    }

    /// Writes a boolean.
    pub fn bool(&mut self, value: bool) {
        self.buffer.push(if value {
            stored::TAG_TRUE
        } else {
            stored::TAG_FALSE
        });
    }

    /// Writes a null.
    pub fn null(&mut self) {
        self.buffer.push(stored::TAG_NULL);
    }

    /// Writes a value that is in its stored form already: [`crate::Entry::raw`].
    pub fn raw(&mut self, value: &[u8]) {
        self.buffer.extend_from_slice(value);
    }

    /// Copies a value that is read in place.
    pub fn value(&mut self, value: &ValueRef<'_>) {
        match value {
            ValueRef::String(text) => self.string(text),
            ValueRef::Number(number) => self.number(*number),
            ValueRef::Binary(bytes) => self.binary(bytes),
            ValueRef::Bool(value) => self.bool(*value),
            ValueRef::Null => self.null(),
            ValueRef::List(list) => {
                let open = self.begin_list();
                list.iter().for_each(|element| self.value(&element));
                self.end_list(open, list.len());
            }
            ValueRef::Map(map) => {
                let open = self.begin_map();
                for entry in map.entries() {
                    self.name(entry.name);
                    self.raw(entry.raw());
                }
                self.end_map(open);
            }
            ValueRef::Set(set) => {
                use crate::ValueType::{NumberSet, StringSet};
                let members: Vec<_> = set.iter().collect();
                match set.set_type() {
                    NumberSet => self.number_set(members.iter().filter_map(|member| match member {
                        ValueRef::Number(number) => Some(*number),
                        _ => None,
                    })),
                    set_type => {
                        let members = members.iter().filter_map(|member| match member {
                            ValueRef::String(bytes) | ValueRef::Binary(bytes) => Some(*bytes),
                            _ => None,
                        });
                        if set_type == StringSet {
                            self.string_set(members)
                        } else {
                            self.binary_set(members)
                        }
                    }
                }
            }
        }
    }

    /// Writes a set of strings. Members may come in any order; of equal ones, one is kept.
    pub fn string_set<'m>(&mut self, members: impl IntoIterator<Item = &'m [u8]>) {
        self.byte_set(stored::TAG_STRING_SET, members);
    }

    /// Writes a set of binaries. Members may come in any order; of equal ones, one is kept.
    pub fn binary_set<'m>(&mut self, members: impl IntoIterator<Item = &'m [u8]>) {
        self.byte_set(stored::TAG_BINARY_SET, members);
    }

    fn byte_set<'m>(&mut self, tag: u8, members: impl IntoIterator<Item = &'m [u8]>) {
        let mut members: Vec<&[u8]> = members.into_iter().collect();
        members.sort_unstable();
        members.dedup();
        let length_at = self.begin_body(tag);
        append_variable(&mut self.buffer, members.len() as u128);
        for member in members {
            append_variable(&mut self.buffer, member.len() as u128);
            self.buffer.extend_from_slice(member);
        }
        self.end_body(length_at);
    }

    /// Writes a set of numbers. Members may come in any order; of equal ones, one is kept.
    pub fn number_set(&mut self, members: impl IntoIterator<Item = Number>) {
        let mut members: Vec<Number> = members.into_iter().collect();
        members.sort_unstable();
        members.dedup();
        let length_at = self.begin_body(stored::TAG_NUMBER_SET);
        append_variable(&mut self.buffer, members.len() as u128);
        for member in members {
            member.append_stored(&mut self.buffer);
        }
        self.end_body(length_at);
    }

    /// Starts a list, whose elements must follow.
    pub fn begin_list(&mut self) -> OpenList {
        let length_at = self.begin_body(stored::TAG_LIST);
        OpenList {
            length_at,
            body_at: self.buffer.len(),
        }
    }

    /// Ends a list of `count` elements.
    pub fn end_list(&mut self, open: OpenList, count: usize) {
        self.insert_count(open.body_at, count);
        self.end_body(open.length_at);
    }

    /// Starts a map, whose entries must follow, each with [`Encoder::name`] and its value.
    pub fn begin_map(&mut self) -> OpenMap {
        let length_at = self.begin_body(stored::TAG_MAP);
        OpenMap {
            length_at,
            body_at: self.buffer.len(),
            first_entry: self.entries.len(),
        }
    }

    /// Ends a map.
    pub fn end_map(&mut self, open: OpenMap) {
        self.close_entries(&open);
        self.end_body(open.length_at);
    }

    fn begin_body(&mut self, tag: u8) -> usize {
        self.buffer.push(tag);
        let length_at = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 4]);
        length_at
    }

    fn end_body(&mut self, length_at: usize) {
        let length = (self.buffer.len() - length_at - 4) as u32;
        self.buffer[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
    }

    /// Puts a count in front of what stands from `at` on.
    fn insert_count(&mut self, at: usize, count: usize) {
        self.scratch.clear();
        append_variable(&mut self.scratch, count as u128);
        let end = self.buffer.len();
        self.buffer.extend_from_slice(&self.scratch);
        self.buffer.copy_within(at..end, at + self.scratch.len());
        self.buffer[at..at + self.scratch.len()].copy_from_slice(&self.scratch);
    }

    /// Puts the entries of a map in order, with their count in front.
    fn close_entries(&mut self, open: &OpenMap) {
        let end = self.buffer.len();
        let entries = &mut self.entries[open.first_entry..];
        // The last entry ends here, and each earlier one where the next one starts: maps inside
        // are closed before the next name comes.
        let mut next_start = end;
        for entry in entries.iter_mut().rev() {
            entry.end = next_start;
            next_start = entry.start;
        }
        let buffer = &self.buffer;
        let name = |entry: &EntrySpan| &buffer[entry.name_start..entry.name_end];
        if entries.is_sorted_by(|left, right| name(left) < name(right)) {
            let count = entries.len();
            self.entries.truncate(open.first_entry);
            return self.insert_count(open.body_at, count);
        }
        // A stable sort keeps entries of one name in the order in which they came; the last counts.
        entries.sort_by(|left, right| name(left).cmp(name(right)));
        let last_of_name = |index: usize| {
            entries
                .get(index + 1)
                .is_none_or(|next| name(next) != name(&entries[index]))
        };
        let count = (0..entries.len()).filter(|&index| last_of_name(index)).count();
        self.scratch.clear();
        append_variable(&mut self.scratch, count as u128);
        for (index, entry) in entries.iter().enumerate() {
            if last_of_name(index) {
                self.scratch.extend_from_slice(&buffer[entry.start..entry.end]);
            }
        }
        self.buffer.truncate(open.body_at);
        self.buffer.extend_from_slice(&self.scratch);
        self.entries.truncate(open.first_entry);
    }
}
