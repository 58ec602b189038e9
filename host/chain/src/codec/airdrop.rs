//! Rewards by bytes, epochs and score: calldata, results, events, and the tree of a score list.
//!
//! A list's leaf is keccak256(keccak256(abi.encode(round, host, share))), its pairs are hashed in
//! order of size, an odd node goes up as it is (docs/formats/bands.md).

use super::{Log, calldata, event, result};
use crate::bindings::airdrop::airdrop as abi;
use crate::error::Error;
use crate::translate::{address, amount, h160, u256};
use ethers_core::abi::{AbiEncode, Token, encode};
use ethers_core::types::U256;
use ethers_core::utils::keccak256;
use host_core::{Address, AgreementDigest, Amount, Digest32};

/// The share of everybody when no list came in time, ten-thousandths.
pub const FALLBACK_BPS: u16 = 5_000;

/// Pays `host` its reward of a closed round; `path` shows its share in the list.
#[must_use]
pub fn claim(round: u64, host: Address, bps: u16, path: &[Digest32]) -> Vec<u8> {
    calldata(abi::ClaimCall {
        round,
        host: h160(host),
        bps: U256::from(bps),
        path: path.iter().map(|node| node.0).collect(),
    })
}

/// Adds `sum` of the sender's tokens to the pot. Needs an allowance.
#[must_use]
pub fn fund(sum: Amount) -> Vec<u8> {
    calldata(abi::FundCall { amount: u256(sum) })
}

/// Closes up to `most` rounds whose counting is over.
#[must_use]
pub fn close_rounds(most: u64) -> Vec<u8> {
    calldata(abi::CloseRoundsCall { most: most.into() })
}

/// Asks for the rules; read with `read_rules`.
#[must_use]
pub fn rules_of() -> Vec<u8> {
    calldata(abi::RulesOfCall {})
}

/// Asks for the epoch round 0 begins with; read with `proof::read_number`.
#[must_use]
pub fn first_epoch() -> Vec<u8> {
    calldata(abi::FirstEpochCall {})
}

/// Asks for the first round that is not closed; read with `proof::read_number`.
#[must_use]
pub fn next_round() -> Vec<u8> {
    calldata(abi::NextRoundCall {})
}

/// Asks for what no round was promised; read with `token::read_amount`.
#[must_use]
pub fn pot() -> Vec<u8> {
    calldata(abi::PotCall {})
}

/// Asks for what closed rounds were promised and nobody claimed; read with `token::read_amount`.
#[must_use]
pub fn promised() -> Vec<u8> {
    calldata(abi::PromisedCall {})
}

/// Asks for a round; read with `read_round`.
#[must_use]
pub fn round_of(round: u64) -> Vec<u8> {
    calldata(abi::RoundOfCall { round })
}

/// Asks for a host's part of a round; read with `read_share`.
#[must_use]
pub fn share_of(round: u64, host: Address) -> Vec<u8> {
    calldata(abi::ShareOfCall {
        round,
        host: h160(host),
    })
}

/// What the network chose once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Fee of a GiB and epoch.
    pub fee_per_gib: Amount,
    /// Highest reward of a GiB and epoch.
    pub reward_per_gib: Amount,
    /// Epochs of a round.
    pub epochs_per_round: u64,
    /// Epochs after a round in which its epochs may be counted.
    pub count_epochs: u64,
    /// Epochs after that for the score list.
    pub band_epochs: u64,
    /// Epochs after that for claims.
    pub claim_epochs: u64,
}

impl Rules {
    /// The fee of one epoch of a shard, rounded up. Errors when it leaves 128 bits.
    pub fn fee_of(&self, len: u64) -> Result<Amount, host_core::Error> {
        Amount::of_storage(len, self.fee_per_gib, 1)
    }
}

/// The rules a question returned.
pub fn read_rules(bytes: &[u8]) -> Result<Rules, Error> {
    let found: abi::Rules = result("rulesOf", bytes)?;
    Ok(Rules {
        fee_per_gib: Amount(found.fee_per_gi_b),
        reward_per_gib: Amount(found.reward_per_gi_b),
        epochs_per_round: found.epochs_per_round,
        count_epochs: found.count_epochs,
        band_epochs: found.band_epochs,
        claim_epochs: found.claim_epochs,
    })
}

/// One round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// Bytes x epochs of all hosts.
    pub weight: u128,
    /// What it may pay; set when it closes.
    pub budget: Amount,
    /// What it has paid.
    pub claimed: Amount,
    /// Block from which its list holds; 0 while there is none.
    pub bands_ready_at: u64,
    /// Whether it is closed.
    pub closed: bool,
    /// Whether what nobody claimed went back.
    pub swept: bool,
    /// Root of its list; zeroes while there is none.
    pub bands: Digest32,
    /// Hash of the file the list was made from.
    pub bands_input: Digest32,
}

/// The round a question returned.
pub fn read_round(bytes: &[u8]) -> Result<Round, Error> {
    let found: abi::Round = result("roundOf", bytes)?;
    Ok(Round {
        weight: found.weight,
        budget: Amount(found.budget),
        claimed: Amount(found.claimed),
        bands_ready_at: found.bands_ready_at,
        closed: found.closed,
        swept: found.swept,
        bands: Digest32(found.bands),
        bands_input: Digest32(found.bands_input),
    })
}

