//! Question: which stage limits a put when there is no network, and how fast may a put be at
//! most?
//!
//! Unit: GiB of plaintext a second, each stage alone, medians of rounds in turn: AES-256-GCM over
//! it, coding 10+20, the trees of all thirty shards (3 bytes a byte), all thirty to a written
//! volume and one flush. CPU stages on one core. The peer of each is the slowest stage of the
//! same round, which is the limit: that stage has the ratio 1. The last row lets the CPU stages
//! share all cores, beside the disk, which a real put may reach; its peer is the limit too.
//!
//! Machine: 2 cores with AES and SHA instructions, virtio disk. Expected: AES 5 to 9, coding 2 to
//! 4, trees 1.0 / 3 = 0.35, disk 1.5 to 2.9: the trees, by far.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use anyhow::anyhow;
use host_core::geometry::Geometry;
use host_erasure::Coder;
use host_proof::TreeBuilder;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::rows::{Goal, Report, Row};
use crate::volume::Volume;

/// Bytes encrypted under one nonce.
const RECORD: usize = 64 << 10;
/// Bytes of shards a byte of data, at 10+20.
const SPREAD: usize = 3;
/// The stages, in the order of `Bench::round`.
const STAGES: [&str; 4] = ["encrypt", "encode 10+20", "trees", "write 3x"];

/// Measures every stage; `quick` only proves that it runs.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let (stripes, rounds) = if quick { (2, 1) } else { (16, 7) };
    let mut bench = Bench::new(stripes)?;
    let volume = Volume::make(dir, (bench.segment.len() * SPREAD) as u64)?;
    let rounds: Vec<[f64; 4]> = (0..rounds)
        .map(|_| bench.round(&volume))
        .collect::<anyhow::Result<_>>()?;
    let cores = std::thread::available_parallelism()?.get();
    let mut report = Report::default();
    for (index, stage) in STAGES.iter().enumerate() {
        let rate = |round: &[f64; 4]| round.get(index).copied().unwrap_or_default();
        let figures: Vec<(f64, f64)> = rounds.iter().map(|r| (rate(r), limit(r))).collect();
        let row = Row::new(
            format!("put {stage} / limit"),
            "GiB/s",
            &figures,
            Goal::None,
        );
        if row.ratio <= 1.0 {
            report.notes.push(format!("put: the limit is {stage}"));
        }
        report.rows.push(row);
    }
    let figures: Vec<(f64, f64)> = rounds
        .iter()
        .map(|r| (shared(r, cores), limit(r)))
        .collect();
    let name = format!("put on {cores} cores / limit");
    report
        .rows
        .push(Row::new(name, "GiB/s", &figures, Goal::None));
    Ok(report)
}

/// The slowest stage.
fn limit(round: &[f64; 4]) -> f64 {
    round.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The rate when the CPU stages share `cores` and the disk works beside them.
fn shared([encrypt, encode, hash, write]: &[f64; 4], cores: usize) -> f64 {
    let cpu = 1.0 / encrypt + 1.0 / encode + 1.0 / hash;
    write.min(cores as f64 / cpu)
}

struct Bench {
    coder: Coder,
    key: LessSafeKey,
    segment: Vec<u8>,
    stripe_len: usize,
    piece_len: usize,
    parity: Vec<u8>,
}

impl Bench {
    fn new(stripes: usize) -> anyhow::Result<Self> {
        let geometry = Geometry::standard();
        let stripe_len = usize::try_from(geometry.stripe_len())?;
        let words = 0..u32::try_from(stripe_len * stripes)?;
        let key = UnboundKey::new(&AES_256_GCM, &[9; 32]).map_err(|_| anyhow!("no such key"))?;
        Ok(Self {
            coder: Coder::new(&geometry)?,
            key: LessSafeKey::new(key),
            segment: words
                .map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8)
                .collect(),
            stripe_len,
            piece_len: usize::try_from(geometry.piece_len)?,
            parity: Vec::new(),
        })
    }

    /// GiB a second of every stage.
    fn round(&mut self, volume: &Volume) -> anyhow::Result<[f64; 4]> {
        let gib = self.segment.len() as f64 / f64::from(1 << 30);
        let timed = |stage: &mut dyn FnMut() -> anyhow::Result<()>| {
            let start = Instant::now();
            stage()?;
            Ok::<f64, anyhow::Error>(gib / start.elapsed().as_secs_f64())
        };
        Ok([
            timed(&mut || self.encrypt())?,
            timed(&mut || self.encode())?,
            timed(&mut || self.hash())?,
            timed(&mut || volume.fill())?,
        ])
    }

    fn encrypt(&mut self) -> anyhow::Result<()> {
        for record in self.segment.chunks_mut(RECORD) {
            let nonce = Nonce::assume_unique_for_key([1; 12]);
            let tag = self
                .key
                .seal_in_place_separate_tag(nonce, Aad::empty(), record);
            black_box(tag.map_err(|_| anyhow!("the record is too long"))?.as_ref());
        }
        Ok(())
    }

    fn encode(&mut self) -> anyhow::Result<()> {
        for stripe in self.segment.chunks(self.stripe_len) {
            black_box(self.coder.encode_stripe(stripe, &mut self.parity)?);
        }
        Ok(())
    }

    /// The trees of ten data shards, three times over: as many bytes as thirty shards have, and
    /// what a hash takes does not depend on them.
    fn hash(&mut self) -> anyhow::Result<()> {
        let shards = self.stripe_len / self.piece_len;
        for shard in (0..SPREAD).flat_map(|_| 0..shards) {
            let mut builder = TreeBuilder::new();
            let start = shard * self.piece_len;
            for stripe in self.segment.chunks(self.stripe_len) {
                let piece = stripe.get(start..start + self.piece_len);
                builder.push(piece.unwrap_or_default());
            }
            black_box(builder.finish()?.shard_id());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
