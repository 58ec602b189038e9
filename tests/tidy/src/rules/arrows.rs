//! Arrows between rooms: levels (R1; tests may also look sideways), drivers (R3), the table in
//! docs/ARCHITECTURE.md (R8), and that every manifest takes versions and lints from the workspace.

use super::Findings;
use crate::house::{ARROW_EXCEPTIONS, DRIVERS, LEVELS, OWN_WORKSPACES, ROOTS, UNSAFE_ROOMS};
use crate::manifest::Package;
use crate::tree::Tree;
use std::collections::BTreeSet;

const MAP: &str = "docs/ARCHITECTURE.md";

/// Every arrow of product rooms: from, to, whether only tests need it.
fn arrows(tree: &Tree) -> impl Iterator<Item = (&Package, &Package, bool)> {
    let inside = tree.packages.iter().filter(|package| !package.is_outside());
    inside.flat_map(move |package| {
        let needs = package.needs.iter().map(|name| (name, false));
        let all = needs.chain(package.dev_needs.iter().map(|name| (name, true)));
        all.filter_map(move |(name, dev)| Some((package, tree.package(name)?, dev)))
    })
}

fn level(name: &str) -> Option<u8> {
    LEVELS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, level)| *level)
}

fn group(name: &str) -> &str {
    name.split('-').next().unwrap_or(name)
}

pub(super) fn levels(tree: &Tree) -> Findings {
    let mut faults: Vec<String> = tree.unreadable.clone();
    for package in tree.packages.iter().filter(|package| !package.is_outside()) {
        if level(&package.name).is_none() {
            faults.push(format!(
                "{} has no level in tests/tidy/src/house.rs",
                package.name
            ));
        }
        if package.name != package.folder.replace('/', "-") {
            faults.push(format!(
                "{} is not named after {}",
                package.name, package.folder
            ));
        }
    }
    for (from, to, dev) in arrows(tree) {
        let allowed = ARROW_EXCEPTIONS
            .iter()
            .any(|(a, b, _)| *a == from.name && *b == to.name);
        let (Some(upper), Some(lower)) = (level(&from.name), level(&to.name)) else {
            continue;
        };
        let groups = (group(&from.name), group(&to.name));
        let down = match groups {
            (a, b) if a == b => upper > lower || (dev && upper == lower),
            ("host", "board") => ["host-daemon", "host-cli", "host-box"].contains(&&*from.name),
            ("image", _) => true,
            _ => false,
        };
        if !down && !allowed {
            faults.push(format!(
                "{} (level {upper}) imports {} (level {lower})",
                from.name, to.name
            ));
        }
    }
    Findings::faults(faults)
}

pub(super) fn drivers(tree: &Tree) -> Findings {
    let wrong = arrows(tree).filter(|(from, to, dev)| {
        !dev && DRIVERS.contains(&to.name.as_str()) && !ROOTS.contains(&from.name.as_str())
    });
    Findings::faults(
        wrong
            .map(|(from, to, _)| {
                format!(
                    "{} imports the driver {}, take its seam",
                    from.name, to.name
                )
            })
            .collect(),
    )
}

/// The table has lines `| host-store | host-core, host-ledger |`.
pub(super) fn written_down(tree: &Tree) -> Findings {
    let Some(map) = tree.text(MAP) else {
        return Findings::faults(vec![format!("{MAP} is missing")]);
    };
    let written: BTreeSet<(String, String)> = map.lines().flat_map(row).collect();
    let real: BTreeSet<(String, String)> = arrows(tree)
        .filter(|(_, _, dev)| !dev)
        .map(|(from, to, _)| (from.name.clone(), to.name.clone()))
        .collect();
    let missing = real.difference(&written);
    let gone = written.difference(&real);
    Findings {
        faults: missing
            .map(|(a, b)| format!("{MAP} does not hold the arrow {a} -> {b}"))
            .collect(),
        notes: gone
            .map(|(a, b)| format!("{MAP} holds {a} -> {b}, which is no arrow"))
            .collect(),
    }
}

/// The table as it should stand: one row a room, in the order of levels.
pub(crate) fn table(tree: &Tree) -> String {
    let mut text = String::from("| room | imports |\n|---|---|\n");
    for (name, _) in LEVELS {
        let mut names: Vec<String> = arrows(tree)
            .filter(|(from, _, dev)| from.name == name && !dev)
            .map(|(_, to, _)| format!("`{}`", to.name))
            .collect();
        names.sort();
        if !names.is_empty() {
            text.push_str(&format!("| `{name}` | {} |\n", names.join(", ")));
        }
    }
    text
}

fn row(line: &str) -> Vec<(String, String)> {
    let mut cells = line.trim().trim_matches('|').split('|').map(str::trim);
    let (Some(from), Some(to)) = (cells.next(), cells.next()) else {
        return Vec::new();
    };
    let names = to.split(',').map(|name| name.trim().trim_matches('`'));
    let from = from.trim_matches('`');
    if level(from).is_none() {
        return Vec::new();
    }
    names
        .filter(|name| level(name).is_some())
        .map(|name| (from.to_owned(), name.to_owned()))
        .collect()
}

pub(super) fn manifests(tree: &Tree) -> Findings {
    let mut faults = Vec::new();
    for package in tree
        .packages
        .iter()
        .filter(|package| !OWN_WORKSPACES.contains(&package.folder.as_str()))
    {
        for name in &package.own_versions {
            faults.push(format!(
                "{}/Cargo.toml: {name} is not from the workspace",
                package.folder
            ));
        }
        if !package.workspace_lints && !UNSAFE_ROOMS.contains(&package.name.as_str()) {
            faults.push(format!(
                "{}/Cargo.toml does not take the workspace's lints",
                package.folder
            ));
        }
    }
    Findings::faults(faults)
}

#[cfg(test)]
mod tests;
