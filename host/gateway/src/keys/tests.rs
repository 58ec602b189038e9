//! What a key reaches, how often, and what only reads.

use super::*;

fn key(buckets: &[&str]) -> AccessKey {
    AccessKey {
        sealed: String::new(),
        name: String::new(),
        buckets: buckets.iter().map(|&name| name.to_owned()).collect(),
        read_only: false,
        quota: None,
        rate: None,
        created_ms: 0,
    }
}

#[test]
fn a_key_reaches_the_buckets_it_names() {
    assert!(key(&[]).reaches("any"));
    assert!(key(&["ci-*", "docs"]).reaches("ci-7"));
    assert!(key(&["ci-*", "docs"]).reaches("docs"));
    assert!(!key(&["ci-*", "docs"]).reaches("docs-2"));
}

#[test]
fn a_rate_is_by_key_and_second() {
    let rates = Rates::default();
    assert!(rates.take("a", 1, 2));
    assert!(rates.take("a", 1, 2));
    assert!(!rates.take("a", 1, 2));
    assert!(rates.take("b", 1, 2));
    assert!(rates.take("a", 2, 2));
}

#[test]
fn reading_is_what_changes_nothing() {
    assert!(only_reads("GetObject") && only_reads("HeadBucket") && only_reads("ListParts"));
    assert!(!only_reads("PutObject") && !only_reads("CreateBucket"));
}
