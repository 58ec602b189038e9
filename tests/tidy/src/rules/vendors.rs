//! What belongs to one room: vendors (R2), the runtime (R4), unsafe code (R5), the renter's feature
//! (R6), logging (R7).

use super::Findings;
use crate::house::{DOORS, PURE_ROOMS, ROOTS, TOKIO_ROOMS, UNSAFE_ROOMS};
use crate::manifest::Package;
use crate::source::has_word;
use crate::tree::Tree;

fn inside(tree: &Tree) -> impl Iterator<Item = &Package> {
    tree.packages.iter().filter(|package| !package.is_outside())
}

fn is_at(package: &Package, doors: &[&str]) -> bool {
    let name = package.name.as_str();
    doors
        .iter()
        .any(|door| *door == name || (door.ends_with('/') && package.folder.starts_with(door)))
}

pub(super) fn doors(tree: &Tree) -> Findings {
    let mut faults = Vec::new();
    for package in inside(tree) {
        for need in package.needs.iter().chain(&package.dev_needs) {
            let door = DOORS.iter().find(|(vendor, _)| vendor == need);
            if let Some((vendor, doors)) = door.filter(|(_, doors)| !is_at(package, doors)) {
                faults.push(format!(
                    "{} names {vendor}, whose door is {doors:?}",
                    package.name
                ));
            }
        }
    }
    Findings::faults(faults)
}

pub(super) fn tokio(tree: &Tree) -> Findings {
    let wrong = inside(tree).filter(|package| {
        let name = package.name.as_str();
        let needs = package
            .needs
            .iter()
            .any(|need| need == "tokio" || need.starts_with("tokio-"));
        needs && !TOKIO_ROOMS.contains(&name) && !ROOTS.contains(&name)
    });
    Findings::faults(
        wrong
            .map(|package| format!("{} names tokio", package.name))
            .collect(),
    )
}

pub(super) fn unsafety(tree: &Tree) -> Findings {
    let mut faults = Vec::new();
    for source in &tree.sources {
        let room = tree
            .package_of(&source.path)
            .map(|package| package.name.as_str());
        if room.is_some_and(|room| UNSAFE_ROOMS.contains(&room)) {
            continue;
        }
        for (at, line) in source.code.lines().enumerate() {
            let lifts = line.contains("allow(unsafe_code)") || line.contains("expect(unsafe_code");
            if has_word(line, "unsafe") || lifts {
                faults.push(format!("{}:{}: unsafe", source.path, at + 1));
            }
        }
    }
    Findings::faults(faults)
}

pub(super) fn renter_feature(tree: &Tree) -> Findings {
    let mut faults = Vec::new();
    for source in &tree.sources {
        let root = tree
            .package_of(&source.path)
            .is_some_and(|package| ROOTS.contains(&package.name.as_str()) || package.is_outside());
        // The name of the feature is a literal, which `code` blanks: `cfg` must stand in the code
        // of a line and the rest in its text.
        for (at, (line, code)) in source.text.lines().zip(source.code.lines()).enumerate() {
            if !root && line.contains("feature = \"renter\"") && has_word(code, "feature") {
                faults.push(format!("{}:{}: the renter's feature", source.path, at + 1));
            }
        }
    }
    Findings::faults(faults)
}

pub(super) fn pure(tree: &Tree) -> Findings {
    const LOGGING: [&str; 6] = ["tracing", "log", "println", "eprintln", "print", "eprint"];
    let mut faults = Vec::new();
    for package in inside(tree).filter(|package| PURE_ROOMS.contains(&package.name.as_str())) {
        for need in package
            .needs
            .iter()
            .filter(|need| *need == "tracing" || *need == "log")
        {
            faults.push(format!(
                "{}/Cargo.toml: a pure room names {need}",
                package.folder
            ));
        }
        for source in tree.sources_of(package) {
            for (at, line) in source.product_lines() {
                let word = LOGGING
                    .iter()
                    .find(|word| line.contains(&format!("{word}!(")));
                if let Some(word) = word.or(line.contains("tracing::").then_some(&"tracing")) {
                    faults.push(format!("{}:{at}: a pure room speaks ({word})", source.path));
                }
            }
        }
    }
    Findings::faults(faults)
}

#[cfg(test)]
mod tests;
