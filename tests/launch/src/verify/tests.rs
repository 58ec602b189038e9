//! Goal: the right tiers run in the right order. Method: names in, names out.

use super::choose;
use crate::tiers::TIERS;

fn names(given: &[&str]) -> Vec<&'static str> {
    let given: Vec<String> = given.iter().map(|name| (*name).to_owned()).collect();
    choose(&given)
        .expect("these tiers exist")
        .iter()
        .map(|tier| tier.name)
        .collect()
}

#[test]
fn no_names_mean_all_tiers() {
    assert_eq!(names(&[]).len(), TIERS.len());
}

#[test]
fn tiers_run_in_their_own_order() {
    assert_eq!(names(&["vectors", "tidy"]), ["tidy", "vectors"]);
}

#[test]
fn a_tier_that_starts_programs_brings_the_build() {
    assert_eq!(names(&["crash"]), ["build", "crash"]);
}

#[test]
fn an_unknown_tier_is_refused_by_name() {
    let error = choose(&["crush".to_owned()]).expect_err("there is no such tier");
    assert!(error.to_string().contains("crush"));
}

#[test]
fn the_limits_of_the_tiers_are_more_than_their_budget_and_less_than_a_day() {
    // `boot` runs only when it is named.
    let all = TIERS.iter().filter(|tier| tier.name != "boot");
    let minutes: u64 = all.map(|tier| tier.minutes).sum();
    assert!((45..=240).contains(&minutes), "{minutes} minutes");
}