/// A host's bytes x epochs in a round, and whether it claimed.
pub fn read_share(bytes: &[u8]) -> Result<(u128, bool), Error> {
    let (weight, claimed): (U256, bool) = result("shareOf", bytes)?;
    Ok((amount("shareOf", weight)?.0, claimed))
}

/// What an airdrop tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AirdropEvent {
    /// `sum` came into the pot.
    Funded {
        /// How much.
        sum: Amount,
    },
    /// An epoch of an agreement counts.
    Counted {
        /// For whom.
        host: Address,
        /// In which round.
        round: u64,
        /// Which agreement.
        agreement: AgreementDigest,
        /// Which epoch.
        epoch: u64,
        /// Its bytes.
        bytes: u64,
    },
    /// A round closed.
    Closed {
        /// Which.
        round: u64,
        /// Its weight.
        weight: u128,
        /// What it may pay.
        budget: Amount,
    },
    /// A host was paid.
    Claimed {
        /// Whose reward.
        host: Address,
        /// Of which round.
        round: u64,
        /// Its share, ten-thousandths.
        bps: u16,
        /// How much.
        sum: Amount,
    },
    /// What nobody claimed went back to the pot.
    Swept {
        /// Of which round.
        round: u64,
        /// How much.
        sum: Amount,
    },
}

/// Reads an airdrop's log; nothing when it is another event.
pub fn read_event(log: &Log) -> Result<Option<AirdropEvent>, Error> {
    let Some(found) = event::<abi::AirdropEvents>(log) else {
        return Ok(None);
    };
    Ok(Some(match found {
        abi::AirdropEvents::FundedFilter(one) => AirdropEvent::Funded {
            sum: amount("Funded", one.amount)?,
        },
        abi::AirdropEvents::CountedFilter(one) => AirdropEvent::Counted {
            host: address(one.host),
            round: one.round,
            agreement: AgreementDigest(one.agreement),
            epoch: one.epoch,
            bytes: one.bytes,
        },
        abi::AirdropEvents::RoundClosedFilter(one) => AirdropEvent::Closed {
            round: one.round,
            weight: amount("RoundClosed", one.weight)?.0,
            budget: amount("RoundClosed", one.budget)?,
        },
        abi::AirdropEvents::ClaimedFilter(one) => AirdropEvent::Claimed {
            host: address(one.host),
            round: one.round,
            bps: u16::try_from(one.bps).unwrap_or(u16::MAX),
            sum: amount("Claimed", one.amount)?,
        },
        abi::AirdropEvents::RoundSweptFilter(one) => AirdropEvent::Swept {
            round: one.round,
            sum: amount("RoundSwept", one.returned)?,
        },
        _ => return Ok(None),
    }))
}

/// The leaf of one host in a round's list.
#[must_use]
pub fn band_leaf(round: u64, host: Address, bps: u16) -> Digest32 {
    let words = [
        Token::Uint(round.into()),
        Token::Address(h160(host)),
        Token::Uint(bps.into()),
    ];
    Digest32(keccak256(keccak256(encode(&words))))
}

/// The root of a list, and the path of the leaf at `of` when one is wanted. Leaves are sorted
/// first; a list without leaves has a root of zeroes.
#[must_use]
pub fn band_tree(leaves: &[Digest32], of: Option<Digest32>) -> (Digest32, Vec<Digest32>) {
    let mut row: Vec<[u8; 32]> = leaves.iter().map(|leaf| leaf.0).collect();
    row.sort_unstable();
    let mut own = of.map(|leaf| leaf.0);
    let mut path = Vec::new();
    while row.len() > 1 {
        let mut above = Vec::with_capacity(row.len().div_ceil(2));
        for pair in row.chunks(2) {
            let &[left, right] = pair else {
                above.extend_from_slice(pair);
                continue;
            };
            let node = pair_hash(left, right);
            if own == Some(left) {
                path.push(Digest32(right));
                own = Some(node);
            } else if own == Some(right) {
                path.push(Digest32(left));
                own = Some(node);
            }
            above.push(node);
        }
        row = above;
    }
    (Digest32(row.first().copied().unwrap_or_default()), path)
}

fn pair_hash(left: [u8; 32], right: [u8; 32]) -> [u8; 32] {
    let (low, high) = if left <= right {
        (left, right)
    } else {
        (right, left)
    };
    keccak256([low, high].concat())
}

/// Keccak-256 of a list's file, which the contract keeps beside its root.
#[must_use]
pub fn band_input(file: &[u8]) -> Digest32 {
    Digest32(keccak256(file))
}

/// The first four bytes and arguments of a proposal of a list. Owner only.
#[must_use]
pub fn propose_bands(round: u64, root: Digest32, input: Digest32) -> Vec<u8> {
    abi::ProposeBandsCall {
        round,
        root: root.0,
        input: input.0,
    }
    .encode()
}
