//! Question: how many requests a second does our S3 gateway answer, and how long do the slowest
//! take, beside another S3 server on the same machine?
//!
//! Unit: requests a second and the 99th percentile in milliseconds of GET and PUT of 4 KiB and
//! 1 MiB, over 1 and 16 connections that each ask again as soon as they are answered; plain HTTP,
//! Signature Version 4, no body sent twice. Rounds of both alternate. Ours is `holdfast gateway`
//! over six hosts, 4+2: a PUT is answered after six receipts, six cheques and the catalogue's
//! commit. `cached` reads are from the gateway's own memory, the others from its hosts (`--cache
//! 0`). The peer is Garage (benches/compare, built by `just bench-peers`): one node, one copy on
//! one disk, both its flushes on, its pages warm. So ours does more for each request; what that
//! costs is the question.
//!
//! Machine: 2 cores that load, gateway, six hosts and chain share. Expected: a PUT of 4 KiB alone
//! waits 50 ms for others to share its object, then for agreements, shards, flushes, receipts and
//! cheques of six hosts: 80 ms, 12 a second against Garage's two or three flushes, 300 a second.
//! Reads from memory as fast as Garage's; reads from hosts are four streams each, a tenth.

use std::path::Path;
use std::time::SystemTime;

use anyhow::ensure;

use crate::rows::{Goal, Report, Row};
use crate::town::Town;
use crate::volume;

mod load;
mod servers;
mod sign;

pub(crate) use load::{Request, Round, run};
use servers::Garage;
pub(crate) use servers::{BUCKET, Ours, Plan, Server};
use sign::Signer;

const HOSTS: usize = 6;
const SHARDS: (u16, u16) = (4, 2);
/// MiB of each host's volume: a 256th of it is half of its fact ring, where the agreements of all
/// small shared objects must find room, at 1.5 KiB each.
const VOLUME_MIB: usize = 1536;
const VOLUME_MIB_QUICK: usize = 256;
/// Between the beginnings of two bodies in the noise: no two are the same.
const STEP: usize = 64;
/// The first body of one connection among all.
const ALONE_FROM: usize = 4096;
/// Bodies that the noise holds.
const BODIES: usize = 2 * ALONE_FROM;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Put,
}

/// One case of load.
#[derive(Debug, Clone, Copy)]
struct Case {
    verb: Verb,
    len: usize,
    connections: usize,
    /// Requests a round.
    count: usize,
    /// Objects that reads go round in: those of the first round of writes from many connections.
    objects: usize,
    /// Whether our gateway reads it from its own memory.
    cached: bool,
}

impl Case {
    fn name(&self) -> String {
        let verb = match (self.verb, self.cached) {
            (Verb::Put, _) => "PUT",
            (Verb::Get, false) => "GET",
            (Verb::Get, true) => "cached GET",
        };
        let len = match self.len >> 20 {
            0 => format!("{} KiB", self.len >> 10),
            mib => format!("{mib} MiB"),
        };
        let from = match self.connections {
            1 => "1 connection".to_owned(),
            many => format!("{many} connections"),
        };
        format!("S3 {verb} of {len}, {from}")
    }
}

const SMALL: usize = 4 << 10;
const LARGE: usize = 1 << 20;
const MANY: usize = 16;

/// What is measured while our gateway keeps bodies in memory as it comes, then what is while it
/// keeps none.
fn cases(quick: bool) -> [Vec<Case>; 2] {
    let objects = |len| match (quick, len) {
        (true, _) => MANY,
        (false, SMALL) => 400,
        (false, _) => 160,
    };
    let case = |verb, len, connections, count, cached| Case {
        verb,
        len,
        connections,
        count: if quick { connections } else { count },
        objects: objects(len),
        cached,
    };
    let first = vec![
        case(Verb::Put, SMALL, 1, 100, false),
        case(Verb::Put, SMALL, MANY, objects(SMALL), false),
        case(Verb::Get, SMALL, 1, 2000, true),
        case(Verb::Get, SMALL, MANY, 4000, true),
        case(Verb::Put, LARGE, 1, 100, false),
        case(Verb::Put, LARGE, MANY, objects(LARGE), false),
    ];
    let second = vec![
        case(Verb::Get, SMALL, 1, 200, false),
        case(Verb::Get, SMALL, MANY, 800, false),
        case(Verb::Get, LARGE, 1, 100, false),
        case(Verb::Get, LARGE, MANY, 320, false),
    ];
    [first, second]
}

