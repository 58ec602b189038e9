//! The ten packages the house is built with: each used, in manifest and source, at its door.

use super::Findings;
use crate::house::CARD;
use crate::tree::Tree;

/// Whether a package of the card is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// In the manifest and in the sources of its door.
    Used,
    /// The door does not exist or holds nothing yet.
    NoDoor,
    /// The door stands and the manifest does not name it.
    NotInManifest,
    /// The manifest names it and no source does.
    NotInSources,
}

/// How a package of the card is used: `names` are what cargo calls it, one of them is enough.
pub(crate) fn card_use(tree: &Tree, names: &[&str], door: &str) -> Use {
    let Some(package) = tree
        .package(door)
        .filter(|package| tree.holds_something(package))
    else {
        return Use::NoDoor;
    };
    let named: Vec<&&str> = names
        .iter()
        .filter(|name| package.needs.iter().any(|need| need == **name))
        .collect();
    if named.is_empty() {
        return Use::NotInManifest;
    }
    let written = named.iter().any(|name| {
        let word = name.replace('-', "_");
        tree.sources_of(package).any(|source| source.names(&word))
    });
    if written {
        Use::Used
    } else {
        Use::NotInSources
    }
}

pub(super) fn check(tree: &Tree) -> Findings {
    let wrong = CARD
        .iter()
        .filter_map(|(name, names, door)| match card_use(tree, names, door) {
            Use::Used | Use::NoDoor => None,
            Use::NotInManifest => Some(format!("{door} does not depend on {name}")),
            Use::NotInSources => Some(format!("{door} depends on {name} and never uses it")),
        });
    Findings::faults(wrong.collect())
}

#[cfg(test)]
mod tests;
