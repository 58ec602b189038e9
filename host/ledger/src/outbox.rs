//! The rows of transactions: what the host means to send, has signed, has seen in a block, and how
//! each ended. A row is named by its intent, and an intent is under way at most once; the bytes of
//! every form ever signed stay in the row, so that a reorganisation finds them again. Their layout
//! on disk stands in docs/formats/ledger.md.

use host_core::seams::{ContractCall, SignedTx};
use host_core::{Address, Amount, Digest32};
use minicbor::{Decode, Encode};

/// What a transaction is for: the name under which it is under way at most once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct IntentKey(#[n(0)] pub String);

impl IntentKey {
    /// Cashing the cheque of one vault.
    #[must_use]
    pub fn cash(vault: &Address) -> Self {
        Self(format!("cash/{vault}"))
    }

    /// Whether it is one that any host may do and one is enough for: a seal.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.starts_with("proof/seal/") || self.0 == "price/step"
    }
}

impl IntentKey {
    /// Cashing the cheques of many vaults: one batch is under way at a time.
    #[must_use]
    pub fn cash_many() -> Self {
        Self("cash-many".to_owned())
    }
}

impl std::fmt::Display for IntentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum OutboxState {
    /// Signed, and not deep enough in the chain.
    #[n(0)]
    Pending,
    /// Deep enough, and it succeeded.
    #[n(1)]
    Done,
    /// Deep enough, and the contract refused it.
    #[n(2)]
    Failed,
    /// Another transaction used its nonce, and it was not sent at a new one.
    #[n(3)]
    Replaced,
    /// Given up before it was in a block.
    #[n(4)]
    Abandoned,
    /// Wanted; not signed yet, since the chain did not answer or the account lacked gas.
    #[n(5)]
    Wanted,
}

impl OutboxState {
    /// Whether it may still change.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Wanted)
    }

    /// The word for logs, answers and errors.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "mined",
            Self::Failed => "reverted",
            Self::Replaced => "replaced",
            Self::Abandoned => "abandoned",
            Self::Wanted => "wanted",
        }
    }
}

/// One signed form of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FormRow {
    /// Its hash.
    #[n(0)]
    pub hash: Digest32,
    /// The sender's nonce.
    #[n(1)]
    pub nonce: u64,
    /// The bytes that are broadcast.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub raw: Vec<u8>,
}

impl FormRow {
    /// The form as the chain takes it.
    #[must_use]
    pub fn tx(&self) -> SignedTx {
        SignedTx {
            hash: self.hash,
            nonce: self.nonce,
            raw: self.raw.clone(),
        }
    }
}

impl From<SignedTx> for FormRow {
    fn from(tx: SignedTx) -> Self {
        Self {
            hash: tx.hash,
            nonce: tx.nonce,
            raw: tx.raw,
        }
    }
}

/// The block a form was seen in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct MinedRow {
    /// Which form.
    #[n(0)]
    pub hash: Digest32,
    /// The block.
    #[n(1)]
    pub block: u64,
    /// Its hash.
    #[n(2)]
    pub block_hash: Digest32,
}

/// A call that is not for a cheque.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CallRow {
    /// The contract.
    #[n(0)]
    pub to: Address,
    /// Native value sent along.
    #[n(1)]
    pub value: Amount,
    /// Calldata.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub data: Vec<u8>,
}

impl From<ContractCall> for CallRow {
    /// A call that carries no native value.
    fn from(call: ContractCall) -> Self {
        Self {
            to: call.to,
            value: Amount::ZERO,
            data: call.data,
        }
    }
}

/// One cheque of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct OrderRow {
    /// The vault that pays.
    #[n(0)]
    pub vault: Address,
    /// The cumulative sum presented; zero while nothing is signed.
    #[n(1)]
    pub cumulative: Amount,
}

