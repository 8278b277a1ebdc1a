//! Items as lines of Amazon Ion text, with the documented mapping of types: numbers are decimals, sets
//! are lists with the annotations `$dynamodb_SS`, `$dynamodb_NS` and `$dynamodb_BS`.

use ion_rs::{Decimal, Element, IntoAnnotatedElement, IonType, Sequence, Struct, v1_0};
use model::{Item, MapRef, Number, SetRef, ValueRef, ValueType};

use super::line::Change;
use crate::error::Error;

/// What each line begins with: the version of Ion.
const VERSION_MARKER: &[u8] = b"$ion_1_0 ";

/// Appends `$ion_1_0 {Item:{...}}`.
pub fn append_item(item: &Item, out: &mut Vec<u8>) -> Result<(), Error> {
    let line = Struct::builder()
        .with_field("Item", structure(&item.attributes()))
        .build();
    append_line(&Element::from(line), out)
}

/// Appends `$ion_1_0 {Record:{Keys:{...},Metadata:{...},OldImage:{...},NewImage:{...}}}`.
pub fn append_change(change: &Change, out: &mut Vec<u8>) -> Result<(), Error> {
    let time = Decimal::new(change.write_time_micros, 0);
    let metadata = Struct::builder().with_field("WriteTimestampMicros", time).build();
    let mut record = Struct::builder()
        .with_field("Keys", structure(&change.keys.attributes()))
        .with_field("Metadata", metadata);
    for (name, image) in [("OldImage", &change.old_image), ("NewImage", &change.new_image)] {
        if let Some(image) = image {
            record = record.with_field(name, structure(&image.attributes()));
        }
    }
    let line = Struct::builder().with_field("Record", record.build()).build();
    append_line(&Element::from(line), out)
}

fn append_line(line: &Element, out: &mut Vec<u8>) -> Result<(), Error> {
    let text = line
        .encode_as(v1_0::Text)
        .map_err(|error| Error::unusable("an item", format!("cannot be written as Ion: {error}")))?;
    // The marker belongs to every line, whether the encoder writes one or not.
    let text = text.trim().trim_start_matches("$ion_1_0").trim_start();
    out.extend_from_slice(VERSION_MARKER);
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
    Ok(())
}

fn structure(map: &MapRef<'_>) -> Struct {
    map.iter()
        .fold(Struct::builder(), |fields, (name, value)| {
            fields.with_field(text(name), element(&value))
        })
        .build()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn element(value: &ValueRef<'_>) -> Element {
    match value {
        ValueRef::String(bytes) => Element::string(text(bytes)),
        ValueRef::Number(number) => Element::decimal(decimal(*number)),
        ValueRef::Binary(bytes) => Element::blob(bytes),
        ValueRef::Bool(value) => Element::boolean(*value),
        ValueRef::Null => Element::null(IonType::Null),
        ValueRef::List(list) => {
            let members = list.iter().map(|member| element(&member));
            Sequence::builder().push_all(members).build_list().into()
        }
        ValueRef::Map(map) => structure(map).into(),
        ValueRef::Set(set) => annotated_list(set),
    }
}

fn annotated_list(set: &SetRef<'_>) -> Element {
    let annotation = match set.set_type() {
        ValueType::StringSet => "$dynamodb_SS",
        ValueType::NumberSet => "$dynamodb_NS",
        _ => "$dynamodb_BS",
    };
    let members = set.iter().map(|member| element(&member));
    Sequence::builder()
        .push_all(members)
        .build_list()
        .with_annotations([annotation])
}

fn decimal(number: Number) -> Decimal {
    let (coefficient, exponent) = number.parts();
    Decimal::new(coefficient, i64::from(exponent))
}
