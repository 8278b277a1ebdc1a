//! What tells the content of one transaction from that of every other, for its token.

use api::AttributeMap;
use api::types::{ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use expr::Literal;
use indexmap::IndexMap;
use xxhash_rust::xxh3::Xxh3;

/// A hash of all members of all actions, in the order sent.
///
/// Stored with the token, so that it must not change between versions: XXH3 is stable by
/// specification, and so is the stored form of items.
pub(crate) fn fingerprint(actions: &[TransactWriteItem]) -> u128 {
    let mut hash = Hash(Xxh3::new());
    for action in actions {
        if let Some(put) = &action.put {
            hash.text("Put");
            hash.text(&put.table_name);
            hash.attributes(&put.item);
            hash.common(
                put.condition_expression.as_deref(),
                &put.expression_attribute_names,
                &put.expression_attribute_values,
                put.return_values_on_condition_check_failure,
            );
        }
        if let Some(update) = &action.update {
            hash.text("Update");
            hash.text(&update.table_name);
            hash.attributes(&update.key);
            hash.text(&update.update_expression);
            hash.common(
                update.condition_expression.as_deref(),
                &update.expression_attribute_names,
                &update.expression_attribute_values,
                update.return_values_on_condition_check_failure,
            );
        }
        if let Some(delete) = &action.delete {
            hash.text("Delete");
            hash.text(&delete.table_name);
            hash.attributes(&delete.key);
            hash.common(
                delete.condition_expression.as_deref(),
                &delete.expression_attribute_names,
                &delete.expression_attribute_values,
                delete.return_values_on_condition_check_failure,
            );
        }
        if let Some(check) = &action.condition_check {
            hash.text("ConditionCheck");
            hash.text(&check.table_name);
            hash.attributes(&check.key);
            hash.common(
                Some(&check.condition_expression),
                &check.expression_attribute_names,
                &check.expression_attribute_values,
                check.return_values_on_condition_check_failure,
            );
        }
    }
    hash.0.digest128()
}

/// A hash of PartiQL statements and their parameters, in the order sent, and of what else is given.
///
/// Stored with tokens as [`fingerprint`] is.
pub(crate) fn statements_fingerprint<'s>(
    statements: impl IntoIterator<Item = (&'s str, &'s [Literal])>,
    context: &[u8],
) -> u128 {
    let mut hash = Hash(Xxh3::new());
    for (statement, parameters) in statements {
        hash.text(statement);
        hash.bytes(&(parameters.len() as u64).to_be_bytes());
        for parameter in parameters {
            hash.bytes(parameter.raw());
        }
    }
    hash.bytes(context);
    hash.0.digest128()
}

struct Hash(Xxh3);

impl Hash {
    fn bytes(&mut self, bytes: &[u8]) {
        // With its length in front, no two sequences of parts hash the same bytes.
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn attributes(&mut self, attributes: &AttributeMap) {
        self.bytes(attributes.item.as_stored());
    }

    fn common(
        &mut self,
        condition: Option<&str>,
        names: &Option<IndexMap<String, String>>,
        values: &Option<AttributeMap>,
        on_failure: Option<ReturnValuesOnConditionCheckFailure>,
    ) {
        self.text(condition.unwrap_or_default());
        let mut names: Vec<_> = names.iter().flatten().collect();
        // Clients send maps in any order.
        names.sort_unstable();
        for (name, value) in names {
            self.text(name);
            self.text(value);
        }
        if let Some(values) = values {
            self.attributes(values);
        }
        self.text(on_failure.map_or("", |on_failure| on_failure.as_str()));
    }
}
