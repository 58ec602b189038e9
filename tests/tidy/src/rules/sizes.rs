//! Sizes: a sign to look again, and one bound that no file passes.

use super::Findings;
use crate::house::{FILE_LINES, FUNCTION_LINES};
use crate::shape::functions;
use crate::tree::Tree;

pub(super) fn check(tree: &Tree) -> Findings {
    let (look_again, bound) = FILE_LINES;
    let mut findings = Findings::default();
    for (path, text) in tree.files.iter().filter(|(path, _)| path != "Cargo.lock") {
        let lines = text.lines().count();
        let told = format!("{path}: {lines} lines");
        if lines > bound {
            findings.faults.push(told);
        } else if lines > look_again {
            findings.notes.push(told);
        }
    }
    for source in &tree.sources {
        let long = functions(&source.product)
            .into_iter()
            .filter(|f| f.len > FUNCTION_LINES);
        findings.notes.extend(
            long.map(|f| format!("{}:{}: {} has {} lines", source.path, f.line, f.name, f.len)),
        );
    }
    findings
}

#[cfg(test)]
mod tests;
