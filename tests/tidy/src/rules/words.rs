//! Names that say nothing: of files, folders and types.
//!
//! Conservative on purpose: a word counts only where it is a whole part of a name (`UtilBox`,
//! `net_util.rs`), so that `utility` or `information` in a sentence is nobody's business here.

use super::Findings;
use crate::house::{BANNED_WORDS, WORD_EXCEPTIONS};
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Findings {
    let mut faults = Vec::new();
    for source in &tree.sources {
        let excused = |word: &str| {
            WORD_EXCEPTIONS
                .iter()
                .any(|(path, known, _)| source.path.starts_with(path) && *known == word)
        };
        for part in source.path.trim_end_matches(".rs").split('/') {
            for (word, instead) in banned_in(part).filter(|(word, _)| !excused(word)) {
                faults.push(format!(
                    "{}: {word} in a path, write {instead}",
                    source.path
                ));
            }
        }
        for (at, line) in source.code.lines().enumerate() {
            for (word, instead) in declared(line).into_iter().flat_map(banned_in) {
                if !excused(word) {
                    let place = format!("{}:{}", source.path, at + 1);
                    faults.push(format!("{place}: {word} in a type, write {instead}"));
                }
            }
        }
    }
    Findings::faults(faults)
}

/// The type a line declares. An indented `type` is given by someone else's trait.
fn declared(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().peekable();
    words.next_if(|word| word.starts_with("pub"));
    let kind = words.next()?;
    let own = matches!(kind, "struct" | "enum" | "trait" | "union");
    let alias = kind == "type" && !line.starts_with(' ');
    let name = words.next().filter(|_| own || alias)?;
    let end = name
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(name.len());
    name.get(..end)
}

fn banned_in(name: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let parts = parts(name);
    BANNED_WORDS
        .into_iter()
        .filter(move |(word, _)| parts.iter().any(|part| part == word))
}

/// `NetUtilBox` and `net_util-box` are net, util, box.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in name.chars() {
        if !c.is_alphanumeric() || c.is_uppercase() {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut().filter(|_| c.is_alphanumeric()) {
            part.extend(c.to_lowercase());
        }
    }
    parts
}

#[cfg(test)]
mod tests;
