//! The API's models, read: services with their operations, and the shapes that both share.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// All models together. A shape that several define must be the same in each.
#[derive(Default)]
pub struct Model {
    pub operations: Vec<Operation>,
    pub shapes: BTreeMap<String, Shape>,
    /// The target prefix of each service, by the variant of `Service`.
    pub target_prefixes: Vec<(String, String)>,
    raw: BTreeMap<String, Value>,
}

/// An operation.
pub struct Operation {
    pub name: String,
    pub service: String,
    pub input: String,
    pub output: String,
    /// Whether the model has an output at all; where not, an empty structure stands for it.
    pub has_output: bool,
}

/// A shape with what its model says about it.
pub struct Shape {
    pub kind: Kind,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub pattern: Option<String>,
    pub exception: bool,
    /// Whether it is an exception that is the service's own fault.
    pub fault: bool,
    /// The exception's name in the protocols that have other names than the model.
    pub error_code: Option<String>,
    /// The exception's HTTP status, where the model has one.
    pub error_status: Option<u64>,
}

/// What a shape is.
pub enum Kind {
    Structure(Vec<Member>),
    List(String),
    Map {
        key: String,
        value: String,
    },
    Text,
    Enum(Vec<String>),
    Integer,
    Long,
    Double,
    Boolean,
    Timestamp,
    Blob,
    /// `AttributeValue`, which is kept in the form in which it is stored.
    AttributeValue,
    /// A map of `AttributeValue`, likewise.
    AttributeMap,
}

/// A member of a structure.
pub struct Member {
    pub name: String,
    pub shape: String,
    pub required: bool,
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("the model has {value} where a name belongs"))
        .to_owned()
}

fn shape_kind(name: &str, raw: &Value) -> Kind {
    let target = |key: &str| text(&raw[key]["shape"]);
    match text(&raw["type"]).as_str() {
        "structure" if name == "AttributeValue" => Kind::AttributeValue,
        "structure" => {
            let required: BTreeSet<String> = raw["required"]
                .as_array()
                .into_iter()
                .flatten()
                .map(text)
                .collect();
            let members = raw["members"].as_object().into_iter().flatten();
            Kind::Structure(
                members
                    .map(|(name, member)| Member {
                        name: name.clone(),
                        shape: text(&member["shape"]),
                        required: required.contains(name),
                    })
                    .collect(),
            )
        }
        "list" => Kind::List(target("member")),
        "map" if target("value") == "AttributeValue" => Kind::AttributeMap,
        "map" => Kind::Map {
            key: target("key"),
            value: target("value"),
        },
        "string" => match raw["enum"].as_array() {
            Some(values) => Kind::Enum(values.iter().map(text).collect()),
            None => Kind::Text,
        },
        "integer" => Kind::Integer,
        "long" => Kind::Long,
        "double" => Kind::Double,
        "boolean" => Kind::Boolean,
        "timestamp" => Kind::Timestamp,
        "blob" => Kind::Blob,
        other => panic!("the shape {name} has the unknown type {other}"),
    }
}

impl Model {
    /// Adds the model of one service.
    pub fn add(&mut self, service: &str, raw: &Value) {
        self.target_prefixes
            .push((service.to_owned(), text(&raw["metadata"]["targetPrefix"])));
        for (name, shape) in raw["shapes"].as_object().expect("a model has shapes") {
            if let Some(known) = self.raw.insert(name.clone(), shape.clone()) {
                assert_eq!(&known, shape, "two models define {name}");
            }
            let kind = shape_kind(name, shape);
            self.shapes.insert(
                name.clone(),
                Shape {
                    kind,
                    min: shape["min"].as_i64(),
                    max: shape["max"].as_i64(),
                    pattern: shape["pattern"].as_str().map(str::to_owned),
                    exception: shape["exception"].as_bool() == Some(true),
                    fault: shape["fault"].as_bool() == Some(true),
                    error_code: shape["error"]["code"].as_str().map(str::to_owned),
                    error_status: shape["error"]["httpStatusCode"].as_u64(),
                },
            );
        }
        for (name, operation) in raw["operations"].as_object().expect("a model has operations") {
            let output = operation["output"]["shape"].as_str();
            let has_output = output.is_some();
            let output = output.map_or_else(|| format!("{name}Output"), str::to_owned);
            if !has_output {
                self.shapes.insert(
                    output.clone(),
                    Shape {
                        kind: Kind::Structure(Vec::new()),
                        min: None,
                        max: None,
                        pattern: None,
                        exception: false,
                        fault: false,
                        error_code: None,
                        error_status: None,
                    },
                );
            }
            self.operations.push(Operation {
                name: name.clone(),
                service: service.to_owned(),
                input: text(&operation["input"]["shape"]),
                output,
                has_output,
            });
        }
    }

    /// The shape named `name`.
    pub fn shape(&self, name: &str) -> &Shape {
        self.shapes
            .get(name)
            .unwrap_or_else(|| panic!("the model has no shape {name}"))
    }

    /// The members of the structure named `name`.
    pub fn members(&self, name: &str) -> &[Member] {
        match &self.shape(name).kind {
            Kind::Structure(members) => members,
            _ => panic!("{name} is no structure"),
        }
    }

    /// All shapes that can be reached from the given ones, these included.
    fn reachable(&self, from: impl IntoIterator<Item = String>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open: Vec<String> = from.into_iter().collect();
        while let Some(name) = open.pop() {
            if found.contains(&name) {
                continue;
            }
            match &self.shape(&name).kind {
                Kind::Structure(members) => open.extend(members.iter().map(|member| member.shape.clone())),
                Kind::List(element) => open.push(element.clone()),
                Kind::Map { key, value } => open.extend([key.clone(), value.clone()]),
                _ => {}
            }
            found.insert(name);
        }
        found
    }

    /// All shapes of requests.
    pub fn input_shapes(&self) -> BTreeSet<String> {
        self.reachable(self.operations.iter().map(|operation| operation.input.clone()))
    }

    /// All shapes of responses, and those that exceptions carry.
    pub fn output_shapes(&self) -> BTreeSet<String> {
        let outputs = self.operations.iter().map(|operation| operation.output.clone());
        let exceptions = self.exceptions().flat_map(|name| self.members(name));
        self.reachable(outputs.chain(exceptions.map(|member| member.shape.clone())))
    }

    /// The exceptions.
    pub fn exceptions(&self) -> impl Iterator<Item = &String> {
        self.shapes
            .iter()
            .filter(|(_, shape)| shape.exception)
            .map(|(name, _)| name)
    }

    /// The Rust type of a shape's values.
    pub fn rust_type(&self, name: &str) -> String {
        match &self.shape(name).kind {
            Kind::Structure(_) | Kind::Enum(_) => name.to_owned(),
            Kind::List(element) => format!("Vec<{}>", self.rust_type(element)),
            Kind::Map { value, .. } => format!("IndexMap<String, {}>", self.rust_type(value)),
            Kind::Text => "String".to_owned(),
            Kind::Integer => "i32".to_owned(),
            Kind::Long => "i64".to_owned(),
            Kind::Double | Kind::Timestamp => "f64".to_owned(),
            Kind::Boolean => "bool".to_owned(),
            Kind::Blob => panic!("{name}: binaries outside of attribute values are not supported"),
            Kind::AttributeValue => "AttributeValue".to_owned(),
            Kind::AttributeMap => "AttributeMap".to_owned(),
        }
    }
}
