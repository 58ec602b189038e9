//! The typed requests to one endpoint.
//!
//! Enters: host-core values. Leaves: host-core values, or the endpoint's fault. Does not: choose
//! the endpoint or try again.

use crate::codec::Log;
use crate::endpoint::Endpoint;
use crate::fault::Fault;
use crate::json::{Field, hex_text, quantity};
use ethers_core::utils::keccak256;
use host_core::{Address, Amount, Digest32};
use serde_json::{Value, json};

/// What is used of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: Digest32,
    /// Seconds since 1970 by its maker's clock.
    pub timestamp: u64,
    /// Price of a gas unit that is burnt; absent on chains before EIP-1559.
    pub base_fee: Option<u128>,
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction.
    pub hash: Digest32,
    /// The block it is in.
    pub block: u64,
    /// Hash of that block.
    pub block_hash: Digest32,
    /// Whether it succeeded.
    pub success: bool,
    /// Gas it used.
    pub gas_used: u64,
    /// The contract it made.
    pub created: Option<Address>,
    /// Its logs.
    pub logs: Vec<Log>,
}

/// Which logs are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFilter {
    /// First block.
    pub from: u64,
    /// Last block.
    pub to: u64,
    /// Contracts; empty for all.
    pub addresses: Vec<Address>,
    /// Alternatives for each topic in turn; empty for all.
    pub topics: Vec<Vec<Digest32>>,
}

impl Endpoint {
    pub(crate) async fn chain_id(&self) -> Result<u64, Fault> {
        let answer = self.ask("eth_chainId", json!([])).await?;
        Field::whole("eth_chainId", &answer).number()
    }

    /// A block by number, or the newest.
    pub(crate) async fn block(&self, number: Option<u64>) -> Result<Option<Block>, Fault> {
        let tag = number.map_or("latest".into(), |number| quantity(number.into()));
        let answer = self
            .ask("eth_getBlockByNumber", json!([tag, false]))
            .await?;
        let Some(block) = Field::whole("eth_getBlockByNumber", &answer).present() else {
            return Ok(None);
        };
        let base_fee = block.part("baseFeePerGas").present();
        Ok(Some(Block {
            number: block.part("number").number()?,
            hash: block.part("hash").digest()?,
            timestamp: block.part("timestamp").number()?,
            base_fee: base_fee
                .map(|fee| fee.amount())
                .transpose()?
                .map(|fee| fee.0),
        }))
    }

    /// The newest block.
    pub(crate) async fn newest(&self) -> Result<Block, Fault> {
        let what = "eth_getBlockByNumber";
        let missing = Fault::Malformed {
            what,
            why: "no newest block".into(),
        };
        self.block(None).await?.ok_or(missing)
    }

    /// The next nonce of an account, with or without what waits.
    pub(crate) async fn nonce(&self, of: Address, pending: bool) -> Result<u64, Fault> {
        let tag = if pending { "pending" } else { "latest" };
        let answer = self
            .ask("eth_getTransactionCount", json!([text(of), tag]))
            .await?;
        Field::whole("eth_getTransactionCount", &answer).number()
    }

    pub(crate) async fn balance(&self, of: Address) -> Result<Amount, Fault> {
        let answer = self
            .ask("eth_getBalance", json!([text(of), "latest"]))
            .await?;
        Field::whole("eth_getBalance", &answer).amount()
    }

    pub(crate) async fn code_hash(&self, of: Address) -> Result<Digest32, Fault> {
        let answer = self.ask("eth_getCode", json!([text(of), "latest"])).await?;
        let code = Field::whole("eth_getCode", &answer).bytes()?;
        Ok(Digest32(keccak256(code)))
    }

    /// A word of a contract's storage, without the zeros a node may leave out.
    pub(crate) async fn storage(&self, of: Address, slot: &str) -> Result<Digest32, Fault> {
        let asked = json!([text(of), slot, "latest"]);
        let answer = self.ask("eth_getStorageAt", asked).await?;
        let digits = answer.as_str().unwrap_or_default().trim_start_matches("0x");
        let whole = serde_json::Value::String(format!("0x{digits:0>64}"));
        Field::whole("eth_getStorageAt", &whole).digest()
    }

    /// Return data of a call on the newest state.
    pub(crate) async fn call(
        &self,
        from: Option<Address>,
        to: Address,
        data: &[u8],
    ) -> Result<Vec<u8>, Fault> {
        self.call_at(from, to, data, None).await
    }

