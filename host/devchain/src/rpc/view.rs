//! The JSON shapes of blocks, transactions, receipts and logs.
//!
//! Enters: what the chain holds. Leaves: JSON with the field names of Ethereum's execution API.
//! Fields that a development chain has no true value for (roots, seals) are fixed: the state root
//! is zero and says so by being zero. Does not: decide anything.

use crate::chain::{BASE_FEE, Block, Chain, Mined, PlacedLog};
use crate::tx::SignedTx;
use crate::world::BLOCK_GAS;
use revm::primitives::{Address, B256, U256};
use serde_json::{Value, json};

/// Selector of `Error(string)`.
const ERROR_STRING: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
/// Keccak-256 of the RLP of an empty list: no uncles.
const NO_UNCLES: &str = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347";

/// A number without leading zeros.
pub(super) fn number(value: u64) -> Value {
    Value::String(format!("{value:#x}"))
}

/// A wide number without leading zeros.
pub(super) fn quantity(value: U256) -> Value {
    Value::String(format!("{value:#x}"))
}

/// A storage word with all its zeros.
pub(super) fn word(value: U256) -> Value {
    json!(B256::from(value))
}

/// A block, or null; `full` puts whole transactions instead of hashes.
pub(super) fn block(chain: &Chain, block: Option<&Block>, full: bool) -> Value {
    let Some(block) = block else {
        return Value::Null;
    };
    let txs: Vec<Value> = block
        .txs
        .iter()
        .map(|hash| match chain.mined(*hash).filter(|_| full) {
            Some(mined) => transaction(chain, &mined.tx, Some(mined)),
            None => json!(hash),
        })
        .collect();
    json!({
        "number": number(block.number),
        "hash": block.hash,
        "parentHash": block.parent,
        "timestamp": number(block.timestamp),
        "gasLimit": number(BLOCK_GAS),
        "gasUsed": number(block.gas_used),
        "baseFeePerGas": number(BASE_FEE),
        "transactions": txs,
        "miner": Address::ZERO,
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "extraData": "0x",
        "size": "0x0",
        "nonce": "0x0000000000000000",
        "mixHash": B256::ZERO,
        "stateRoot": B256::ZERO,
        "transactionsRoot": B256::ZERO,
        "receiptsRoot": B256::ZERO,
        "sha3Uncles": NO_UNCLES,
        "uncles": [],
        "logsBloom": bloom(),
    })
}

/// A transaction; `mined` says where it stands.
pub(super) fn transaction(chain: &Chain, tx: &SignedTx, mined: Option<&Mined>) -> Value {
    let block = mined.and_then(|mined| chain.block(mined.block));
    let dynamic = tx.max_tip.is_some();
    let mut shape = json!({
        "hash": tx.hash,
        "from": tx.from,
        "to": tx.kind.to(),
        "nonce": number(tx.nonce),
        "value": quantity(tx.value),
        "gas": number(tx.gas_limit),
        "gasPrice": quantity(U256::from(mined.map_or(tx.max_fee, |mined| mined.effect.price))),
        "input": tx.input,
        "type": if dynamic { "0x2" } else { "0x0" },
        "chainId": number(chain.chain_id),
        "r": quantity(tx.signature.r),
        "s": quantity(tx.signature.s),
        "v": number(tx.signature.v),
        "blockHash": block.map(|block| block.hash),
        "blockNumber": block.map(|block| number(block.number)),
        "transactionIndex": mined.map(|mined| number(mined.index)),
    });
    if let (Some(tip), Some(fields)) = (tx.max_tip, shape.as_object_mut()) {
        fields.insert("maxPriorityFeePerGas".into(), quantity(U256::from(tip)));
        fields.insert("maxFeePerGas".into(), quantity(U256::from(tx.max_fee)));
        fields.insert("accessList".into(), json!(tx.access_list));
    }
    shape
}

/// A receipt.
pub(super) fn receipt(chain: &Chain, mined: &Mined) -> Value {
    let effect = &mined.effect;
    let hash = chain.block(mined.block).map(|block| block.hash);
    let logs: Vec<Value> = (mined.first_log..)
        .zip(&effect.logs)
        .map(|(index, log)| {
            let (block, tx, tx_index) = (mined.block, mined.tx.hash, mined.index);
            self::log(
                chain,
                &PlacedLog {
                    log: log.clone(),
                    block,
                    tx,
                    tx_index,
                    index,
                },
            )
        })
        .collect();
    json!({
        "transactionHash": mined.tx.hash,
        "transactionIndex": number(mined.index),
        "blockHash": hash,
        "blockNumber": number(mined.block),
        "from": mined.tx.from,
        "to": mined.tx.kind.to(),
        "contractAddress": effect.created,
        "cumulativeGasUsed": number(mined.gas_used_before + effect.gas_used),
        "gasUsed": number(effect.gas_used),
        "effectiveGasPrice": quantity(U256::from(effect.price)),
        "status": number(u64::from(effect.success)),
        "type": if mined.tx.max_tip.is_some() { "0x2" } else { "0x0" },
        "logs": logs,
        "logsBloom": bloom(),
    })
}

/// A log with its place.
pub(super) fn log(chain: &Chain, placed: &PlacedLog) -> Value {
    json!({
        "address": placed.log.address,
        "topics": placed.log.topics(),
        "data": placed.log.data.data,
        "blockNumber": number(placed.block),
        "blockHash": chain.block(placed.block).map(|block| block.hash),
        "transactionHash": placed.tx,
        "transactionIndex": number(placed.tx_index),
        "logIndex": number(placed.index),
        "removed": false,
    })
}

/// A filter that every log passes: this chain keeps an exact index and offers no short cut.
fn bloom() -> Value {
    Value::String(format!("0x{}", "ff".repeat(256)))
}

/// The text of `revert("text")` or `require(.., "text")`. Source: Solidity ABI, Error(string).
pub(super) fn revert_reason(output: &[u8]) -> Option<String> {
    let body = output.strip_prefix(&ERROR_STRING)?;
    let len = usize::try_from(U256::try_from_be_slice(body.get(32..64)?)?).ok()?;
    let text = body.get(64..64_usize.checked_add(len)?)?;
    Some(String::from_utf8_lossy(text).into_owned())
}
