//! What is scaled: the read or the write capacity of a table or of a global index.

use api::scaling::types::{ScalableDimension, ServiceNamespace};
use serde::{Deserialize, Serialize};

/// Reading or writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Direction {
    /// How activities name the capacity.
    pub fn noun(self) -> &'static str {
        match self {
            Direction::Read => "read capacity units",
            Direction::Write => "write capacity units",
        }
    }
}

/// A capacity that can be scaled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Resource {
    pub table: String,
    pub index: Option<String>,
    pub direction: Direction,
}

impl Resource {
    /// The resource that a request names; `None` where it names none of ours.
    pub fn new(namespace: ServiceNamespace, id: &str, dimension: ScalableDimension) -> Option<Self> {
        let (is_index, direction) = match dimension {
            ScalableDimension::DynamodbTableReadCapacityUnits => (false, Direction::Read),
            ScalableDimension::DynamodbTableWriteCapacityUnits => (false, Direction::Write),
            ScalableDimension::DynamodbIndexReadCapacityUnits => (true, Direction::Read),
            ScalableDimension::DynamodbIndexWriteCapacityUnits => (true, Direction::Write),
            _ => return None,
        };
        let mut parts = id.split('/');
        let (kind, table) = (parts.next()?, parts.next()?);
        let index = match (is_index, parts.next(), parts.next(), parts.next()) {
            (false, None, ..) => None,
            (true, Some("index"), Some(index), None) => Some(index),
            _ => return None,
        };
        let is_name = |name: &str| !name.is_empty() && !name.contains('\0');
        let is_ours = namespace == ServiceNamespace::Dynamodb
            && kind == "table"
            && is_name(table)
            && index.is_none_or(is_name);
        is_ours.then(|| Resource {
            table: table.to_owned(),
            index: index.map(str::to_owned),
            direction,
        })
    }

    /// How requests name the table or index.
    pub fn id(&self) -> String {
        match &self.index {
            None => format!("table/{}", self.table),
            Some(index) => format!("table/{}/index/{index}", self.table),
        }
    }

    pub fn dimension(&self) -> ScalableDimension {
        match (&self.index, self.direction) {
            (None, Direction::Read) => ScalableDimension::DynamodbTableReadCapacityUnits,
            (None, Direction::Write) => ScalableDimension::DynamodbTableWriteCapacityUnits,
            (Some(_), Direction::Read) => ScalableDimension::DynamodbIndexReadCapacityUnits,
            (Some(_), Direction::Write) => ScalableDimension::DynamodbIndexWriteCapacityUnits,
        }
    }

    /// The resource as messages name it.
    pub fn described(&self) -> String {
        format!(
            "service namespace: dynamodb, resource ID: {}, scalable dimension: {}",
            self.id(),
            self.dimension().as_str()
        )
    }

    /// The bytes that it is kept by; those of one table or index stand together.
    pub fn to_bytes(&self) -> Vec<u8> {
        format!("{}\0{}\0", self.id(), self.dimension().as_str()).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_named_by_id_and_dimension() {
        use ScalableDimension::{
            DynamodbIndexReadCapacityUnits as OfIndex, DynamodbTableWriteCapacityUnits as OfTable,
        };
        let resource = |id, dimension| Resource::new(ServiceNamespace::Dynamodb, id, dimension);
        for (id, dimension) in [("table/t", OfTable), ("table/t/index/i", OfIndex)] {
            let found = resource(id, dimension).unwrap();
            assert_eq!((found.id().as_str(), found.dimension()), (id, dimension));
        }
        for (id, dimension) in [
            ("table/t", OfIndex),
            ("table/t/index/i", OfTable),
            ("table/", OfTable),
            ("t", OfTable),
            ("table/t/index/", OfIndex),
            ("table/t/index/i/j", OfIndex),
            ("tables/t", OfTable),
        ] {
            assert_eq!(resource(id, dimension), None, "{id}");
        }
        assert_eq!(Resource::new(ServiceNamespace::Ecs, "table/t", OfTable), None);
    }
}
