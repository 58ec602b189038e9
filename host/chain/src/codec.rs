//! The bytes of contract calls, results and events, per contract.
//!
//! Enters: values of host-core. Leaves: calldata, or values read from return data and logs.
//! Everything is pure and goes through what abigen made of the committed artefacts, so that a
//! changed contract does not compile rather than misread. The function and event signatures of
//! vault, factory, token and oracle are BTFS's; golden vectors in the tests hold them.

/// The terms of an agreement as the module `$abi` of abigen writes them: each contract that reads
/// them has a type of its own with the same fields.
macro_rules! terms_words {
    ($abi:ident, $of:expr) => {{
        use crate::translate::h160;
        let of: &host_core::agreement::Agreement = $of;
        $abi::Agreement {
            network_id: of.network.0,
            agreement_id: of.id.0,
            renter: h160(of.renter),
            host: h160(of.host),
            payout: h160(of.payout),
            shard_id: of.shard.0,
            shard_len: of.shard_len,
            codec: of.codec,
            price: of.price.0,
            start_epoch: of.start_epoch,
            end_epoch: of.end_epoch,
            egress_price: of.egress_price.0,
            pay_mode: match of.pay_mode {
                host_core::agreement::PayMode::Cheque => 0,
                host_core::agreement::PayMode::Escrow => 1,
            },
            nonce: of.nonce,
        }
    }};
}
use terms_words;

pub mod airdrop;
pub mod demand;
pub mod dispute;
pub mod escrow;
pub mod factory;
pub mod governor;
pub(crate) mod launch;
pub mod oracle;
pub mod proof;
pub mod registry;
pub mod sponsor;
pub mod staking;
pub mod token;
pub mod vault;

use crate::error::Error;
use ethers_contract::EthLogDecode;
use ethers_core::abi::{AbiDecode, AbiEncode, RawLog};
use host_core::{Address, Digest32};

/// One log of a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// Up to four topics; the first names the event.
    pub topics: Vec<Digest32>,
    /// The fields that are no topics.
    pub data: Vec<u8>,
    /// The block it stands in.
    pub block: u64,
    /// Hash of that block.
    pub block_hash: Digest32,
    /// Its transaction.
    pub tx: Digest32,
    /// Its index in the block.
    pub index: u64,
}

/// Calldata of a generated call.
pub(crate) fn calldata(call: impl AbiEncode) -> Vec<u8> {
    call.encode()
}

/// Return data as a generated type; `what` names the call in the error.
pub(crate) fn result<T: AbiDecode>(what: &'static str, bytes: &[u8]) -> Result<T, Error> {
    if bytes.is_empty() {
        return Err(Error::Malformed {
            what,
            why: "no return data: no contract there".into(),
        });
    }
    T::decode(bytes).map_err(|why| Error::Malformed {
        what,
        why: why.to_string(),
    })
}

/// The generated event behind a log, or nothing when it is none of `T`'s.
pub(crate) fn event<T: EthLogDecode>(log: &Log) -> Option<T> {
    let topics = log
        .topics
        .iter()
        .map(|topic| crate::translate::h256(*topic))
        .collect();
    T::decode_log(&RawLog {
        topics,
        data: log.data.clone(),
    })
    .ok()
}

/// Creation code with its constructor arguments behind it.
pub(crate) fn creation(code: &[u8], arguments: impl AbiEncode) -> Vec<u8> {
    let mut bytes = code.to_vec();
    bytes.extend(arguments.encode());
    bytes
}

/// The reason inside revert data: `Error(string)`, `Panic(uint256)`, or the bytes in hex.
pub(crate) fn revert_reason(data: &[u8]) -> String {
    if let Ok(reason) = <String as AbiDecode>::decode(data.get(4..).unwrap_or_default())
        && data.starts_with(&[0x08, 0xc3, 0x79, 0xa0])
    {
        return reason;
    }
    if data.starts_with(&[0x4e, 0x48, 0x7b, 0x71]) {
        return format!("panic {}", data.last().copied().unwrap_or_default());
    }
    if data.is_empty() {
        "no reason given".into()
    } else {
        format!("0x{}", hex::encode(data.get(..64).unwrap_or(data)))
    }
}

#[cfg(test)]
mod tests;
