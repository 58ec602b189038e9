//! Goal: every test program runs in exactly one tier. Method: names and rooms in, tier out.

use super::{Programs, targets, tier_of};
use std::collections::BTreeSet;

fn rooms(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_name_decides_the_tier_before_the_room_does() {
    assert_eq!(tier_of("it", &rooms(&["chain"])), "it");
    assert_eq!(tier_of("properties", &rooms(&["proof"])), "unit");
    assert_eq!(tier_of("wire_vectors", &rooms(&["services"])), "vectors");
    assert_eq!(tier_of("crash", &rooms(&["store"])), "crash");
}

#[test]
fn other_names_of_the_chain_rooms_belong_to_the_chain() {
    assert_eq!(tier_of("kill", &rooms(&["devchain"])), "chain");
    assert_eq!(tier_of("kill", &rooms(&["devchain", "store"])), "it");
    assert_eq!(tier_of("hub_process", &rooms(&["services"])), "it");
}

#[test]
fn every_program_is_in_one_tier() {
    let programs: Programs = [
        "it",
        "kill",
        "properties",
        "vectors",
        "crash",
        "chain",
        "odd",
    ]
    .iter()
    .map(|name| ((*name).to_owned(), rooms(&["devchain"])))
    .collect();
    let tiers = ["unit", "it", "crash", "chain", "vectors"];
    let all: usize = tiers
        .iter()
        .map(|tier| targets(&programs, tier).len())
        .sum();
    assert_eq!(all, programs.len());
}
