//! Question: how much faster are a put and a get of 116 MiB than go-btfs's add, upload and get?
//!
//! Unit: MiB of the file a second over `holdfast put` and `holdfast get` together, from the start
//! of one process to the end of the other: encrypted, coded 10+20, sent to thirty hosts of a demo
//! network on this machine, with agreements, receipts and cheques, read again and compared.
//!
//! The peer's upload wants contracts of a chain at compiled-in addresses, a hub and hosts of its
//! network, so it is not run. Two things stand for it, and both flatter it:
//! - what its upload waits whatever the machine (4.1.0, commit 299483c; read there, not run): it
//!   looks at its shards every 5 s, for the first time after 5 (upload_shard.go,
//!   `waitForAllShardsComplete`), and sleeps 0.5 s after the cheque of each shard (do_pay.go,
//!   `payInCheque`): 20 s for thirty. Its add, its transfers, its chain and its get count nothing.
//! - `btfs add` and `btfs get` of its own repository, offline, where a go-btfs lies beside the
//!   other peers as `btfs`: one process chunks and hashes into one repository and reads it back;
//!   nothing is encrypted, sent, agreed or paid. Once as it comes, once by its coder of 10+20.
//!   A fresh repository a round, since blocks that it has are not written again.
//!
//! Machine: 2 cores, virtio disk. The waits are a constant: unlike a peer of the same minute, what
//! else the machine does slows ours alone, so only a quiet machine gives a figure. Expected: a put
//! without a network runs at 0.26 GiB/s there (`put-limit`), half a second; 34 processes that share
//! two cores take several times that, and the get half again: 2 to 4 s, 5 to 10 of the waits. Goal:
//! 10 of add, upload and get, which a row of the waits above 10 would prove and one below does not
//! refute; the offline rows do another thing and inform.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};

use crate::idle::program;
use crate::put_network::write_noise;
use crate::rows::{Goal, Report, Row, median};
use crate::standing::{Shape, Standing};
use crate::volume;

mod peer;

use peer::Peer;

const SHAPE: Shape = Shape {
    hosts: 30,
    data: 10,
    parity: 20,
    mib: 96,
};
/// Seconds that an upload of go-btfs waits: its first look, and after each of thirty cheques.
const WAITS_S: f64 = 5.0 + 0.5 * 30.0;
/// Times of add, upload and get that ours should be faster.
const GOAL: f64 = 10.0;
/// How the peer adds: as it comes, and by its erasure coder.
const CHUNKERS: [(&str, &str); 2] = [
    ("offline", "size-262144"),
    ("offline, 10+20", "reed-solomon-10-20-262144"),
];

/// Seconds of storing and of reading.
#[derive(Debug, Clone, Copy)]
struct Took {
    put_s: f64,
    get_s: f64,
}

impl Took {
    fn rate(self, mib: f64) -> f64 {
        mib / (self.put_s + self.get_s)
    }
}

/// Five rounds of 116 MiB, one network for all; `quick` one of 4 MiB over fewer. Says so when the
/// program or the peer is not there.
pub fn report(quick: bool, dir: &Path, peers: &Path) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let holdfast = program("holdfast")?;
    if !holdfast.exists() {
        let why = "btfs: holdfast is not built; nothing measured";
        report.notes.push(why.into());
        return Ok(report);
    }
    let (mib, rounds, shape) = match quick {
        true => (4_u32, 1, Shape::SMALL),
        false => (116, 5, SHAPE),
    };
    let scratch = volume::scratch(dir)?;
    let file = scratch.path().join("file");
    write_noise(&file, usize::try_from(mib)?)?;
    let peer = Peer::find(&peers.join("btfs"), scratch.path())?;
    let network = Standing::start(&holdfast, scratch.path(), shape)?;
    let mut ours = Vec::new();
    let mut theirs = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        ours.push(round(&network, &file, &scratch.path().join("out"))?);
        if let Some(peer) = &peer {
            for (times, (_, chunker)) in theirs.iter_mut().zip(CHUNKERS) {
                times.push(peer.round(chunker, &file)?);
            }
        }
    }
    let rate = |took: &Took| took.rate(f64::from(mib));
    let waits: Vec<(f64, f64)> = ours
        .iter()
        .map(|took| (rate(took), f64::from(mib) / WAITS_S))
        .collect();
    let name = format!("put+get {mib} MiB / go-btfs waits 20 s");
    let row = Row::new(name, "MiB/s", &waits, Goal::AtLeast(GOAL));
    report.rows.push(row);
    for (times, (how, _)) in theirs.iter().zip(CHUNKERS) {
        let pairs: Vec<(f64, f64)> = ours
            .iter()
            .zip(times)
            .map(|(a, b)| (rate(a), rate(b)))
            .collect();
        if !pairs.is_empty() {
            let name = format!("put+get {mib} MiB / btfs add+get {how}");
            report
                .rows
                .push(Row::new(name, "MiB/s", &pairs, Goal::None));
            report.notes.push(told(&format!("btfs {how}, add"), times));
        }
    }
    report.notes.push(told("ours, put", &ours));
    report.notes.push(WAITS.into());
    report.notes.push(match peer {
        Some(peer) => format!(
            "btfs: go-btfs {}; its add and get stay in one local repository: nothing encrypted, no \
             host, no upload, no payment",
            peer.version
        ),
        None => MISSING.into(),
    });
    Ok(report)
}

/// What the row of the waits says and does not say.
const WAITS: &str = "btfs: the 20 s are read in go-btfs 4.1.0 and not run: 5 until its upload looks \
    at its shards, 0.5 after each of 30 cheques; all its work counts nothing";

const MISSING: &str = "btfs: no program `btfs` of go-btfs 4.1 lies in the directory of the peers; \
    its offline add and get are not compared";

/// One put and one get of ours.
fn round(network: &Standing, file: &Path, out: &Path) -> anyhow::Result<Took> {
    let begun = Instant::now();
    let id = network.put(file)?;
    let put_s = begun.elapsed().as_secs_f64();
    let mut get = network.command(&["get", &id, "-o"]);
    let get_s = got(get.arg(out), file, out)?;
    Ok(Took { put_s, get_s })
}

/// Seconds of a command that writes `out`, which must then equal `file` and is removed.
fn got(command: &mut Command, file: &Path, out: &Path) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let ended = command.output();
    let took_s = begun.elapsed().as_secs_f64();
    let name = command.get_program().to_string_lossy().into_owned();
    let ended = ended.with_context(|| format!("running {name} to get the file"))?;
    let why = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "{name} get: {}", why.trim());
    let same = std::fs::read(out)? == std::fs::read(file)?;
    ensure!(same, "{name} got another file than it stored");
    std::fs::remove_file(out)?;
    Ok(took_s)
}

/// Medians of both parts.
fn told(who: &str, times: &[Took]) -> String {
    let of = |take: fn(&Took) -> f64| {
        let all: Vec<f64> = times.iter().map(take).collect();
        let least = all.iter().copied().fold(f64::INFINITY, f64::min);
        let most = all.iter().copied().fold(0.0, f64::max);
        format!("{:.2} s [{least:.2}-{most:.2}]", median(all))
    };
    format!(
        "{who} {}, get {}",
        of(|took| took.put_s),
        of(|took| took.get_s)
    )
}

#[cfg(test)]
mod tests;
