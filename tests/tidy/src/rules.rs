//! The rules: each a pure function from the tree to what it found.
//!
//! A fault fails the rule; a note is told and fails nothing.

mod arrows;
mod card;
mod documents;
mod panics;
mod sizes;
mod text;
mod vendors;
mod words;

use crate::tree::Tree;

pub(crate) use arrows::table as arrow_table;
pub(crate) use card::{Use, card_use};

/// What a rule found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What breaks the rule, each with its place.
    pub(crate) faults: Vec<String>,
    /// What a person should look at again.
    pub(crate) notes: Vec<String>,
}

impl Findings {
    fn faults(faults: Vec<String>) -> Findings {
        Findings {
            faults,
            notes: Vec::new(),
        }
    }
}

/// A rule of the house.
pub(crate) struct Rule {
    /// Its short name.
    pub(crate) id: &'static str,
    /// What holds when nothing is found.
    pub(crate) about: &'static str,
    /// The check.
    pub(crate) check: fn(&Tree) -> Findings,
}

const fn rule(id: &'static str, about: &'static str, check: fn(&Tree) -> Findings) -> Rule {
    Rule { id, about, check }
}

/// Every rule, in the order of the report.
pub(crate) static RULES: [Rule; 24] = [
    rule(
        "R1 levels",
        "a room imports only from lower levels",
        arrows::levels,
    ),
    rule("R2 doors", "one room a vendor", vendors::doors),
    rule(
        "R3 drivers",
        "drivers are known to roots, tests and benches alone",
        arrows::drivers,
    ),
    rule(
        "R4 tokio",
        "tokio is named where a runtime belongs",
        vendors::tokio,
    ),
    rule(
        "R5 unsafe",
        "unsafe code stays in its room",
        vendors::unsafety,
    ),
    rule(
        "R6 renter",
        "cfg(feature = \"renter\") stays in the roots",
        vendors::renter_feature,
    ),
    rule("R7 pure", "pure rooms do not log", vendors::pure),
    rule(
        "R8 arrows",
        "every arrow stands in docs/ARCHITECTURE.md",
        arrows::written_down,
    ),
    rule(
        "manifests",
        "versions and lints come from the workspace",
        arrows::manifests,
    ),
    rule(
        "card",
        "the ten packages are used at their doors",
        card::check,
    ),
    rule(
        "heads",
        "every file begins with what it is for",
        text::heads,
    ),
    rule(
        "panics",
        "no unwrap, panic, todo outside tests",
        panics::check,
    ),
    rule("globs", "no glob imports outside tests", text::globs),
    rule("todo", "TODO only as TODO(number)", text::todos),
    rule("words", "no name that says nothing", words::check),
    rule(
        "modules",
        "foo.rs beside foo/, never mod.rs; no file unknown to cargo",
        text::modules,
    ),
    rule("width", "at most 100 columns", text::width),
    rule(
        "tests",
        "tests neither ignore, nor expect a panic; a sleep is told",
        panics::of_tests,
    ),
    rule("titles", "one title a document", documents::titles),
    rule("links", "documents that are named exist", documents::links),
    rule(
        "formats",
        "byte layouts are written down and pointed at",
        documents::formats,
    ),
    rule(
        "advisories",
        "an ignored advisory has a reason and an end",
        documents::advisories,
    ),
    rule(
        "places",
        "no path of one machine is written down",
        text::places,
    ),
    rule(
        "sizes",
        "files under 900 lines; longer than 600 is told",
        sizes::check,
    ),
];
