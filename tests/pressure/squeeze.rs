//! The squeeze: a host that stores, serves and proves; a neighbour in the same cgroup that leaves
//! it no room; then relief.
//!
//! Enters: whether it is to be short. Leaves: [`Report`]. Invariants: everything is a fact read
//! from outside (the kernel's count of kills, answers over the wire, the host's own API); waits are
//! for facts within bounds. The neighbour grows until the host presses, so that the suite says the
//! same on machines with fast and slow drives.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use host_chain::{Intent, PATIENCE, Proofs};
use host_core::seams::{ProofChain, ProofVerb};
use host_core::wire::RefusalCode;
use host_core::{Address, Amount};
use serde::Serialize;
use serde_json::Value;

use crate::Judged;
use crate::cage::Cage;
use crate::figures::mib;
use crate::hog::Hog;
use crate::stage::{
    Caller, Host, Plan, Shape, Town, block_on, ground, key_of, noise, refusal, request, shard_of,
    until,
};

/// What host and neighbour share.
const LIMIT: u64 = 192 << 20;
/// The file the neighbour reads: more than fits.
const FILE_MIB: u64 = 320;
/// What the neighbour holds, step by step, until the host presses.
const HELD_MIB: [usize; 5] = [96, 108, 118, 126, 132];
/// How long each step lasts at most.
const STEP: Duration = Duration::from_secs(15);
/// How long the host is kept pressed.
const PRESSED: [Duration; 2] = [Duration::from_secs(40), Duration::from_secs(150)];
/// Shards that are paid for and read all the time.
const PAID: usize = 4;
const PAID_LEN: usize = 1 << 20;
/// Longer than any run.
const PAID_EPOCHS: u64 = 200;
/// Stake and deposit: a token each.
const TOKEN: Amount = Amount(1_000_000_000_000_000_000);
/// Memory is given back within this, and this much more than before may stay.
const BACK: Duration = Duration::from_secs(60);
const STAYS_MIB: f64 = 16.0;
/// One level falls a minute.
const CALM: Duration = Duration::from_secs(400);

/// What a squeeze showed.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    limit_mib: u64,
    /// Processes killed for memory in the cgroup.
    oom_kills: u64,
    /// Levels the host was at, in the order of its table.
    levels: Vec<String>,
    /// The worst cause told.
    cause: String,
    /// Seconds from the neighbour's begin to the first level above calm, and to pause.
    seconds_to_trim: Option<f64>,
    seconds_to_pause: Option<f64>,
    /// Uploads refused for pressure while it pressed.
    uploads_refused: u64,
    /// Reads of paid shards while it pressed, and those that failed.
    reads: u64,
    reads_failed: u64,
    slowest_read_ms: u64,
    /// Periods proven while it pressed, and missed since the start.
    proven: u64,
    missed: u64,
    /// Resident MiB before, at the most, and after relief.
    idle_mib: f64,
    peak_mib: f64,
    after_mib: f64,
    /// Seconds from relief until the memory was given back, and until uploads were taken again.
    seconds_to_given_back: f64,
    seconds_to_uploads: f64,
    broken: Vec<String>,
}

impl Judged for Report {
    fn broken(&self) -> &[String] {
        &self.broken
    }
}

/// Runs it.
pub(crate) fn run(short: bool) -> Report {
    let cage = Cage::make(LIMIT);
    let (town, caller) = town(&cage);
    let host = &town.hosts[0];
    let file = town.dir.join("read-by-the-neighbour");
    make_file(&file);
    let paid: Vec<Vec<u8>> = (0..PAID)
        .map(|index| noise(&format!("paid {index}"), PAID_LEN))
        .collect();
    pay_for(&caller, host, &paid);
    until("the first proof", Duration::from_secs(240), || {
        (proofs(host, "proven") > 0).then_some(())
    });
    let mut report = Report {
        limit_mib: LIMIT >> 20,
        idle_mib: mib(host.pid(), "VmRSS"),
        ..Report::default()
    };
    let proven = proofs(host, "proven");
    let ending = AtomicBool::new(false);
    thread::scope(|scope| {
        let reading = scope.spawn(|| read_until(&ending, &caller, host, &paid));
        let hog = press(&cage, &file, host, &caller, short, &mut report);
        report.proven = proofs(host, "proven") - proven;
        ending.store(true, Ordering::Release);
        drop(hog);
        (report.reads, report.reads_failed, report.slowest_read_ms) =
            reading.join().expect("the reader ends");
    });
    relieve(&caller, host, &mut report);
    report.missed = proofs(host, "missed");
    report.oom_kills = cage.kills();
    report.peak_mib = mib(host.pid(), "VmHWM");
    drop(town);
    report.broken = broken(&report);
    report
}

