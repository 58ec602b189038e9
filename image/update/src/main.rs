//! `holdfast-update`: keeps a box on a good version.
//!
//! `watch` runs from the system's start: it judges the start, commits a version that proved healthy
//! or leaves it, then takes signed bundles from sticks. The other verbs do one thing for an
//! operator. What is written and in which order stands in `board_slot::plan`. Deliberately absent:
//! a network, a signature format of its own, and any step without the state partition.

mod console;
mod error;
mod health;
mod machine;
mod record;
mod source;
mod trust;
mod watch;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use board_slot::plan;
use clap::{Parser, Subcommand};

use crate::error::{Blame, Error};
use crate::watch::Paths;

/// Keeps a box on a good version.
#[derive(Debug, Parser)]
#[command(name = "holdfast-update", version, about)]
struct Arguments {
    /// The updater's folder on the state partition
    #[arg(long, default_value = "/var/lib/holdfast-update")]
    record: PathBuf,
    /// The root of trust
    #[arg(long, default_value = "/usr/share/holdfast/root.json")]
    trust: PathBuf,
    /// The host's socket
    #[arg(long, default_value = "/var/lib/holdfast/run/api.sock")]
    socket: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Judge this start, keep or leave its version, then look for bundles
    Watch {
        /// Seconds a version has to become healthy
        #[arg(long, default_value_t = 120)]
        patience: u64,
    },
    /// Fetch and verify a bundle; nothing is written to a slot
    Verify {
        /// The bundle
        bundle: PathBuf,
    },
    /// Fetch, verify, stage and activate a bundle; the box restarts into its trial
    Apply {
        /// The bundle
        bundle: PathBuf,
    },
    /// Go back to the other slot, as a trial like any other
    RollBack,
    /// Say what runs, what is tried and why slots were left
    Status,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime
        .map_err(Error::file("the runtime"))
        .and_then(|runtime| runtime.block_on(run(&arguments)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            console::say(&format!("update: {why}"));
            match why.blame() {
                Blame::Operator => ExitCode::from(2),
                Blame::Us => ExitCode::from(3),
                Blame::Machine => ExitCode::FAILURE,
            }
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Error> {
    let paths = Paths {
        boot: PathBuf::from("/run/holdfast/boot.toml"),
        record: arguments.record.clone(),
        trust: arguments.trust.clone(),
        socket: arguments.socket.clone(),
        release: PathBuf::from("/etc/os-release"),
    };
    let (mut machine, boot) = watch::open(&paths)?;
    match &arguments.verb {
        Verb::Watch { patience } => {
            watch::settle(&mut machine, &boot, &paths, Duration::from_secs(*patience))?;
            watch::look(&mut machine, &boot, &paths).await
        }
        Verb::Verify { bundle } => {
            let verified = watch::fetch(&machine, &paths, bundle).await?;
            tell(&format!("{}", verified.manifest.version))
        }
        Verb::Apply { bundle } => watch::take(&mut machine, &boot, &paths, bundle).await,
        Verb::RollBack => machine.go_back(),
        Verb::Status => {
            let trial = machine
                .record
                .trial()
                .map_or_else(String::new, |trial| trial.version);
            tell(&format!(
                "version {}\nslot {}\nboots {}\nstate {}\ntrial {trial}\nfloor {}\n{}",
                boot.version,
                machine.running,
                boot.boots,
                boot.state,
                machine.record.floor(),
                machine.record.reasons().join("\n"),
            ))
        }
    }
}

impl machine::Machine {
    /// Tries the other slot as it is.
    fn go_back(&mut self) -> Result<(), Error> {
        let other = self.running.other();
        let version = self.words(other)?.version;
        self.trial_of(other, &version)?;
        self.carry_out(&plan::roll_back(self.running))
    }
}

fn tell(text: &str) -> Result<(), Error> {
    writeln!(std::io::stdout(), "{text}").map_err(Error::file("standard output"))
}
