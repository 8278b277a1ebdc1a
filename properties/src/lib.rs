//! What must hold for any input, whatever its bytes: one function for each fuzz target, which panics
//! where its property does not hold.
//!
//! The targets of `fuzz/` call these functions with inputs that libFuzzer finds; the random test of
//! this crate calls them with mutations of the kept corpus, on any toolchain ([`mutation`]).

mod expressions;
mod items;
pub mod json;
pub mod keys;
mod partiql;
mod requests;
mod values;

pub mod mutation;

/// A property under the name of its fuzz target and its corpus.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// Panics where the property does not hold for an input.
    pub check: fn(&[u8]),
}

/// All properties.
pub const TARGETS: &[Target] = &[
    Target {
        name: "json",
        check: json::check,
    },
    Target {
        name: "expressions",
        check: expressions::check,
    },
    Target {
        name: "partiql",
        check: partiql::check,
    },
    Target {
        name: "keys",
        check: keys::check,
    },
    Target {
        name: "items",
        check: items::check,
    },
    Target {
        name: "requests",
        check: requests::check,
    },
];

/// The property of that name.
///
/// # Panics
///
/// Where there is none.
pub fn target(name: &str) -> Target {
    *TARGETS
        .iter()
        .find(|target| target.name == name)
        .expect("a target is asked for by a name in TARGETS")
}