/// A town whose one host lives in the cage, with stake, and a caller with money.
fn town(cage: &Cage) -> (Town, Caller) {
    let mut town = Town::start("pressure", Shape::default());
    let host = town.add(&Plan {
        volumes: vec!["volume-0=512 MiB".to_owned()],
        ..Plan::default()
    });
    host.launch();
    // Before it holds anything of note.
    cage.take(host.pid());
    host.serving();
    stake(host.address);
    let caller = Caller::with_vault(&town.network, "pressed renter", TOKEN);
    (town, caller)
}

/// Puts a token at stake for a host.
fn stake(host: Address) {
    let key = key_of("treasury");
    ground().fund(key.address());
    let chain = ground().chain().with_key(key);
    block_on(async {
        chain.wrap(TOKEN).await.expect("wrapped");
        let proofs = Proofs::of(&chain).expect("contracts of proof");
        let verbs = [
            ProofVerb::Approve { sum: TOKEN },
            ProofVerb::StakeFor { host, sum: TOKEN },
        ];
        for verb in verbs {
            let call = proofs.call(&verb).expect("a call");
            let intent = Intent::call(verb.what(), call.to, call.data);
            chain.run(&intent, PATIENCE).await.expect("done");
        }
    });
}

/// Writes the neighbour's file and lets the page cache forget it: pages belong to whoever reads
/// them first.
fn make_file(path: &std::path::Path) {
    let words = |more: &[&str]| {
        let mut words = vec![format!("of={}", path.display())];
        words.extend(more.iter().map(|word| (*word).to_owned()));
        let made = std::process::Command::new("dd").args(words).output();
        assert!(made.is_ok_and(|made| made.status.success()), "dd works");
    };
    let count = format!("count={FILE_MIB}");
    words(&["if=/dev/urandom", "bs=1M", &count, "conv=fsync"]);
    words(&[
        "if=/dev/null",
        "oflag=nocache",
        "conv=notrunc,fdatasync",
        "count=0",
    ]);
}

fn pay_for(caller: &Caller, host: &Host, shards: &[Vec<u8>]) {
    let mut sum = Amount::ZERO;
    for bytes in shards {
        let mut terms = caller.terms(host, shard_of(bytes), bytes.len() as u64);
        terms.end_epoch = terms.start_epoch + PAID_EPOCHS;
        let cost = terms
            .cost_of(terms.end_epoch - terms.start_epoch)
            .expect("a small sum");
        sum = sum.plus(cost).expect("a small sum");
        let cheque = caller.cheque(host, sum);
        block_on(async {
            let mut stored = caller.store(host, &terms, bytes).await.expect("stored");
            let paid = stored.pay(terms.end_epoch, cheque).await;
            paid.expect("paid");
            stored.close().await;
        });
    }
}

/// Reads paid shards one after another; how many, how many failed, the slowest in milliseconds.
fn read_until(
    ending: &AtomicBool,
    caller: &Caller,
    host: &Host,
    paid: &[Vec<u8>],
) -> (u64, u64, u64) {
    let (mut reads, mut failed, mut slowest) = (0, 0, 0);
    for bytes in paid.iter().cycle() {
        if ending.load(Ordering::Acquire) {
            break;
        }
        let begun = Instant::now();
        let got = block_on(caller.try_fetch(host, bytes));
        reads += 1;
        failed += u64::from(got.as_ref() != Some(bytes));
        slowest = slowest.max(u64::try_from(begun.elapsed().as_millis()).expect("a short time"));
    }
    (reads, failed, slowest)
}

