//! The shapes of requests as data, for those who describe what is wrong with one.

use crate::limits::{Limits, Pattern};

/// How an operation reports what is wrong with its request.
pub(crate) struct Report {
    pub input: &'static StructureShape,
    /// Groups of members; the first group with a violation is reported alone. Members that are in
    /// no group come last.
    pub phases: &'static [&'static [&'static str]],
    /// The member whose absence makes the operation report in the older wording, all at once.
    pub older_without: Option<&'static str>,
    /// The order of the members in that older report.
    pub older_order: &'static [&'static str],
    /// Members whose violations are reported without the envelope.
    pub bare: &'static [&'static str],
}

/// A structure.
pub(crate) struct StructureShape {
    pub name: &'static str,
    /// The names that show when the structure is shown, in order; its members unless given.
    pub echo: Option<&'static [&'static str]>,
    /// In the order in which they are checked.
    pub members: &'static [MemberShape],
}

/// A member of a structure.
pub(crate) struct MemberShape {
    pub name: &'static str,
    /// The name as messages spell it.
    pub spoken: &'static str,
    pub required: bool,
    /// The member is required unless that one is given.
    pub required_unless: Option<&'static str>,
    /// The sentence that reports, alone, that it is missing.
    pub missing: Option<&'static str>,
    /// The sentence that reports, alone, that its value is not one of the enum's.
    pub sentence: Option<&'static str>,
    /// The sentence that reports, alone, that its value is below its lower bound.
    pub below: Option<&'static str>,
    /// Likewise for the upper bound.
    pub above: Option<&'static str>,
    /// Whether a value below its lower bound is reported alone and in the generic form.
    pub generic_min: bool,
    /// Whether a value above its upper bound is.
    pub generic_max: bool,
    /// Whether a value that is not one of the enum's is reported without value and name.
    pub nameless: bool,
    /// Whether its value is shown as JSON.
    pub json_echo: bool,
    pub shape: Shape,
}

/// What a value has to be.
pub(crate) enum Shape {
    Structure(&'static StructureShape),
    List {
        limits: Limits,
        element: &'static Shape,
    },
    Map {
        limits: Limits,
        key_limits: Limits,
        value: &'static Shape,
    },
    Text(Limits),
    Enum {
        /// The values in the order in which the older wording lists them.
        older: &'static [&'static str],
        /// Likewise for the current wording.
        current: &'static [&'static str],
    },
    Integer(Limits),
    Long(Limits),
    Double,
    Boolean,
    AttributeValue,
    AttributeMap,
}

include!(concat!(env!("OUT_DIR"), "/tables.rs"));

/// Those of CloudWatch.
pub(crate) mod cloudwatch {
    use super::{Limits, MemberShape, Report, Shape, StructureShape};
    use crate::limits::Pattern;

    include!(concat!(env!("OUT_DIR"), "/cloudwatch_tables.rs"));
}

/// Those of Application Auto Scaling.
pub(crate) mod scaling {
    use super::{Limits, MemberShape, Report, Shape, StructureShape};
    use crate::limits::Pattern;

    include!(concat!(env!("OUT_DIR"), "/scaling_tables.rs"));
}
