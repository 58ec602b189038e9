//! The JSON-RPC 2.0 methods: one request or one batch in, one answer out.
//!
//! Enters: bytes of a stranger, bounded by the server. Leaves: JSON. Invariant: whatever comes in,
//! the answer is a JSON-RPC answer; nothing here can end the process. Only the newest state is
//! kept, so a question about an older one is refused by name rather than answered wrongly. Does
//! not: hold blocks or state (`chain`), shape them (`rpc/view.rs`), or read parameters
//! (`rpc/params.rs`).

mod params;
mod view;

use crate::chain::{BASE_FEE, Chain, Rejected, Sealed};
use crate::world::{Answer, BLOCK_GAS, Call};
use params::{Params, Tag};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// Requests of one batch.
const BATCH_MAX: usize = 256;
/// Logs of one answer; ask for fewer blocks when it is not enough.
const LOGS_MAX: usize = 10_000;
/// Tip that eth_maxPriorityFeePerGas proposes, in wei a gas unit.
const TIP: u64 = 100_000_000;
/// What web3_clientVersion says.
pub(crate) const CLIENT_VERSION: &str = concat!(
    "holdfast-devchain/",
    env!("CARGO_PKG_VERSION"),
    " (development chain, no consensus)"
);

/// Why a request is refused: code, message and data of a JSON-RPC error.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    code: i64,
    message: String,
    data: Option<Value>,
}

impl Refusal {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    pub(crate) fn params(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }

    fn server(message: impl Into<String>) -> Self {
        Self::new(-32000, message)
    }
}

/// Answers the bytes of one HTTP body. `automine` makes a block after every new transaction.
pub(crate) fn answer(chain: &Mutex<Chain>, automine: bool, body: &[u8]) -> Value {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Array(batch)) if batch.is_empty() || batch.len() > BATCH_MAX => failure(
            Value::Null,
            &Refusal::new(
                -32600,
                format!("batch of {}, not 1 to {BATCH_MAX}", batch.len()),
            ),
        ),
        Ok(Value::Array(batch)) => batch
            .iter()
            .map(|request| one(chain, automine, request))
            .collect(),
        Ok(request) => one(chain, automine, &request),
        Err(reason) => failure(
            Value::Null,
            &Refusal::new(-32700, format!("parse error: {reason}")),
        ),
    }
}

fn one(chain: &Mutex<Chain>, automine: bool, request: &Value) -> Value {
    let id = request.get("id").cloned().unwrap_or(Value::Null);
    let Some(method) = request.get("method").and_then(Value::as_str) else {
        return failure(id, &Refusal::new(-32600, "request without a method"));
    };
    // A panic of another request cannot leave half a block behind: state changes only after the
    // record is durable, in code that allocates and nothing more. So the lock stays usable.
    let mut chain = chain.lock().unwrap_or_else(PoisonError::into_inner);
    let params = Params::of(request.get("params"));
    match dispatch(&mut chain, automine, method, &params) {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(refusal) => failure(id, &refusal),
    }
}

fn failure(id: Value, refusal: &Refusal) -> Value {
    let mut error = json!({"code": refusal.code, "message": refusal.message});
    if let (Some(data), Some(fields)) = (&refusal.data, error.as_object_mut()) {
        fields.insert("data".into(), data.clone());
    }
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}

fn dispatch(
    chain: &mut Chain,
    automine: bool,
    method: &str,
    params: &Params<'_>,
) -> Result<Value, Refusal> {
    match method {
        "eth_sendRawTransaction" => send(chain, automine, params),
        "evm_mine" => mine(chain).map(|sealed| view::number(sealed.number)),
        "evm_increaseTime" => {
            chain.advance_clock(params.quantity(0)?);
            Ok(view::number(chain.next_frame().timestamp))
        }
        "eth_call" => call(chain, params),
        "eth_estimateGas" => estimate(chain, params),
        _ => match about_chain(chain, method) {
            Some(result) => Ok(result),
            None => look_up(chain, method, params),
        },
    }
}

