//! Reading the parameters of a request.
//!
//! Enters: JSON of a stranger. Leaves: typed values, or a refusal that says which parameter is
//! wrong. Does not: touch the chain.

use super::Refusal;
use crate::world::Call;
use revm::primitives::{Address, B256, Bytes, Log, U256};
use serde_json::Value;
use std::str::FromStr;

/// Addresses or alternatives of one topic in a filter.
const FILTER_MAX: usize = 1024;

/// The positional parameters of one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Params<'a>(&'a [Value]);

/// Which block a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// latest, pending, safe, finalized, or nothing said: all the same without reorganisations.
    Newest,
    /// A number; `earliest` is 0.
    Number(u64),
    /// A hash, as in EIP-1898.
    Hash(B256),
}

/// What eth_getLogs asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) from: Tag,
    pub(super) to: Tag,
    pub(super) block: Option<B256>,
    addresses: Vec<Address>,
    topics: Vec<Vec<B256>>,
}

impl Filter {
    /// Whether a log is asked for: empty alternatives stand for everything.
    pub(super) fn matches(&self, log: &Log) -> bool {
        let address = self.addresses.is_empty() || self.addresses.contains(&log.address);
        address
            && self.topics.iter().enumerate().all(|(at, wanted)| {
                wanted.is_empty()
                    || log
                        .topics()
                        .get(at)
                        .is_some_and(|topic| wanted.contains(topic))
            })
    }
}

impl<'a> Params<'a> {
    /// The parameters of a request; anything but a list counts as none.
    pub(super) fn of(params: Option<&'a Value>) -> Self {
        Self(params.and_then(Value::as_array).map_or(&[], Vec::as_slice))
    }

    fn get(&self, at: usize) -> Option<&'a Value> {
        self.0.get(at).filter(|value| !value.is_null())
    }

    fn parse<T: FromStr>(&self, at: usize, kind: &str) -> Result<T, Refusal> {
        let value = self
            .get(at)
            .ok_or_else(|| Refusal::params(format!("no {kind} at {at}")))?;
        parse(value, kind)
    }

    pub(super) fn address(&self, at: usize) -> Result<Address, Refusal> {
        self.parse(at, "address")
    }

    pub(super) fn hash(&self, at: usize) -> Result<B256, Refusal> {
        self.parse(at, "hash")
    }

    pub(super) fn bytes(&self, at: usize) -> Result<Bytes, Refusal> {
        self.parse(at, "bytes")
    }

    /// A storage slot: a quantity or 32 bytes.
    pub(super) fn slot(&self, at: usize) -> Result<U256, Refusal> {
        self.parse(at, "storage slot")
    }

    /// A quantity as text or as a JSON number.
    pub(super) fn quantity(&self, at: usize) -> Result<u64, Refusal> {
        let value = self
            .get(at)
            .ok_or_else(|| Refusal::params(format!("no quantity at {at}")))?;
        quantity(value)
    }

    /// Whether the parameter is the word `true`.
    pub(super) fn flag(&self, at: usize) -> bool {
        self.get(at).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Length of a list, 0 when there is none.
    pub(super) fn list_len(&self, at: usize) -> usize {
        self.get(at)
            .and_then(Value::as_array)
            .map_or(0, |list| list.len().min(100))
    }

    /// Whether the block parameter says pending.
    pub(super) fn is_pending(&self, at: usize) -> bool {
        self.get(at).and_then(Value::as_str) == Some("pending")
    }

    /// The block parameter.
    pub(super) fn tag(&self, at: usize) -> Result<Tag, Refusal> {
        tag(self.get(at))
    }

    /// A call object.
    pub(super) fn call(&self, at: usize) -> Result<Call, Refusal> {
        let fields = self
            .get(at)
            .ok_or_else(|| Refusal::params("no call object"))?;
        let field = |name: &str| fields.get(name).filter(|value| !value.is_null());
        let input = match field("input").or(field("data")) {
            Some(value) => parse(value, "input")?,
            None => Bytes::new(),
        };
        Ok(Call {
            from: field("from").map_or(Ok(Address::ZERO), |value| parse(value, "from"))?,
            to: field("to").map(|value| parse(value, "to")).transpose()?,
            value: field("value").map_or(Ok(U256::ZERO), |value| parse(value, "value"))?,
            gas: field("gas").map(quantity).transpose()?,
            input,
        })
    }

    /// A log filter.
    pub(super) fn filter(&self, at: usize) -> Result<Filter, Refusal> {
        let fields = self
            .get(at)
            .ok_or_else(|| Refusal::params("no filter object"))?;
        let field = |name: &str| fields.get(name).filter(|value| !value.is_null());
        let addresses = field("address").map_or(Ok(vec![]), |value| any_of(value, "address"))?;
        let topics = match field("topics").map(Value::as_array) {
            None => Vec::new(),
            Some(Some(list)) if list.len() <= 4 => list
                .iter()
                .map(|topic| match topic {
                    Value::Null => Ok(Vec::new()),
                    wanted => any_of(wanted, "topic"),
                })
                .collect::<Result<_, _>>()?,
            Some(_) => return Err(Refusal::params("topics are a list of at most four")),
        };
        let block = field("blockHash")
            .map(|value| parse(value, "block hash"))
            .transpose()?;
        let (from, to) = (tag(field("fromBlock"))?, tag(field("toBlock"))?);
        Ok(Filter {
            from,
            to,
            block,
            addresses,
            topics,
        })
    }
}

/// One value or a list of alternatives.
fn any_of<T: FromStr>(value: &Value, kind: &str) -> Result<Vec<T>, Refusal> {
    match value {
        Value::Array(list) if list.len() > FILTER_MAX => {
            Err(Refusal::params(format!("more than {FILTER_MAX} of {kind}")))
        }
        Value::Array(list) => list.iter().map(|one| parse(one, kind)).collect(),
        one => Ok(vec![parse(one, kind)?]),
    }
}

fn parse<T: FromStr>(value: &Value, kind: &str) -> Result<T, Refusal> {
    let text = value
        .as_str()
        .ok_or_else(|| Refusal::params(format!("{kind} is not text")))?;
    text.parse()
        .map_err(|_| Refusal::params(format!("{kind} is not well formed")))
}

fn quantity(value: &Value) -> Result<u64, Refusal> {
    match value {
        Value::Number(number) => number
            .as_u64()
            .ok_or_else(|| Refusal::params("quantity is not a whole number")),
        text => u64::try_from(parse::<U256>(text, "quantity")?)
            .map_err(|_| Refusal::params("quantity is over 64 bits")),
    }
}

fn tag(value: Option<&Value>) -> Result<Tag, Refusal> {
    let Some(value) = value else {
        return Ok(Tag::Newest);
    };
    if let Some(hash) = value.get("blockHash") {
        return Ok(Tag::Hash(parse(hash, "block hash")?));
    }
    let value = value.get("blockNumber").unwrap_or(value);
    Ok(match value.as_str() {
        Some("latest" | "pending" | "safe" | "finalized") => Tag::Newest,
        Some("earliest") => Tag::Number(0),
        _ => Tag::Number(quantity(value)?),
    })
}
