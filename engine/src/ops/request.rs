//! What requests have in common before a table is looked up: expressions with their names and
//! values, the legacy parameters that mean the same, and how their errors are worded.
//!
//! Order of checks: expression and legacy parameters mixed; names or values without an expression;
//! values of the item or key; legacy conditions; the expressions one after the other; names and
//! values that nothing uses.

use std::sync::Arc;

use api::types::{ComparisonOperator, ConditionalOperator, ExpectedAttributeValue};
use api::{AttributeMap, AttributeValue, Error, Operation};
use expr::{Condition, ExpressionAttributes, ExpressionError, ExpressionKind, legacy};
use indexmap::IndexMap;
use model::Value;

/// The error of `message` in the form that the operation gives to errors found in the request alone.
pub(crate) fn refuse(operation: Operation, message: impl AsRef<str>) -> Error {
    Error::validation(operation.wrap(message.as_ref()))
}

/// An expression's error in the form that the operation gives it.
pub(crate) fn refuse_expression(operation: Operation) -> impl Fn(ExpressionError) -> Error {
    move |error| refuse(operation, error.to_string())
}

/// Refuses attribute values that were no values when they were read.
pub(crate) fn check_values(operation: Operation, attributes: &AttributeMap) -> Result<(), Error> {
    match &attributes.error {
        None => Ok(()),
        Some(error) => Err(operation.value_error(error)),
    }
}

/// Parameters of one way to say things that a request has, by name.
pub(crate) type Present<'n> = &'n [(&'n str, bool)];

fn names_of(parameters: Present<'_>) -> String {
    let present: Vec<&str> = parameters
        .iter()
        .filter(|(_, present)| *present)
        .map(|(name, _)| *name)
        .collect();
    present.join(", ")
}

/// Refuses expression parameters beside legacy ones.
pub(crate) fn check_not_mixed(
    operation: Operation,
    legacy: Present<'_>,
    expressions: Present<'_>,
) -> Result<(), Error> {
    let any = |parameters: Present<'_>| parameters.iter().any(|(_, present)| *present);
    if !any(legacy) || !any(expressions) {
        return Ok(());
    }
    Err(refuse(
        operation,
        format!(
            "Can not use both expression and non-expression parameters in the same request: Non-expression \
             parameters: {{{}}} Expression parameters: {{{}}}",
            names_of(legacy),
            names_of(expressions)
        ),
    ))
}

/// ExpressionAttributeNames and ExpressionAttributeValues of a request.
#[derive(Default)]
pub(crate) struct Placeholders {
    names: Option<Vec<(String, String)>>,
    values: Option<AttributeMap>,
}

impl Placeholders {
    /// Those of a request.
    pub fn new(names: Option<IndexMap<String, String>>, values: Option<AttributeMap>) -> Self {
        Placeholders {
            names: names.map(|names| names.into_iter().collect()),
            values,
        }
    }

    /// Refuses names or values of a request that has no expression to use them.
    pub fn check_wanted(
        &self,
        operation: Operation,
        names_wanted: bool,
        values_wanted: bool,
    ) -> Result<(), Error> {
        if self.names.is_some() && !names_wanted {
            return Err(refuse(
                operation,
                "ExpressionAttributeNames can only be specified when using expressions",
            ));
        }
        if self.values.is_some() && !values_wanted {
            return Err(refuse(
                operation,
                "ExpressionAttributeValues can only be specified when using expressions",
            ));
        }
        Ok(())
    }

    /// Checks the keys of both and the values, for the expressions to be parsed with.
    pub fn open(&self, operation: Operation) -> Result<ExpressionAttributes<'_>, Error> {
        let values = self.values.as_ref();
        let attributes = ExpressionAttributes::new(self.names.as_deref(), values.map(|values| &values.item))
            .map_err(refuse_expression(operation))?;
        if let Some(values) = values
            && let Some(error) = &values.error
        {
            let name = values.error_attribute.as_deref().unwrap_or_default();
            return Err(operation.expression_value_error(name, error));
        }
        Ok(attributes)
    }
}

/// Parses a condition or filter expression.
pub(crate) fn parse_condition(
    operation: Operation,
    kind: ExpressionKind,
    text: Option<&str>,
    attributes: &mut ExpressionAttributes<'_>,
) -> Result<Option<Arc<Condition>>, Error> {
    text.map(|text| Condition::parse(kind, text, attributes))
        .transpose()
        .map(|condition| condition.map(Arc::new))
        .map_err(refuse_expression(operation))
}

/// The operator of a legacy condition as the expression language knows it.
pub(crate) fn legacy_operator(operator: ComparisonOperator) -> legacy::ComparisonOperator {
    use legacy::ComparisonOperator as Legacy;
    match operator {
        ComparisonOperator::Eq => Legacy::Eq,
        ComparisonOperator::Ne => Legacy::Ne,
        ComparisonOperator::In => Legacy::In,
        ComparisonOperator::Le => Legacy::Le,
        ComparisonOperator::Lt => Legacy::Lt,
        ComparisonOperator::Ge => Legacy::Ge,
        ComparisonOperator::Gt => Legacy::Gt,
        ComparisonOperator::Between => Legacy::Between,
        ComparisonOperator::NotNull => Legacy::NotNull,
        ComparisonOperator::Null => Legacy::Null,
        ComparisonOperator::Contains => Legacy::Contains,
        ComparisonOperator::NotContains => Legacy::NotContains,
        ComparisonOperator::BeginsWith => Legacy::BeginsWith,
    }
}

/// A value of a legacy parameter, refused where it was none when it was read.
pub(crate) fn legacy_value(operation: Operation, value: AttributeValue) -> Result<Value, Error> {
    match &value.error {
        None => Ok(value.value),
        Some(error) => Err(operation.value_error(error)),
    }
}

/// The values of a legacy parameter.
pub(crate) fn legacy_values(
    operation: Operation,
    values: Option<Vec<AttributeValue>>,
) -> Result<Vec<Value>, Error> {
    values
        .into_iter()
        .flatten()
        .map(|value| legacy_value(operation, value))
        .collect()
}

/// How a request's legacy conditions are joined.
pub(crate) fn legacy_joining(operator: Option<ConditionalOperator>) -> legacy::ConditionalOperator {
    match operator {
        Some(ConditionalOperator::Or) => legacy::ConditionalOperator::Or,
        _ => legacy::ConditionalOperator::And,
    }
}

/// Refuses ConditionalOperator where there is nothing to join.
pub(crate) fn check_joining(
    operation: Operation,
    operator: Option<ConditionalOperator>,
    conditions: Option<usize>,
) -> Result<(), Error> {
    match (operator, conditions) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(refuse(
            operation,
            "ConditionalOperator cannot be used without Filter or Expected",
        )),
        (Some(_), Some(0 | 1)) => Err(refuse(
            operation,
            "ConditionalOperator can only be used when Filter or Expected has two or more elements",
        )),
        (Some(_), Some(_)) => Ok(()),
    }
}

