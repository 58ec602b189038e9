//! The seam to the chain: blocks, vaults, transactions, and what they cost.
//!
//! Enters: calls of contracts. Leaves: what the chain says, signed transactions, receipts.
//! Invariant: signing and sending are two steps, so that a caller can commit between them. Does
//! not: decide what is sent, or read the contracts of proofs, challenges and escrows (beside this
//! file).

use super::BoxFuture;
use crate::amount::Amount;
use crate::blame::Blame;
use crate::cheque::SignedCheque;
use crate::ids::{Address, Digest32};

/// The newest block an endpoint knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub block: u64,
    /// Its hash.
    pub hash: Digest32,
}

/// What the chain says of a vault, for one beneficiary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultFacts {
    /// The account whose signature the vault accepts.
    pub issuer: Address,
    /// Whether the network's factory made it.
    pub known: bool,
    /// Its token balance.
    pub balance: Amount,
    /// What this beneficiary has been paid.
    pub paid_out: Amount,
    /// What is locked for this beneficiary alone.
    pub locked: Amount,
}

/// A transaction, signed and ready: persisted by the caller before the first broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTx {
    /// Its hash.
    pub hash: Digest32,
    /// The sender's nonce.
    pub nonce: u64,
    /// The bytes that are broadcast.
    pub raw: Vec<u8>,
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxReceipt {
    /// The block it is in.
    pub block: u64,
    /// That block's hash: it tells whether the block is still part of the chain.
    pub block_hash: Digest32,
    /// Whether it succeeded.
    pub success: bool,
    /// Gas it used.
    pub gas_used: u64,
}

/// Why the chain gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// No endpoint answered.
    #[error("no chain endpoint answers ({tried} tried; last: {why})")]
    Unreachable {
        /// Endpoints tried.
        tried: usize,
        /// What the last one said.
        why: String,
    },
    /// Endpoints contradict each other on a fact that moves money.
    #[error("chain endpoints disagree on {what}")]
    Disagreement {
        /// The fact.
        what: &'static str,
    },
    /// A contract refused the call.
    #[error("the contract refused {what}: {reason}")]
    Reverted {
        /// The call.
        what: &'static str,
        /// The revert reason.
        reason: String,
    },
    /// The answer does not have the expected form.
    #[error("the answer to {what} is malformed: {why}")]
    Malformed {
        /// The call.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The sender cannot pay for the transaction.
    #[error("account {account} lacks funds for gas: {why}")]
    Gas {
        /// The sender.
        account: Address,
        /// What the endpoint said.
        why: String,
    },
    /// Another transaction of the sender has used the nonce.
    #[error("nonce {nonce} of {account} was used by another transaction than {hash}")]
    NonceTaken {
        /// The sender.
        account: Address,
        /// The nonce.
        nonce: u64,
        /// The transaction that can no longer be mined.
        hash: Digest32,
    },
    /// The endpoints hold a dearer transaction at this nonce, or ask more for any.
    #[error("transaction {hash} at nonce {nonce} offers too little")]
    Underpriced {
        /// The nonce.
        nonce: u64,
        /// The transaction.
        hash: Digest32,
    },
    /// The next price would pass a bound of the operator.
    #[error("a gas price of {need} wei is over the bound of {cap} wei")]
    FeeCap {
        /// Wei a unit of gas that are needed.
        need: u128,
        /// The bound.
        cap: u128,
    },
    /// The keeper of the account's key does not sign it.
    #[error(transparent)]
    Signer(#[from] crate::keeper::KeeperError),
    /// Every endpoint that answers serves another chain, or other contracts.
    #[error("every chain endpoint serves another chain: {why}")]
    Foreign {
        /// What differs.
        why: String,
    },
}

impl ChainError {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Gas { .. }
            | Self::Unreachable { .. }
            | Self::Disagreement { .. }
            | Self::NonceTaken { .. }
            | Self::Underpriced { .. }
            | Self::FeeCap { .. }
            | Self::Signer(_)
            | Self::Foreign { .. } => Blame::Operator,
            Self::Reverted { .. } | Self::Malformed { .. } => Blame::Peer,
        }
    }
}

/// A transaction somebody wants sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainCall {
    /// Cash a cheque as its beneficiary.
    CashCheque {
        /// The cheque.
        cheque: SignedCheque,
        /// Where the money goes.
        recipient: Address,
    },
    /// Cash cheques of many vaults in one transaction, as the beneficiary of them all. One that its
    /// vault refuses does not touch the others.
    CashMany {
        /// The cheques, each of another vault.
        cheques: Vec<SignedCheque>,
        /// Where the money goes.
        recipient: Address,
    },
    /// Any other call of a contract.
    Contract {
        /// Its name in errors and logs.
        what: &'static str,
        /// The contract.
        to: Address,
        /// Native value sent along.
        value: Amount,
        /// Calldata.
        data: Vec<u8>,
    },
}