/// A transaction, durable before its first broadcast, and each later form of it before its own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OutboxRow {
    /// Hash of the newest form; zeroes while nothing is signed.
    #[n(0)]
    pub hash: Digest32,
    /// The newest form's nonce.
    #[n(1)]
    pub nonce: u64,
    /// The newest form's bytes; none while nothing is signed.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub raw: Vec<u8>,
    /// The vault that pays; zeroes when it is not about a cheque.
    #[n(3)]
    pub vault: Address,
    /// The cumulative sum presented.
    #[n(4)]
    pub cumulative: Amount,
    /// Where it stands.
    #[n(5)]
    pub state: OutboxState,
    /// What it is for.
    #[n(6)]
    #[cbor(default)]
    pub intent: IntentKey,
    /// Forms signed before the newest one, oldest first.
    #[n(7)]
    #[cbor(default)]
    pub earlier: Vec<FormRow>,
    /// The block known when the newest form was first sent.
    #[n(8)]
    #[cbor(default)]
    pub sent_block: u64,
    /// The block one of the forms is in, as last seen.
    #[n(9)]
    pub mined: Option<MinedRow>,
    /// Why it ended, or the last thing that kept it from ending.
    #[n(10)]
    #[cbor(default)]
    pub reason: String,
    /// What is called, when it is not a cheque.
    #[n(11)]
    pub call: Option<CallRow>,
    /// The cheques of a batch; none when it is about one cheque or a call.
    #[n(12)]
    #[cbor(default)]
    pub batch: Vec<OrderRow>,
}

impl OutboxRow {
    /// A wish to cash the newest cheque of `vault`, nothing signed yet.
    #[must_use]
    pub fn wanted_cash(vault: Address) -> Self {
        Self::wanted(IntentKey::cash(&vault), vault, None)
    }

    /// A wish to cash the newest cheques of `vaults` in one transaction, nothing signed yet.
    #[must_use]
    pub fn wanted_batch(vaults: &[Address]) -> Self {
        let order = |vault: &Address| OrderRow {
            vault: *vault,
            cumulative: Amount::ZERO,
        };
        Self {
            batch: vaults.iter().map(order).collect(),
            ..Self::wanted(IntentKey::cash_many(), Address::ZERO, None)
        }
    }

    /// A wish to call a contract once.
    #[must_use]
    pub fn wanted_call(intent: IntentKey, call: CallRow) -> Self {
        Self::wanted(intent, Address::ZERO, Some(call))
    }

    const fn wanted(intent: IntentKey, vault: Address, call: Option<CallRow>) -> Self {
        Self {
            hash: Digest32([0; 32]),
            nonce: 0,
            raw: Vec::new(),
            vault,
            cumulative: Amount::ZERO,
            state: OutboxState::Wanted,
            intent,
            earlier: Vec::new(),
            sent_block: 0,
            mined: None,
            reason: String::new(),
            call,
            batch: Vec::new(),
        }
    }

    /// What it is for; rows of the first version named only the vault.
    #[must_use]
    pub fn intent(&self) -> IntentKey {
        if self.intent.0.is_empty() {
            IntentKey::cash(&self.vault)
        } else {
            self.intent.clone()
        }
    }

    /// The newest form; none while nothing is signed.
    #[must_use]
    pub fn newest(&self) -> Option<FormRow> {
        (!self.raw.is_empty()).then(|| FormRow {
            hash: self.hash,
            nonce: self.nonce,
            raw: self.raw.clone(),
        })
    }

    /// Every form, the newest first.
    #[must_use]
    pub fn forms(&self) -> Vec<FormRow> {
        let earlier = self.earlier.iter().rev().cloned();
        self.newest().into_iter().chain(earlier).collect()
    }

    /// The row with one more form, first sent when `block` was the newest known.
    #[must_use]
    pub fn signed(mut self, tx: SignedTx, block: u64) -> Self {
        self.earlier.extend(self.newest());
        (self.hash, self.nonce, self.raw) = (tx.hash, tx.nonce, tx.raw);
        self.intent = self.intent();
        self.state = OutboxState::Pending;
        self.sent_block = block;
        self
    }
}

#[cfg(test)]
mod tests;
