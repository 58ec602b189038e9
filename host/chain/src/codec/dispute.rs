//! Bonded challenges: calldata, results, and the event that opens one.

use super::{Log, calldata, event};
use crate::bindings::disputes::disputes as abi;
use crate::bindings::proofs::proof_of_storage as proofs;
use crate::error::Error;
use crate::translate::{address, digest, h160};
use ethers_contract::EthEvent;
use ethers_core::abi::AbiDecode;
use ethers_core::types::U256;
use host_core::agreement::{Agreement, PayMode};
use host_core::seams::{DatasetEntry, ShardChallenge};
use host_core::{Address, AgreementDigest, Digest32, ShardId};

/// The kind of a challenge on a leaf of a shard.
const SHARD: u8 = 1;

fn leaf(of: &DatasetEntry) -> abi::DatasetLeaf {
    abi::DatasetLeaf {
        agreement: of.agreement.0,
        shard: of.shard.0,
        len: of.len,
        end_epoch: of.end_epoch,
    }
}

/// Asks a host for a leaf.
#[must_use]
pub fn challenge_shard(
    host: Address,
    entry: &DatasetEntry,
    inclusion: &[u8],
    index: u64,
) -> Vec<u8> {
    calldata(abi::ChallengeShardCall {
        host: h160(host),
        leaf: leaf(entry),
        inclusion: inclusion.to_vec().into(),
        index,
    })
}

/// Shows a leaf that was asked for.
#[must_use]
pub fn answer_shard(id: u128, entry: &DatasetEntry, index: u64, shown: &[u8]) -> Vec<u8> {
    calldata(abi::AnswerShardCall {
        id: id.into(),
        leaf: leaf(entry),
        index,
        shown: shown.to_vec().into(),
    })
}

/// Shows that the renter gave the agreement up.
#[must_use]
pub fn answer_released(
    id: u128,
    entry: &DatasetEntry,
    index: u64,
    terms: &Agreement,
    signature: &[u8],
) -> Vec<u8> {
    calldata(abi::AnswerReleasedCall {
        id: id.into(),
        leaf: leaf(entry),
        index,
        terms: abi::Agreement {
            network_id: terms.network.0,
            agreement_id: terms.id.0,
            renter: h160(terms.renter),
            host: h160(terms.host),
            payout: h160(terms.payout),
            shard_id: terms.shard.0,
            shard_len: terms.shard_len,
            codec: terms.codec,
            price: terms.price.0,
            start_epoch: terms.start_epoch,
            end_epoch: terms.end_epoch,
            egress_price: terms.egress_price.0,
            pay_mode: match terms.pay_mode {
                PayMode::Cheque => 0,
                PayMode::Escrow => 1,
            },
            nonce: terms.nonce,
        },
        renter_signature: signature.to_vec().into(),
    })
}

/// Takes what an unanswered challenge brings.
#[must_use]
pub fn claim(id: u128) -> Vec<u8> {
    calldata(abi::ClaimCall { id: id.into() })
}

/// Asks for the bond; read with `token::read_amount`.
#[must_use]
pub fn bond() -> Vec<u8> {
    calldata(proofs::BondCall {})
}

/// Asks for the blocks of an answer; read with `proof::read_number`.
#[must_use]
pub fn answer_blocks() -> Vec<u8> {
    calldata(abi::AnswerBlocksCall {})
}

/// Asks for the last block of an answer, 0 when it is not open; read with `proof::read_number`.
#[must_use]
pub fn answerable_until(id: u128) -> Vec<u8> {
    calldata(abi::AnswerableUntilCall { id: id.into() })
}

/// Topics of challenges on one host.
#[must_use]
pub fn challenged_topics(host: Address) -> Vec<Vec<Digest32>> {
    let mut word = [0; 32];
    word[12..].copy_from_slice(&host.0);
    let name = digest(abi::ChallengedFilter::signature());
    vec![vec![name], Vec::new(), vec![Digest32(word)]]
}

/// The challenge on a shard that a log opened; nothing when it is another event or kind.
pub fn read_event(log: &Log) -> Result<Option<ShardChallenge>, Error> {
    let found = event::<abi::ChallengedFilter>(log).filter(|found| found.kind == SHARD);
    let Some(found) = found else {
        return Ok(None);
    };
    let what = "Challenged";
    let wrong = |why: String| Error::Malformed { what, why };
    let read = <(abi::DatasetLeaf, u64)>::decode(&found.subject);
    let (leaf, index) = read.map_err(|why| wrong(why.to_string()))?;
    let id: Result<u128, _> = U256::try_into(found.id);
    Ok(Some(ShardChallenge {
        id: id.map_err(|_| wrong("its number is over 128 bits".into()))?,
        host: address(found.host),
        challenger: address(found.challenger),
        entry: DatasetEntry {
            agreement: AgreementDigest(leaf.agreement),
            shard: ShardId(leaf.shard),
            len: leaf.len,
            end_epoch: leaf.end_epoch,
        },
        index,
        until: found.deadline,
    }))
}
