//! The legacy parameters, as a random request has them and as the conditions that they mean.

use api::types::{
    AttributeAction, AttributeValueUpdate, ComparisonOperator, ConditionalOperator, ExpectedAttributeValue,
};
use api::{AttributeValue, types};
use fastrand::Rng;
use indexmap::IndexMap;

use crate::expression::{
    Action, Change, Comparator, Condition, KeyClause, KeyOperator, Operand, Path, Source,
};
use crate::value::Value;

/// A comparison of one attribute with values.
#[derive(Clone, Debug)]
pub struct LegacyCondition {
    pub attribute: String,
    pub operator: ComparisonOperator,
    pub values: Vec<Value>,
}

/// Conditions on different attributes, joined by AND or OR.
#[derive(Clone, Debug)]
pub struct LegacyConditions {
    pub conditions: Vec<LegacyCondition>,
    pub any: bool,
}

fn to_api(values: &[Value]) -> Option<Vec<AttributeValue>> {
    let values: Vec<AttributeValue> = values.iter().map(|value| value.to_model().into()).collect();
    (!values.is_empty()).then_some(values)
}

impl LegacyCondition {
    /// What it means.
    pub fn condition(&self) -> Condition {
        let path = Path::attribute(&self.attribute);
        let operand = Operand::Path(path.clone());
        let mut literals = self.values.iter().cloned().map(Operand::Literal);
        let mut next = || {
            literals
                .next()
                .expect("there are as many values as the operator takes")
        };
        match self.operator {
            ComparisonOperator::Null => Condition::NotExists(path),
            ComparisonOperator::NotNull => Condition::Exists(path),
            ComparisonOperator::Eq => Condition::Compare(Comparator::Equal, operand, next()),
            ComparisonOperator::Ne => Condition::Compare(Comparator::NotEqual, operand, next()),
            ComparisonOperator::Lt => Condition::Compare(Comparator::Less, operand, next()),
            ComparisonOperator::Le => Condition::Compare(Comparator::LessOrEqual, operand, next()),
            ComparisonOperator::Gt => Condition::Compare(Comparator::Greater, operand, next()),
            ComparisonOperator::Ge => Condition::Compare(Comparator::GreaterOrEqual, operand, next()),
            ComparisonOperator::Between => Condition::Between(operand, next(), next()),
            ComparisonOperator::In => Condition::In(operand, literals.collect()),
            ComparisonOperator::BeginsWith => Condition::BeginsWith(operand, next()),
            ComparisonOperator::Contains => Condition::Contains(operand, next()),
            ComparisonOperator::NotContains => Condition::Not(Box::new(Condition::Contains(operand, next()))),
        }
    }

    fn to_api(&self) -> types::Condition {
        types::Condition {
            attribute_value_list: to_api(&self.values),
            comparison_operator: self.operator,
        }
    }

    fn to_expected(&self, rng: &mut Rng) -> ExpectedAttributeValue {
        let value = || {
            self.values
                .first()
                .map(|value| AttributeValue::from(value.to_model()))
        };
        match self.operator {
            // These have a form without an operator.
            ComparisonOperator::Eq if rng.bool() => ExpectedAttributeValue {
                value: value(),
                exists: rng.bool().then_some(true),
                ..Default::default()
            },
            ComparisonOperator::Null if rng.bool() => ExpectedAttributeValue {
                exists: Some(false),
                ..Default::default()
            },
            operator if self.values.len() == 1 && rng.bool() => ExpectedAttributeValue {
                value: value(),
                comparison_operator: Some(operator),
                ..Default::default()
            },
            operator => ExpectedAttributeValue {
                attribute_value_list: to_api(&self.values),
                comparison_operator: Some(operator),
                ..Default::default()
            },
        }
    }
}

impl LegacyConditions {
    /// What they mean together.
    pub fn condition(&self) -> Condition {
        let parts = self.conditions.iter().map(LegacyCondition::condition).collect();
        if self.any {
            Condition::Or(parts)
        } else {
            Condition::And(parts)
        }
    }

    /// QueryFilter or ScanFilter.
    pub fn filter(&self) -> IndexMap<String, types::Condition> {
        self.conditions
            .iter()
            .map(|condition| (condition.attribute.clone(), condition.to_api()))
            .collect()
    }

    /// Expected.
    pub fn expected(&self, rng: &mut Rng) -> IndexMap<String, ExpectedAttributeValue> {
        self.conditions
            .iter()
            .map(|condition| (condition.attribute.clone(), condition.to_expected(rng)))
            .collect()
    }

    /// ConditionalOperator, which only two or more conditions may have.
    pub fn operator(&self, rng: &mut Rng) -> Option<ConditionalOperator> {
        match (self.any, self.conditions.len()) {
            (_, 0 | 1) => None,
            (true, _) => Some(ConditionalOperator::Or),
            (false, _) => rng.bool().then_some(ConditionalOperator::And),
        }
    }

    /// The names of the operators, for the mix.
    pub fn used(&self) -> impl Iterator<Item = &'static str> {
        self.conditions
            .iter()
            .map(|condition| condition.operator.as_str())
    }
}

/// KeyConditions.
pub fn key_conditions(clauses: &[KeyClause]) -> IndexMap<String, types::Condition> {
    let of_clause = |clause: &KeyClause| {
        let (operator, values) = match &clause.operator {
            KeyOperator::Compare(comparator, value) => (
                match comparator {
                    Comparator::Equal => ComparisonOperator::Eq,
                    Comparator::NotEqual => ComparisonOperator::Ne,
                    Comparator::Less => ComparisonOperator::Lt,
                    Comparator::LessOrEqual => ComparisonOperator::Le,
                    Comparator::Greater => ComparisonOperator::Gt,
                    Comparator::GreaterOrEqual => ComparisonOperator::Ge,
                },
                vec![value.clone()],
            ),
            KeyOperator::Between(lower, upper) => {
                (ComparisonOperator::Between, vec![lower.clone(), upper.clone()])
            }
            KeyOperator::BeginsWith(prefix) => (ComparisonOperator::BeginsWith, vec![prefix.clone()]),
        };
        LegacyCondition {
            attribute: clause.attribute.clone(),
            operator,
            values,
        }
    };
    clauses
        .iter()
        .map(of_clause)
        .map(|condition| (condition.attribute.clone(), condition.to_api()))
        .collect()
}

/// AttributeUpdates of actions on whole attributes, each of which must have a legacy form.
pub fn attribute_updates(actions: &[Action], rng: &mut Rng) -> IndexMap<String, AttributeValueUpdate> {
    let of_change = |change: &Change, rng: &mut Rng| match change {
        Change::Set(Source::Literal(value)) => (
            if rng.bool() {
                Some(AttributeAction::Put)
            } else {
                None
            },
            Some(value.clone()),
        ),
        Change::Set(_) => unreachable!("AttributeUpdates has no expressions"),
        Change::Remove => (Some(AttributeAction::Delete), None),
        Change::Add(value) => (Some(AttributeAction::Add), Some(value.clone())),
        Change::Delete(value) => (Some(AttributeAction::Delete), Some(value.clone())),
    };
    actions
        .iter()
        .map(|action| {
            let (api_action, value) = of_change(&action.change, rng);
            let value = value.map(|value| AttributeValue::from(value.to_model()));
            (
                action.path.root.clone(),
                AttributeValueUpdate {
                    action: api_action,
                    value,
                },
            )
        })
        .collect()
}
