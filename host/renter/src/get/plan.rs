//! Which bytes of which shards give a range of an object back. Pure: lengths enter, ranges leave.
//!
//! A range is widened to sealed chunks, cut at segments, and in each segment to whole units of
//! 64 KiB of the shards it lies in. If it lies in every data shard anyway, any shards will do and
//! all are asked for the same run; else only the data shards that hold it are asked, and when one
//! is missing, the run it should have given is asked of others (docs/formats/erasure.md: a lost
//! run is rebuilt from the same columns).

use std::collections::BTreeMap;
use std::ops::Range;

use host_core::geometry::Geometry;
use host_core::limits;
use host_core::object::{Cipher as CipherKind, Descriptor};
use host_erasure::Stripes;

use crate::cipher::{CHUNK, TAG};
use crate::error::Error;

const UNIT: u64 = limits::UNIT_LEN as u64;
const SEALED: u64 = (CHUNK + TAG) as u64;

/// What is got of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The segment.
    pub(super) number: u32,
    /// Its ciphertext bytes.
    pub(super) segment_len: u64,
    /// The ciphertext bytes that are read, counted in the segment; whole chunks.
    pub(super) sealed: Range<u64>,
    /// The object's number of the first of those chunks.
    pub(super) first_chunk: u64,
    /// The bytes that are wanted, counted in the plaintext of `sealed`.
    pub(super) wanted: Range<usize>,
}

/// Plaintext bytes of a full segment.
fn plain_segment_len(descriptor: &Descriptor) -> u64 {
    let len = descriptor.geometry.segment_len;
    match descriptor.cipher {
        CipherKind::None => len,
        CipherKind::Aes256Gcm => len / SEALED * CHUNK as u64,
    }
}

/// The parts of a range of an object of `len` plaintext bytes, in order.
pub(super) fn parts<'a>(
    descriptor: &'a Descriptor,
    len: u64,
    range: &Range<u64>,
) -> impl Iterator<Item = Part> + use<'a> {
    let (plain, range) = (plain_segment_len(descriptor), range.clone());
    let touched = match range.is_empty() {
        true => 0..0,
        false => range.start / plain..range.end.div_ceil(plain),
    };
    touched.filter_map(move |number| {
        let index = usize::try_from(number).ok()?;
        let segment = descriptor.segments.get(index)?;
        let start = number * plain;
        let from = range.start.max(start) - start;
        let to = range.end.min(start + plain).min(len) - start;
        let chunk = CHUNK as u64;
        let (sealed, base, first_chunk) = match descriptor.cipher {
            CipherKind::None => (from..to, from, 0),
            CipherKind::Aes256Gcm => {
                let (first, end) = (from / chunk, to.div_ceil(chunk));
                let sealed = first * SEALED..(end * SEALED).min(segment.len);
                (sealed, first * chunk, start / chunk + first)
            }
        };
        Some(Part {
            number: u32::try_from(number).ok()?,
            segment_len: segment.len,
            sealed,
            first_chunk,
            wanted: usize::try_from(from - base).ok()?..usize::try_from(to - base).ok()?,
        })
    })
}

/// What must be fetched of a segment's shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    /// These runs of these data shards; when there are none, only `any` counts.
    pub(super) each: BTreeMap<usize, Range<u64>>,
    /// This run of any `enough` shards.
    pub(super) any: Option<Range<u64>>,
    /// Shards that give back any other.
    pub(super) enough: usize,
    /// Data shards that hold nothing but zeros there; they need not be asked.
    pub(super) zeros: Range<usize>,
}

/// What ciphertext bytes `range` of a segment need. Runs are whole units, the shard's end apart.
pub(super) fn need(
    geometry: &Geometry,
    segment_len: u64,
    range: &Range<u64>,
) -> Result<Need, Error> {
    let shard_len = geometry.shard_len(segment_len);
    let data = usize::from(geometry.data);
    let (mut each, mut any, mut enough) = (BTreeMap::new(), None, 0);
    for span in Stripes::of(geometry, segment_len)?.covering(range.start, range.end)? {
        let stripe = span.stripe;
        enough = enough.max(stripe.len.div_ceil(stripe.piece_len));
        let columns = span.columns();
        let at = |column: usize| stripe.shard_offset + u64::try_from(column).unwrap_or(u64::MAX);
        widen(&mut any, at(columns.start)..at(columns.end));
        for run in span.runs() {
            let end = run.shard_offset + u64::try_from(run.len).unwrap_or(u64::MAX);
            let mut held = each.remove(&run.shard);
            widen(&mut held, run.shard_offset..end);
            each.extend(held.map(|held| (run.shard, held)));
        }
    }
    for run in each.values_mut().chain(&mut any) {
        *run = whole_units(run, shard_len);
    }
    let all = each.len() >= enough;
    Ok(Need {
        any: any.filter(|_| all),
        each: if all { BTreeMap::new() } else { each },
        enough,
        zeros: enough..data,
    })
}

impl Need {
    /// From now on the runs of `each` that are not `got` may also be rebuilt.
    pub(super) fn allow_any(&mut self, got: impl Fn(usize, &Range<u64>) -> bool) {
        if self.any.is_none() {
            for (index, run) in &self.each {
                if !got(*index, run) {
                    widen(&mut self.any, run.clone());
                }
            }
        }
    }
}

fn widen(all: &mut Option<Range<u64>>, more: Range<u64>) {
    *all = Some(match all.take() {
        Some(all) => all.start.min(more.start)..all.end.max(more.end),
        None => more,
    });
}

fn whole_units(run: &Range<u64>, shard_len: u64) -> Range<u64> {
    run.start / UNIT * UNIT..run.end.next_multiple_of(UNIT).min(shard_len)
}

#[cfg(test)]
mod tests;
