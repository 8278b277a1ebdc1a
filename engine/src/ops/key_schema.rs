//! Key schemas, attribute definitions, projections and index names, as CreateTable and UpdateTable
//! check them: in the order in which the service does.

use std::collections::BTreeSet;

use api::Error;
use api::types::{
    AttributeDefinition, KeySchemaElement, KeyType as KeyRole, Projection, ProjectionType,
    ScalarAttributeType,
};

use super::table_errors::invalid;
use crate::catalog::IndexDescriptor;
use crate::schema::{IndexProjection, KeyAttribute, KeySchema, KeyType};

/// How many partition key attributes, and how many sort key attributes, a global index may have.
const INDEX_KEY_ATTRIBUTES_MAX: usize = 4;
/// How many attributes all indexes of a table together may name in their projections.
const PROJECTED_NAMES_MAX: usize = 100;

/// Attribute names and types, in the order of the request.
#[derive(Clone, Debug, Default)]
pub(super) struct Definitions(pub Vec<(String, KeyType)>);

impl Definitions {
    /// Those of a request.
    pub fn new(definitions: &[AttributeDefinition]) -> Self {
        let key_type = |definition: &AttributeDefinition| match definition.attribute_type {
            ScalarAttributeType::S => KeyType::S,
            ScalarAttributeType::N => KeyType::N,
            ScalarAttributeType::B => KeyType::B,
        };
        Definitions(
            definitions
                .iter()
                .map(|definition| (definition.attribute_name.clone(), key_type(definition)))
                .collect(),
        )
    }

    fn type_of(&self, name: &str) -> Option<KeyType> {
        self.0
            .iter()
            .find(|(defined, _)| defined == name)
            .map(|(_, key_type)| *key_type)
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    }

    /// Refuses a name that is defined twice.
    pub fn check_distinct(&self) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        match self.0.iter().find(|(name, _)| !seen.insert(name)) {
            None => Ok(()),
            Some((name, _)) => Err(Error::validation(format!("Attribute Name is duplicated: {name}"))),
        }
    }

    /// Refuses definitions that no key uses. `index_keys` are the key schemas of all indexes;
    /// `None` where the request has no list of indexes.
    pub fn check_all_used(
        &self,
        table_key: &[KeySchemaElement],
        index_keys: Option<Vec<&[KeySchemaElement]>>,
    ) -> Result<(), Error> {
        let Some(index_keys) = index_keys else {
            if self.0.len() != table_key.len() {
                return Err(invalid(
                    "Number of attributes in KeySchema does not exactly match number of attributes defined in \
                     AttributeDefinitions",
                ));
            }
            return Ok(());
        };
        let elements = table_key.iter().chain(index_keys.into_iter().flatten());
        let used: BTreeSet<&str> = elements.map(|element| element.attribute_name.as_str()).collect();
        if self.0.iter().all(|(name, _)| used.contains(name.as_str())) {
            return Ok(());
        }
        let used: Vec<&str> = used.into_iter().collect();
        Err(invalid(format_args!(
            "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
            self.names(),
            used.join(", ")
        )))
    }

    fn check_defined(&self, elements: &[KeySchemaElement]) -> Result<(), Error> {
        if elements
            .iter()
            .all(|element| self.type_of(&element.attribute_name).is_some())
        {
            return Ok(());
        }
        let keys: Vec<&str> = elements
            .iter()
            .map(|element| element.attribute_name.as_str())
            .collect();
        Err(invalid(format_args!(
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
            keys.join(", "),
            self.names()
        )))
    }

    /// The key schema that checked elements mean.
    fn resolve(&self, elements: &[KeySchemaElement]) -> KeySchema {
        let of_role = |role: KeyRole| -> Vec<KeyAttribute> {
            elements
                .iter()
                .filter(|element| element.key_type == role)
                .filter_map(|element| {
                    let key_type = self.type_of(&element.attribute_name)?;
                    Some(KeyAttribute {
                        name: element.attribute_name.clone(),
                        key_type,
                    })
                })
                .collect()
        };
        KeySchema {
            partition: of_role(KeyRole::Hash),
            sort: of_role(KeyRole::Range),
        }
    }
}

/// Checks a table's key schema. The shape allows one or two elements.
pub(super) fn table_key(
    elements: &[KeySchemaElement],
    definitions: &Definitions,
) -> Result<KeySchema, Error> {
    if definitions.0.len() < elements.len() {
        return Err(Error::validation(
            "Invalid KeySchema: Some index key attribute have no definition",
        ));
    }
    simple_key(elements, definitions)
}

