//! The two things that are hashed: the leaf of one agreement and the pair over two subtrees. A
//! leaf is hashed from 80 bytes and a pair from 96, so neither can pose as the other.

use host_core::eip712::keccak;
use host_core::limits::SHARD_LEN_MAX;
use host_core::{AgreementDigest, Digest32, ShardId};

use crate::error::Error;

/// Bytes of a leaf's body.
pub const LEAF_BODY_LEN: usize = 80;
/// Bytes of an entry.
pub const ENTRY_LEN: usize = 48;
/// No dataset holds more bytes than this.
pub const SUM_MAX: u64 = 1 << 62;

/// One agreement over one shard, as the dataset lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The agreement.
    pub agreement: AgreementDigest,
    /// Its shard.
    pub shard: ShardId,
    /// Bytes of the shard.
    pub len: u64,
    /// First epoch after the term.
    pub end_epoch: u64,
}

impl Leaf {
    /// The 80 bytes that are hashed.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; LEAF_BODY_LEN] {
        let mut bytes = [0; LEAF_BODY_LEN];
        bytes[..32].copy_from_slice(&self.agreement.0);
        bytes[32..64].copy_from_slice(&self.shard.0);
        bytes[64..72].copy_from_slice(&self.len.to_be_bytes());
        bytes[72..].copy_from_slice(&self.end_epoch.to_be_bytes());
        bytes
    }

    /// Reads a leaf's body. Nothing about it is believed yet.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; LEAF_BODY_LEN]) -> Self {
        let (agreement, rest) = split(bytes);
        let (shard, rest) = split(rest);
        let (len, rest) = split(rest);
        let (end, _) = split(rest);
        Self {
            agreement: AgreementDigest(agreement),
            shard: ShardId(shard),
            len: u64::from_be_bytes(len),
            end_epoch: u64::from_be_bytes(end),
        }
    }

    /// The leaf as its parent sees it.
    /// Errors: ShardLength when no shard has this length.
    pub fn entry(&self) -> Result<Entry, Error> {
        if self.len == 0 || self.len > SHARD_LEN_MAX {
            return Err(Error::ShardLength {
                len: self.len,
                max: SHARD_LEN_MAX,
            });
        }
        Ok(Entry {
            node: keccak(&self.to_bytes()),
            sum: self.len,
            end: self.end_epoch,
        })
    }
}

/// The first `N` bytes and the rest. The callers' arrays are long enough by their types.
fn split<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    match bytes.split_first_chunk::<N>() {
        Some((head, rest)) => (*head, rest),
        None => ([0; N], &[]),
    }
}

/// A subtree as its parent or the list of peaks sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The hash.
    pub node: Digest32,
    /// Bytes of all shards below.
    pub sum: u64,
    /// The greatest end epoch below.
    pub end: u64,
}

impl Entry {
    /// The entry over two entries.
    /// Errors: DatasetBytes when the sum leaves the range.
    pub fn join(&self, right: &Self) -> Result<Self, Error> {
        let sum = self
            .sum
            .checked_add(right.sum)
            .filter(|sum| *sum <= SUM_MAX)
            .ok_or(Error::DatasetBytes { max: SUM_MAX })?;
        let mut both = [0; 2 * ENTRY_LEN];
        both[..32].copy_from_slice(&self.node.0);
        both[32..64].copy_from_slice(&right.node.0);
        both[64..72].copy_from_slice(&self.sum.to_be_bytes());
        both[72..80].copy_from_slice(&self.end.to_be_bytes());
        both[80..88].copy_from_slice(&right.sum.to_be_bytes());
        both[88..].copy_from_slice(&right.end.to_be_bytes());
        Ok(Self {
            node: keccak(&both),
            sum,
            end: self.end.max(right.end),
        })
    }

    /// The 48 bytes of an entry.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; ENTRY_LEN] {
        let mut bytes = [0; ENTRY_LEN];
        bytes[..32].copy_from_slice(&self.node.0);
        bytes[32..40].copy_from_slice(&self.sum.to_be_bytes());
        bytes[40..].copy_from_slice(&self.end.to_be_bytes());
        bytes
    }

    /// Reads an entry. Nothing about it is believed yet.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; ENTRY_LEN]) -> Self {
        let (node, rest) = split(bytes);
        let (sum, rest) = split(rest);
        let (end, _) = split(rest);
        Self {
            node: Digest32(node),
            sum: u64::from_be_bytes(sum),
            end: u64::from_be_bytes(end),
        }
    }
}
