//! The words of every conversation (docs/formats/wire.md). A frame is a u32 big-endian length and
//! one CBOR item: an array is a message, a byte string is a run of shard body. Message structs are
//! maps, so that a newer peer may add a field; what stands under a signature is an array and must
//! be canonical.

use bytes::Bytes;
use minicbor::{Decode, Encode};

use crate::agreement::Agreement;
use crate::amount::Amount;
use crate::announce::Announcement;
use crate::cheque::SignedCheque;
use crate::codec;
use crate::error::Error;
use crate::identity::Signature;
use crate::ids::{Address, AgreementDigest, Digest32, ObjectId, ShardId};
use crate::receipt::Receipt;
use crate::records::SignedRecord;

mod guard;
mod hub;

pub use guard::{ChallengeReply, ChallengeRequest, GuardReply, GuardRequest};
pub use hub::{HubReply, HubRequest};

/// The conversations a node can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// Ask a host for its own announcement.
    Info,
    /// A shard enters a host and is paid for.
    Upload,
    /// A shard, or a run of it, leaves a host.
    Download,
    /// A renter gives up an agreement.
    Delete,
    /// A later cheque for running agreements.
    Cheque,
    /// A renter's sealed records.
    Records,
    /// Announce to a hub, or read its directory.
    Hub,
    /// Where an agreement stands in the host's dataset on chain.
    Inclusion,
    /// Leaves of a shard, drawn by a guard's seed.
    Challenge,
    /// Name a guard, read what it found and repaired, pay it.
    Guard,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 10] = [
        Self::Info,
        Self::Upload,
        Self::Download,
        Self::Delete,
        Self::Cheque,
        Self::Records,
        Self::Hub,
        Self::Inclusion,
        Self::Challenge,
        Self::Guard,
    ];

    /// The protocol id on the wire.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Info => "/holdfast/info/1",
            Self::Upload => "/holdfast/upload/1",
            Self::Download => "/holdfast/download/1",
            Self::Delete => "/holdfast/delete/1",
            Self::Cheque => "/holdfast/cheque/1",
            Self::Records => "/holdfast/records/1",
            Self::Hub => "/holdfast/hub/1",
            Self::Inclusion => "/holdfast/inclusion/1",
            Self::Challenge => "/holdfast/challenge/1",
            Self::Guard => "/holdfast/guard/1",
        }
    }
}

/// Why a host says no. Numbers never move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum RefusalCode {
    /// The message has a wrong form or comes out of turn.
    #[n(1)]
    Malformed,
    /// Signed for another network, host or chain.
    #[n(2)]
    Network,
    /// A signature does not belong to who should have signed.
    #[n(3)]
    Signature,
    /// No room for a shard of this length.
    #[n(4)]
    Space,
    /// The price is below the host's ask.
    #[n(5)]
    Price,
    /// The term starts or ends outside what the host accepts.
    #[n(6)]
    Term,
    /// The host serves as many conversations as it can; try later.
    #[n(7)]
    Busy,
    /// The machine is under pressure; try later or elsewhere.
    #[n(8)]
    Pressure,
    /// The bytes are not the shard that was promised.
    #[n(9)]
    Root,
    /// The host does not keep this shard or agreement.
    #[n(10)]
    Unknown,
    /// The vault is not the network's, or not the renter's.
    #[n(11)]
    Vault,
    /// The vault does not cover the cheque.
    #[n(12)]
    Cover,
    /// The cheque does not raise the cumulative sum by what is owed.
    #[n(13)]
    Increment,
    /// Work is owed for; pay first.
    #[n(14)]
    Payment,
    /// The host cannot check money now because no chain endpoint answers it.
    #[n(15)]
    Chain,
    /// The stored bytes are damaged here; ask another host.
    #[n(16)]
    Damaged,
    /// The host failed in a way it did not foresee.
    #[n(17)]
    Internal,
    /// A bound on what one renter may keep here is reached.
    #[n(18)]
    Quota,
    /// The host leaves the network: it serves what it keeps and asks that it be moved.
    #[n(19)]
    Leaving,
}

/// A refusal with its reason in words for a person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[error("{code:?}: {text}")]
#[cbor(map)]
pub struct Refusal {
    /// The stable code.
    #[n(0)]
    pub code: RefusalCode,
    /// The reason, at most a few hundred bytes.
    #[n(1)]
    pub text: String,
}