    /// Return data of a call on the state after a block, or the newest.
    pub(crate) async fn call_at(
        &self,
        from: Option<Address>,
        to: Address,
        data: &[u8],
        block: Option<u64>,
    ) -> Result<Vec<u8>, Fault> {
        let call = call_object(from, Some(to), Amount::ZERO, data);
        let tag = block.map_or("latest".into(), |number| quantity(number.into()));
        let answer = self.ask("eth_call", json!([call, tag])).await?;
        Field::whole("eth_call", &answer).bytes()
    }

    /// Gas a transaction needs.
    pub(crate) async fn estimate(
        &self,
        from: Address,
        to: Option<Address>,
        value: Amount,
        data: &[u8],
    ) -> Result<u64, Fault> {
        let call = call_object(Some(from), to, value, data);
        let answer = self.ask("eth_estimateGas", json!([call])).await?;
        Field::whole("eth_estimateGas", &answer).number()
    }

    pub(crate) async fn gas_price(&self) -> Result<u128, Fault> {
        let answer = self.ask("eth_gasPrice", json!([])).await?;
        Ok(Field::whole("eth_gasPrice", &answer).amount()?.0)
    }

    pub(crate) async fn tip(&self) -> Result<u128, Fault> {
        let answer = self.ask("eth_maxPriorityFeePerGas", json!([])).await?;
        Ok(Field::whole("eth_maxPriorityFeePerGas", &answer)
            .amount()?
            .0)
    }

    pub(crate) async fn send_raw(&self, raw: &[u8]) -> Result<(), Fault> {
        let answer = self
            .ask("eth_sendRawTransaction", json!([hex_text(raw)]))
            .await?;
        Field::whole("eth_sendRawTransaction", &answer)
            .digest()
            .map(|_| ())
    }

    /// Whether the endpoint knows a transaction, mined or waiting.
    pub(crate) async fn knows(&self, hash: Digest32) -> Result<bool, Fault> {
        let answer = self
            .ask("eth_getTransactionByHash", json!([hash.to_string()]))
            .await?;
        Ok(!answer.is_null())
    }

    pub(crate) async fn receipt(&self, hash: Digest32) -> Result<Option<Receipt>, Fault> {
        let what = "eth_getTransactionReceipt";
        let answer = self.ask(what, json!([hash.to_string()])).await?;
        let Some(receipt) = Field::whole(what, &answer).present() else {
            return Ok(None);
        };
        if receipt.part("blockNumber").present().is_none() {
            return Ok(None);
        }
        let created = receipt.part("contractAddress").present();
        Ok(Some(Receipt {
            hash,
            block: receipt.part("blockNumber").number()?,
            block_hash: receipt.part("blockHash").digest()?,
            success: receipt.part("status").number()? == 1,
            gas_used: receipt.part("gasUsed").number()?,
            created: created.map(|address| address.address()).transpose()?,
            logs: receipt
                .part("logs")
                .list()?
                .map(read_log)
                .collect::<Result<_, _>>()?,
        }))
    }

    pub(crate) async fn logs(&self, filter: &LogFilter) -> Result<Vec<Log>, Fault> {
        let addresses: Vec<_> = filter.addresses.iter().map(|of| text(*of)).collect();
        let topics = filter.topics.iter().map(|any| match any.as_slice() {
            [] => Value::Null,
            wanted => wanted
                .iter()
                .map(|topic| Value::String(topic.to_string()))
                .collect(),
        });
        let mut wanted = json!({
            "fromBlock": quantity(filter.from.into()),
            "toBlock": quantity(filter.to.into()),
            "topics": topics.collect::<Vec<Value>>(),
        });
        if let (Some(fields), false) = (wanted.as_object_mut(), addresses.is_empty()) {
            fields.insert("address".into(), json!(addresses));
        }
        let answer = self.ask("eth_getLogs", json!([wanted])).await?;
        Field::whole("eth_getLogs", &answer)
            .list()?
            .map(read_log)
            .collect()
    }
}

fn text(address: Address) -> String {
    hex_text(&address.0)
}

fn call_object(from: Option<Address>, to: Option<Address>, value: Amount, data: &[u8]) -> Value {
    let mut call = json!({"data": hex_text(data), "value": quantity(value.0)});
    if let Some(fields) = call.as_object_mut() {
        for (name, account) in [("from", from), ("to", to)] {
            if let Some(account) = account {
                fields.insert(name.into(), json!(text(account)));
            }
        }
    }
    call
}

fn read_log(log: Field<'_>) -> Result<Log, Fault> {
    Ok(Log {
        address: log.part("address").address()?,
        topics: log
            .part("topics")
            .list()?
            .map(|topic| topic.digest())
            .collect::<Result<_, _>>()?,
        data: log.part("data").bytes()?,
        block: log.part("blockNumber").number()?,
        block_hash: log.part("blockHash").digest()?,
        tx: log.part("transactionHash").digest()?,
        index: log.part("logIndex").number()?,
    })
}
