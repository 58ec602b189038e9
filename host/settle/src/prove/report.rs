//! Where a host's proofs stand, for health, metrics and people.

use host_core::Amount;

use super::memory::Memory;
use super::plan::{Dataset, Phase, Plan, Situation};

/// Where things stood at the last turn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The newest block known; 0 before the first turn.
    pub block: u64,
    /// The period being proven.
    pub period: u64,
    /// Where its proof stands.
    pub phase: Phase,
    /// The last block in which it is accepted, once known.
    pub deadline: Option<u64>,
    /// Blocks left to it: while due, from now; once accepted, those that were left then.
    pub slack: Option<u64>,
    /// Whether half its window is over without a proof.
    pub late: bool,
    /// Batches the chain has.
    pub batches: u64,
    /// Live bytes of the draws.
    pub range_bytes: u64,
    /// Agreements that stand in no batch yet.
    pub uncommitted: u64,
    /// Stake that stands, smallest units.
    pub stake: Amount,
    /// Stake that is missing before what waits can be committed, smallest units.
    pub stake_short: Amount,
    /// Misses since the last proof.
    pub misses: u8,
    /// The period until which the host is jailed; 0 when it is not.
    pub jailed_until: u64,
    /// Periods whose end is written down: proven.
    pub proven: u64,
    /// Missed.
    pub missed: u64,
    /// Nobody had to prove them.
    pub void: u64,
    /// The last thing that kept a step from being taken; empty when nothing did.
    pub why: String,
}

impl Report {
    pub(super) fn of(at: &Situation, plan: &Plan, memory: &Memory) -> Self {
        let left = |deadline: u64| deadline.saturating_sub(at.block);
        let slack = match plan.phase {
            Phase::Proven => (memory.slack.0 == at.look.period).then_some(memory.slack.1),
            _ => plan.deadline.map(left),
        };
        let [proven, missed, void] = memory.ends;
        Self {
            block: at.block,
            period: at.look.period,
            phase: plan.phase,
            deadline: plan.deadline,
            slack: slack.or_else(|| plan.deadline.map(left)),
            late: plan.late,
            batches: memory.on_chain as u64,
            range_bytes: match at.dataset {
                Dataset::Known { range_bytes, .. } => range_bytes,
                Dataset::Foreign => 0,
            },
            uncommitted: memory.waiting,
            stake: at.look.stake,
            stake_short: memory.short,
            misses: at.look.misses,
            jailed_until: at.look.jailed_until,
            proven,
            missed,
            void,
            why: String::new(),
        }
    }
}