/// Methods without parameters.
fn about_chain(chain: &Chain, method: &str) -> Option<Value> {
    Some(match method {
        "eth_chainId" => view::number(chain.chain_id),
        "net_version" => Value::String(chain.chain_id.to_string()),
        "net_listening" => Value::Bool(true),
        "web3_clientVersion" => Value::String(CLIENT_VERSION.into()),
        "eth_blockNumber" => view::number(chain.head().number),
        "eth_gasPrice" => view::number(BASE_FEE + TIP),
        "eth_maxPriorityFeePerGas" => view::number(TIP),
        "eth_syncing" => Value::Bool(false),
        "eth_accounts" => json!([]),
        "txpool_status" => json!({"pending": view::number(chain.pool.count() as u64)}),
        _ => return None,
    })
}

/// Methods that read blocks, transactions or the newest state.
fn look_up(chain: &Chain, method: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    Ok(match method {
        "eth_getBlockByNumber" => {
            let number = match params.tag(0)? {
                Tag::Newest => chain.head().number,
                Tag::Number(number) => number,
                Tag::Hash(_) => return Err(Refusal::params("a block number is needed")),
            };
            view::block(chain, chain.block(number), params.flag(1))
        }
        "eth_getBlockByHash" => {
            view::block(chain, chain.block_by_hash(params.hash(0)?), params.flag(1))
        }
        "eth_getTransactionByHash" => {
            let hash = params.hash(0)?;
            match chain.mined(hash) {
                Some(mined) => view::transaction(chain, &mined.tx, Some(mined)),
                None => chain
                    .pool
                    .find(hash)
                    .map_or(Value::Null, |tx| view::transaction(chain, tx, None)),
            }
        }
        "eth_getTransactionReceipt" => chain
            .mined(params.hash(0)?)
            .map_or(Value::Null, |mined| view::receipt(chain, mined)),
        "eth_getTransactionCount" => {
            let address = params.address(0)?;
            let next = chain.world.nonce(address);
            if params.is_pending(1) {
                view::number(chain.pool.nonce_after(address, next))
            } else {
                newest(chain, params, 1)?;
                view::number(next)
            }
        }
        "eth_getBalance" => {
            newest(chain, params, 1)?;
            view::quantity(chain.world.balance(params.address(0)?))
        }
        "eth_getCode" => {
            newest(chain, params, 1)?;
            json!(chain.world.code(params.address(0)?))
        }
        "eth_getStorageAt" => {
            newest(chain, params, 2)?;
            view::word(chain.world.storage(params.address(0)?, params.slot(1)?))
        }
        "eth_feeHistory" => fee_history(chain, params)?,
        "eth_getLogs" => logs(chain, params)?,
        other => {
            return Err(Refusal::new(
                -32601,
                format!("the method {other} does not exist"),
            ));
        }
    })
}

/// Refuses a question about a state that is not kept.
fn newest(chain: &Chain, params: &Params<'_>, at: usize) -> Result<(), Refusal> {
    let head = chain.head();
    let (asked, is_head) = match params.tag(at)? {
        Tag::Newest => return Ok(()),
        Tag::Number(number) => (number, number == head.number),
        Tag::Hash(hash) => match chain.block_by_hash(hash) {
            Some(block) => (block.number, block.number == head.number),
            None => return Err(Refusal::server("unknown block")),
        },
    };
    if is_head {
        return Ok(());
    }
    let head = head.number;
    Err(Refusal::server(format!(
        "state of block {asked} is not kept, the head is {head}"
    )))
}

fn send(chain: &mut Chain, automine: bool, params: &Params<'_>) -> Result<Value, Refusal> {
    let hash = chain.submit(&params.bytes(0)?).map_err(|why| match why {
        Rejected::Unreadable(reason) => Refusal::params(reason.to_string()),
        other => Refusal::server(other.to_string()),
    })?;
    // What waits behind a nonce gap or a low fee mines no block.
    if automine && chain.has_ready() {
        let sealed = mine(chain)?;
        if let Some((_, rule)) = sealed
            .refused
            .into_iter()
            .find(|(refused, _)| *refused == hash)
        {
            return Err(Refusal::server(rule));
        }
    }
    Ok(json!(hash))
}

fn mine(chain: &mut Chain) -> Result<Sealed, Refusal> {
    chain.mine().map_err(|reason| {
        tracing::error!(err = %reason, "no block can be made");
        Refusal::new(-32603, reason.to_string())
    })
}