/// Renter to host while a shard enters.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum UploadRequest {
    /// The terms, signed by the renter. First message.
    #[n(0)]
    Open {
        /// The terms.
        #[n(0)]
        terms: Agreement,
        /// The renter's signature over their digest.
        #[n(1)]
        signature: Signature,
    },
    /// Every body byte was sent.
    #[n(1)]
    End,
    /// The cheque that pays the agreement through an epoch (the first after the receipt).
    #[n(2)]
    Pay {
        /// First epoch that is not yet paid by it.
        #[n(0)]
        through_epoch: u64,
        /// The cheque.
        #[n(1)]
        cheque: SignedCheque,
    },
}

/// Host to renter while a shard enters.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum UploadReply {
    /// Signed by the host too. With a receipt the shard is already here: no body follows.
    #[n(0)]
    Ready {
        /// The host's signature over the agreement's digest.
        #[n(0)]
        signature: Signature,
        /// The receipt, when nothing needs to be sent.
        #[n(1)]
        receipt: Option<Receipt>,
    },
    /// Durable and recorded.
    #[n(1)]
    Stored {
        /// The host's signed word.
        #[n(0)]
        receipt: Receipt,
    },
    /// The cheque is durable at the host.
    #[n(2)]
    Paid {
        /// The sum it now counts on.
        #[n(0)]
        cumulative: Amount,
    },
    /// No, and the conversation ends.
    #[n(3)]
    Refused(#[n(0)] Refusal),
}

/// Asks for a run of a shard.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DownloadRequest {
    /// The shard.
    #[n(0)]
    pub shard: ShardId,
    /// First byte; a multiple of the unit (64 KiB).
    #[n(1)]
    pub offset: u64,
    /// Bytes from there; up to the end or a multiple of the unit.
    #[n(2)]
    pub len: u64,
    /// Whose prepaid reads this run is taken from, where the host sells reads; a host that knows
    /// no such field takes no notice.
    #[n(3)]
    pub payer: Option<ReadPayer>,
}

/// The word that lets one peer read on a vault's account with one host.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReadPayer {
    /// The vault whose cheques paid for reads.
    #[n(0)]
    pub vault: Address,
    /// Of kind `read`, by the vault's issuer, over host, reader and vault.
    #[n(1)]
    pub signature: Signature,
}

/// Host to downloader.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum DownloadReply {
    /// Bytes follow as body frames. The unit roots, in order, hash up to the shard id, so each
    /// unit is checked as it arrives.
    #[n(0)]
    Ready {
        /// Bytes of the whole shard.
        #[n(0)]
        shard_len: u64,
        /// Tree nodes of every 64 KiB unit of the shard.
        #[n(1)]
        units: Vec<Digest32>,
    },
    /// Every asked byte was sent.
    #[n(1)]
    End,
    /// No, or no longer.
    #[n(2)]
    Refused(#[n(0)] Refusal),
    /// This run is not paid for; the conversation ends.
    #[n(3)]
    Pay {
        /// Smallest token units a GiB of reads costs here.
        #[n(0)]
        price: Amount,
        /// What a cheque has to add before the run is served.
        #[n(1)]
        needs: Amount,
    },
}

/// Gives up an agreement before its end.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DeleteRequest {
    /// The agreement.
    #[n(0)]
    pub agreement: AgreementDigest,
    /// The renter's signature of kind `delete` over the digest.
    #[n(1)]
    pub signature: Signature,
}

/// Host to renter on giving up.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum DeleteReply {
    /// The agreement is closed; whether the bytes went with it.
    #[n(0)]
    Closed {
        /// False while another agreement keeps the same shard.
        #[n(0)]
        freed: bool,
        /// The host's signature of kind `deleted` over digest and `freed`.
        #[n(1)]
        signature: Signature,
    },
    /// No.
    #[n(1)]
    Refused(#[n(0)] Refusal),
}

/// Asks where an agreement stands in the host's dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InclusionRequest {
    /// The agreement.
    #[n(0)]
    pub agreement: AgreementDigest,
}

/// Host to whoever asks for an inclusion.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum InclusionReply {
    /// It stands in the newest commitment the host knows.
    #[n(0)]
    Shown {
        /// The name of its list of peaks.
        #[n(0)]
        commitment: Digest32,
        /// The way there, as docs/formats/dataset.md writes an inclusion.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        proof: Vec<u8>,
    },
    /// Not yet, or not here.
    #[n(1)]
    Refused(#[n(0)] Refusal),
}

