//! What can be wrong between this program and a chain, in the words of the caller.
//!
//! Enters: what the endpoints and contracts said. Leaves: one enum, who must act, and the shorter
//! enum of the seam. Invariant: no variant carries a URL, which may hold an access key; endpoints
//! are named by host and port.

use host_core::seams::ChainError;
use host_core::{Address, Blame, Digest32};

/// Why the chain gave no answer, or not the wanted one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configuration names no endpoint.
    #[error("no chain endpoint is configured")]
    NoEndpoint,
    /// Text that is not an http or https URL.
    #[error("chain endpoint {index} is not an http or https url")]
    EndpointText {
        /// Its place in the list, from 0.
        index: usize,
    },
    /// The TLS client could not be made.
    #[error("the http client could not be made: {why}")]
    HttpClient {
        /// What it said.
        why: String,
    },
    /// No endpoint answered.
    #[error("no chain endpoint answers ({tried} tried; last: {why})")]
    Unreachable {
        /// Endpoints tried.
        tried: usize,
        /// What the last one said.
        why: String,
    },
    /// Every endpoint that answers serves another chain.
    #[error("every chain endpoint serves another chain: {why}")]
    OtherChain {
        /// What differs at the last one.
        why: String,
    },
    /// Endpoints contradict each other on a fact that moves money.
    #[error("chain endpoints disagree on {what}")]
    Disagreement {
        /// The fact.
        what: &'static str,
    },
    /// A contract refused a call.
    #[error("the contract refused {what}: {reason}")]
    Reverted {
        /// The call.
        what: &'static str,
        /// The revert reason.
        reason: String,
    },
    /// An endpoint refused a request for a reason of its own.
    #[error("the endpoint refused {what}: {reason} (code {code})")]
    Refused {
        /// The request.
        what: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// Its message.
        reason: String,
    },
    /// An answer does not have the expected form.
    #[error("the answer to {what} is malformed: {why}")]
    Malformed {
        /// The request.
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
    /// The nonce of a transaction was used by another one.
    #[error("nonce {nonce} of {account} was used by another transaction than {hash}")]
    NonceTaken {
        /// The sender.
        account: Address,
        /// The nonce.
        nonce: u64,
        /// The transaction that can no longer be mined.
        hash: Digest32,
    },
    /// An endpoint holds a dearer transaction at this nonce, or asks more for any.
    #[error("transaction {hash} at nonce {nonce} offers too little")]
    Underpriced {
        /// The nonce.
        nonce: u64,
        /// The transaction.
        hash: Digest32,
    },
    /// A transaction is in a block and failed there.
    #[error("transaction {hash} of {what} failed in block {block}")]
    Failed {
        /// The call.
        what: &'static str,
        /// Its hash.
        hash: Digest32,
        /// The block.
        block: u64,
    },
    /// A transaction did not reach the wanted depth in time.
    #[error("transaction {hash} is not {depth} blocks deep after {seconds} s")]
    NotConfirmed {
        /// The newest hash of its nonce.
        hash: Digest32,
        /// Blocks wanted on top of it.
        depth: u64,
        /// Time waited.
        seconds: u64,
    },
    /// A higher fee would exceed the operator's bound.
    #[error("a gas price of {need} wei is over the bound of {cap} wei")]
    FeeCap {
        /// Price needed.
        need: u128,
        /// The bound.
        cap: u128,
    },
    /// The operation signs, and no key was given.
    #[error("{what} needs a key, and none is open")]
    NoKey {
        /// The operation.
        what: &'static str,
    },
    /// The operation needs the network's contracts, and none are configured.
    #[error("{what} needs the network's contract addresses, and none are configured")]
    NoContracts {
        /// The operation.
        what: &'static str,
    },
    /// The operation needs a contract that this network does not have.
    #[error("this network has no {contract} contract")]
    NoContract {
        /// Its key in the network file.
        contract: &'static str,
    },
    /// The keeper of the account's key does not sign.
    #[error(transparent)]
    Signer(#[from] host_core::keeper::KeeperError),
    /// The network file says that nothing is signed for it.
    #[error("{what} would sign, and the network file says guard.read_only")]
    ReadOnly {
        /// The operation.
        what: &'static str,
    },
    /// The key's bytes are no key.
    #[error("the account key is no secp256k1 key")]
    Key,
}

impl Error {
    /// Who has to act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::NoEndpoint
            | Self::EndpointText { .. }
            | Self::Unreachable { .. }
            | Self::OtherChain { .. }
            | Self::Disagreement { .. }
            | Self::Gas { .. }
            | Self::FeeCap { .. }
            | Self::NotConfirmed { .. }
            | Self::NonceTaken { .. }
            | Self::Underpriced { .. }
            | Self::NoKey { .. }
            | Self::NoContracts { .. }
            | Self::NoContract { .. }
            | Self::ReadOnly { .. }
            | Self::Signer(_)
            | Self::Key => Blame::Operator,
            Self::Reverted { .. }
            | Self::Refused { .. }
            | Self::Malformed { .. }
            | Self::Failed { .. } => Blame::Peer,
            Self::HttpClient { .. } => Blame::Machine,
        }
    }
}

impl From<host_core::Error> for Error {
    fn from(error: host_core::Error) -> Self {
        match error {
            host_core::Error::NoContract { contract } => Self::NoContract { contract },
            other => Self::Malformed {
                what: "network file",
                why: other.to_string(),
            },
        }
    }
}

impl From<Error> for ChainError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unreachable { tried, why } => Self::Unreachable { tried, why },
            Error::Disagreement { what } => Self::Disagreement { what },
            Error::Reverted { what, reason } => Self::Reverted { what, reason },
            Error::Refused { what, reason, .. } => Self::Malformed { what, why: reason },
            Error::Malformed { what, why } => Self::Malformed { what, why },
            Error::Gas { account, why } => Self::Gas { account, why },
            Error::Signer(error) => Self::Signer(error),
            Error::NonceTaken {
                account,
                nonce,
                hash,
            } => Self::NonceTaken {
                account,
                nonce,
                hash,
            },
            Error::Underpriced { nonce, hash } => Self::Underpriced { nonce, hash },
            Error::FeeCap { need, cap } => Self::FeeCap { need, cap },
            Error::OtherChain { why } => Self::Foreign { why },
            other => Self::Unreachable {
                tried: 0,
                why: other.to_string(),
            },
        }
    }
}
