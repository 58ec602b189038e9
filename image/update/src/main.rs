//! `holdfast-update`: keeps a box on a good version.
//!
//! `watch` runs from the system's start: it judges the start, commits a version that proved healthy
//! or leaves it, then takes signed bundles from sticks, and from a mirror when one asks over
//! the host's API. The other verbs do one thing each. What is written and in which order stands in
//! `board_slot::plan`. Deliberately absent: a listener, a signature format of its own, and any step
//! without the state partition.

mod authenticode;
mod claim;
mod console;
mod der;
mod drives;
mod error;
mod grow;
mod host;
mod install;
mod kernlog;
mod machine;
mod mirror;
mod record;
mod reset;
mod seal;
mod source;
mod system;
mod trust;
mod verbs;
mod watch;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use board_slot::plan;
use clap::{Parser, Subcommand};

use crate::error::{Blame, Error};
use crate::machine::Machine;
use crate::verbs::{Choice, From};
use crate::watch::{Boot, Paths};

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
    /// Fetch a bundle and verify its metadata; says its version, writes nothing to a slot
    Fetch(Bundle),
    /// The same, and every byte of its parts
    Verify(Bundle),
    /// Fetch, verify and write a bundle into the slot that does not run
    Stage(Bundle),
    /// Try what was staged: the box restarts into its trial
    Activate,
    /// Fetch, verify, stage and activate
    Apply(Bundle),
    /// Judge this start once: keep its version, or leave it when it is a trial that fails
    Trial {
        /// Seconds a version has to become healthy
        #[arg(long, default_value_t = 120)]
        patience: u64,
    },
    /// Keep the version that runs, without waiting for its health any longer
    Commit,
    /// Go back to the other slot, as a trial like any other
    RollBack,
    /// Before the host starts: install from a stick that says so, give the state partition
    /// the rest of its disk, carry out a reset, give the host the drives that were claimed
    Before,
    /// Open the host's identity key with the TPM, sealing it first; before the host starts
    Seal,
    /// Say what runs, what is staged or tried and why slots were left
    Status,
}

/// Where a bundle is.
#[derive(Debug, clap::Args)]
struct Bundle {
    /// A tar, a stick's device, or the https address of a mirror
    bundle: String,
    /// Also a version that was tried and left before
    #[arg(long)]
    again: bool,
}

impl Bundle {
    const fn choice(&self) -> Choice {
        Choice {
            version: None,
            again: self.again,
        }
    }
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

/// What is done before the host starts, in its order, whatever became of the one before.
fn before(arguments: &Arguments, paths: &Paths) -> Result<(), Error> {
    let disk = watch::open(paths).and_then(|(machine, boot)| disk(&machine, &boot));
    let all = [disk, reset(arguments), drives(arguments)];
    let mut failed = None;
    for why in all.into_iter().filter_map(Result::err) {
        if let Some(earlier) = failed.replace(why) {
            console::say(&format!("update: {earlier}"));
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Installs when this runs from a stick that says so; gives the state the rest of its disk.
fn disk(machine: &Machine, boot: &Boot) -> Result<(), Error> {
    if machine.disk.is_empty() {
        return Ok(());
    }
    let installed = match boot.network {
        true => Ok(()),
        false => install::run(machine),
    };
    if let Some(mib) = grow::state(&machine.disk)? {
        console::say(&format!("the state partition has {mib} MiB now"));
    }
    installed
}

fn reset(arguments: &Arguments) -> Result<(), Error> {
    let record = record::Record::open(&arguments.record)?;
    let host = arguments.socket.ancestors().nth(2);
    let host = host.unwrap_or(Path::new("/var/lib/holdfast"));
    if let Some(shape) = reset::carry_out(host, &record)? {
        console::say(&format!("reset, {shape:?}: done"));
    }
    Ok(())
}

fn drives(arguments: &Arguments) -> Result<(), Error> {
    let record = record::Record::open(&arguments.record)?;
    drives::restore(&drives::Places::default(), &record)
}

async fn run(arguments: &Arguments) -> Result<(), Error> {
    let paths = Paths {
        boot: PathBuf::from("/run/holdfast/boot.toml"),
        record: arguments.record.clone(),
        trust: arguments.trust.clone(),
        socket: arguments.socket.clone(),
        release: PathBuf::from("/etc/os-release"),
        settings: PathBuf::from("/etc/holdfast/updates.toml"),
        mirror_ca: PathBuf::from("/etc/holdfast/mirror.pem"),
    };
    if matches!(arguments.verb, Verb::Before) {
        return before(arguments, &paths);
    }
    let (mut machine, boot) = watch::open(&paths)?;
    match &arguments.verb {
        Verb::Before => Ok(()),
        Verb::Seal => seal::run(&seal::Places::default(), &machine.record, &machine.disk),
        Verb::Watch { patience } => {
            let settled = watch::settle(&mut machine, &boot, Duration::from_secs(*patience))?;
            watch::look(&mut machine, &boot, &paths, settled).await
        }
        Verb::Trial { patience } => {
            watch::settle(&mut machine, &boot, Duration::from_secs(*patience)).map(drop)
        }
        Verb::Fetch(bundle) => {
            let from = From::parse(&bundle.bundle)?;
            let verified = verbs::fetch(&machine, &paths, &from).await?;
            tell(&verified.manifest.version.to_string())
        }
        Verb::Verify(bundle) => {
            let from = From::parse(&bundle.bundle)?;
            let verified = verbs::fetch(&machine, &paths, &from).await?;
            let parts = machine.record.empty("parts")?;
            verified.save(trust::ROOT, &parts).await?;
            verified.save(trust::KERNEL, &parts).await?;
            machine.record.empty("parts")?;
            tell(&format!("{} is whole", verified.manifest.version))
        }
        Verb::Stage(bundle) => {
            let from = From::parse(&bundle.bundle)?;
            let version = verbs::stage(&mut machine, &boot, &paths, &from, bundle.choice()).await?;
            tell(&format!("{version} is staged"))
        }
        Verb::Activate => verbs::activate(&mut machine),
        Verb::Apply(bundle) => {
            let from = From::parse(&bundle.bundle)?;
            verbs::apply(&mut machine, &boot, &paths, &from, bundle.choice()).await
        }
        Verb::Commit => {
            let running = machine.running;
            machine.carry_out(&plan::commit(running))
        }
        Verb::RollBack => verbs::roll_back(&mut machine, &boot),
        Verb::Status => status(&machine, &boot),
    }
}

fn status(machine: &Machine, boot: &Boot) -> Result<(), Error> {
    let version = |trial: Option<record::Trial>| trial.map_or(String::new(), |trial| trial.version);
    tell(&format!(
        "version {}\nslot {}\nboots {}\nstate {}\nstaged {}\ntrial {}\nfloor {}\n{}",
        boot.version,
        machine.running,
        boot.boots,
        boot.state,
        version(machine.record.staged()),
        version(machine.record.trial()),
        machine.record.floor(),
        machine.record.reasons().join("\n"),
    ))
}

fn tell(text: &str) -> Result<(), Error> {
    writeln!(std::io::stdout(), "{text}").map_err(Error::file("standard output"))
}
