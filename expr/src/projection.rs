//! Projection expressions: what of an item is returned.

use std::collections::HashSet;

use model::{Encoder, Item, MapRef};

use crate::attributes::ExpressionAttributes;
use crate::condition::resolve_path;
use crate::error::{ExpressionError, ExpressionKind};
use crate::form;
use crate::path::Path;
use crate::path_tree::{Fields, join_paths, select};
use crate::syntax;

/// A projection, parsed and checked.
#[derive(Clone, Debug)]
pub struct Projection {
    /// In the order written.
    paths: Vec<Path>,
    shape: Shape,
}

/// How what the paths select is put together.
#[derive(Clone, Debug)]
enum Shape {
    /// As it stands in the item, around it nothing else.
    Document(Fields),
    /// Side by side under these names, one for each path, as PartiQL does.
    Columns(Vec<String>),
}

impl Projection {
    /// Parses and checks a ProjectionExpression.
    pub fn parse(text: &str, attributes: &mut ExpressionAttributes<'_>) -> Result<Self, ExpressionError> {
        Self::parse_plain(text, attributes)
            .map_err(|problem| ExpressionError::invalid(ExpressionKind::Projection, problem))
    }

    fn parse_plain(text: &str, attributes: &mut ExpressionAttributes<'_>) -> Result<Self, String> {
        let raw = syntax::parse_projection(text)?;
        raw.iter().try_for_each(form::check_path)?;
        let paths: Vec<Path> = raw
            .iter()
            .map(|path| resolve_path(path, attributes))
            .collect::<Result<_, _>>()?;
        Self::of_paths(paths)
    }

    fn of_paths(paths: Vec<Path>) -> Result<Self, String> {
        let tree = join_paths(&paths.iter().collect::<Vec<_>>())?;
        Ok(Projection {
            paths,
            shape: Shape::Document(tree),
        })
    }

    /// The projection of the legacy AttributesToGet: top-level attributes by name.
    pub fn from_attributes_to_get(names: &[String]) -> Result<Self, ExpressionError> {
        let mut seen = HashSet::with_capacity(names.len());
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(ExpressionError::request(format!(
                "One or more parameter values were invalid: Duplicate value in attribute name: {twice}"
            )));
        }
        Self::of_paths(names.iter().map(Path::of_attribute).collect()).map_err(ExpressionError::request)
    }

    /// The projection of a SELECT: what stands at each path, under its name. No two names are equal.
    pub(crate) fn of_columns(columns: Vec<(String, Path)>) -> Self {
        let (names, paths) = columns.into_iter().unzip();
        Projection {
            paths,
            shape: Shape::Columns(names),
        }
    }

    /// What the projection selects of `item`. Keys are not added; elements of lists come in the order of
    /// the list, without gaps (AWS-FACTS 38).
    pub fn apply(&self, item: MapRef<'_>) -> Item {
        let names = match &self.shape {
            Shape::Document(tree) => return select(tree, item),
            Shape::Columns(names) => names,
        };
        let (mut encoder, open) = Encoder::item(256);
        for (name, path) in names.iter().zip(&self.paths) {
            if let Some(value) = path.find(item) {
                encoder.name(name.as_bytes());
                encoder.value(&value);
            }
        }
        encoder.finish(open)
    }

    /// The top-level attributes of its paths, in the order written; one may come twice.
    pub fn top_level_attributes(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(|path| path.attribute.as_str())
    }

    /// The document paths that it selects, in the order written.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter()
    }
}
