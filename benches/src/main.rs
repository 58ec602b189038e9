//! `bench`: runs the measurements that are named (all by default), prints their table and merges
//! their rows into the baseline. Enters: names and options. Leaves: the table on standard output,
//! JSON rows in a file. A goal that is missed is said and is no failure: machines differ.
#![expect(clippy::print_stdout, reason = "a table for people")]

use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use holdfast_benches::busy::Busy;
use holdfast_benches::rows::{self, Report};
use holdfast_benches::{
    allocator, btfs, choose, coding, detection, device, erasure, flush, health, idle, instructions,
    ledger, memory, packing, proof, prove, publish, put_limit, put_network, repair, rounds, s3,
    score, start, stream, tree, verified, watch,
};

/// Ours against a named peer, in the same run
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// What to measure; everything when nothing is named
    what: Vec<Measurement>,
    /// A tiny run that only proves that everything works; the baseline is left alone
    #[arg(long)]
    quick: bool,
    /// Where files are made; a directory on the disk to measure
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// Rows whose name contains this word alone, where a measurement can choose
    #[arg(long, default_value = "")]
    only: String,
    /// Where `just bench-compare` puts the peers that it builds
    #[arg(long, default_value = "target/compare")]
    peers: PathBuf,
    /// The file of JSON rows
    #[arg(long, default_value = "benches/baseline/latest.json")]
    baseline: PathBuf,
    /// Shards of the larger ledger that `start` opens
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Be the program that `allocator` measures
    #[arg(long, hide = true)]
    allocate: bool,
    /// Be the program that `start` kills: the ledger it commits into
    #[arg(long, hide = true)]
    commit_into: Option<PathBuf>,
    /// Be the renter that `choose` measures: the hub it chooses from
    #[arg(long, hide = true)]
    choose_from: Option<String>,
    /// Be an end of what `stream` measures
    #[arg(long, hide = true, num_args = 1..)]
    stream: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measurement {
    /// A volume's device against fio
    Device,
    /// Verified reads of a shard's units against fio's unverified ones
    Verified,
    /// A flush through the ring against the call
    Flush,
    /// Group commit against one commit a shard
    Ledger,
    /// Opening a ledger of many shards against one of few
    Start,
    /// Every stage of a put against the slowest
    PutLimit,
    /// A put of 1 GiB into thirty hosts against that limit
    PutNetwork,
    /// Lost shards rebuilt on other hosts against the k reads and the write they need
    Repair,
    /// The memory of an idle host against its budget
    Idle,
    /// The memory of a host with 64 uploads, and with 1,000 peers at its door
    Memory,
    /// The erasure coder against the crate called a stripe at a time
    Erasure,
    /// The proof tree against hashing its leaves
    Proof,
    /// A period's proof over 1, 10 and 100 TiB against its hashing
    Prove,
    /// Proof rounds at a saturated drive, on the prover's own way against the shared one
    Rounds,
    /// The 8-bit code against klauspost's Go library
    Coding,
    /// The proof tree against the same tree by the crate sha2
    Tree,
    /// Instructions of the kernels by callgrind
    Instructions,
    /// A renter's peak memory while it chooses 30 of 10,000 hosts against its budget
    Choose,
    /// The scores of 100,000 hosts recomputed against their budget
    Score,
    /// How often a challenge finds a loss against theory
    Detection,
    /// What it costs to watch the machine against its budget
    Watch,
    /// A health request under storage load against its budget
    Health,
    /// The system allocator against others: memory given back, time on the stream
    Allocator,
    /// One upload stream between two processes against libp2p as it comes and iroh-blobs
    Stream,
    /// Requests a second of the S3 gateway against Garage
    S3,
    /// What hosts keep for small objects of the gateway against their coded bytes
    Packing,
    /// A release of 10,000 files published and verified against tar and sha256sum
    Publish,
    /// A put and a get of 116 MiB against what go-btfs waits and does
    Btfs,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(hub) = &arguments.choose_from {
        println!("{}", choose::child(hub, &arguments.dir)?);
        return Ok(());
    }
    if let Some(words) = &arguments.stream {
        return stream::child(words);
    }
    if arguments.allocate {
        println!("{}", allocator::child(arguments.quick)?);
        return Ok(());
    }
    if let Some(place) = &arguments.commit_into {
        return start::commit_for_ever(place, || println!("committed"));
    }
    let what = if arguments.what.is_empty() {
        Measurement::value_variants()
    } else {
        &arguments.what
    };
    let last = rows::read(&arguments.baseline)?;
    println!("{}", rows::head());
    for measurement in what {
        let busy = Busy::start();
        let report = run(*measurement, &arguments)
            .with_context(|| format!("measuring {measurement:?}").to_lowercase())?;
        for row in &report.rows {
            let last = last.iter().find(|old| old.name == row.name);
            println!("{}", row.line(last));
        }
        for note in &report.notes {
            println!("  {note}");
        }
        if let Some(percent) = busy.percent() {
            println!("  a task waited for a processor in {percent:.0} % of the time");
        }
        println!("  again: just bench {}", word(*measurement));
        if !arguments.quick {
            rows::merge(&arguments.baseline, &report.rows)?;
        }
    }
    Ok(())
}

/// A measurement's name on the command line; one row of `device` alone is asked with `--only`.
fn word(measurement: Measurement) -> String {
    let value = measurement.to_possible_value();
    let name = value.map_or_else(String::new, |value| value.get_name().to_owned());
    if measurement == Measurement::Device {
        return format!("{name} --only 'NAME OF A ROW'");
    }
    name
}

fn run(measurement: Measurement, arguments: &Arguments) -> anyhow::Result<Report> {
    let quick = arguments.quick;
    match measurement {
        Measurement::Device => device::report(quick, &arguments.dir, &arguments.only),
        Measurement::Verified => verified::report(quick, &arguments.dir),
        Measurement::Flush => flush::report(quick, &arguments.dir),
        Measurement::Ledger => ledger::report(quick, &arguments.dir),
        Measurement::Start => start::report(quick, &arguments.dir, arguments.rows),
        Measurement::PutLimit => put_limit::report(quick, &arguments.dir),
        Measurement::PutNetwork => put_network::report(quick, &arguments.dir),
        Measurement::Repair => repair::report(quick, &arguments.dir),
        Measurement::Idle => idle::report(quick, &arguments.dir),
        Measurement::Memory => memory::report(quick, &arguments.dir),
        Measurement::Erasure => Ok(erasure::report(quick)),
        Measurement::Proof => Ok(proof::report(quick)),
        Measurement::Prove => Ok(prove::report(quick)),
        Measurement::Rounds => rounds::report(quick, &arguments.dir),
        Measurement::Coding => coding::report(quick, &arguments.peers),
        Measurement::Tree => Ok(tree::report(quick)),
        Measurement::Instructions => instructions::report(),
        Measurement::Choose => choose::report(quick, &arguments.dir),
        Measurement::Score => Ok(score::report(quick)),
        Measurement::Detection => Ok(detection::report(quick)),
        Measurement::Watch => watch::report(quick, &arguments.dir),
        Measurement::Health => health::report(quick, &arguments.dir),
        Measurement::Allocator => allocator::report(quick),
        Measurement::Stream => stream::report(quick, &arguments.peers),
        Measurement::S3 => s3::report(quick, &arguments.dir, &arguments.peers, &arguments.only),
        Measurement::Packing => packing::report(quick, &arguments.dir),
        Measurement::Publish => publish::report(quick, &arguments.dir),
        Measurement::Btfs => btfs::report(quick, &arguments.dir, &arguments.peers),
    }
}
