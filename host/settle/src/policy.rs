//! When a cheque is worth a transaction: a pure judgement over what stands uncashed, for how long,
//! and what endangers it.
//!
//! Order: danger first (money announced to leave, thin cover, too much from one renter), then the
//! deadline, then the threshold. Danger and deadline also cash small sums. What gas may cost is the
//! outbox's bound, so that a dear hour delays a transaction and does not lose it.

use host_core::Amount;
use host_core::seams::VaultRisk;

/// What an operator wants of cashing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A cheque is cashed once it would pay this much.
    pub above: Amount,
    /// Blocks after which any uncashed sum is cashed; zero for never.
    pub within_blocks: u64,
    /// Cash when the vault covers less than this many percent of what it owes here; 100 waits until
    /// it covers just that.
    pub cover_percent: u32,
    /// Most that may stand uncashed from one vault; zero for no bound.
    pub exposure_max: Amount,
    /// Cheques cashed at one look at most.
    pub at_once: usize,
    /// Cheques cashed in one transaction at most; below 2, each has its own.
    pub batch: usize,
}

/// What is known of one vault's cheque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// What it would pay now.
    pub due: Amount,
    /// The block since which something stands uncashed.
    pub due_since: Option<u64>,
    /// The newest block.
    pub block: u64,
    /// What endangers it; none when the vault cannot say.
    pub risk: Option<VaultRisk>,
}

/// Why a cheque is cashed now, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is nothing to cash.
    Nothing,
    /// Too little, too new, and safe.
    Waits,
    /// The issuer announced to take out money this cheque counts on.
    Leaving,
    /// The vault covers little more than it owes here.
    Cover,
    /// More stands uncashed than one vault may owe.
    Exposure,
    /// It has stood long enough.
    Deadline,
    /// It is worth a transaction.
    Worth,
}

impl Verdict {
    /// Whether it is cashed now.
    #[must_use]
    pub const fn cashes(self) -> bool {
        !matches!(self, Self::Nothing | Self::Waits)
    }

    /// The word for logs and answers.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nothing => "nothing to cash",
            Self::Waits => "below the threshold",
            Self::Leaving => "money is announced to leave the vault",
            Self::Cover => "the vault's cover is thin",
            Self::Exposure => "over the bound for one vault",
            Self::Deadline => "uncashed for long enough",
            Self::Worth => "over the threshold",
        }
    }
}

impl Policy {
    /// The judgement of one cheque.
    #[must_use]
    pub fn judge(&self, claim: &Claim) -> Verdict {
        let due = claim.due;
        if due == Amount::ZERO {
            return Verdict::Nothing;
        }
        if let Some(risk) = claim.risk {
            let stays = Amount(risk.cover.0.saturating_sub(risk.leaving.0));
            if risk.leaving > Amount::ZERO && stays < due {
                return Verdict::Leaving;
            }
            let wanted = due.0.saturating_mul(u128::from(self.cover_percent)) / 100;
            if risk.cover.0 < wanted {
                return Verdict::Cover;
            }
        }
        if self.exposure_max > Amount::ZERO && due > self.exposure_max {
            return Verdict::Exposure;
        }
        let age = claim
            .due_since
            .map_or(0, |since| claim.block.saturating_sub(since));
        if self.within_blocks > 0 && age >= self.within_blocks {
            return Verdict::Deadline;
        }
        if due >= self.above {
            return Verdict::Worth;
        }
        Verdict::Waits
    }
}

#[cfg(test)]
mod tests;
