//! Question: how long does it take to recompute the scores of 100,000 hosts from what three hubs
//! counted?
//!
//! Unit: seconds of one core for facts of every hub, their merge and the score of each host;
//! "theirs" is the budget of one second. Signatures are not part of it: a page of 256 hosts has
//! one. Expected: a host is some hundred comparisons and seven small vectors sorted, about a
//! microsecond; a tenth of a second for all.

use std::hint::black_box;
use std::time::Instant;

use host_core::PeerId;
use host_core::witness::{ScoreRules, Watched};
use host_score::{facts, merge, score};

use crate::rows::{Goal, Report, Row};

/// Hubs whose counts are merged.
const HUBS: usize = 3;
/// Seconds all may take.
const BUDGET: f64 = 1.0;
/// When the hubs say so.
const AT_MS: u64 = 60 * 86_400_000;

/// Measures the recomputation; `quick` takes few hosts.
#[must_use]
pub fn report(quick: bool) -> Report {
    let (hosts, rounds) = if quick { (2_000, 1) } else { (100_000, 5) };
    let hubs: Vec<Vec<Watched>> = (0..HUBS).map(|hub| counted(hosts, hub)).collect();
    let rules = ScoreRules::default();
    let mut report = Report::default();
    let mut figures = Vec::new();
    let mut sum = 0;
    for _ in 0..rounds {
        let start = Instant::now();
        sum = recompute(black_box(&hubs), &rules);
        figures.push((start.elapsed().as_secs_f64(), BUDGET));
    }
    let note = format!("score: points of {hosts} hosts by {HUBS} hubs sum up to {sum}");
    report.notes.push(note);
    let name = format!("recompute {hosts} scores, seconds / budget");
    report
        .rows
        .push(Row::new(name, "s", &figures, Goal::AtMost(1.0)));
    report
}

fn recompute(hubs: &[Vec<Watched>], rules: &ScoreRules) -> u64 {
    let hosts = hubs.first().map_or(0, Vec::len);
    let one = |index: usize| {
        let told = hubs.iter().map(|hub| hub.get(index));
        let told: Vec<_> = told
            .map(|watched| watched.map(|watched| facts(watched, AT_MS, rules)))
            .collect();
        u64::from(score(&merge(&told), rules).total)
    };
    (0..hosts).map(one).sum()
}

/// What one hub counted of so many hosts, no two alike.
fn counted(hosts: usize, hub: usize) -> Vec<Watched> {
    let one = |index: usize| {
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let mut host = [2; 33];
        host[1..5].copy_from_slice(&number.to_be_bytes());
        let age_ms = u64::from(number) * 50_000 % AT_MS;
        let seen = number.wrapping_mul(2_654_435_761) % 43_200 + u32::try_from(hub).unwrap_or(0);
        Watched {
            host: PeerId(host),
            first_ms: AT_MS - age_ms,
            last_ms: AT_MS,
            from_ms: AT_MS.saturating_sub(30 * 86_400_000),
            seen,
            beats: u64::from(seen),
            version: "holdfast/0.1.0".into(),
            down: Some(u64::from(number) * 100),
            up: None,
        }
    };
    (0..hosts).map(one).collect()
}
