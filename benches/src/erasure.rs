//! Question: what is gained by driving the 16-bit coder in short runs and by rebuilding lost
//! pieces with a matrix, against calling the crate once a stripe on whole pieces?
//!
//! Unit: GiB of data (not of shards) a second, one core, wall time, 10+20; alternating pairs in
//! the same run, so read the ratio. Machine: any x86-64 with AVX2; the crate has no wider path.
//!
//! Expected: encoding is about 110 butterflies a column of 10 elements, memory-bound beyond the
//! cache: 2 to 4 GiB/s, ratio 1 at 64 KiB, up to 2 at 1 MiB. Ten lost: 100 multiplications a
//! column against about 430 operations and 1 ms a call for the crate: ratio 3 to 5. One lost: 10
//! multiplications: ratio above 15.

use std::hint::black_box;
use std::time::Duration;

use host_core::geometry::{Codec, Geometry};
use host_erasure::Coder;
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

use crate::pairs::Pair;
use crate::rows::{Goal, Report, Row};

const DATA: usize = 10;
const PARITY: usize = 20;

/// The report; `tiny` only proves that it runs.
#[must_use]
pub fn report(tiny: bool) -> Report {
    let sizes: &[usize] = if tiny {
        &[4096]
    } else {
        &[64 << 10, 256 << 10, 1 << 20]
    };
    let mut report = Report::default();
    for piece_len in sizes {
        let mut bench = Bench::new(*piece_len, tiny);
        report.rows.push(bench.encode());
        report.rows.push(bench.decode(DATA));
        report.rows.push(bench.decode(1));
        let sum = format!("checksum {:016x}", bench.checksum);
        report.notes.push(sum);
    }
    report
}

struct Bench {
    piece_len: usize,
    rounds: usize,
    least: Duration,
    stripe: Vec<u8>,
    pieces: Vec<Vec<u8>>,
    coder: Coder,
    checksum: u64,
}

impl Bench {
    fn new(piece_len: usize, tiny: bool) -> Self {
        let geometry = Geometry {
            codec: Codec::Leopard16,
            data: DATA as u16,
            parity: PARITY as u16,
            piece_len: piece_len as u32,
            segment_len: (DATA * piece_len) as u64,
        };
        let mut coder = Coder::new(&geometry).expect("the geometry is allowed");
        let words = 0..(DATA * piece_len) as u32;
        let stripe: Vec<u8> = words
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8)
            .collect();
        let mut rest = Vec::new();
        let pieces = coder
            .encode_stripe(&stripe, &mut rest)
            .expect("a whole stripe");
        let pieces: Vec<Vec<u8>> = pieces.iter().map(<[u8]>::to_vec).collect();
        let sum = |sum: u64, byte: &u8| sum.rotate_left(5) ^ u64::from(*byte);
        let checksum = pieces.iter().flatten().fold(0, sum);
        Self {
            piece_len,
            rounds: if tiny { 1 } else { 9 },
            least: Duration::from_millis(if tiny { 0 } else { 150 }),
            stripe,
            pieces,
            coder,
            checksum,
        }
    }

    fn encode(&mut self) -> Row {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut whole = ReedSolomonEncoder::new(DATA, PARITY, self.piece_len).expect("allowed");
        let (coder, stripe) = (&mut self.coder, &self.stripe);
        let pair = Pair::of(
            self.rounds,
            self.least,
            || {
                let pieces = coder
                    .encode_stripe(stripe, &mut ours)
                    .expect("a whole stripe");
                black_box(pieces);
            },
            || {
                for piece in stripe.chunks_exact(self.piece_len) {
                    whole
                        .add_original_shard(piece)
                        .expect("room for a data piece");
                }
                theirs.clear();
                let parity = whole.encode().expect("all data pieces are in");
                parity
                    .recovery_iter()
                    .for_each(|piece| theirs.extend_from_slice(piece));
            },
        );
        let pieces = self.coder.encode_stripe(&self.stripe, &mut ours);
        let parity = pieces.iter().flat_map(|pieces| pieces.iter().skip(DATA));
        assert!(
            parity.flatten().eq(&theirs),
            "both ways give the same parity"
        );
        let name = format!("erasure encode 10+20 {}k", self.piece_len >> 10);
        pair.row(name, self.stripe.len(), Goal::None)
    }

    /// The loss of the first `lost` data pieces; parity from the first on takes their place.
    fn decode(&mut self, lost: usize) -> Row {
        let given = |(index, piece)| (index >= lost).then_some::<&[u8]>(piece);
        let pieces = self.pieces.iter().map(Vec::as_slice).enumerate();
        let some: Vec<Option<&[u8]>> = pieces.map(given).collect();
        let (mut ours, mut theirs) = (vec![0; self.stripe.len()], vec![0; self.stripe.len()]);
        let mut whole = ReedSolomonDecoder::new(DATA, PARITY, self.piece_len).expect("allowed");
        let coder = &mut self.coder;
        let pair = Pair::of(
            self.rounds,
            self.least,
            || {
                coder
                    .reconstruct_stripe(&some, &mut ours)
                    .expect("enough pieces")
            },
            || decode_whole(&mut whole, &some, &mut theirs, self.piece_len),
        );
        assert!(
            ours == self.stripe && theirs == self.stripe,
            "both ways give the stripe"
        );
        let len = self.piece_len >> 10;
        let name = format!("erasure decode 10+20 {lost} lost {len}k");
        pair.row(name, self.stripe.len(), Goal::None)
    }
}

fn decode_whole(
    whole: &mut ReedSolomonDecoder,
    some: &[Option<&[u8]>],
    out: &mut [u8],
    piece_len: usize,
) {
    let present = some
        .iter()
        .enumerate()
        .filter_map(|(index, piece)| Some((index, (*piece)?)));
    for (index, piece) in present.take(DATA) {
        match index.checked_sub(DATA) {
            None => whole.add_original_shard(index, piece),
            Some(parity) => whole.add_recovery_shard(parity, piece),
        }
        .expect("room for a piece");
    }
    let result = whole.decode().expect("enough pieces");
    for ((index, piece), to) in some.iter().enumerate().zip(out.chunks_exact_mut(piece_len)) {
        let restored = result.restored_original(index);
        if let Some(from) = piece.or(restored) {
            to.copy_from_slice(from);
        }
    }
}

#[cfg(test)]
mod tests;
