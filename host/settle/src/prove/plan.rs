//! What a host should do for its proofs in this block: the pure half of the prover.
//!
//! Enters: one block's facts. Leaves: steps in order of urgency, the phase of the period that is
//! being proven, and its deadline. Invariants: the same facts give the same plan, so a restart
//! between any two steps goes on where it was; nothing is planned that is under way; a proof goes
//! before a seal, a seal before a commitment. Does not: read, hash or send anything.

use host_core::Digest32;
use host_core::seams::{ProofLook, ProofRules, Seal};

/// Facts of one block.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    /// The newest block known.
    pub block: u64,
    /// What never changes.
    pub rules: ProofRules,
    /// The host and the period before this block's, or period 0.
    pub look: ProofLook,
    /// How the ledger's batches stand to the chain's.
    pub dataset: Dataset,
    /// What waits to be committed.
    pub queue: Queue,
    /// Which of the host's calls are under way.
    pub under_way: UnderWay,
    /// Blocks this host lets others go first with a seal, which one is enough to set.
    pub courtesy: u64,
}

/// How the ledger's batches stand to the chain's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dataset {
    /// The chain has them, all but the last `ahead`.
    Known {
        /// Sealed batches the chain has not, or has no more.
        ahead: u64,
        /// Bytes the draws of the period are made from.
        range_bytes: u64,
    },
    /// The chain has another list of peaks than any this ledger could have made.
    Foreign,
}

/// What waits to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queue {
    /// Whether anything waits that the stake covers.
    pub any: bool,
    /// Whether nothing was added since the last look.
    pub quiet: bool,
}

/// Which of the host's calls are under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnderWay {
    /// A seal of this period.
    pub seal: bool,
    /// A proof of this period with this seed.
    pub prove: bool,
    /// A commitment.
    pub commit: bool,
    /// An end of jail.
    pub unjail: bool,
}

/// Something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Answer the draws of this period and seed.
    Prove {
        /// The period.
        period: u64,
        /// The seed.
        seed: Digest32,
    },
    /// Set the seed of this period.
    Seal {
        /// The period.
        period: u64,
    },
    /// Commit what waits, or a batch that the chain has not.
    Commit,
    /// End the jail.
    Unjail,
}

/// Where the proof of the period before this one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Nothing of this host is to be proven.
    #[default]
    Idle,
    /// Too early for a seed.
    Early,
    /// The seed can be set.
    Unsealed,
    /// The draws are known, no proof was accepted.
    Due,
    /// The proof was accepted.
    Proven,
    /// The window is over without a proof.
    Missed,
    /// Nobody need prove it.
    Void,
    /// Penalties stand still.
    Paused,
    /// The host is jailed after misses.
    Jailed,
    /// The chain has a dataset that the ledger does not know.
    Foreign,
}

impl Phase {
    /// The word for logs, answers and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Early => "early",
            Self::Unsealed => "unsealed",
            Self::Due => "due",
            Self::Proven => "proven",
            Self::Missed => "missed",
            Self::Void => "void",
            Self::Paused => "paused",
            Self::Jailed => "jailed",
            Self::Foreign => "foreign",
        }
    }
}

/// What to do and where things stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Where the proof stands.
    pub phase: Phase,
    /// What to do, the most urgent first.
    pub steps: Vec<Step>,
    /// The last block in which the proof is accepted, once it is known.
    pub deadline: Option<u64>,
    /// Whether half the window is over and the proof is not accepted.
    pub late: bool,
}

/// The name of the list of peaks that the proof of the look's period is about.
#[must_use]
pub const fn range_of(look: &ProofLook) -> Digest32 {
    if look.committed_next <= look.period.saturating_add(1) {
        look.current
    } else {
        look.previous
    }
}

/// Whether the host must prove the look's period.
#[must_use]
pub const fn has_duty(look: &ProofLook) -> bool {
    look.jailed_until == 0 && look.duty_from <= look.period && look.period < look.duty_until
}

/// What to do now.
#[must_use]
pub fn plan(at: &Situation) -> Plan {
    let mut plan = Plan::default();
    let now = at.rules.period_of(at.block);
    // In period 0 there is nothing before it to prove.
    if now > 0 && at.look.period.saturating_add(1) == now {
        proof(at, &mut plan);
    }
    if at.look.jailed_until != 0 && plan.phase == Phase::Idle {
        plan.phase = Phase::Jailed;
    }
    let served = now >= at.look.jailed_until;
    if at.look.jailed_until != 0 && served && !at.under_way.unjail {
        plan.steps.push(Step::Unjail);
    }
    if commits(at, now) {
        plan.steps.push(Step::Commit);
    }
    plan
}

/// The part about the period that is being proven.
fn proof(at: &Situation, plan: &mut Plan) {
    let (look, period) = (&at.look, at.look.period);
    if look.proven {
        plan.phase = Phase::Proven;
        if let Seal::Set { deadline, .. } = look.seal {
            plan.deadline = Some(deadline);
        }
        return;
    }
    if !has_duty(look) {
        return;
    }
    let Dataset::Known { range_bytes, .. } = at.dataset else {
        plan.phase = Phase::Foreign;
        return;
    };
    if range_bytes == 0 {
        return;
    }
    match look.seal {
        Seal::Void => plan.phase = Phase::Void,
        _ if look.missed => plan.phase = Phase::Missed,
        Seal::Set { seed, deadline } => {
            plan.deadline = Some(deadline);
            // A call enters the next block at the earliest.
            if at.block >= deadline {
                plan.phase = if at.block > deadline {
                    Phase::Missed
                } else {
                    Phase::Due
                };
                plan.late = plan.phase == Phase::Due;
                return;
            }
            plan.phase = Phase::Due;
            let half = at.rules.window_blocks / 2;
            plan.late = at.block >= deadline.saturating_sub(half);
            if !at.under_way.prove {
                plan.steps.push(Step::Prove { period, seed });
            }
        }
        Seal::None if look.paused => plan.phase = Phase::Paused,
        Seal::None => {
            let (from, until) = (at.rules.seal_from(period), at.rules.seal_until(period));
            plan.phase = if at.block < from {
                Phase::Early
            } else if at.block <= until {
                Phase::Unsealed
            } else {
                Phase::Void
            };
            let turn = from.saturating_add(at.courtesy).min(until);
            if plan.phase == Phase::Unsealed && at.block >= turn && !at.under_way.seal {
                plan.steps.push(Step::Seal { period });
            }
        }
    }
}

/// Whether it is time to commit. At most once a period: what comes in the first half goes in the
/// second, and a host that has nothing on the chain yet waits only for a quiet moment.
fn commits(at: &Situation, now: u64) -> bool {
    let look = &at.look;
    let Dataset::Known { ahead, .. } = at.dataset else {
        return false;
    };
    if at.under_way.commit || look.jailed_until != 0 || look.committed_next > now {
        return false;
    }
    if ahead > 0 {
        return true;
    }
    let first = look.current.0 == [0; 32];
    let half = at.rules.first_block_of(now) + at.rules.period_blocks / 2;
    at.queue.any && ((first && at.queue.quiet) || at.block >= half)
}

#[cfg(test)]
mod tests;
