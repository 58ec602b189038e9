//! What a measurement leaves behind: rows of ours against a peer, as a table for people and as a
//! JSON baseline. Rounds enter, medians and judgements leave. Rows of the baseline are replaced by
//! name, so that each measurement can be run alone. A line shows the ratio of the last baseline
//! too: ratios of neighbours in time can be compared across days, rates cannot.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// What a ratio should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// Ours / peer is at least this: rates.
    AtLeast(f64),
    /// Ours / peer is at most this: costs.
    AtMost(f64),
    /// Nothing is asked; the figure informs.
    None,
}

/// One measurement against its peer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was measured; a later run replaces the row of the same name.
    pub name: String,
    /// Median of ours.
    pub ours: f64,
    /// Median of the peer's.
    pub peer: f64,
    /// Unit of both.
    pub unit: String,
    /// Median over the rounds of ours / peer.
    pub ratio: f64,
    /// Smallest ratio of a round.
    pub ratio_min: f64,
    /// Largest ratio of a round.
    pub ratio_max: f64,
    /// What the ratio should be at least, or for a cost at most; null when nothing is asked.
    pub goal: Option<f64>,
    /// Whether it is; true when nothing is asked.
    pub met: bool,
}

impl Row {
    /// A row of rounds of (ours, peer), both in `unit`.
    #[must_use]
    pub fn new(name: impl Into<String>, unit: &str, rounds: &[(f64, f64)], goal: Goal) -> Self {
        let ratios: Vec<f64> = rounds.iter().map(|(ours, peer)| ours / peer).collect();
        let ratio = median(ratios.clone());
        let (goal, met) = match goal {
            Goal::AtLeast(goal) => (Some(goal), ratio >= goal),
            Goal::AtMost(goal) => (Some(goal), ratio <= goal),
            Goal::None => (None, true),
        };
        Self {
            name: name.into(),
            ours: round(median(rounds.iter().map(|round| round.0).collect())),
            peer: round(median(rounds.iter().map(|round| round.1).collect())),
            unit: unit.to_owned(),
            ratio: round(ratio),
            ratio_min: round(ratios.iter().copied().fold(f64::INFINITY, f64::min)),
            ratio_max: round(ratios.iter().copied().fold(0.0, f64::max)),
            goal,
            met,
        }
    }

    /// The row as a line of the table, beside the ratio it had in the last baseline.
    #[must_use]
    pub fn line(&self, last: Option<&Self>) -> String {
        let last = last.map_or_else(String::new, |last| format!("last {:.2}", last.ratio));
        let goal = match (self.goal, self.met) {
            (None, _) => String::new(),
            (Some(goal), true) => format!("goal {goal:<5} met"),
            (Some(goal), false) => format!("goal {goal:<5} MISSED"),
        };
        format!(
            "{:<36} {:>9} {:>9} {:<7} {:>5.2} {:<13} {:<17} {last}",
            self.name,
            digits(self.ours),
            digits(self.peer),
            self.unit,
            self.ratio,
            format!("[{:.2}-{:.2}]", self.ratio_min, self.ratio_max),
            goal,
        )
    }
}

/// What a module reports.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Its measurements.
    pub rows: Vec<Row>,
    /// Remarks: checksums, what was missing, what the peer was run with.
    pub notes: Vec<String>,
}

/// The head of the table.
#[must_use]
pub fn head() -> String {
    format!(
        "{:<36} {:>9} {:>9} {:<7} {:>5} [min-max]     goal",
        "name", "ours", "peer", "unit", "ratio"
    )
}

/// The rows of a baseline, none when there is no such file. Errors when it holds no rows.
pub fn read(baseline: &Path) -> anyhow::Result<Vec<Row>> {
    match std::fs::read(baseline) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{} does not hold rows", baseline.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).context(baseline.display().to_string()),
    }
}

/// Replaces the rows of the same names in the baseline and leaves the others. Errors when the file
/// cannot be read as rows or not be written.
pub fn merge(baseline: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let old = read(baseline)?;
    let all = old.iter().chain(rows);
    let by_name: BTreeMap<&str, &Row> = all.map(|row| (row.name.as_str(), row)).collect();
    let rows: Vec<&Row> = by_name.into_values().collect();
    let mut text = serde_json::to_string_pretty(&rows).context("rows as JSON")?;
    text.push('\n');
    if let Some(dir) = baseline.parent() {
        std::fs::create_dir_all(dir).context(dir.display().to_string())?;
    }
    std::fs::write(baseline, text).context(baseline.display().to_string())
}

/// The middle value, zero of none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Four digits: more would be noise, and a difference in every run.
fn round(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let scale = 10_f64.powi(3 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

fn digits(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

#[cfg(test)]
mod tests;
