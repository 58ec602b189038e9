//! How fast a host's line is, from what renters measured and brought evidence for.
//!
//! Enters: rates with the renter that measured each, from where it told, and what its agreement is
//! worth; newest last. Leaves: one rate. Invariants: words enter only after `SpeedWord::check`; a
//! renter has one voice, its newest word; a neighbourhood of the network has one voice, the middle
//! of its renters weighed by what they pay, so that neither ten thousand words of one account nor
//! ten thousand accounts of one operator in one rack weigh more than one; the host's own
//! neighbourhood is heard only while nobody else spoke. Does not: know addresses.

use std::collections::BTreeMap;

use host_core::Address;
use host_core::witness::SpeedWord;

use crate::facts;

/// The number of the neighbourhood a host itself speaks from.
pub const OWN_GROUP: u32 = 0;

/// One measured line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Who measured.
    pub renter: Address,
    /// From which neighbourhood it told; `OWN_GROUP` for the host's.
    pub group: u32,
    /// What the agreement it stands on costs in all, smallest units.
    pub worth: u128,
    /// Bytes a second.
    pub rate: u64,
}

impl Line {
    /// A measurement as its evidence shows it, told from neighbourhood `group`.
    #[must_use]
    pub fn of(word: &SpeedWord, group: u32) -> Self {
        let terms = &word.body.agreement;
        Self {
            renter: terms.renter,
            group,
            worth: terms
                .cost_of(terms.epochs())
                .map_or(u128::MAX, |cost| cost.0),
            rate: word.rate(),
        }
    }
}

/// The middle rate over neighbourhoods; none when nobody measured.
#[must_use]
pub fn middle(lines: impl IntoIterator<Item = Line>) -> Option<u64> {
    let voices: BTreeMap<Address, Line> =
        lines.into_iter().map(|line| (line.renter, line)).collect();
    let mut groups: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
    for line in voices.into_values() {
        groups.entry(line.group).or_default().push(line);
    }
    if groups.len() > 1 {
        groups.remove(&OWN_GROUP);
    }
    (!groups.is_empty()).then(|| facts::middle(groups.into_values().map(weighed).collect()))
}

/// The rate at which half of what the lines are worth is reached; every line counts a little, so
/// that agreements without a price have a voice.
fn weighed(mut lines: Vec<Line>) -> u64 {
    lines.sort_unstable_by_key(|line| (line.rate, line.renter));
    let weight = |line: &Line| line.worth.saturating_add(1);
    let all = lines
        .iter()
        .fold(0_u128, |sum, line| sum.saturating_add(weight(line)));
    let mut below = 0_u128;
    for line in &lines {
        below = below.saturating_add(weight(line));
        if below >= all.div_ceil(2) {
            return line.rate;
        }
    }
    0
}

#[cfg(test)]
mod tests;
