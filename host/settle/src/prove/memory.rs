//! What a prover keeps between turns so as not to compute it again; a restart merely forgets it.

use host_core::Digest32;
use host_ledger::{BatchRow, PeriodEnd};
use host_proof::dataset::History;

use super::report::Report;

/// Plain values, all of them told again by ledger and chain.
#[derive(Default)]
pub(super) struct Memory {
    /// The ledger's sealed batches.
    pub(super) rows: Vec<BatchRow>,
    /// How many of them the chain has.
    pub(super) on_chain: usize,
    /// Those, merged.
    pub(super) history: History,
    /// The chain's word that all this was told from, and how many batches there were.
    pub(super) told: Option<(Digest32, u64, usize)>,
    /// Bytes of the draws of a period over a list of peaks.
    pub(super) range: Option<((u64, Digest32), u64)>,
    /// What waited at the last turn.
    pub(super) waiting: u64,
    /// The last period whose proof was seen accepted.
    pub(super) accepted: Option<u64>,
    /// That period and the blocks that were left.
    pub(super) slack: (u64, u64),
    /// The last period that was late.
    pub(super) late: Option<u64>,
    /// Whether a foreign dataset was spoken of.
    pub(super) foreign: bool,
    /// What stake is short of, as last spoken of.
    pub(super) short: host_core::Amount,
    /// The first period whose end is not written down.
    pub(super) ended: Option<u64>,
    /// Periods proven, missed and void.
    pub(super) ends: [u64; 3],
    /// Where things stand.
    pub(super) report: Report,
}

impl Memory {
    /// One more period whose end is written down.
    pub(super) fn count(&mut self, period: u64, end: PeriodEnd) {
        let [proven, missed, void] = &mut self.ends;
        *match end {
            PeriodEnd::Proven => proven,
            PeriodEnd::Missed => missed,
            PeriodEnd::Void => void,
        } += 1;
        self.ended = Some(period.saturating_add(1));
    }
}
