//! An extent's header: it says what the extent holds, so that a volume tells its own story.
//!
//! ```text
//! extent := header (4096) | body (shard, zero-padded to 4096) | footer (unit nodes, zero-padded)
//! ```
//!
//! The header is written last, after body and footer. It is no proof that the shard is kept (that
//! is the ledger's word, after a flush) but a shard that is kept always has one.

use host_core::{AgreementDigest, ShardId, VolumeId};

use crate::block::{BlockReader, BlockWriter};

const MAGIC: [u8; 8] = *b"HFEXTENT";
const VERSION: u32 = 1;

/// What an extent says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The volume it was written to.
    pub(crate) volume: VolumeId,
    /// Its first byte there.
    pub(crate) offset: u64,
    /// The agreement it was stored under first.
    pub(crate) agreement: AgreementDigest,
    /// The shard.
    pub(crate) shard: ShardId,
    /// Bytes of the shard.
    pub(crate) len: u64,
    /// First epoch after that agreement's term.
    pub(crate) end_epoch: u64,
}

impl Header {
    /// Fills a block.
    pub(crate) fn encode(&self, block: &mut [u8]) {
        BlockWriter::new(block)
            .put(&MAGIC)
            .put(&VERSION.to_be_bytes())
            .put(&[0; 4])
            .put(&self.volume.0)
            .put(&self.offset.to_be_bytes())
            .put(&self.agreement.0)
            .put(&self.shard.0)
            .put(&self.len.to_be_bytes())
            .put(&self.end_epoch.to_be_bytes())
            .seal();
    }

    /// Reads a block; none when it is no whole header of this version.
    pub(crate) fn decode(block: &[u8]) -> Option<Self> {
        let mut reader = BlockReader::new(block)?;
        let (magic, version) = (reader.take::<8>()?, reader.take::<4>()?);
        if magic != MAGIC || u32::from_be_bytes(version) != VERSION {
            return None;
        }
        reader.take::<4>()?;
        Some(Self {
            volume: VolumeId(reader.take()?),
            offset: reader.number()?,
            agreement: AgreementDigest(reader.take()?),
            shard: ShardId(reader.take()?),
            len: reader.number()?,
            end_epoch: reader.number()?,
        })
    }
}
