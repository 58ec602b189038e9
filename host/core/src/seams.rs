//! The seams: the few traits where the outside world plugs in. Rooms take these instead of
//! drivers, so that a simulation can replace the clock, the drive, the network and the chain, and
//! the product uses the real ones.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::amount::Amount;
use crate::blame::Blame;
use crate::ids::{Address, Digest32, PeerId};
use crate::limits;
use crate::wire::{self, Protocol};

mod dispute;
mod escrow;
mod proof;

pub use dispute::{DatasetEntry, DisputeChain, DisputeVerb, ShardChallenge};
pub use escrow::{Claimed, Escrow, Lease, LeaseState, Returned};
pub use proof::{ContractCall, ProofChain, ProofLook, ProofRules, ProofVerb, Seal};

/// A boxed future: the price of a seam that can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Time. Wall time is for people and announcements; deadlines use the monotonic one.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970.
    fn wall_ms(&self) -> u64;
    /// Time since some fixed start; never goes back.
    fn monotonic(&self) -> Duration;
    /// Completes after `span`.
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()>;
}

/// Randomness fit for keys.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// What a volume's device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Bytes of the device.
    pub size: u64,
    /// Offsets, lengths and buffers are multiples of this many bytes.
    pub block: u64,
    /// Which driver serves it, for the log: `io_uring+direct`, `pread+direct`, `pread`.
    pub driver: &'static str,
}

/// A device operation that did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The kernel refused or failed the operation.
    #[error("{op} of {len} bytes at offset {offset} of {path}: os error {errno}")]
    Os {
        /// read, write, flush or open.
        op: &'static str,
        /// Where in the device.
        offset: u64,
        /// How many bytes were asked.
        len: u64,
        /// The errno.
        errno: i32,
        /// The device or file.
        path: String,
    },
    /// Fewer bytes moved than were asked, again after repeating the rest.
    #[error("{op} at offset {offset} of {path} moved {done} of {len} bytes")]
    Short {
        /// read or write.
        op: &'static str,
        /// Where in the device.
        offset: u64,
        /// How many bytes were asked.
        len: u64,
        /// How many moved.
        done: u64,
        /// The device or file.
        path: String,
    },
    /// Offset or length outside the device, or not a multiple of its block.
    #[error("{op} of {len} bytes at offset {offset} is outside or unaligned on {path}")]
    Range {
        /// read or write.
        op: &'static str,
        /// Where in the device.
        offset: u64,
        /// How many bytes were asked.
        len: u64,
        /// The device or file.
        path: String,
    },
    /// No buffer memory is left within the device's bound.
    #[error("no buffer of {len} bytes within the arena of {path}")]
    Buffers {
        /// Bytes wanted.
        len: u64,
        /// The device or file.
        path: String,
    },
    /// An operation did not end within its deadline; until it has, nothing is asked of the device.
    #[error("{path} did not answer within {seconds} s and is quarantined until it does")]
    Stalled {
        /// The device or file.
        path: String,
        /// The deadline.
        seconds: u64,
    },
    /// The driver has stopped (shutdown, or its thread died).
    #[error("the driver of {path} has stopped")]
    Stopped {
        /// The device or file.
        path: String,
    },
}

impl DeviceError {
    /// A device error is the machine's, except a range error, which is ours.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Range { .. } => Blame::Us,
            _ => Blame::Machine,
        }
    }
}

/// An aligned buffer a device can move. Owned by the device while an operation is in flight.
pub trait DeviceBuf: AsRef<[u8]> + AsMut<[u8]> + Send + 'static {}

/// A volume's bytes. Nothing is durable before `flush` completed after the write did.
pub trait Device: Send + Sync + 'static {
    /// The buffers this device moves.
    type Buf: DeviceBuf;

    /// Size, block and driver.
    fn facts(&self) -> DeviceFacts;

    /// A zeroed-or-stale buffer of exactly `len` bytes (a multiple of the block). Errors when the
    /// arena's bound is reached.
    fn buffer(&self, len: usize) -> Result<Self::Buf, DeviceError>;

    /// Writes the whole buffer at `offset` and gives it back.
    fn write(
        &self,
        offset: u64,
        buf: Self::Buf,
    ) -> impl Future<Output = (Self::Buf, Result<(), DeviceError>)> + Send;

    /// Fills the whole buffer from `offset` and gives it back.
    fn read(
        &self,
        offset: u64,
        buf: Self::Buf,
    ) -> impl Future<Output = (Self::Buf, Result<(), DeviceError>)> + Send;

    /// Makes every completed write durable.
    fn flush(&self) -> impl Future<Output = Result<(), DeviceError>> + Send;
}

