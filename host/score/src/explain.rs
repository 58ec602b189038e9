//! Why a host has not all points, and what mends it: one entry a missing point, the dearest first.
//!
//! Enters: facts, their score, the rules. Leaves: sentences with numbers; nothing here depends on
//! who asks, so a hub's page, the command line and a host's own view say the same.

use host_core::witness::ScoreRules;
use serde::{Deserialize, Serialize};

use crate::bands::{self, PARTS, Score};
use crate::facts::Facts;

/// Points a host has not, why, and what mends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The part, or `warm-up`.
    pub part: String,
    /// Thousandths of points that are missing.
    pub points: u32,
    /// What was counted.
    pub cause: String,
    /// What the operator can do.
    pub remedy: String,
}

/// Every missing point of a score, dearest first; empty for a full one.
#[must_use]
pub fn explain(facts: &Facts, score: &Score, rules: &ScoreRules) -> Vec<Missing> {
    let mut missing: Vec<Missing> = Vec::new();
    if !score.warm {
        missing.push(warming(facts, score, rules));
    }
    let texts = [uptime, age, version, download, upload];
    for ((part, (name, _)), text) in score.parts.iter().zip(PARTS).zip(texts) {
        if part.points < part.most {
            let (cause, remedy) = text(facts, rules);
            missing.push(Missing {
                part: name.to_owned(),
                points: part.most - part.points,
                cause,
                remedy,
            });
        }
    }
    missing.sort_by_key(|entry| std::cmp::Reverse(entry.points));
    missing
}

fn warming(facts: &Facts, score: &Score, rules: &ScoreRules) -> Missing {
    let heard = facts.heard_ms / 1000;
    let left = rules.warmup_seconds.saturating_sub(heard);
    Missing {
        part: "warm-up".to_owned(),
        points: score.sum,
        cause: format!(
            "{} of heartbeats are known, a score needs {}",
            span(heard),
            span(rules.warmup_seconds)
        ),
        remedy: format!("keep the host running for {} more", span(left)),
    }
}

fn uptime(facts: &Facts, _: &ScoreRules) -> (String, String) {
    let share = format!("{}.{:02} %", facts.uptime / 100, facts.uptime % 100);
    let cause = match facts.silent_ms {
        u64::MAX => "no observer has heard a heartbeat".to_owned(),
        ms => format!(
            "up {share} of the window, last heard {} ago",
            span(ms / 1000)
        ),
    };
    let remedy = "stay up 99 % of the time: look at `holdfast events` for restarts, at \
                  `holdfast doctor` for the clock and for whether hubs can be reached";
    (cause, remedy.to_owned())
}

fn age(facts: &Facts, rules: &ScoreRules) -> (String, String) {
    let age = facts.age_ms / 1000;
    let next = if age < rules.age_half_seconds {
        rules.age_half_seconds
    } else {
        rules.age_full_seconds
    };
    (
        format!(
            "known for {}, full from {}",
            span(age),
            span(rules.age_full_seconds)
        ),
        format!("nothing to do: the next step comes in {}", span(next - age)),
    )
}

fn version(facts: &Facts, rules: &ScoreRules) -> (String, String) {
    let text = |version: u64| format!("{}.{}", version >> 32, version & u64::from(u32::MAX));
    let wanted = bands::wanted_version(rules);
    let cause = match facts.version {
        0 => "no version is known".to_owned(),
        has => format!("runs {}, the network wants {}", text(has), text(wanted)),
    };
    (cause, format!("update to {} or later", text(wanted)))
}

fn download(facts: &Facts, rules: &ScoreRules) -> (String, String) {
    line(facts.down, "from", rules)
}

fn upload(facts: &Facts, rules: &ScoreRules) -> (String, String) {
    line(facts.up, "to", rules)
}

fn line(rate: u64, way: &str, rules: &ScoreRules) -> (String, String) {
    let kib = |bytes: u64| bytes / 1024;
    match rate {
        0 => (
            format!("no renter has shown how fast bytes go {way} the host"),
            "comes with the first transfers; lower the price to get some".to_owned(),
        ),
        _ => (
            format!(
                "{} KiB/s {way} the host, full from {} KiB/s",
                kib(rate),
                kib(rules.speed_full)
            ),
            "a faster line, or fewer hosts on it".to_owned(),
        ),
    }
}

/// Seconds as people say them.
fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests;
