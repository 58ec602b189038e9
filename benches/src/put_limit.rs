//! Question: which stage limits a put when there is no network, and how fast may a put be at
//! most?
//!
//! Unit: GiB of plaintext a second, each stage alone, medians of rounds in turn: AES-256-GCM over
//! it, coding 10+20, the trees of all thirty shards (3 bytes a byte), all thirty to a written
//! volume and one flush. CPU stages on one core. The peer of each is the slowest stage of the
//! same round, which is the limit: that stage has the ratio 1. The last row lets the CPU stages
//! share all cores, beside the disk, which a real put may reach; its peer is the limit too. After
//! it, what the product's own parts reach without the network (`local`).
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

mod local;

use local::Local;

/// Bytes encrypted under one nonce.
const RECORD: usize = 64 << 10;
/// Bytes of shards a byte of data, at 10+20.
const SPREAD: usize = 3;
/// The stages, in the order of `Bench::round`.
const STAGES: [&str; 4] = ["encrypt", "encode 10+20", "trees", "write 3x"];

/// Measures every stage; `quick` only proves that it runs.
pub fn report(quick: bool, dir: &Path) -> anyhow::Result<Report> {
    let (stripes, rounds) = if quick { (2, 1) } else { (48, 7) };
    let mut bench = Bench::new(stripes)?;
    let size = (bench.segment.len() * SPREAD) as u64;
    let volume = Volume::make(dir, size)?;
    // Room for labels, fact rings, and what a sealed shard occupies until the store looks again.
    let home = Volume::make(dir, 2 * size + (256 << 20))?;
    let local = Local::new(&home.path, &mut bench)?;
    let (mut puts, mut stages) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let round = bench.round(&volume)?;
        let start = Instant::now();
        local.put(&mut bench)?;
        let gib = bench.segment.len() as f64 / f64::from(1 << 30);
        puts.push((gib / start.elapsed().as_secs_f64(), limit(&round)));
        stages.push(round);
    }
    let rounds: Vec<[f64; 4]> = stages;
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
    let name = "put without network / limit";
    report
        .rows
        .push(Row::new(name, "GiB/s", &puts, Goal::AtLeast(0.75)));
    Ok(report)
}

/// What a put may reach, by one round of every stage: GiB of plaintext a second.
pub(crate) struct Stages {
    /// The slowest stage alone.
    pub(crate) limit: f64,
    /// All stages sharing this machine's cores.
    pub(crate) shared: f64,
}

impl Stages {
    /// Measures one round; `quick` a small one.
    pub(crate) fn measure(quick: bool, dir: &Path) -> anyhow::Result<Self> {
        let mut bench = Bench::new(if quick { 2 } else { 48 })?;
        let volume = Volume::make(dir, (bench.segment.len() * SPREAD) as u64)?;
        let round = bench.round(&volume)?;
        let cores = std::thread::available_parallelism()?.get();
        Ok(Self {
            limit: limit(&round),
            shared: shared(&round, cores),
        })
    }
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
    /// What stages work on in place.
    segment: Vec<u8>,
    /// What a put begins with.
    plain: Vec<u8>,
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
        let plain: Vec<u8> = words
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8)
            .collect();
        Ok(Self {
            coder: Coder::new(&geometry)?,
            key: LessSafeKey::new(key),
            segment: plain.clone(),
            plain,
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
        seal(&self.key, &mut self.segment)
    }

    /// Encrypts and codes stripe after stripe, as a put does, and gives each piece away.
    fn code(
        &mut self,
        mut give: impl FnMut(usize, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut stripe = Vec::with_capacity(self.stripe_len);
        for plain in self.plain.chunks(self.stripe_len) {
            stripe.clear();
            stripe.extend_from_slice(plain);
            seal(&self.key, &mut stripe)?;
            let pieces = self.coder.encode_stripe(&stripe, &mut self.parity)?;
            for (index, piece) in pieces.iter().enumerate() {
                give(index, piece)?;
            }
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

/// Encrypts records in place; always under one nonce, since nobody keeps them.
fn seal(key: &LessSafeKey, bytes: &mut [u8]) -> anyhow::Result<()> {
    for record in bytes.chunks_mut(RECORD) {
        let nonce = Nonce::assume_unique_for_key([1; 12]);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), record);
        black_box(tag.map_err(|_| anyhow!("the record is too long"))?.as_ref());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
