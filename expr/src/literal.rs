//! Values that stand in an expression, kept in their stored form.

use model::{Encoder, Item, Value, ValueRef};

/// A value of an expression, in its stored form; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// An item whose one attribute is the value.
    holder: Item,
}

impl Literal {
    /// The value of `holder`'s only attribute.
    pub(crate) fn from_holder(holder: Item) -> Self {
        debug_assert_eq!(holder.attributes().len(), 1);
        Literal { holder }
    }

    /// The value whose stored bytes are `raw`.
    pub(crate) fn from_raw(raw: &[u8]) -> Self {
        let (mut encoder, open) = Encoder::item(raw.len() + 8);
        encoder.name(b"");
        encoder.raw(raw);
        Literal {
            holder: encoder.finish(open),
        }
    }

    /// The value, to be read in place.
    pub fn value(&self) -> ValueRef<'_> {
        self.entry().value()
    }

    /// The value's stored bytes, as [`Encoder::raw`] takes them.
    pub fn raw(&self) -> &[u8] {
        self.entry().raw()
    }

    fn entry(&self) -> model::Entry<'_> {
        self.holder
            .attributes()
            .entries()
            .next()
            .expect("a literal's holder has one attribute")
    }
}

impl From<&Value> for Literal {
    fn from(value: &Value) -> Self {
        let (mut encoder, open) = Encoder::item(64);
        encoder.name(b"");
        value.encode(&mut encoder);
        Literal {
            holder: encoder.finish(open),
        }
    }
}
