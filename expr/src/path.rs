//! Document paths: an attribute, and the way into it.

use std::fmt;

use model::{MapRef, ValueRef};

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// An entry of a map.
    Field(String),
    /// An element of a list, from 0.
    Index(usize),
}

/// A document path, with all names resolved. Displays as the service's messages show paths:
/// `[ab, [1], c]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// The top-level attribute.
    pub attribute: String,
    /// The way from there.
    pub steps: Vec<Step>,
}

impl Path {
    /// The path of a whole attribute.
    pub fn of_attribute(attribute: impl Into<String>) -> Self {
        Path {
            attribute: attribute.into(),
            steps: Vec::new(),
        }
    }

    /// What stands at the path in `item`.
    pub(crate) fn find<'i>(&self, item: MapRef<'i>) -> Option<ValueRef<'i>> {
        let mut value = item.get(&self.attribute)?;
        for step in &self.steps {
            value = match (step, value) {
                (Step::Field(name), ValueRef::Map(map)) => map.get(name)?,
                (Step::Index(index), ValueRef::List(list)) => list.get(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{}", self.attribute)?;
        for step in &self.steps {
            match step {
                Step::Field(name) => write!(formatter, ", {name}")?,
                Step::Index(index) => write!(formatter, ", [{index}]")?,
            }
        }
        formatter.write_str("]")
    }
}
