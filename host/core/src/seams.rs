//! The seams: the few traits where the outside world plugs in. Rooms take these instead of
//! drivers, so that a simulation can replace the clock, the drive, the network and the chain, and
//! the product uses the real ones.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::blame::Blame;
use crate::ids::PeerId;
use crate::limits;
use crate::wire::{self, Protocol};

mod chain;
mod dispute;
mod escrow;
mod proof;

pub use chain::{
    Chain, ChainCall, ChainError, ChequePaid, Head, SignedTx, TxReceipt, VaultFacts, VaultRisk,
};
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
    /// Where the other side's connection comes from; none over a relay, or where the transport has
    /// no such thing.
    fn origin(&self) -> Option<IpAddr> {
        None
    }
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
