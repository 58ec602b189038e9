//! A transaction as it is signed: its fields, and the digest that RLP makes of them.
//!
//! Enters: typed fields. Leaves: the Keccak-256 of the unsigned encoding, as the chain reads it
//! (EIP-1559 with a tip, EIP-155 legacy without). Invariant: the chain id is always inside what is
//! signed. Does not: build the signed bytes or send them; that is the chain room's.

use minicbor::{Decode, Encode};
use sha3::{Digest, Keccak256};

use crate::amount::Amount;
use crate::ids::{Address, Digest32};

/// A transaction without its signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TxBody {
    /// The chain it is for.
    #[n(0)]
    pub chain_id: u64,
    /// The account's number for it.
    #[n(1)]
    pub nonce: u64,
    /// The contract or account; nothing makes a contract.
    #[n(2)]
    pub to: Option<Address>,
    /// Wei sent along.
    #[n(3)]
    pub value: Amount,
    /// Calldata.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub data: Vec<u8>,
    /// The most units of gas it may use.
    #[n(5)]
    pub gas: u64,
    /// The most wei a unit of gas may cost.
    #[n(6)]
    pub max_fee: Amount,
    /// The tip a unit; nothing makes a legacy transaction at the price `max_fee`.
    #[n(7)]
    pub tip: Option<Amount>,
}

impl TxBody {
    /// The digest the account signs.
    #[must_use]
    pub fn digest(&self) -> Digest32 {
        let to = self.to.as_ref().map_or(&[][..], |to| to.0.as_slice());
        let mut items = Vec::new();
        let bytes = match self.tip {
            Some(tip) => {
                number(&mut items, u128::from(self.chain_id));
                number(&mut items, u128::from(self.nonce));
                number(&mut items, tip.0);
                number(&mut items, self.max_fee.0);
                number(&mut items, u128::from(self.gas));
                string(&mut items, to);
                number(&mut items, self.value.0);
                string(&mut items, &self.data);
                // An empty access list.
                head(&mut items, 0xc0, 0);
                [&[2], list(&items).as_slice()].concat()
            }
            None => {
                number(&mut items, u128::from(self.nonce));
                number(&mut items, self.max_fee.0);
                number(&mut items, u128::from(self.gas));
                string(&mut items, to);
                number(&mut items, self.value.0);
                string(&mut items, &self.data);
                number(&mut items, u128::from(self.chain_id));
                number(&mut items, 0);
                number(&mut items, 0);
                list(&items)
            }
        };
        Digest32(Keccak256::digest(bytes).into())
    }

    /// Wei it can cost at most: its value and all its gas at the highest price.
    #[must_use]
    pub fn cost(&self) -> Amount {
        let gas = u128::from(self.gas).saturating_mul(self.max_fee.0);
        Amount(gas.saturating_add(self.value.0))
    }
}

/// The head of a string (base 0x80) or list (base 0xc0) of `len` bytes.
fn head(out: &mut Vec<u8>, base: u8, len: usize) {
    if len < 56 {
        out.push(base.saturating_add(u8::try_from(len).unwrap_or(0)));
        return;
    }
    let len = len.to_be_bytes();
    let digits = trimmed(&len);
    let count = u8::try_from(digits.len()).unwrap_or(8);
    out.push(base.saturating_add(55).saturating_add(count));
    out.extend_from_slice(digits);
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes {
        [one] if *one < 0x80 => out.push(*one),
        _ => {
            head(out, 0x80, bytes.len());
            out.extend_from_slice(bytes);
        }
    }
}

fn number(out: &mut Vec<u8>, value: u128) {
    string(out, trimmed(&value.to_be_bytes()));
}

fn list(items: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(items.len() + 9);
    head(&mut out, 0xc0, items.len());
    out.extend_from_slice(items);
    out
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or(&[])
}
