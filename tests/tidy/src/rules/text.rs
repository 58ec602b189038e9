//! What a file shows before one reads it: head, imports, open ends, place in the module tree,
//! width, and that it names no single machine.

use super::Findings;
use crate::source::has_word;
use crate::tree::Tree;

pub(super) fn heads(tree: &Tree) -> Findings {
    let headless = tree
        .sources
        .iter()
        .filter(|source| !source.text.starts_with("//! "));
    Findings::faults(
        headless
            .map(|source| format!("{}: no `//!` head", source.path))
            .collect(),
    )
}

pub(super) fn globs(tree: &Tree) -> Findings {
    let mut faults = Vec::new();
    for source in &tree.sources {
        for (at, line) in source.product_lines() {
            let line = line.trim();
            let import = line.starts_with("use ") || line.starts_with("pub");
            if import && line.contains("::*") && has_word(line, "use") {
                faults.push(format!("{}:{at}: {line}", source.path));
            }
        }
    }
    Findings::faults(faults)
}

/// Open ends carry the number under which someone will close them.
pub(super) fn todos(tree: &Tree) -> Findings {
    // Spelt in two parts, so that this file does not find itself.
    let open = concat!("TO", "DO");
    let banned = [
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
    ];
    let mut faults = Vec::new();
    let read = tree.files.iter().filter(|(path, _)| is_written_by_us(path));
    for (path, text) in read.filter(|(path, _)| !path.starts_with("tests/tidy/")) {
        for (at, line) in text.lines().enumerate() {
            let bare = has_word(line, open)
                && !line
                    .split(open)
                    .skip(1)
                    .all(|rest| is_numbered(rest) || rest.starts_with('`'));
            let mark = banned.iter().any(|word| has_word(line, word));
            if (bare || mark) && !path.ends_with(".md") {
                faults.push(format!("{path}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    Findings::faults(faults)
}

fn is_numbered(rest: &str) -> bool {
    let inside = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    inside
        .is_some_and(|(number, _)| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
}

fn is_written_by_us(path: &str) -> bool {
    [".rs", ".sol", ".mjs", ".md", ".sh"]
        .iter()
        .any(|ending| path.ends_with(ending))
}

/// `foo.rs` beside `foo/`, and a `mod` that names every file.
pub(super) fn modules(tree: &Tree) -> Findings {
    let mut faults = Vec::new();
    for source in &tree.sources {
        if source.stem() == "mod" {
            faults.push(format!("{}: name it after its folder", source.path));
        } else if let Some((folder, package)) = inner_file(tree, &source.path) {
            let parents = [
                format!("{folder}.rs"),
                format!("{folder}/lib.rs"),
                format!("{folder}/main.rs"),
                format!("{package}/src/lib.rs"),
                format!("{package}/src/main.rs"),
            ];
            let word = format!("mod {};", source.stem());
            let inline = format!("mod {} {{", source.stem());
            let known = parents
                .iter()
                .filter_map(|path| tree.sources.iter().find(|s| s.path == *path));
            if !known
                .into_iter()
                .any(|s| s.code.contains(&word) || s.code.contains(&inline))
            {
                faults.push(format!("{}: no `{word}` names it", source.path));
            }
        }
    }
    Findings::faults(faults)
}

/// The folder of a file that needs a `mod`, and its package's folder. Programs and libraries need
/// none, nor does what stands outside of `src`.
fn inner_file<'a>(tree: &'a Tree, path: &'a str) -> Option<(&'a str, &'a str)> {
    let package = tree.package_of(path)?;
    let inside = path.strip_prefix(&package.folder)?.strip_prefix("/src/")?;
    let own_root = matches!(inside, "lib.rs" | "main.rs") || inside.starts_with("bin/");
    if own_root {
        return None;
    }
    let (folder, _) = path.rsplit_once('/')?;
    Some((folder, &package.folder))
}

pub(super) fn width(tree: &Tree) -> Findings {
    let mut faults = Vec::new();
    for source in &tree.sources {
        for (at, line) in source.text.lines().enumerate() {
            let is_address = line.contains("http://") || line.contains("https://");
            let literal = source.is_test() || line.trim_start().starts_with('"');
            if line.chars().count() > 100 && !is_address && !literal {
                faults.push(format!(
                    "{}:{}: wider than 100 columns",
                    source.path,
                    at + 1
                ));
            }
        }
    }
    Findings::faults(faults)
}

/// A path that exists on one machine only would be a riddle everywhere else.
pub(super) fn places(tree: &Tree) -> Findings {
    let places = [
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/wo", "rk/"),
        concat!("C:\\", "Users"),
    ];
    let mut faults = Vec::new();
    for (path, text) in &tree.files {
        for (at, line) in text.lines().enumerate() {
            if let Some(place) = places.iter().find(|place| names_place(line, place)) {
                faults.push(format!("{path}:{}: names {place}", at + 1));
            }
        }
    }
    Findings::faults(faults)
}

/// As an absolute path, not as the middle of a longer one.
fn names_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().last());
        !before.is_some_and(|c| c.is_alphanumeric() || "/_-.~}$".contains(c))
    })
}

#[cfg(test)]
mod tests;
