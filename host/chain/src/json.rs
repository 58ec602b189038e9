//! Reading JSON-RPC answers: the hex forms of Ethereum's execution API.
//!
//! Enters: JSON of an endpoint. Leaves: numbers, bytes, ids, or the fault that says which field is
//! wrong. Does not: ask anything.

use crate::fault::Fault;
use ethers_core::types::U256;
use host_core::{Address, Amount, Digest32};
use serde_json::Value;

/// One field of an answer, with what was asked for the error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    what: &'static str,
    name: &'a str,
    value: &'a Value,
}

impl<'a> Field<'a> {
    /// The whole answer to `what`.
    pub(crate) fn whole(what: &'static str, value: &'a Value) -> Self {
        Self {
            what,
            name: "result",
            value,
        }
    }

    /// A named part; missing and null are the same.
    pub(crate) fn part(&self, name: &'a str) -> Self {
        Self {
            what: self.what,
            name,
            value: self.value.get(name).unwrap_or(&Value::Null),
        }
    }

    /// Itself, or nothing when it is null.
    pub(crate) fn present(self) -> Option<Self> {
        (!self.value.is_null()).then_some(self)
    }

    /// The parts of a list.
    pub(crate) fn list(&self) -> Result<impl Iterator<Item = Self>, Fault> {
        let (what, name) = (self.what, self.name);
        let list = self
            .value
            .as_array()
            .ok_or_else(|| self.wrong("is no list"))?;
        Ok(list.iter().map(move |value| Self { what, name, value }))
    }

    /// A fault about this field.
    pub(crate) fn wrong(&self, how: &str) -> Fault {
        Fault::Malformed {
            what: self.what,
            why: format!("{} {how}", self.name),
        }
    }

    fn text(&self) -> Result<&'a str, Fault> {
        self.value.as_str().ok_or_else(|| self.wrong("is no text"))
    }

    /// A quantity of at most 64 bits.
    pub(crate) fn number(&self) -> Result<u64, Fault> {
        let digits = self
            .text()?
            .strip_prefix("0x")
            .ok_or_else(|| self.wrong("is no quantity"))?;
        u64::from_str_radix(digits, 16).map_err(|_| self.wrong("is no 64-bit quantity"))
    }

    /// A quantity of at most 128 bits.
    pub(crate) fn amount(&self) -> Result<Amount, Fault> {
        let digits = self
            .text()?
            .strip_prefix("0x")
            .ok_or_else(|| self.wrong("is no quantity"))?;
        let wide = U256::from_str_radix(digits, 16).map_err(|_| self.wrong("is no quantity"))?;
        u128::try_from(wide)
            .map(Amount)
            .map_err(|_| self.wrong("is over 128 bits"))
    }

    /// Bytes of any length.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, Fault> {
        let digits = self
            .text()?
            .strip_prefix("0x")
            .ok_or_else(|| self.wrong("is no hex"))?;
        hex::decode(digits).map_err(|_| self.wrong("is no hex"))
    }

    /// A 32-byte digest.
    pub(crate) fn digest(&self) -> Result<Digest32, Fault> {
        self.text()?.parse().map_err(|_| self.wrong("is no digest"))
    }

    /// A 20-byte account.
    pub(crate) fn address(&self) -> Result<Address, Fault> {
        self.text()?
            .parse()
            .map_err(|_| self.wrong("is no address"))
    }
}

/// Bytes in the form of the API.
pub(crate) fn hex_text(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// A number in the form of the API.
pub(crate) fn quantity(value: u128) -> String {
    format!("{value:#x}")
}
