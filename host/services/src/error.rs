//! What can be wrong with a service's files and with what peers send it.

use std::path::PathBuf;

use host_core::seams::{ChainError, LinkError};
use host_core::wire::RefusalCode;
use host_core::{Address, AgreementDigest, Blame, ObjectId, PeerId};

/// A broken fact.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{op} {path}: {source}")]
    File {
        /// read, write or lock.
        op: &'static str,
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A settings or network file that does not parse.
    #[error("{path} is no {what}: {why}")]
    Settings {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// Where it stops being that.
        why: String,
    },
    /// The network's shared key.
    #[error(transparent)]
    Net(#[from] host_net::Error),
    /// A setting that stands neither in the settings file nor on the command line.
    #[error("{name} is not set")]
    Missing {
        /// The setting.
        name: &'static str,
    },
    /// Another process uses the data directory.
    #[error("{path} is in use by process {pid}")]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as it wrote itself.
        pid: String,
    },
    /// A key file others may read.
    #[error("key file {path} has mode {mode:o}, others may read it; make it 600")]
    KeyMode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A key file without a key.
    #[error("key file {path} does not hold 64 hex digits of a secp256k1 key")]
    KeyForm {
        /// The file.
        path: PathBuf,
    },
    /// A directory file of another network.
    #[error("{path} is the directory of another network")]
    OtherNetwork {
        /// The file.
        path: PathBuf,
    },
    /// A directory file that is damaged.
    #[error("directory file is damaged: {why}")]
    Snapshot {
        /// The rule it breaks.
        why: &'static str,
    },
    /// An announcement brought by somebody else.
    #[error("{from} cannot announce {peer}")]
    NotItself {
        /// Who brought it.
        from: PeerId,
        /// Whom it names.
        peer: PeerId,
    },
    /// An announcement signed too long ago or in the future.
    #[error("announcement is {off_ms} ms off the hub's clock, bound {bound_ms}")]
    Clock {
        /// Distance from the hub's clock.
        off_ms: u64,
        /// Largest distance accepted.
        bound_ms: u64,
    },
    /// An announcement older than the one already listed.
    #[error("a newer announcement is listed, {by_ms} ms younger")]
    Stale {
        /// How much newer the listed one is.
        by_ms: u64,
    },
    /// An announcement of a copy that a later one of the same host has replaced.
    #[error("copy of generation {generation} is replaced, {listed} is listed")]
    OlderCopy {
        /// Generation of the copy that speaks.
        generation: u64,
        /// Generation of the listed one.
        listed: u64,
    },
    /// An announced address nobody could dial on this network.
    #[error("announced address {address}: {why}")]
    Address {
        /// The address.
        address: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// An announcement without an address.
    #[error("announcement names no address")]
    NoAddress,
    /// A word about a host of which no heartbeat was counted.
    #[error("no heartbeat of {peer} was counted here")]
    Uncounted {
        /// The host.
        peer: PeerId,
    },
    /// A request this service does not answer.
    #[error("this service keeps no {what}")]
    NotKept {
        /// What was asked for.
        what: &'static str,
    },
    /// An order that names other guards.
    #[error("the order does not name this guard, {guard}")]
    NotNamed {
        /// This guard.
        guard: PeerId,
    },
    /// An object that another account gave this guard to watch.
    #[error("object {object} is watched for {owner}")]
    OtherOwner {
        /// Which.
        object: ObjectId,
        /// Whose order is followed.
        owner: Address,
    },
    /// An order older than the one that is followed.
    #[error("version {version}, order {serial} of object {object} is followed already")]
    OldOrder {
        /// Which.
        object: ObjectId,
        /// The placement that is watched.
        version: u64,
        /// The number of its order.
        serial: u64,
    },
    /// An object, or a place of it, that nobody gave this guard to watch.
    #[error("object {object}, or that place of it, is not watched here")]
    NotWatched {
        /// Which.
        object: ObjectId,
    },
    /// A host that could not be asked for a reason of this guard's own.
    #[error("the host of agreement {agreement} was not asked: it is busy, or may not be dialled")]
    NotAsked {
        /// Which.
        agreement: AgreementDigest,
    },
    /// An order longer than a guard takes.
    #[error("an order of {len} bytes, at most {max} are taken")]
    OrderLength {
        /// Bytes announced.
        len: u64,
        /// The bound.
        max: usize,
    },
    /// A cheque that is not good.
    #[error("the cheque on vault {vault} {what}")]
    Cheque {
        /// Its vault.
        vault: Address,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The chain did not answer.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A conversation broke.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The directory is full.
    #[error("the directory holds {bound} hosts, its bound")]
    Full {
        /// The bound.
        bound: usize,
    },
    /// A value that is wrong by itself: form, bounds or signature.
    #[error(transparent)]
    Value(#[from] host_core::Error),
}

impl Error {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::File { .. } | Self::Snapshot { .. } => Blame::Machine,
            Self::Settings { .. }
            | Self::Missing { .. }
            | Self::Locked { .. }
            | Self::KeyMode { .. }
            | Self::KeyForm { .. }
            | Self::OtherNetwork { .. } => Blame::Operator,
            Self::NotItself { .. }
            | Self::Clock { .. }
            | Self::Stale { .. }
            | Self::OlderCopy { .. }
            | Self::Address { .. }
            | Self::NoAddress
            | Self::Uncounted { .. }
            | Self::NotKept { .. }
            | Self::Full { .. } => Blame::Peer,
            Self::NotNamed { .. }
            | Self::OtherOwner { .. }
            | Self::OldOrder { .. }
            | Self::NotWatched { .. }
            | Self::NotAsked { .. }
            | Self::OrderLength { .. }
            | Self::Cheque { .. } => Blame::Peer,
            Self::Net(error) => error.blame(),
            Self::Value(error) => error.blame(),
            Self::Chain(error) => error.blame(),
            Self::Link(error) => error.blame(),
        }
    }

    /// The code a peer is told.
    #[must_use]
    pub const fn code(&self) -> RefusalCode {
        match self {
            Self::NotItself { .. } => RefusalCode::Signature,
            Self::Value(
                host_core::Error::Signature { .. } | host_core::Error::SignatureForm { .. },
            ) => RefusalCode::Signature,
            Self::Full { .. } | Self::OrderLength { .. } => RefusalCode::Quota,
            Self::OtherOwner { .. } => RefusalCode::Signature,
            Self::NotWatched { .. } => RefusalCode::Unknown,
            Self::NotAsked { .. } => RefusalCode::Busy,
            Self::Cheque { .. } => RefusalCode::Vault,
            Self::Chain(_) => RefusalCode::Chain,
            Self::NotNamed { .. } | Self::OldOrder { .. } => RefusalCode::Malformed,
            Self::Uncounted { .. } | Self::NotKept { .. } => RefusalCode::Unknown,
            Self::Clock { .. }
            | Self::Stale { .. }
            | Self::OlderCopy { .. }
            | Self::Address { .. }
            | Self::NoAddress
            | Self::Value(_) => RefusalCode::Malformed,
            _ => RefusalCode::Internal,
        }
    }
}
