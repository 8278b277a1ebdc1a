//! Items outside of requests: lines of JSON whose members are items, as the files of exports have them.

use indexmap::IndexMap;
use model::Item;

use super::AttributeMap;
use crate::decode::decode;
use crate::encode::Encode;

/// Reads an object whose members are all maps of attribute values, such as `{"Item":{...}}`. What is
/// wrong with a value is kept with its map, as in a request; the error is a sentence about a text that
/// holds no such object.
pub fn items_from_json(text: &[u8]) -> Result<IndexMap<String, AttributeMap>, String> {
    decode(text).map_err(|error| match std::str::from_utf8(text) {
        Err(error) => format!("it is not UTF-8: {error}"),
        Ok(_) if error.is_data() => {
            "it does not hold attribute values as DynamoDB JSON writes them".to_owned()
        }
        Ok(_) => format!("it is not JSON: {error}"),
    })
}

/// Appends an item as DynamoDB JSON.
pub fn append_item_json(item: &Item, out: &mut Vec<u8>) {
    item.encode(out);
}
