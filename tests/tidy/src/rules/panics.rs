//! What a product does not do (panic by habit) and what a test does not do (ignore, sleep).

use super::Findings;
use crate::source::has_word;
use crate::tree::Tree;

/// Written without the closing part, so that arguments do not matter.
const PANICS: [&str; 6] = [
    ".unwrap()",
    ".unwrap_err()",
    "todo!(",
    "unimplemented!(",
    "panic!(",
    "dbg!(",
];

pub(super) fn check(tree: &Tree) -> Findings {
    let mut faults = Vec::new();
    for source in &tree.sources {
        for (at, line) in source.product_lines() {
            if let Some(word) = PANICS.iter().find(|word| line.contains(**word)) {
                faults.push(format!("{}:{at}: {word} outside tests", source.path));
            }
        }
    }
    Findings::faults(faults)
}

pub(super) fn of_tests(tree: &Tree) -> Findings {
    let mut findings = Findings::default();
    for source in &tree.sources {
        for (at, line) in source.code.lines().enumerate() {
            let place = format!("{}:{}", source.path, at + 1);
            if line.contains("#[should_panic") || line.contains("#[ignore") {
                findings.faults.push(format!("{place}: {}", line.trim()));
            }
            if source.is_test() && has_word(line, "sleep") && line.contains("sleep(") {
                findings
                    .notes
                    .push(format!("{place}: a test sleeps, wait for a fact instead"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests;
