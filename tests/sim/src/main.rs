//! `tests-sim`: whole networks in virtual time, one a seed. The product's own rooms run on
//! simulated disks, wires and blocks; fate breaks things; promises are asked for at the end.
//!
//! Enters: how many seeds. Leaves: one line of JSON, and each seed that broke a promise with the
//! command that repeats it. The status is 1 when any did. Does not: define a message, a verdict or
//! a state of the product's; those come from the rooms it links.
#![expect(clippy::print_stdout, reason = "a program for people and for CI")]

mod chain;
mod fate;
mod machine;
mod mutants;
mod promises;
mod run;
mod silence;
mod street;
mod tenant;
mod time;
mod warden;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use clap::Parser;

use run::{Shape, Told};

/// The value behind a lock; a run that panicked is a broken promise of its own.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whole networks in virtual time, one a seed
#[derive(Debug, Parser)]
struct Arguments {
    /// Seeds to run
    #[arg(default_value_t = 300)]
    count: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Hosts of each network
    #[arg(long, default_value_t = 12)]
    hosts: u32,
    /// Renters of each network
    #[arg(long, default_value_t = 2)]
    renters: u32,
    /// Files of each renter
    #[arg(long, default_value_t = 2)]
    files: u64,
    /// Guards of each network that has any: one in `guarded_every`
    #[arg(long, default_value_t = 3)]
    guards: u32,
    /// Every so many seeds a network with guards, and with hosts that go for good
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    guarded_every: u64,
    /// Every so many seeds a network whose chain is dead for a day from the hosts' start on
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    silent_every: u64,
    /// Every so many seeds a network whose hosts prove on chain; those with guards do always
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    proven_every: u64,
    /// Faults in each run
    #[arg(long, default_value_t = 10)]
    faults: u64,
    /// Runs beside each other; all cores when absent
    #[arg(long)]
    jobs: Option<usize>,
    /// Begin no further seed after so many seconds; how many were run is told
    #[arg(long, value_name = "SECONDS")]
    within: Option<u64>,
    /// Begin no further seed after one that broke a promise
    #[arg(long)]
    until_broken: bool,
    /// Flushes of the volumes do nothing, and the status is 0 only when a promise breaks
    #[arg(long)]
    ignore_flush: bool,
    /// Run each seed twice and compare
    #[arg(long)]
    twice: bool,
    /// Instead, build every mutant of the product and see whether a seed notices it (minutes each)
    #[arg(long)]
    mutants: bool,
    /// Tell every run whole
    #[arg(long)]
    tell: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.mutants {
        return match mutants::run(|line| println!("{line}")) {
            Ok(all_seen) => ExitCode::from(u8::from(!all_seen)),
            Err(error) => {
                println!("the mutants could not be tried: {error:#}");
                ExitCode::from(2)
            }
        };
    }
    let begun = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = arguments.jobs.unwrap_or(cores).max(1);
    let (next, broken) = (AtomicU64::new(0), Mutex::new(Vec::<Told>::new()));
    let (proofs, challenges) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let seeds = AtomicU64::new(0);
    let goes_on = || {
        let so_far = begun.elapsed().as_secs();
        let in_time = arguments.within.is_none_or(|most| so_far < most);
        in_time && (!arguments.until_broken || lock(&broken).is_empty())
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= arguments.count || !goes_on() {
                        break;
                    }
                    seeds.fetch_add(1, Ordering::Relaxed);
                    let told = one(arguments.first + index, &arguments);
                    if arguments.tell {
                        println!("{}", serde_json::to_string(&told).unwrap_or_default());
                    }
                    proofs.fetch_add(told.proofs.0, Ordering::Relaxed);
                    challenges.fetch_add(told.proofs.1, Ordering::Relaxed);
                    if !told.violations.is_empty() {
                        lock(&broken).push(told);
                    }
                }
            });
        }
    });
    let mut broken = broken.into_inner().unwrap_or_else(PoisonError::into_inner);
    broken.sort_by_key(|told| told.seed);
    for told in &broken {
        println!("seed {}: {}", told.seed, told.violations.join("; "));
        println!("  again: {}", again(told.seed, &arguments));
    }
    let said = serde_json::json!({
        "seeds": seeds,
        "hosts": arguments.hosts,
        "proofs": proofs,
        "challenges": challenges,
        "violations": broken.len(),
        "seconds": begun.elapsed().as_secs(),
    });
    println!("{said}");
    ExitCode::from(u8::from(broken.is_empty() == arguments.ignore_flush))
}

fn again(seed: u64, arguments: &Arguments) -> String {
    let Arguments {
        hosts,
        renters,
        files,
        guards,
        guarded_every,
        silent_every,
        proven_every,
        faults,
        ..
    } = arguments;
    format!(
        "just sim 1 --first {seed} --hosts {hosts} --renters {renters} --files {files} \
         --guards {guards} --guarded-every {guarded_every} \
         --silent-every {silent_every} --proven-every {proven_every} --faults {faults} --tell"
    )
}

/// Runs a seed; a panic inside is told as a broken promise.
fn one(seed: u64, arguments: &Arguments) -> Told {
    let is_guarded = seed % arguments.guarded_every == arguments.guarded_every / 2;
    let silent_day = seed % arguments.silent_every == arguments.silent_every / 4;
    let is_proven = seed % arguments.proven_every == arguments.proven_every / 2;
    let shape = Shape {
        machines: arguments.hosts,
        tenants: arguments.renters,
        files: arguments.files,
        guards: if is_guarded { arguments.guards } else { 0 },
        silent_day,
        proves: (is_proven || is_guarded) && !silent_day,
        faults: arguments.faults,
        ignore_flush: arguments.ignore_flush,
    };
    let run = || catch_unwind(AssertUnwindSafe(|| run::run(seed, shape)));
    let panicked = |_| Told {
        seed,
        violations: vec!["it panicked".into()],
        ..Told::default()
    };
    let mut told = run().unwrap_or_else(panicked);
    if arguments.twice && run().unwrap_or_else(panicked) != told {
        told.violations.push("a second run went another way".into());
    }
    told
}
