//! The repository in memory: packages, sources, documents.
//!
//! Enters: a root directory, or pairs of path and text in tests. Leaves: [`Tree`], sorted by path.
//! Build output and other people's packages are left out; everything else that is text is read.

use crate::manifest::Package;
use crate::source::Source;
use std::fs;
use std::io;
use std::path::Path;

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 6] = [".git", "target", "node_modules", "out", "cache", "fuzz-out"];
/// What is read; every other file is not text of ours.
const ENDINGS: [&str; 6] = ["rs", "toml", "md", "sol", "mjs", "sh"];

/// What the rules look at.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Every package.
    pub(crate) packages: Vec<Package>,
    /// Every Rust file.
    pub(crate) sources: Vec<Source>,
    /// Every file read, Rust files too, as path and text.
    pub(crate) files: Vec<(String, String)>,
    /// Manifests that cannot be read.
    pub(crate) unreadable: Vec<String>,
}

impl Tree {
    /// Reads a repository. Errors: what the system says about the first unreadable file.
    pub(crate) fn read(root: &Path) -> io::Result<Tree> {
        let mut files = Vec::new();
        walk(root, "", &mut files)?;
        Ok(Tree::of(files))
    }

    /// Makes a tree from paths and texts.
    pub(crate) fn of(mut files: Vec<(String, String)>) -> Tree {
        files.sort();
        let mut tree = Tree::default();
        for (path, text) in &files {
            if path.ends_with(".rs") {
                tree.sources.push(Source::new(path, text));
            }
            if let Some(folder) = path.strip_suffix("/Cargo.toml") {
                match Package::parse(folder, text) {
                    Ok(package) => tree.packages.push(package),
                    Err(_) if text.contains("[workspace]") => {}
                    Err(fault) => tree.unreadable.push(fault),
                }
            }
        }
        tree.files = files;
        tree
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|(known, _)| known == path)
            .map(|(_, text)| text.as_str())
    }

    /// The package of a name.
    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// The sources of a package, without those of packages in folders below it.
    pub(crate) fn sources_of<'a>(
        &'a self,
        package: &'a Package,
    ) -> impl Iterator<Item = &'a Source> {
        self.sources.iter().filter(move |source| {
            self.package_of(&source.path)
                .is_some_and(|own| own.name == package.name)
        })
    }

    /// The package a file belongs to: the one with the longest folder above it.
    pub(crate) fn package_of(&self, path: &str) -> Option<&Package> {
        let above = |package: &&Package| {
            path.strip_prefix(&package.folder)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        self.packages
            .iter()
            .filter(above)
            .max_by_key(|package| package.folder.len())
    }

    /// Whether a room holds any code yet.
    pub(crate) fn holds_something(&self, package: &Package) -> bool {
        self.sources_of(package)
            .any(|source| !source.code.trim().is_empty())
    }
}

fn walk(root: &Path, folder: &str, files: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(root, &path, files)?;
        } else if kind.is_file() && ENDINGS.iter().any(|ending| has_ending(&name, ending)) {
            let bytes = fs::read(entry.path())?;
            files.push((path, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(())
}

fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|found| found == ending)
}

#[cfg(test)]
pub(crate) mod tests;
