//! Lost shards of a segment, made again from any of the others: the ciphertext is never opened, so
//! whoever has the descriptor can do it.
//!
//! Reads `data` shards (fewer of a short segment) whole and nothing else. Invariant: what is given
//! back leads to the shard's name, whatever was read. Memory: what was read and what was made.

use host_core::geometry::Geometry;
use host_core::object::{Descriptor, Place};
use host_erasure::{Coder, Stripes};
use host_proof::TreeBuilder;
use tokio::sync::watch;

use super::fetch::Fetcher;
use super::join::Runs;
use super::plan::Part;
use crate::Inner;
use crate::error::Error;
use crate::progress::Progress;

/// The bytes of the shards `wanted` of segment `number`, in that order, from those that `alive`
/// keeps. Errors: TooFewShards; Rebuilt when the descriptor's names are not those of one code.
pub(crate) async fn shards(
    inner: &Inner,
    descriptor: &Descriptor,
    alive: &[Place],
    number: u32,
    wanted: &[usize],
) -> Result<Vec<Vec<u8>>, Error> {
    let at = usize::try_from(number).unwrap_or(usize::MAX);
    let segment = descriptor.segments.get(at).ok_or(Error::Worker)?;
    let part = Part {
        number,
        segment_len: segment.len,
        sealed: 0..segment.len,
        first_chunk: 0,
        wanted: 0..0,
    };
    let (progress, _watched) = watch::channel(Progress::default());
    let mut fetcher = Fetcher::new(inner, descriptor, alive, &progress);
    let runs = fetcher.fetch(&part).await?;
    let (geometry, len, indexes) = (descriptor.geometry, segment.len, wanted.to_vec());
    let made = inner.apart(move || make(&geometry, len, &runs, &indexes));
    let made = made.await??;
    for (index, bytes) in wanted.iter().zip(&made) {
        let mut tree = TreeBuilder::new();
        tree.push(bytes);
        let found = tree.finish().map_err(|_| Error::Worker)?.shard_id();
        if segment.shards.get(*index) != Some(&found) {
            return Err(Error::Rebuilt {
                segment: number,
                index: *index,
            });
        }
    }
    Ok(made)
}

/// The wanted shards out of runs that hold enough others whole.
fn make(
    geometry: &Geometry,
    segment_len: u64,
    runs: &Runs,
    wanted: &[usize],
) -> Result<Vec<Vec<u8>>, Error> {
    let mut coder = Coder::new(geometry)?;
    let data = usize::from(geometry.data);
    let mut made = vec![Vec::new(); wanted.len()];
    let mut rebuilt = Vec::new();
    for stripe in Stripes::of(geometry, segment_len)? {
        let piece_len = stripe.piece_len;
        let held = stripe.len.div_ceil(piece_len);
        let zeros = vec![0; piece_len];
        let end = stripe.shard_offset + u64::try_from(piece_len).unwrap_or(0);
        let there = stripe.shard_offset..end;
        let known: Vec<Option<&[u8]>> = (0..usize::from(geometry.total()))
            .map(|index| match (held..data).contains(&index) {
                true => Some(zeros.as_slice()),
                false => runs.get(index, &there),
            })
            .collect();
        let is_lost = |index: &&usize| known.get(**index).is_some_and(Option::is_none);
        let lost: Vec<usize> = wanted.iter().filter(is_lost).copied().collect();
        if !lost.is_empty() {
            coder.rebuild_pieces(&known, &lost, &mut rebuilt)?;
        }
        let mut fresh = rebuilt.chunks_exact(piece_len.max(1));
        for (index, shard) in wanted.iter().zip(&mut made) {
            match known.get(*index).copied().flatten() {
                Some(piece) => shard.extend_from_slice(piece),
                None => shard.extend_from_slice(fresh.next().ok_or(Error::Worker)?),
            }
        }
    }
    Ok(made)
}