/// What a vault told about one beneficiary's cheque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChequePaid {
    /// The block.
    pub block: u64,
    /// Its hash.
    pub block_hash: Digest32,
    /// The log's place in the block.
    pub index: u64,
    /// The transaction.
    pub tx: Digest32,
    /// The vault.
    pub vault: Address,
    /// What the vault has paid this beneficiary, all cheques together.
    pub paid_out: Amount,
    /// What the cheque promised beyond that: the vault could not pay it.
    pub missing: Amount,
}

/// What endangers the money a vault owes one beneficiary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VaultRisk {
    /// What the beneficiary may count on now: the free balance and its own lock.
    pub cover: Amount,
    /// What the issuer has announced to take out.
    pub leaving: Amount,
}

fn not_offered<T: Send + 'static>(what: &str) -> BoxFuture<'static, Result<T, ChainError>> {
    let why = format!("this chain does not offer {what}");
    Box::pin(async move { Err(ChainError::Unreachable { tried: 0, why }) })
}

/// The chain, seen from a room that checks money and sends intents.
pub trait Chain: Send + Sync + 'static {
    /// The newest block.
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>>;
    /// A vault, for one beneficiary. Reads two endpoints where there are two.
    fn vault(
        &self,
        vault: Address,
        beneficiary: Address,
    ) -> BoxFuture<'_, Result<VaultFacts, ChainError>>;
    /// Signs a call with this program's account, at the lowest free nonce not below
    /// `nonce_floor`. Nothing is sent.
    fn prepare(
        &self,
        call: ChainCall,
        nonce_floor: u64,
    ) -> BoxFuture<'_, Result<SignedTx, ChainError>>;
    /// Sends the same bytes to every healthy endpoint; "already known" is success.
    fn broadcast<'a>(&'a self, tx: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>>;
    /// The receipt of a transaction, once it is in a block.
    fn receipt(&self, hash: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>>;

    /// The same call at the same nonce with every price at least an eighth higher, signed; nothing
    /// is sent. Errors: FeeCap when the whole could then cost more than `cost_max` wei, or a price
    /// passes the chain's bound.
    fn bump<'a>(
        &'a self,
        tx: &'a SignedTx,
        cost_max: Amount,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        let _ = (tx, cost_max);
        not_offered("fee bumps")
    }

    /// An empty transaction of the account to itself at the nonce of `tx`, every price at least an
    /// eighth higher, signed; nothing is sent. Errors: FeeCap when it could cost more than
    /// `cost_max` wei, or a price passes the chain's bound.
    fn clear<'a>(
        &'a self,
        tx: &'a SignedTx,
        cost_max: Amount,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        let _ = (tx, cost_max);
        not_offered("clearing a nonce")
    }

    /// Wei a transaction may cost at most, as signed; zero when this chain cannot say.
    fn cost_of(&self, tx: &SignedTx) -> Amount {
        let _ = tx;
        Amount::ZERO
    }

    /// The same call at the lowest free nonce not below `nonce_floor`, signed; nothing is sent. A
    /// call that would now revert is refused.
    fn again<'a>(
        &'a self,
        tx: &'a SignedTx,
        nonce_floor: u64,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        let _ = (tx, nonce_floor);
        not_offered("a second signature")
    }

    /// The account's next nonce in blocks, what waits not counted. Reads two endpoints where there
    /// are two.
    fn nonce(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        not_offered("nonces")
    }

    /// The hash of the canonical block of this number; none when the chain is shorter.
    fn block_hash(&self, number: u64) -> BoxFuture<'_, Result<Option<Digest32>, ChainError>> {
        let _ = number;
        not_offered("block hashes")
    }

    /// Why a transaction that is in block `block` failed there, in the contract's words.
    fn revert_reason<'a>(
        &'a self,
        tx: &'a SignedTx,
        block: u64,
    ) -> BoxFuture<'a, Result<String, ChainError>> {
        let _ = (tx, block);
        not_offered("reasons")
    }

    /// What vaults paid on cheques of `beneficiary` in the blocks `from..=to`, in order.
    fn cheques_paid(
        &self,
        beneficiary: Address,
        from: u64,
        to: u64,
    ) -> BoxFuture<'_, Result<Vec<ChequePaid>, ChainError>> {
        let _ = (beneficiary, from, to);
        not_offered("events")
    }

    /// What an account has staked and nothing can take out at once; none where the network has no
    /// such contract or this chain cannot say.
    fn stake_of(&self, host: Address) -> BoxFuture<'_, Result<Option<Amount>, ChainError>> {
        let _ = host;
        Box::pin(async { Ok(None) })
    }

    /// What endangers a beneficiary's money in a vault; none where the vault's code cannot say.
    fn vault_risk(
        &self,
        vault: Address,
        beneficiary: Address,
    ) -> BoxFuture<'_, Result<Option<VaultRisk>, ChainError>> {
        let _ = (vault, beneficiary);
        Box::pin(async { Ok(None) })
    }
}
