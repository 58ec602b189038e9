//! How fast a host's line is, from what renters measured and brought evidence for.
//!
//! Enters: rates with the renter that measured each, newest last. Leaves: the middle over renters,
//! one voice each: a renter's newest word stands for it, so that ten thousand words of one account
//! weigh as one. Invariant: words enter only after `SpeedWord::check`.

use std::collections::BTreeMap;

use host_core::Address;

use crate::facts;

/// One measured line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Who measured.
    pub renter: Address,
    /// Bytes a second.
    pub rate: u64,
}

/// The middle rate over renters; none when nobody measured.
#[must_use]
pub fn middle(lines: impl IntoIterator<Item = Line>) -> Option<u64> {
    let voices: BTreeMap<Address, u64> = lines
        .into_iter()
        .map(|line| (line.renter, line.rate))
        .collect();
    (!voices.is_empty()).then(|| facts::middle(voices.into_values().collect()))
}

#[cfg(test)]
mod tests;
