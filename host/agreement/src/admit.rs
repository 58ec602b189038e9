//! Admission by terms: the first question asked of an upload, before any byte is read.

use host_core::agreement::{Agreement, PayMode};
use host_core::geometry::Codec;
use host_core::identity::Signature;
use host_core::{Address, Amount, NetworkId, limits};

use crate::error::Error;

/// What this host agrees to. Given by the root from its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The network served.
    pub network: NetworkId,
    /// Its chain.
    pub chain_id: u64,
    /// This host's identity account.
    pub host: Address,
    /// Where this host wants to be paid.
    pub payout: Address,
    /// Ask price: smallest token units per GiB and epoch.
    pub price: Amount,
    /// Ask price of reading back: smallest token units per GiB.
    pub egress_price: Amount,
    /// Longest term, in epochs.
    pub epochs_max: u64,
    /// Whether money that waits in the network's escrow is taken.
    pub escrow: bool,
}

/// Epochs an agreement's start may lie before or after the current one: signing takes time and
/// two sides see the head a little apart.
pub const START_SLACK: u64 = 1;

/// Checks terms against the policy at epoch `now`, the renter's signature last (it costs a curve
/// recovery). Errors with the first rule broken.
pub fn check_terms(
    policy: &Policy,
    terms: &Agreement,
    signature: &Signature,
    now: u64,
) -> Result<(), Error> {
    check_sides(policy, terms)?;
    check_price(policy, terms)?;
    check_term(policy, terms, now)?;
    check_shard(terms)?;
    terms.check_renter(policy.chain_id, signature)?;
    Ok(())
}

fn check_sides(policy: &Policy, terms: &Agreement) -> Result<(), Error> {
    if terms.network != policy.network {
        return Err(Error::Network {
            theirs: terms.network,
            ours: policy.network,
        });
    }
    if terms.host != policy.host {
        return Err(Error::Host {
            theirs: terms.host,
            ours: policy.host,
        });
    }
    if terms.payout != policy.payout {
        return Err(Error::Payout {
            theirs: terms.payout,
            ours: policy.payout,
        });
    }
    Ok(())
}

fn check_price(policy: &Policy, terms: &Agreement) -> Result<(), Error> {
    if terms.price < policy.price {
        return Err(Error::Price {
            offered: terms.price,
            asked: policy.price,
        });
    }
    if terms.egress_price < policy.egress_price {
        return Err(Error::Price {
            offered: terms.egress_price,
            asked: policy.egress_price,
        });
    }
    if terms.pay_mode == PayMode::Escrow && !policy.escrow {
        return Err(Error::PayMode);
    }
    Ok(())
}

fn check_term(policy: &Policy, terms: &Agreement, now: u64) -> Result<(), Error> {
    let max = policy.epochs_max;
    let starts_now = terms.start_epoch.abs_diff(now) <= START_SLACK;
    let ends_after = terms.end_epoch > terms.start_epoch && terms.end_epoch > now;
    if starts_now && ends_after && terms.epochs() <= max {
        return Ok(());
    }
    Err(Error::Term {
        start: terms.start_epoch,
        end: terms.end_epoch,
        now,
        max,
    })
}

fn check_shard(terms: &Agreement) -> Result<(), Error> {
    if terms.shard_len == 0 || terms.shard_len > limits::SHARD_LEN_MAX {
        return Err(Error::ShardLen {
            len: terms.shard_len,
            max: limits::SHARD_LEN_MAX,
        });
    }
    let known = [Codec::Leopard16.id(), Codec::Matrix8.id()];
    if !known.contains(&terms.codec) {
        return Err(Error::Codec { codec: terms.codec });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