/// Pays a running agreement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum ChequeRequest {
    /// What do you count on from this vault?
    #[n(0)]
    Last {
        /// The vault.
        #[n(0)]
        vault: Address,
    },
    /// A cheque that pays an agreement through an epoch.
    #[n(1)]
    Pay {
        /// The agreement.
        #[n(0)]
        agreement: AgreementDigest,
        /// First epoch that is not yet paid by it.
        #[n(1)]
        through_epoch: u64,
        /// The cheque.
        #[n(2)]
        cheque: SignedCheque,
    },
    /// A cheque that pays for reads on the account of its vault, before or after them.
    #[n(2)]
    Reads {
        /// The cheque.
        #[n(0)]
        cheque: SignedCheque,
    },
}

/// Host to renter on payment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum ChequeReply {
    /// The newest cheque the host keeps from this vault.
    #[n(0)]
    Last {
        /// Absent when there is none.
        #[n(0)]
        cheque: Option<SignedCheque>,
    },
    /// The cheque is durable at the host.
    #[n(1)]
    Paid {
        /// The sum it now counts on.
        #[n(0)]
        cumulative: Amount,
    },
    /// No.
    #[n(2)]
    Refused(#[n(0)] Refusal),
}

/// Renter to host about sealed records.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RecordsRequest {
    /// Keep this record.
    #[n(0)]
    Put(#[n(0)] SignedRecord),
    /// Give back the owner's records, in object order.
    #[n(1)]
    List {
        /// The owner.
        #[n(0)]
        owner: Address,
        /// Only objects after this one.
        #[n(1)]
        after: Option<ObjectId>,
        /// Milliseconds since 1970 when it was signed.
        #[n(2)]
        at_ms: u64,
        /// The owner's signature of kind `list-records` over (owner, after, at_ms).
        #[n(3)]
        signature: Signature,
    },
}

/// Host to renter about sealed records.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RecordsReply {
    /// The record is durable.
    #[n(0)]
    Kept,
    /// Some records, and whether more follow.
    #[n(1)]
    Page {
        /// In object order.
        #[n(0)]
        records: Vec<SignedRecord>,
        /// Ask again after the last one.
        #[n(1)]
        more: bool,
    },
    /// No.
    #[n(2)]
    Refused(#[n(0)] Refusal),
}

/// Asks a host for its announcement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InfoRequest {}

/// A host's announcement, fresh.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InfoReply {
    /// Its own words.
    #[n(0)]
    pub announcement: Announcement,
}

/// What a frame holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A message's bytes, to be read as the type the conversation expects.
    Message(Bytes),
    /// A run of shard body.
    Body(Bytes),
}

/// CBOR major type of a byte string, in the top three bits of an item's first byte.
const MAJOR_BYTES: u8 = 2;
/// Bytes before a body run: one head byte and a u32 length.
const BODY_HEAD_LEN: usize = 5;

/// A frame holding one message.
#[must_use]
pub fn message<T: Encode<()>>(value: &T) -> Bytes {
    Bytes::from(codec::to_bytes(value))
}

/// The five bytes that stand before a body run of `len` bytes.
/// Errors when the run is longer than 32 bits can say.
pub fn body_head(len: usize) -> Result<[u8; BODY_HEAD_LEN], Error> {
    let len = u32::try_from(len).map_err(|_| Error::Overflow { what: "body run" })?;
    let [a, b, c, d] = len.to_be_bytes();
    Ok([MAJOR_BYTES << 5 | 26, a, b, c, d])
}

/// A frame holding a body run. Cost: one copy of the run.
pub fn body(run: &[u8]) -> Result<Bytes, Error> {
    let mut frame = Vec::with_capacity(BODY_HEAD_LEN + run.len());
    frame.extend_from_slice(&body_head(run.len())?);
    frame.extend_from_slice(run);
    Ok(Bytes::from(frame))
}

/// Tells what a frame holds, without copying. Errors when it is neither.
pub fn parse(frame: Bytes) -> Result<Frame, Error> {
    let wrong = Error::Encoding { what: "frame" };
    let head = *frame.first().ok_or_else(|| wrong.clone())?;
    if head >> 5 != MAJOR_BYTES {
        return Ok(Frame::Message(frame));
    }
    let stated: [u8; BODY_HEAD_LEN] = frame
        .get(..BODY_HEAD_LEN)
        .and_then(|h| h.try_into().ok())
        .ok_or_else(|| wrong.clone())?;
    if stated != body_head(frame.len() - BODY_HEAD_LEN)? {
        return Err(wrong);
    }
    Ok(Frame::Body(frame.slice(BODY_HEAD_LEN..)))
}

#[cfg(test)]
mod tests;