/// Lets the neighbour grow until the host pauses, and keeps it so for a while.
fn press(
    cage: &Cage,
    file: &std::path::Path,
    host: &Host,
    caller: &Caller,
    short: bool,
    report: &mut Report,
) -> Option<Hog> {
    let begun = Instant::now();
    let mut levels = BTreeSet::new();
    let mut hog = None;
    for held in HELD_MIB {
        drop(hog.take());
        hog = Some(Hog::start(cage, file, held));
        let step = Instant::now();
        while step.elapsed() < STEP && report.seconds_to_pause.is_none() {
            look(host, begun, &mut levels, report);
        }
        if report.seconds_to_pause.is_some() {
            break;
        }
    }
    let paused = Instant::now();
    while paused.elapsed() < PRESSED[usize::from(!short)] {
        look(host, begun, &mut levels, report);
        let fresh = noise(&format!("fresh {:?}", begun.elapsed()), 10_000);
        let terms = caller.terms(host, shard_of(&fresh), fresh.len() as u64);
        let opened = block_on(caller.open(host, &terms));
        let refused = opened.is_err_and(|err| refusal(&err) == Some(RefusalCode::Pressure));
        report.uploads_refused += u64::from(refused);
    }
    report.levels = levels
        .into_iter()
        .map(|level| LEVELS[level].to_owned())
        .collect();
    hog
}

/// The levels in their order.
const LEVELS: [&str; 5] = ["calm", "trim", "pause", "shed", "restart"];

/// One look at the level.
fn look(host: &Host, begun: Instant, levels: &mut BTreeSet<usize>, report: &mut Report) {
    let machine = machine(host);
    let level = machine["pressure"].as_str().expect("a level");
    let level = LEVELS
        .iter()
        .position(|one| *one == level)
        .expect("a known level");
    if levels.insert(level) && levels.last() == Some(&level) {
        report.cause = machine["memory"]["cause"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
    }
    let seconds = begun.elapsed().as_secs_f64();
    if level >= 1 {
        report.seconds_to_trim.get_or_insert(seconds);
    }
    if level >= 2 {
        report.seconds_to_pause.get_or_insert(seconds);
    }
    thread::park_timeout(Duration::from_millis(200));
}

/// The neighbour is gone: memory comes back, uploads are taken.
fn relieve(caller: &Caller, host: &Host, report: &mut Report) {
    let relief = Instant::now();
    let most = report.idle_mib + STAYS_MIB;
    report.after_mib = until("memory is given back", BACK, || {
        let now = mib(host.pid(), "VmRSS");
        (now <= most).then_some(now)
    });
    report.seconds_to_given_back = relief.elapsed().as_secs_f64();
    until("the host takes uploads again", CALM, || {
        let level = machine(host)["pressure"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        ["calm", "trim"].contains(&level.as_str()).then_some(())
    });
    let fresh = noise("after relief", 10_000);
    let terms = caller.terms(host, shard_of(&fresh), fresh.len() as u64);
    block_on(caller.store(host, &terms, &fresh)).expect("stored");
    report.seconds_to_uploads = relief.elapsed().as_secs_f64();
}

/// The host's answer to a question of its API.
fn api(host: &Host, path: &str) -> Value {
    let token = std::fs::read_to_string(host.dir.join("api.token")).expect("the token");
    let at = host.ready().api.expect("a local api");
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer {}",
        token.trim()
    );
    let said = request(at, &head);
    let body = said.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let from = body.find('{').expect("an object");
    let until = body.rfind('}').expect("an object");
    serde_json::from_str(&body[from..=until]).expect("JSON")
}

fn machine(host: &Host) -> Value {
    api(host, "/api/v1/machine")
}

/// A count of the prover's.
fn proofs(host: &Host, count: &str) -> u64 {
    api(host, "/api/v1/status")["proofs"][count]
        .as_u64()
        .unwrap_or(0)
}

fn broken(report: &Report) -> Vec<String> {
    let facts = [
        (report.oom_kills == 0, "nothing is killed for memory"),
        (report.seconds_to_pause.is_some(), "the host pauses"),
        (report.uploads_refused > 0, "a paused host refuses uploads"),
        (
            report.reads > 0 && report.reads_failed == 0,
            "every paid read is served",
        ),
        (report.proven > 0, "proofs go on while it presses"),
        (report.missed == 0, "no proof is missed"),
        (
            report.after_mib <= report.idle_mib + STAYS_MIB,
            "memory is given back",
        ),
    ];
    let failed = facts.iter().filter(|(holds, _)| !holds);
    failed.map(|(_, fact)| format!("not so: {fact}")).collect()
}