/// Measures every case, or those whose name holds `only` (and the writes that reads need). Says so
/// where a program is not built; without the peer ours is told alone.
pub fn report(quick: bool, dir: &Path, peers: &Path, only: &str) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let scratch = volume::scratch(dir)?;
    let volume_mib = if quick { VOLUME_MIB_QUICK } else { VOLUME_MIB };
    let Some(town) = Town::start(scratch.path(), HOSTS, volume_mib)? else {
        let why = "s3: holdfast and holdfastd are not built; nothing measured";
        report.notes.push(why.into());
        return Ok(report);
    };
    let program = Garage::program(peers);
    let garage = match program.exists() {
        true => Some(Garage::start(&program, scratch.path())?),
        false => None,
    };
    if garage.is_none() {
        let why = "s3: garage is not built (just bench-peers); nothing compared, ours alone:";
        report.notes.push(why.into());
    }
    let rounds = if quick { 1 } else { 3 };
    let noise = noise(LARGE + STEP * BODIES);
    for (cases, cache_mib) in cases(quick).into_iter().zip([64, 0]) {
        let plan = Plan {
            shards: SHARDS,
            cache_mib,
        };
        let ours = Ours::start(&town, scratch.path(), plan)?;
        for case in cases {
            let needed = case.verb == Verb::Put && case.connections == MANY;
            let wanted = case.name().contains(only);
            if !wanted && !needed {
                continue;
            }
            let mut found = Vec::new();
            for round in 0..if wanted { rounds } else { 1 } {
                let own = once(&ours, &case, round, &noise)?;
                let other = garage.as_ref();
                let other = other.map(|peer| once(peer, &case, round, &noise));
                found.push((own, other.transpose()?));
            }
            if wanted {
                tell(&case, &found, &mut report);
            }
        }
    }
    let shape = "ours on six hosts with 4+2, receipts and cheques; theirs one copy on one disk";
    report.notes.push(format!("s3: {shape}, both flush"));
    Ok(report)
}

/// The rows of a case, or a note where there is no peer.
fn tell(case: &Case, rounds: &[(Round, Option<Round>)], report: &mut Report) {
    let name = case.name();
    let pairs = |figure: fn(&Round) -> f64| -> Option<Vec<(f64, f64)>> {
        let pair = |(own, other): &(Round, Option<Round>)| {
            let other = other.as_ref()?;
            Some((figure(own), figure(other)))
        };
        rounds.iter().map(pair).collect()
    };
    let p99 = |round: &Round| round.percentile(99);
    if let (Some(rates), Some(times)) = (pairs(Round::rate), pairs(p99)) {
        let row = Row::new(name.clone(), "req/s", &rates, Goal::None);
        report.rows.push(row);
        let row = Row::new(format!("{name}, p99"), "ms", &times, Goal::None);
        report.rows.push(row);
        let count = |pick: fn(&(Round, Option<Round>)) -> usize| rounds.iter().map(pick).sum();
        let own: usize = count(|(own, _)| own.refusals);
        let theirs: usize = count(|(_, other)| other.as_ref().map_or(0, |other| other.refusals));
        if own + theirs > 0 {
            let note = format!("{name}: {own} answers of ours and {theirs} of theirs were 503");
            report.notes.push(note);
        }
    } else if let Some((own, _)) = rounds.last() {
        let (rate, p50, p99) = (own.rate(), own.percentile(50), own.percentile(99));
        let note =
            format!("{name}: {rate:.1} req/s, half in {p50:.1} ms, 99 of 100 in {p99:.1} ms");
        report.notes.push(note);
    }
}

/// A round of a case against a server.
fn once(server: &impl Server, case: &Case, round: usize, noise: &[u8]) -> anyhow::Result<Round> {
    let signer = server.signer();
    let asked = (0..case.count).map(|index| request(signer, case, round, index, noise));
    let asked: Vec<Request> = asked.collect();
    let done = run(&signer.host, case.connections, &asked, noise)?;
    ensure!(
        done.times_ms.len() == case.count,
        "{} of {} requests were answered",
        done.times_ms.len(),
        case.count
    );
    Ok(done)
}

fn request(signer: &Signer, case: &Case, round: usize, index: usize, noise: &[u8]) -> Request {
    let (verb, round, index, connections) = match case.verb {
        Verb::Put => ("PUT", round, index, case.connections),
        Verb::Get => ("GET", 0, index % case.objects, MANY),
    };
    let path = format!("/{BUCKET}/{}/{connections}/{round}/{index}", case.len);
    // Bodies of other connections or rounds begin elsewhere, for a server may store one twice once.
    let first = if connections == MANY { 0 } else { ALONE_FROM };
    let at = (first + round * case.objects + index) * STEP;
    let place = at..at + case.len;
    let (body, back) = match case.verb {
        Verb::Put => (place, 0..0),
        Verb::Get => (0..0, place),
    };
    let bytes = noise.get(body.clone()).unwrap_or_default();
    let head = signer.head(verb, &path, bytes, SystemTime::now());
    Request { head, body, back }
}

/// Bytes that no server can shorten, enough for every body.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = (0..len.div_ceil(8)).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().collect()
}

#[cfg(test)]
mod tests;
