//! Rows of what the host has promised to prove on chain: the leaves of each batch in their order,
//! the batches, what renters gave up, and how each period ended. Their layout on disk stands in
//! docs/formats/ledger.md, that of a leaf in docs/formats/dataset.md.

use host_core::agreement::Agreement;
use host_core::identity::Signature;
use host_core::{AgreementDigest, Digest32, ShardId};
use minicbor::{Decode, Encode};

/// Bytes of a leaf.
pub(crate) const LEAF_LEN: usize = 80;
/// Leaves of one row, and the most that enter a draft with one fact.
pub const LEAVES_PER_ROW: usize = 256;

/// One agreement over one shard, as the chain's dataset lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafRow {
    /// The agreement.
    pub agreement: AgreementDigest,
    /// Its shard.
    pub shard: ShardId,
    /// Bytes of the shard.
    pub len: u64,
    /// First epoch after the term.
    pub end_epoch: u64,
}

impl LeafRow {
    pub(crate) fn of(digest: &AgreementDigest, terms: &Agreement) -> Self {
        Self {
            agreement: *digest,
            shard: terms.shard,
            len: terms.shard_len,
            end_epoch: terms.end_epoch,
        }
    }

    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.agreement.0);
        bytes.extend_from_slice(&self.shard.0);
        bytes.extend_from_slice(&self.len.to_be_bytes());
        bytes.extend_from_slice(&self.end_epoch.to_be_bytes());
    }

    /// Reads a row of leaves; none when its length is no multiple of a leaf's.
    pub(crate) fn read_all(bytes: &[u8]) -> Option<Vec<Self>> {
        let (leaves, rest) = bytes.as_chunks::<LEAF_LEN>();
        if !rest.is_empty() {
            return None;
        }
        leaves.iter().map(Self::read).collect()
    }

    fn read(bytes: &[u8; LEAF_LEN]) -> Option<Self> {
        let (agreement, rest) = bytes.split_first_chunk::<32>()?;
        let (shard, rest) = rest.split_first_chunk::<32>()?;
        let (len, end) = rest.split_first_chunk::<8>()?;
        let end = end.first_chunk::<8>()?;
        Some(Self {
            agreement: AgreementDigest(*agreement),
            shard: ShardId(*shard),
            len: u64::from_be_bytes(*len),
            end_epoch: u64::from_be_bytes(*end),
        })
    }
}

/// A batch whose leaves are all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct BatchRow {
    /// The hash of its root.
    #[n(0)]
    pub node: Digest32,
    /// Bytes of all its shards.
    #[n(1)]
    pub sum: u64,
    /// The greatest end epoch in it.
    #[n(2)]
    pub end: u64,
    /// Its leaves.
    #[n(3)]
    pub count: u64,
    /// The period in which the chain took it, as last seen; none while it has not.
    #[n(4)]
    pub period: Option<u64>,
}

/// What shows that an agreement of the dataset was given up by its renter.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReleaseRow {
    /// The terms.
    #[n(0)]
    pub terms: Agreement,
    /// The renter's `delete` signature.
    #[n(1)]
    pub signature: Signature,
}

/// How a period ended for this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum PeriodEnd {
    /// Its proof was accepted.
    #[n(0)]
    Proven,
    /// Its window is over and no proof was accepted.
    #[n(1)]
    Missed,
    /// Nobody sealed it, or a pause voided it.
    #[n(2)]
    Void,
}

impl PeriodEnd {
    /// The word for logs and answers.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Missed => "missed",
            Self::Void => "void",
        }
    }
}

/// One period this host had a duty in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PeriodRow {
    /// How it ended.
    #[n(0)]
    pub end: PeriodEnd,
    /// Bytes the draws were made from.
    #[n(1)]
    pub bytes: u64,
    /// Blocks that were left to the deadline when the proof was first seen accepted.
    #[n(2)]
    pub slack: u64,
}