fn call(chain: &Chain, params: &Params<'_>) -> Result<Value, Refusal> {
    newest(chain, params, 1)?;
    match chain.world.call(chain.next_frame(), &params.call(0)?) {
        Answer::Done { output, .. } => Ok(json!(output)),
        refused => Err(stopped(refused)),
    }
}

/// The least gas limit that lets the call through, found by halving, to within 1.5 %.
fn estimate(chain: &Chain, params: &Params<'_>) -> Result<Value, Refusal> {
    newest(chain, params, 1)?;
    let call = params.call(0)?;
    let frame = chain.next_frame();
    let with = |gas: u64| {
        chain.world.call(
            frame,
            &Call {
                gas: Some(gas),
                ..call.clone()
            },
        )
    };
    let mut enough = call.gas.unwrap_or(BLOCK_GAS).min(BLOCK_GAS);
    let mut short = match with(enough) {
        Answer::Done { gas_used, .. } => gas_used.saturating_sub(1),
        refused => return Err(stopped(refused)),
    };
    // Most calls get through with what they used and a little for the 63/64 rule.
    let guess = (short + 1).saturating_mul(65) / 64;
    if guess < enough && matches!(with(guess), Answer::Done { .. }) {
        enough = guess;
    }
    while enough - short > 1 + enough / 64 {
        let middle = short + (enough - short) / 2;
        match with(middle) {
            Answer::Done { .. } => enough = middle,
            _ => short = middle,
        }
    }
    Ok(view::number(enough))
}

/// A call that did not get through, in the words of geth, which clients match.
fn stopped(answer: Answer) -> Refusal {
    match answer {
        Answer::Reverted { output } => {
            let message = match view::revert_reason(&output) {
                Some(reason) => format!("execution reverted: {reason}"),
                None => "execution reverted".into(),
            };
            Refusal {
                code: 3,
                message,
                data: Some(json!(output)),
            }
        }
        Answer::Stopped { reason } => Refusal::server(reason),
        Answer::Done { .. } => Refusal::new(-32603, "a call that got through is no refusal"),
    }
}

fn fee_history(chain: &Chain, params: &Params<'_>) -> Result<Value, Refusal> {
    let head = chain.head().number;
    let last = match params.tag(1)? {
        Tag::Number(number) if number <= head => number,
        Tag::Number(number) => return Err(Refusal::server(format!("block {number} is not there"))),
        _ => head,
    };
    let count = params.quantity(0)?.clamp(1, 1024).min(last + 1);
    let first = last + 1 - count;
    let ratio = |number: u64| {
        let used = chain.block(number).map_or(0, |block| block.gas_used);
        // Both are below 2^53: a share needs no more digits.
        used as f64 / BLOCK_GAS as f64
    };
    let percentiles = params.list_len(2);
    let reward = vec![view::number(TIP); percentiles];
    let blocks = usize::try_from(count).unwrap_or_default();
    Ok(json!({
        "oldestBlock": view::number(first),
        "baseFeePerGas": vec![view::number(BASE_FEE); blocks + 1],
        "gasUsedRatio": (first..=last).map(ratio).collect::<Vec<_>>(),
        "reward": vec![reward; blocks],
    }))
}

fn logs(chain: &Chain, params: &Params<'_>) -> Result<Value, Refusal> {
    let filter = params.filter(0)?;
    let head = chain.head().number;
    let number = |tag: &Tag| match tag {
        Tag::Newest => head,
        Tag::Number(number) => *number,
        Tag::Hash(_) => head,
    };
    let (from, to) = match filter.block {
        Some(hash) => {
            let block = chain
                .block_by_hash(hash)
                .ok_or(Refusal::server("unknown block"))?;
            (block.number, block.number)
        }
        None => (number(&filter.from), number(&filter.to)),
    };
    if from > to {
        return Err(Refusal::params(format!(
            "block range {from} to {to} is empty"
        )));
    }
    let matching = chain
        .logs(from, to)
        .iter()
        .filter(|log| filter.matches(&log.log));
    let found: Vec<_> = matching.take(LOGS_MAX + 1).collect();
    if found.len() > LOGS_MAX {
        return Err(Refusal::new(
            -32005,
            format!("query returned more than {LOGS_MAX} results"),
        ));
    }
    Ok(found.into_iter().map(|log| view::log(chain, log)).collect())
}

#[cfg(test)]
mod tests;