/// Checks a local index's key schema against its table's.
pub(super) fn local_index_key(
    index_name: &str,
    elements: &[KeySchemaElement],
    table: &KeySchema,
    definitions: &Definitions,
) -> Result<KeySchema, Error> {
    let key = simple_key(elements, definitions)?;
    if key.sort.is_empty() {
        return Err(invalid(format_args!(
            "Index KeySchema does not have a range key for index: {index_name}"
        )));
    }
    if elements.len() > 2 {
        return Err(invalid(
            "The KeySchema exceeds the maximum allowed number of RANGE key attributes",
        ));
    }
    let (index_hash, table_hash) = (&key.partition[0].name, &table.partition[0].name);
    if index_hash != table_hash {
        return Err(invalid(format_args!(
            "Index KeySchema does not have the same leading hash key as table KeySchema for index: {index_name}. \
             index hash key: {index_hash}, table hash key: {table_hash}"
        )));
    }
    Ok(key)
}

/// A key of one partition key attribute and at most one sort key attribute.
fn simple_key(elements: &[KeySchemaElement], definitions: &Definitions) -> Result<KeySchema, Error> {
    definitions.check_defined(elements)?;
    check_pair_distinct(elements)?;
    check_first(elements)?;
    if elements
        .get(1)
        .is_some_and(|element| element.key_type != KeyRole::Range)
    {
        return Err(Error::validation(
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
        ));
    }
    Ok(definitions.resolve(elements))
}

fn check_pair_distinct(elements: &[KeySchemaElement]) -> Result<(), Error> {
    if let [first, second] = elements
        && first.attribute_name == second.attribute_name
    {
        return Err(Error::validation(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ));
    }
    Ok(())
}

fn check_first(elements: &[KeySchemaElement]) -> Result<(), Error> {
    match elements.first() {
        Some(first) if first.key_type == KeyRole::Hash => Ok(()),
        _ => Err(Error::validation(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        )),
    }
}

/// Checks a global index's key schema: up to four attributes of each role (AWS-FACTS 40).
pub(super) fn global_index_key(
    elements: &[KeySchemaElement],
    definitions: &Definitions,
) -> Result<KeySchema, Error> {
    definitions.check_defined(elements)?;
    check_pair_distinct(elements)?;
    check_first(elements)?;
    for (role, name) in [(KeyRole::Hash, "HASH"), (KeyRole::Range, "RANGE")] {
        let count = elements.iter().filter(|element| element.key_type == role).count();
        if count > INDEX_KEY_ATTRIBUTES_MAX {
            return Err(invalid(format_args!(
                "The KeySchema exceeds the maximum allowed number of {name} key attributes"
            )));
        }
    }
    if elements
        .windows(2)
        .any(|pair| (pair[0].key_type, pair[1].key_type) == (KeyRole::Range, KeyRole::Hash))
    {
        return Err(invalid(
            "All HASH key attributes must precede RANGE key attributes in the KeySchema",
        ));
    }
    let distinct: BTreeSet<&str> = elements
        .iter()
        .map(|element| element.attribute_name.as_str())
        .collect();
    if distinct.len() < elements.len() {
        return Err(Error::validation(
            "The KeySchema contains multiple key attributes with the same name",
        ));
    }
    Ok(definitions.resolve(elements))
}

/// Checks a projection.
pub(super) fn projection(projection: &Projection) -> Result<IndexProjection, Error> {
    let Some(projection_type) = projection.projection_type else {
        return Err(invalid("Unknown ProjectionType: null"));
    };
    match (projection_type, &projection.non_key_attributes) {
        (ProjectionType::All, None) => Ok(IndexProjection::All),
        (ProjectionType::KeysOnly, None) => Ok(IndexProjection::KeysOnly),
        (ProjectionType::All | ProjectionType::KeysOnly, Some(_)) => Err(invalid(format_args!(
            "ProjectionType is {}, but NonKeyAttributes is specified",
            projection_type.as_str()
        ))),
        (ProjectionType::Include, None) => Err(invalid(
            "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
        )),
        (ProjectionType::Include, Some(names)) => {
            let mut seen = BTreeSet::new();
            if let Some(name) = names.iter().find(|name| !seen.insert(name.as_str())) {
                return Err(invalid(format_args!(
                    "Duplicate element in NonKeyAttributes: {name}"
                )));
            }
            Ok(IndexProjection::Include(names.clone()))
        }
    }
}

/// Refuses indexes that together name too many attributes in their projections.
pub(super) fn check_projected_names(indexes: &[IndexDescriptor]) -> Result<(), Error> {
    let names = indexes.iter().map(|index| match &index.projection {
        IndexProjection::Include(names) => names.len(),
        IndexProjection::All | IndexProjection::KeysOnly => 0,
    });
    if names.sum::<usize>() > PROJECTED_NAMES_MAX {
        return Err(invalid(format_args!(
            "Number of NonKeyAttributes of all indexes exceeds per-table limit of {PROJECTED_NAMES_MAX}"
        )));
    }
    Ok(())
}
