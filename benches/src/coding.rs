//! Question: does the 8-bit coder encode and rebuild as fast as klauspost's Go library, the fastest
//! peer there is, and as Intel's ISA-L, on the same machine in the same minute?
//!
//! Unit: GiB of data (not of shards) a CPU second of one core, 10+20; alternating rounds, the
//! peer in a process of its own (`just bench-compare` builds it), so read the ratio. Ours is driven as
//! the renter drives it: one contiguous stripe in, `encode_stripe`; separate pieces in, the first
//! ten lost, `reconstruct_stripe` into one contiguous stripe. The peer's shards are aligned and
//! set apart by its own allocator. Both are told to use one core; the peer keeps GFNI (see the
//! head of benches/compare/klauspost/main.go).
//!
//! Expected: twenty outputs of ten inputs are 200 multiplications a column. A Zen 4 does one of 64
//! bytes a cycle: 640 bytes in 200 cycles, 11 GiB/s at 3.65 GHz and twice that for ten outputs; a
//! Zen 5 twice as many, where memory is the wall (20 and 40). Pieces of 1 MiB no longer fit any
//! cache: both lose a third. Goals: encode 1.15 at 64 and 256 KiB, 1.0 at 1 MiB; rebuild 1.0.

use std::hint::black_box;
use std::path::Path;

use host_core::geometry::{Codec, Geometry};
use host_erasure::Coder;

use crate::cpu;
use crate::rows::{Goal, Report, Row};

mod peer;

use peer::Peer;

const DATA: usize = 10;
const PARITY: usize = 20;

/// What is measured: bytes of a piece, whether pieces are lost, the ratio asked for.
const CASES: [(usize, bool, f64); 5] = [
    (64 << 10, false, 1.15),
    (256 << 10, false, 1.15),
    (1 << 20, false, 1.0),
    (256 << 10, true, 1.0),
    (1 << 20, true, 1.0),
];

/// The programs that drive the peers. Only the first, the fastest, has a ratio to reach.
const PEERS: [&str; 2] = ["klauspost", "isal"];

/// The report; `tiny` only proves that it runs. `peers` holds the programs that drive the
/// libraries; where one is missing, that is said and nothing compared.
pub fn report(tiny: bool, peers: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for (rank, name) in PEERS.into_iter().enumerate() {
        beside(&mut report, (name, rank == 0), tiny, peers)?;
    }
    Ok(report)
}

/// Adds the rows beside one peer.
fn beside(
    report: &mut Report,
    (peer_name, asked): (&str, bool),
    tiny: bool,
    peers: &Path,
) -> anyhow::Result<()> {
    let (rounds, least) = if tiny { (1, 0.001) } else { (9, 0.2) };
    let Some(mut peer) = Peer::start(&peers.join(peer_name), DATA, PARITY)? else {
        let ours = Bench::new(4096).decode(least);
        let why = "is not built (just bench-compare); nothing compared";
        let note = format!("coding: {peer_name} {why}; ours runs at {ours:.1}");
        report.notes.push(note);
        return Ok(());
    };
    let cases = if tiny { &CASES[..1] } else { &CASES[..] };
    for (len, lost, goal) in cases {
        let mut bench = Bench::new(*len);
        let mut figures = Vec::new();
        for _ in 0..rounds {
            let ours = if *lost {
                bench.decode(least)
            } else {
                bench.encode(least)
            };
            figures.push((ours, peer.rate(*lost, *len, least)?));
        }
        let what = if *lost { "10 lost" } else { "encode" };
        let name = format!("8-bit code {what} {}k / {peer_name}", len >> 10);
        let goal = if asked {
            Goal::AtLeast(*goal)
        } else {
            Goal::None
        };
        report
            .rows
            .push(Row::new(name, "GiB/cpu-s", &figures, goal));
    }
    Ok(())
}

struct Bench {
    coder: Coder,
    stripe: Vec<u8>,
    rest: Vec<u8>,
    pieces: Vec<Vec<u8>>,
    out: Vec<u8>,
}

impl Bench {
    fn new(len: usize) -> Self {
        let geometry = Geometry {
            codec: Codec::Matrix8,
            data: DATA as u16,
            parity: PARITY as u16,
            piece_len: len as u32,
            segment_len: (DATA * len) as u64,
        };
        let mut coder = Coder::new(&geometry).expect("the geometry is allowed");
        let words = 0..(DATA * len) as u32;
        let stripe: Vec<u8> = words
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8)
            .collect();
        let mut rest = Vec::new();
        let pieces = coder.encode_stripe(&stripe, &mut rest);
        let pieces = pieces.expect("a whole stripe");
        Self {
            pieces: pieces.iter().map(<[u8]>::to_vec).collect(),
            coder,
            out: vec![0; stripe.len()],
            stripe,
            rest,
        }
    }

    /// GiB of data a CPU second.
    fn encode(&mut self, least: f64) -> f64 {
        let (coder, stripe, rest) = (&mut self.coder, &self.stripe, &mut self.rest);
        let rate = cpu::rate(least, || {
            let pieces = coder.encode_stripe(stripe, rest);
            black_box(pieces.expect("a whole stripe"));
        });
        rate * gib(stripe)
    }

    /// The same for the loss of the first ten pieces, which are all the data.
    fn decode(&mut self, least: f64) -> f64 {
        let pieces = self.pieces.iter().enumerate();
        let some: Vec<Option<&[u8]>> = pieces
            .map(|(index, piece)| (index >= DATA).then_some(piece.as_slice()))
            .collect();
        let (coder, out) = (&mut self.coder, &mut self.out);
        let rate = cpu::rate(least, || {
            let done = coder.reconstruct_stripe(&some, out);
            done.expect("enough pieces");
        });
        assert!(*out == self.stripe, "the stripe comes back");
        rate * gib(out)
    }
}

fn gib(bytes: &[u8]) -> f64 {
    bytes.len() as f64 / f64::from(1 << 30)
}

#[cfg(test)]
mod tests;
