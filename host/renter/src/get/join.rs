//! From fetched runs of shards to bytes: what is there is copied, what is missing is rebuilt from
//! the same columns of other shards, sealed chunks are opened and written in order. Pure CPU work
//! and one write, run on a blocking thread. What it deliberately does not do: doubt the runs; they
//! were verified against the shard's name when they came.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

use host_core::geometry::Geometry;
use host_core::limits::PIECE_STEP;
use host_core::object::Cipher as CipherKind;
use host_erasure::{Coder, Run, Span, Stripes};
use sha2::{Digest, Sha256};

use super::Got;
use super::plan::Part;
use crate::cipher::{CHUNK, Cipher, TAG};
use crate::error::Error;

/// Runs of shards, by shard.
#[derive(Debug, Default)]
pub(super) struct Runs(BTreeMap<usize, Vec<(u64, Vec<u8>)>>);

impl Runs {
    /// Adds bytes of shard `index` that begin at `offset`.
    pub(super) fn add(&mut self, index: usize, offset: u64, bytes: Vec<u8>) {
        self.0.entry(index).or_default().push((offset, bytes));
    }

    /// Bytes `range` of shard `index`, when one run holds them all.
    pub(super) fn get(&self, index: usize, range: &Range<u64>) -> Option<&[u8]> {
        self.0.get(&index)?.iter().find_map(|(offset, bytes)| {
            let at = usize::try_from(range.start.checked_sub(*offset)?).ok()?;
            let len = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
            bytes.get(at..at.checked_add(len)?)
        })
    }

    /// Shards that have bytes `range`.
    pub(super) fn count(&self, range: &Range<u64>) -> usize {
        let have = |index: &&usize| self.get(**index, range).is_some();
        self.0.keys().filter(have).count()
    }
}

fn at(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Ciphertext bytes `range` of a segment of `segment_len`.
pub(super) fn join(
    geometry: &Geometry,
    segment_len: u64,
    range: &Range<u64>,
    runs: &Runs,
) -> Result<Vec<u8>, Error> {
    let mut out = vec![0; at(range.end - range.start)];
    let mut coder = Coder::new(geometry)?;
    let mut rebuilt = Vec::new();
    for span in Stripes::of(geometry, segment_len)?.covering(range.start, range.end)? {
        let mut lost: Vec<Run> = Vec::new();
        for run in span.runs() {
            let there = run.shard_offset..run.shard_offset + run.len as u64;
            match runs.get(run.shard, &there) {
                Some(bytes) => put(&mut out, range, &run, bytes)?,
                None => lost.push(run),
            }
        }
        if lost.is_empty() {
            continue;
        }
        let columns = columns(&span, &lost);
        let pieces = pieces(geometry, &span, &columns, runs);
        let zeros = vec![0; columns.len()];
        let known: Vec<Option<&[u8]>> = pieces
            .into_iter()
            .map(|piece| piece.map(|piece| piece.unwrap_or(&zeros)))
            .collect();
        let wanted: Vec<usize> = lost.iter().map(|run| run.shard).collect();
        coder.rebuild_pieces(&known, &wanted, &mut rebuilt)?;
        for (run, piece) in lost.iter().zip(rebuilt.chunks_exact(columns.len())) {
            let from = at(run.shard_offset - span.stripe.shard_offset) - columns.start;
            let bytes = piece.get(from..from + run.len).ok_or(Error::Worker)?;
            put(&mut out, range, run, bytes)?;
        }
    }
    Ok(out)
}

fn put(out: &mut [u8], range: &Range<u64>, run: &Run, bytes: &[u8]) -> Result<(), Error> {
    let from = at(run.segment_offset - range.start);
    let to = out.get_mut(from..from + run.len).ok_or(Error::Worker)?;
    to.copy_from_slice(bytes);
    Ok(())
}

/// The columns of a stripe's pieces that lost runs lie in, in the coder's steps.
fn columns(span: &Span, lost: &[Run]) -> Range<usize> {
    let step = usize::try_from(PIECE_STEP).unwrap_or(1);
    let within = |run: &Run| at(run.shard_offset - span.stripe.shard_offset);
    let start = lost.iter().map(within).min().unwrap_or(0);
    let end = lost.iter().map(|run| within(run) + run.len).max();
    start / step * step..end.unwrap_or(0).next_multiple_of(step)
}

/// One place a shard: nothing, its bytes, or `Some(None)` where it is known to be zeros.
fn pieces<'a>(
    geometry: &Geometry,
    span: &Span,
    columns: &Range<usize>,
    runs: &'a Runs,
) -> Vec<Option<Option<&'a [u8]>>> {
    let stripe = &span.stripe;
    let data = usize::from(geometry.data);
    let held = stripe.len.div_ceil(stripe.piece_len);
    let there =
        stripe.shard_offset + columns.start as u64..stripe.shard_offset + columns.end as u64;
    (0..usize::from(geometry.total()))
        .map(|index| match (held..data).contains(&index) {
            true => Some(None),
            false => runs.get(index, &there).map(Some),
        })
        .collect()
}

/// Where plaintext goes, and its hash on the way.
pub(super) struct Sink {
    out: Box<dyn Write + Send>,
    hash: Sha256,
    written: u64,
}

impl Sink {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            hash: Sha256::new(),
            written: 0,
        }
    }

    /// Bytes written so far.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// Opens the chunks of a part in place and writes the wanted bytes of them. `cipher` is none
    /// for open data; `chunks` is how many the object has.
    pub(super) fn write_part(
        &mut self,
        part: &Part,
        cipher: Option<&Cipher>,
        chunks: u64,
        mut bytes: Vec<u8>,
    ) -> Result<(), Error> {
        let wanted = &part.wanted;
        let Some(cipher) = cipher else {
            return self.write(bytes.get(wanted.clone()).ok_or(Error::Worker)?);
        };
        for (index, sealed) in bytes.chunks_mut(CHUNK + TAG).enumerate() {
            let number = part.first_chunk + index as u64;
            let last = number + 1 == chunks;
            let clear = cipher.open(u32::try_from(number).unwrap_or(u32::MAX), last, sealed)?;
            let base = index * CHUNK;
            let from = wanted.start.saturating_sub(base).min(clear.len());
            let to = wanted.end.saturating_sub(base).min(clear.len());
            self.write(clear.get(from..to).ok_or(Error::Worker)?)?;
        }
        Ok(())
    }

    fn write(&mut self, run: &[u8]) -> Result<(), Error> {
        self.hash.update(run);
        self.out.write_all(run).map_err(output)?;
        self.written += run.len() as u64;
        Ok(())
    }

    /// Everything is written.
    pub(super) fn finish(mut self) -> Result<Got, Error> {
        self.out.flush().map_err(output)?;
        Ok(Got {
            bytes: self.written,
            sha256: self.hash.finalize().into(),
        })
    }
}

fn output(source: std::io::Error) -> Error {
    Error::File {
        path: "output".into(),
        source,
    }
}

/// The cipher of an object, none when it is open data.
pub(super) fn cipher_of(kind: CipherKind, key: &[u8; 32], prefix: [u8; 7]) -> Option<Cipher> {
    match kind {
        CipherKind::None => None,
        CipherKind::Aes256Gcm => Some(Cipher::new(key, prefix)),
    }
}

#[cfg(test)]
mod tests;