/// The condition that Expected means.
pub(crate) fn expected_condition(
    operation: Operation,
    expected: Option<IndexMap<String, ExpectedAttributeValue>>,
    operator: Option<ConditionalOperator>,
) -> Result<Option<Arc<Condition>>, Error> {
    let Some(expected) = expected else {
        check_joining(operation, operator, None)?;
        return Ok(None);
    };
    let count = expected.len();
    let mut entries = Vec::with_capacity(count);
    for (attribute, entry) in expected {
        entries.push(legacy::Expected {
            attribute,
            operator: entry.comparison_operator.map(legacy_operator),
            values: entry
                .attribute_value_list
                .map(|values| legacy_values(operation, Some(values)))
                .transpose()?,
            value: entry
                .value
                .map(|value| legacy_value(operation, value))
                .transpose()?,
            exists: entry.exists,
        });
    }
    let condition =
        legacy::expected(&entries, legacy_joining(operator)).map_err(refuse_expression(operation))?;
    check_joining(operation, operator, Some(count))?;
    Ok((count > 0).then(|| Arc::new(condition)))
}

/// The condition that QueryFilter or ScanFilter means.
pub(crate) fn legacy_filter(
    operation: Operation,
    conditions: Option<IndexMap<String, api::types::Condition>>,
    operator: Option<ConditionalOperator>,
) -> Result<Option<Arc<Condition>>, Error> {
    let Some(conditions) = conditions else {
        check_joining(operation, operator, None)?;
        return Ok(None);
    };
    let count = conditions.len();
    let entries = legacy_conditions(operation, conditions)?;
    let filter = legacy::filter(&entries, legacy_joining(operator)).map_err(refuse_expression(operation))?;
    check_joining(operation, operator, Some(count))?;
    Ok((count > 0).then(|| Arc::new(filter)))
}

/// Legacy conditions as the expression language knows them.
pub(crate) fn legacy_conditions(
    operation: Operation,
    conditions: IndexMap<String, api::types::Condition>,
) -> Result<Vec<legacy::LegacyCondition>, Error> {
    conditions
        .into_iter()
        .map(|(attribute, condition)| {
            Ok(legacy::LegacyCondition {
                attribute,
                operator: legacy_operator(condition.comparison_operator),
                values: legacy_values(operation, condition.attribute_value_list)?,
            })
        })
        .collect()
}