/// A conversation that broke off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No address of the peer answered.
    #[error("{peer} could not be reached: {why}")]
    Unreachable {
        /// The peer.
        peer: PeerId,
        /// The last thing that was tried, and why it ended.
        why: String,
    },
    /// The peer does not speak this protocol.
    #[error("{peer} does not speak {protocol}")]
    Unsupported {
        /// The peer.
        peer: PeerId,
        /// The protocol id.
        protocol: &'static str,
    },
    /// The stream ended or broke inside a conversation.
    #[error("the stream to {peer} broke: {why}")]
    Broken {
        /// The peer.
        peer: PeerId,
        /// What the transport said.
        why: String,
    },
    /// A frame longer than the bound was announced.
    #[error("{peer} announced a frame of {len} bytes, bound {bound}")]
    Oversize {
        /// The peer.
        peer: PeerId,
        /// Bytes announced.
        len: u64,
        /// Bytes allowed.
        bound: u64,
    },
    /// Nothing moved for too long.
    #[error("{peer} was silent for {seconds} s")]
    Silent {
        /// The peer.
        peer: PeerId,
        /// How long.
        seconds: u64,
    },
    /// A local bound refused the dial (address policy, connection limit).
    #[error("dial of {peer} refused here: {why}")]
    Refused {
        /// The peer.
        peer: PeerId,
        /// Which bound.
        why: String,
    },
}

impl LinkError {
    /// A link breaks because of the peer, except where a local bound refused.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Refused { .. } => Blame::Operator,
            _ => Blame::Peer,
        }
    }
}

/// One conversation: whole frames in order, both ways. Dropping it resets the stream.
pub trait Frames: Send {
    /// Who is on the other side (authenticated by the transport).
    fn peer(&self) -> PeerId;
    /// Sends one frame; waits while the stream's window is full. Errors when the frame is over
    /// the bound or the stream broke.
    fn send(&mut self, frame: Bytes) -> BoxFuture<'_, Result<(), LinkError>>;
    /// Sends one frame that holds a run of body. Errors as of `send`. Cost here: one copy of the
    /// run; a transport that can write it from where it lies does so.
    fn send_body<'a>(&'a mut self, run: &'a [u8]) -> BoxFuture<'a, Result<(), LinkError>> {
        match wire::body(run) {
            Ok(frame) => self.send(frame),
            Err(_) => {
                let refused = LinkError::Oversize {
                    peer: self.peer(),
                    len: run.len() as u64,
                    bound: limits::FRAME_LEN_MAX as u64,
                };
                Box::pin(async move { Err(refused) })
            }
        }
    }
    /// The next frame, or none when the other side closed cleanly.
    fn recv(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, LinkError>>;
    /// Says that nothing more will be sent; what was sent is delivered.
    fn close(&mut self) -> BoxFuture<'_, Result<(), LinkError>>;
}

/// A peer and where it was last seen (multiaddresses as text, without the peer id).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerAddr {
    /// Who.
    pub peer: PeerId,
    /// Where.
    pub addrs: Vec<String>,
}

/// The network, seen from a room that opens conversations.
pub trait Peers: Send + Sync + 'static {
    /// Opens a conversation, dialling when there is no connection yet.
    fn open<'a>(
        &'a self,
        to: &'a PeerAddr,
        protocol: Protocol,
    ) -> BoxFuture<'a, Result<Box<dyn Frames>, LinkError>>;

    /// Who others see at this end; none where the driver does not know.
    fn own(&self) -> Option<PeerId> {
        None
    }
}

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
        cheque: crate::cheque::SignedCheque,
        /// Where the money goes.
        recipient: Address,
    },
    /// Cash cheques of many vaults in one transaction, as the beneficiary of them all. One that its
    /// vault refuses does not touch the others.
    CashMany {
        /// The cheques, each of another vault.
        cheques: Vec<crate::cheque::SignedCheque>,
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
