//! Document paths, and what SELECT makes of them.

use std::collections::HashSet;

use super::tree::{Columns, Term, TermKind, WrittenPath, WrittenStep};
use crate::condition::too_deep_path;
use crate::path::{Path, Step};
use crate::projection::Projection;

/// The document path that a term is.
pub(super) fn path(term: &Term) -> Result<Path, String> {
    let TermKind::Path(WrittenPath { root, steps }) = &term.kind else {
        return Err(unexpected(term));
    };
    let steps: Vec<Step> = steps.iter().map(step).collect::<Result<_, _>>()?;
    if root.is_empty() || steps.contains(&Step::Field(String::new())) {
        return Err(EMPTY_COMPONENT.to_owned());
    }
    if 1 + steps.len() > model::limits::NESTING_LEVELS_MAX {
        return Err(too_deep_path(1 + steps.len()));
    }
    Ok(Path {
        attribute: root.clone(),
        steps,
    })
}

pub(super) const EMPTY_COMPONENT: &str = "Path component cannot be an empty string";

fn unexpected(term: &Term) -> String {
    format!("Unexpected path component at {}", term.place)
}

fn step(step: &WrittenStep) -> Result<Step, String> {
    let index = match step {
        WrittenStep::Field(name) => return Ok(Step::Field(name.clone())),
        WrittenStep::AllFields => {
            return Err("Unpivot path component like a.*.b are not supported".to_owned());
        }
        WrittenStep::AllElements => {
            return Err("Wildcard path component like a[*].b are not supported".to_owned());
        }
        WrittenStep::Index(index) => index,
    };
    let TermKind::Number(digits) = &index.kind else {
        return Err(unexpected(index));
    };
    // `-0` is 0.
    let is_whole = digits
        .strip_prefix('-')
        .unwrap_or(digits)
        .bytes()
        .all(|byte| byte.is_ascii_digit());
    if !is_whole {
        return Err(unexpected(index));
    }
    match digits.parse::<i32>() {
        Ok(index @ 0..) => Ok(Step::Index(index.unsigned_abs() as usize)),
        _ => Err(format!(
            "List index is not within the allowable range; index: [{digits}] at {}",
            index.place
        )),
    }
}

/// The projection of a list of columns; `None` for all attributes.
pub(super) fn projection(columns: &Columns) -> Result<Option<Projection>, String> {
    let columns = match columns {
        Columns::All => return Ok(None),
        Columns::Value => {
            return Err("Select projection doesn't support value or pivot keywords".to_owned());
        }
        Columns::Some(columns) => columns,
    };
    let mut named: Vec<(String, Path)> = Vec::with_capacity(columns.len());
    let mut seen = HashSet::new();
    for (term, is_renamed) in columns {
        if *is_renamed {
            return Err(super::ALIASING.to_owned());
        }
        let path = path(term)?;
        let name = column_name(&path);
        if !seen.insert(name.clone()) {
            return Err(format!("Duplicate identifiers in select clause: {name}"));
        }
        named.push((name, path));
    }
    Ok(Some(Projection::of_columns(named)))
}

/// The name of a column: that of the path's last name, and the indexes behind it.
fn column_name(path: &Path) -> String {
    let mut name = path.attribute.clone();
    for step in &path.steps {
        match step {
            Step::Field(field) => name.clone_from(field),
            Step::Index(index) => name.push_str(&format!("[{index}]")),
        }
    }
    name
}
