//! Goal: the list of mutants follows the sources. Method: every edit is made in memory.

use std::path::Path;

use super::list;

#[test]
fn every_mutant_finds_its_place_in_the_sources_exactly_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mutants = list().expect("the list reads");
    assert!(mutants.len() >= 5);
    for edit in mutants.iter().flat_map(|mutant| &mutant.edit) {
        let text = std::fs::read_to_string(root.join(&edit.file)).expect("a source");
        let mutated = edit.of(&text).expect("once");
        assert_ne!(mutated, text);
    }
}
