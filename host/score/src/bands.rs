//! The formula: five parts, each a band of 0 to 10, weighed 60, 20, 10, 5 and 5 in a hundred.
//!
//! Enters: facts and rules. Leaves: thousandths of points, 10,000 at most. Invariant: without the
//! warm-up's span of heartbeats everything is 0, whatever the facts. The bands of uptime, age and
//! version are those hosts of this kind of network know; speeds count in tenths of the rules' full
//! speed.

use host_core::witness::ScoreRules;
use serde::{Deserialize, Serialize};

use crate::facts::{self, Facts};

/// The most a host can have, in thousandths of a point.
pub const POINTS: u32 = 10_000;
/// Names of the parts and their weights in a hundred, in the order of `Score::parts`.
pub const PARTS: [(&str, u32); 5] = [
    ("uptime", 60),
    ("age", 20),
    ("version", 10),
    ("download", 5),
    ("upload", 5),
];
/// Uptime in ten-thousandths from which a band counts.
const UPTIME: [(u64, u32); 5] = [(9_900, 10), (9_500, 9), (9_000, 7), (8_000, 6), (6_000, 4)];

/// One part of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its band, 0 to 10.
    pub band: u32,
    /// Its points, in thousandths.
    pub points: u32,
    /// The most it could be.
    pub most: u32,
}

/// A host's score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Thousandths of points; 0 while the host warms up.
    pub total: u32,
    /// What the parts give together once it is warm.
    pub sum: u32,
    /// Whether enough heartbeats are there.
    pub warm: bool,
    /// In the order of `PARTS`.
    pub parts: [Part; 5],
}

impl Score {
    /// Whether it reaches `bar`, in whole points. A bar of 0 asks for nothing.
    #[must_use]
    pub const fn reaches(&self, bar: u32) -> bool {
        self.total >= bar.saturating_mul(1000)
    }
}

/// The score of facts under rules. Cost: some twenty comparisons, no memory.
#[must_use]
pub fn score(of: &Facts, rules: &ScoreRules) -> Score {
    let bands = [
        uptime(of.uptime),
        age(of.age_ms, rules),
        version(of.version, rules),
        speed(of.down, rules),
        speed(of.up, rules),
    ];
    let mut parts = [Part {
        band: 0,
        points: 0,
        most: 0,
    }; 5];
    let mut sum = 0;
    for ((part, band), (_, weight)) in parts.iter_mut().zip(bands).zip(PARTS) {
        *part = Part {
            band,
            points: weight * band * 10,
            most: weight * 100,
        };
        sum += part.points;
    }
    let warm = of.heard_ms >= rules.warmup_seconds.saturating_mul(1000);
    Score {
        total: if warm { sum } else { 0 },
        sum,
        warm,
        parts,
    }
}

fn uptime(share: u64) -> u32 {
    let band = UPTIME.iter().find(|(from, _)| share >= *from);
    band.map_or(0, |(_, band)| *band)
}

const fn age(ms: u64, rules: &ScoreRules) -> u32 {
    let seconds = ms / 1000;
    if seconds >= rules.age_full_seconds {
        10
    } else if seconds >= rules.age_half_seconds {
        5
    } else {
        0
    }
}

/// Same or newer counts in full, one minor version behind half.
fn version(of: u64, rules: &ScoreRules) -> u32 {
    let wanted = wanted_version(rules);
    let one_behind = of >> 32 == wanted >> 32 && of.checked_add(1) == Some(wanted);
    match of {
        0 if wanted > 0 => 0,
        _ if of >= wanted => 10,
        _ if one_behind => 5,
        _ => 0,
    }
}

/// The version hosts should run: the rules' own, or that of this program.
pub(crate) fn wanted_version(rules: &ScoreRules) -> u64 {
    let own = || facts::version(env!("CARGO_PKG_VERSION"));
    let named = rules.version.as_deref().and_then(facts::version);
    named.or_else(own).unwrap_or_default()
}

fn speed(rate: u64, rules: &ScoreRules) -> u32 {
    let tenths = rate.saturating_mul(10) / rules.speed_full.max(1);
    u32::try_from(tenths.min(10)).unwrap_or(10)
}

#[cfg(test)]
mod tests;
