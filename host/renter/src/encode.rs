//! One segment on its way out: plaintext is sealed, cut into stripes, coded; each shard's tree
//! grows as its pieces pass. Pure CPU work, run on a blocking thread.

use host_core::ShardId;
use host_core::geometry::Geometry;
use host_core::object::Segment;
use host_erasure::{Coder, Stripes};
use host_proof::TreeBuilder;

use crate::cipher::{CHUNK, Cipher, TAG};
use crate::error::Error;

/// A coded segment: every shard with its name.
pub(crate) struct Coded {
    pub(crate) len: u64,
    pub(crate) shards: Vec<(ShardId, Vec<u8>)>,
}

impl Coded {
    /// The segment as a descriptor names it.
    pub(crate) fn segment(&self) -> Segment {
        Segment {
            len: self.len,
            shards: self.shards.iter().map(|(id, _)| *id).collect(),
        }
    }
}

/// Seals `plain`. Chunks are numbered from `first`; `last` says that the object ends here.
pub(crate) fn seal(cipher: &Cipher, first: u32, last: bool, plain: &[u8]) -> Vec<u8> {
    let count = plain.len().div_ceil(CHUNK);
    let mut sealed = Vec::with_capacity(plain.len() + count * TAG);
    for (index, chunk) in plain.chunks(CHUNK).enumerate() {
        let number = first + u32::try_from(index).unwrap_or(u32::MAX);
        let start = sealed.len();
        sealed.extend_from_slice(chunk);
        cipher.seal(number, last && index + 1 == count, &mut sealed, start);
    }
    sealed
}

/// Codes a segment of ciphertext. The memory of `spare` is used for shards first.
pub(crate) fn code(
    geometry: &Geometry,
    segment: &[u8],
    spare: Vec<Vec<u8>>,
) -> Result<Coded, Error> {
    let len = u64::try_from(segment.len()).unwrap_or(u64::MAX);
    let shard_len = usize::try_from(geometry.shard_len(len)).unwrap_or(0);
    let total = usize::from(geometry.total());
    let mut coder = Coder::new(geometry)?;
    let mut spare = spare.into_iter();
    let mut shards: Vec<(TreeBuilder, Vec<u8>)> = (0..total)
        .map(|_| {
            let mut bytes = spare.next().unwrap_or_default();
            bytes.clear();
            bytes.reserve_exact(shard_len);
            (TreeBuilder::new(), bytes)
        })
        .collect();
    let mut rest = Vec::new();
    for stripe in Stripes::of(geometry, len)? {
        let start = usize::try_from(stripe.offset).unwrap_or(0);
        let end = start + stripe.len;
        let bytes = segment.get(start..end).unwrap_or_default();
        let pieces = coder.encode_stripe(bytes, &mut rest)?;
        for ((tree, shard), piece) in shards.iter_mut().zip(pieces.iter()) {
            tree.push(piece);
            shard.extend_from_slice(piece);
        }
    }
    let shards = shards
        .into_iter()
        .map(|(tree, bytes)| {
            let tree = tree.finish().map_err(|_| Error::Worker)?;
            Ok((tree.shard_id(), bytes))
        })
        .collect::<Result<_, Error>>()?;
    Ok(Coded { len, shards })
}
