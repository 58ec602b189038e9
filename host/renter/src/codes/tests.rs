//! Goal: a code is a promise. Method: compare the table with itself and with the manual.

use std::collections::BTreeSet;

use super::Code;

const MANUAL: &str = include_str!("../../../../docs/operating/renter-errors.md");

fn row(code: Code) -> String {
    format!(
        "| `{}` | {} | {} |",
        code.word(),
        code.blame().label(),
        code.next()
    )
}

#[test]
fn every_word_is_its_own_and_leads_back_to_its_code() {
    let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    assert_eq!(words.len(), Code::ALL.len());
    for code in Code::ALL {
        assert_eq!(Code::of_word(code.word()), Some(*code));
        let plain = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(code.word().chars().all(plain), "{code}");
    }
}

#[test]
fn every_code_stands_in_the_manual_with_who_acts_and_the_next_step() {
    let missing: Vec<String> = Code::ALL
        .iter()
        .map(|code| row(*code))
        .filter(|row| !MANUAL.lines().any(|line| line == row))
        .collect();
    assert!(missing.is_empty(), "add:\n{}", missing.join("\n"));
    let rows = MANUAL.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(rows.count(), Code::ALL.len(), "the manual names more");
}
