//! The newcomer lane: how much of a placement goes to hosts below the bar.
//!
//! Enters: shards of a segment and the network's bar. Leaves: how many hosts below the bar may
//! take one, and what is asked of them instead: more stake, and parity that covers all of them
//! being lost at once. Invariant: with a bar, at most a tenth of the shards and at least one
//! place, so that a new host can begin at all, unless parity does not cover it.

/// What newcomers may take of one placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// Hosts below the bar, at most.
    pub places: usize,
    /// How many times the stake of others each must have.
    pub stake_factor: u32,
}

/// A tenth of the places of a network with a bar.
const SHARE: usize = 10;
/// Stake of a newcomer against that of others.
const STAKE_FACTOR: u32 = 2;

/// The lane of a placement of `need` shards with `parity` among them under `bar`. Without a bar
/// everybody is in: the lane is as wide as the placement.
#[must_use]
pub fn lane(need: usize, parity: usize, bar: u32) -> Lane {
    if bar == 0 {
        return Lane {
            places: need,
            stake_factor: 1,
        };
    }
    Lane {
        places: (need / SHARE).max(1).min(parity / 2),
        stake_factor: STAKE_FACTOR,
    }
}

#[cfg(test)]
mod tests;
