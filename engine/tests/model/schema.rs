//! The shapes of the naive tables, and how they are asked for.

use api::types::{
    AttributeDefinition, CreateGlobalSecondaryIndexAction, CreateTableInput, GlobalSecondaryIndex,
    KeySchemaElement, KeyType as KeyRole, LocalSecondaryIndex, ProjectionType, ProvisionedThroughput,
    ScalarAttributeType,
};

use crate::value::{Attributes, Value};

/// The longest key values, in bytes.
pub const PARTITION_BYTES_MAX: usize = 2048;
pub const SORT_BYTES_MAX: usize = 1024;

/// The type of a key attribute: "S", "N" or "B".
pub type KeyType = &'static str;

/// A key attribute's name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAttribute {
    pub name: String,
    pub key_type: KeyType,
}

impl KeyAttribute {
    pub fn new(name: &str, key_type: KeyType) -> Self {
        KeyAttribute {
            name: name.to_owned(),
            key_type,
        }
    }
}

/// The key of a table or an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySchema {
    pub partition: Vec<KeyAttribute>,
    pub sort: Vec<KeyAttribute>,
}

impl KeySchema {
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> + Clone {
        self.partition.iter().chain(&self.sort)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    /// The key attributes of an item, if it has them all, each of its type, not empty, not too long.
    pub fn key_of(&self, item: &Attributes) -> Option<Attributes> {
        let mut key = Attributes::new();
        for attribute in self.attributes() {
            let value = item.get(&attribute.name)?;
            if value.type_name() != attribute.key_type || value.is_empty_scalar() {
                return None;
            }
            key.insert(attribute.name.clone(), value.clone());
        }
        (half_bytes(&self.partition, item) <= PARTITION_BYTES_MAX
            && half_bytes(&self.sort, item) <= SORT_BYTES_MAX)
            .then_some(key)
    }

    pub fn elements(&self) -> Vec<KeySchemaElement> {
        let of_role = |attributes: &[KeyAttribute], role: KeyRole| -> Vec<KeySchemaElement> {
            let names = attributes.iter().map(|attribute| attribute.name.clone());
            names
                .map(|attribute_name| KeySchemaElement {
                    attribute_name,
                    key_type: role,
                })
                .collect()
        };
        [
            of_role(&self.partition, KeyRole::Hash),
            of_role(&self.sort, KeyRole::Range),
        ]
        .concat()
    }
}

/// How long the values of one half of a key are together.
pub fn half_bytes(attributes: &[KeyAttribute], item: &Attributes) -> usize {
    attributes
        .iter()
        .filter_map(|attribute| item.get(&attribute.name))
        .map(Value::size_bytes)
        .sum()
}

/// What an index keeps besides keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Projection {
    All,
    KeysOnly,
    Include(Vec<String>),
}

/// Where an index stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    Creating,
    Active,
    Deleting,
}

/// An index.
#[derive(Clone, Debug)]
pub struct Index {
    pub name: String,
    pub is_local: bool,
    pub schema: KeySchema,
    pub projection: Projection,
    pub state: IndexState,
}

impl Index {
    /// Whether an index of a table with that key keeps the attribute.
    pub fn projects(&self, table: &KeySchema, attribute: &str) -> bool {
        match &self.projection {
            Projection::All => true,
            _ if table.contains(attribute) || self.schema.contains(attribute) => true,
            Projection::KeysOnly => false,
            Projection::Include(names) => names.iter().any(|name| name == attribute),
        }
    }

    /// What the index keeps of an item of the table; `None` where the item is not in it.
    pub fn view(&self, table: &KeySchema, item: &Attributes) -> Option<Attributes> {
        self.schema.key_of(item)?;
        let kept = item.iter().filter(|(name, _)| self.projects(table, name));
        Some(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    fn projection(&self) -> api::types::Projection {
        let (projection_type, non_key_attributes) = match &self.projection {
            Projection::All => (ProjectionType::All, None),
            Projection::KeysOnly => (ProjectionType::KeysOnly, None),
            Projection::Include(names) => (ProjectionType::Include, Some(names.clone())),
        };
        api::types::Projection {
            projection_type: Some(projection_type),
            non_key_attributes,
        }
    }

    /// The index as UpdateTable is asked for it.
    pub fn create_action(&self, is_provisioned: bool) -> CreateGlobalSecondaryIndexAction {
        CreateGlobalSecondaryIndexAction {
            index_name: self.name.clone(),
            key_schema: self.schema.elements(),
            projection: self.projection(),
            provisioned_throughput: is_provisioned.then(provisioned),
            ..Default::default()
        }
    }
}

/// The capacity that provisioned tables and indexes have.
pub fn provisioned() -> ProvisionedThroughput {
    ProvisionedThroughput {
        read_capacity_units: 5,
        write_capacity_units: 5,
    }
}

/// The definitions of attributes, each once, by name.
pub fn definitions<'a>(attributes: impl IntoIterator<Item = &'a KeyAttribute>) -> Vec<AttributeDefinition> {
    let mut definitions: Vec<AttributeDefinition> = attributes
        .into_iter()
        .map(|attribute| AttributeDefinition {
            attribute_name: attribute.name.clone(),
            attribute_type: match attribute.key_type {
                "S" => ScalarAttributeType::S,
                "N" => ScalarAttributeType::N,
                _ => ScalarAttributeType::B,
            },
        })
        .collect();
    definitions.sort_by(|left, right| left.attribute_name.cmp(&right.attribute_name));
    definitions.dedup();
    definitions
}

/// The request for a table.
pub fn create_table(
    name: &str,
    schema: &KeySchema,
    indexes: &[Index],
    is_provisioned: bool,
) -> CreateTableInput {
    let attributes = schema
        .attributes()
        .chain(indexes.iter().flat_map(|index| index.schema.attributes()));
    let global: Vec<GlobalSecondaryIndex> = indexes
        .iter()
        .filter(|index| !index.is_local)
        .map(|index| GlobalSecondaryIndex {
            index_name: index.name.clone(),
            key_schema: index.schema.elements(),
            projection: index.projection(),
            provisioned_throughput: is_provisioned.then(provisioned),
            ..Default::default()
        })
        .collect();
    let local: Vec<LocalSecondaryIndex> = indexes
        .iter()
        .filter(|index| index.is_local)
        .map(|index| LocalSecondaryIndex {
            index_name: index.name.clone(),
            key_schema: index.schema.elements(),
            projection: index.projection(),
        })
        .collect();
    CreateTableInput {
        table_name: name.to_owned(),
        attribute_definitions: Some(definitions(attributes)),
        key_schema: Some(schema.elements()),
        billing_mode: (!is_provisioned).then_some(api::types::BillingMode::PayPerRequest),
        provisioned_throughput: is_provisioned.then(provisioned),
        global_secondary_indexes: (!global.is_empty()).then_some(global),
        local_secondary_indexes: (!local.is_empty()).then_some(local),
        ..Default::default()
    }
}
