//! The life of a start: judge what it means, wait for health, keep or leave the version, then
//! look for bundles. One thread, no clock but the monotonic one, and no step that the plan does not
//! name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use board_slot::Slot;
use board_slot::cmdline::Root;
use board_slot::efivars::{EfiVars, Name, Variables};
use board_slot::entry;
use board_slot::names::{OUR_VENDOR, WHY, WHY_MOST};
use board_slot::plan::{self, Facts, Start, Step};
use image_bundle::Version;
use serde::Deserialize;

use crate::console;
use crate::error::Error;
use crate::health;
use crate::machine::{Machine, Parcel};
use crate::record::{Record, Trial};
use crate::source;
use crate::trust::{self, Verified};

/// The state format this version reads, and writes.
const STATE_READS: u32 = 1;
/// Looks for a bundle come this often.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Where things are on a running box.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    /// What the boot program told.
    pub(crate) boot: PathBuf,
    /// The updater's folder on the state partition.
    pub(crate) record: PathBuf,
    /// The root of trust.
    pub(crate) trust: PathBuf,
    /// The host's socket.
    pub(crate) socket: PathBuf,
    /// The system's description.
    pub(crate) release: PathBuf,
}

/// What the boot program told.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Boot {
    slot: String,
    /// Version that runs.
    pub(crate) version: String,
    disk: String,
    /// Starts since one was healthy.
    pub(crate) boots: u8,
    /// Whether there are firmware variables.
    pub(crate) firmware: bool,
    /// How the state partition fared.
    pub(crate) state: String,
}

/// Opens the machine as it was started.
pub(crate) fn open(paths: &Paths) -> Result<(Machine, Boot), Error> {
    let text = std::fs::read_to_string(&paths.boot).map_err(Error::file(&paths.boot))?;
    let bad = |why: String| Error::State {
        what: "what the boot program told",
        why,
    };
    let boot: Boot = toml::from_str(&text).map_err(|why| bad(why.to_string()))?;
    let running = Slot::BOTH
        .into_iter()
        .find(|slot| slot.to_string() == boot.slot)
        .ok_or_else(|| bad(format!("slot {:?}", boot.slot)))?;
    let machine = Machine {
        running,
        disk: boot.disk.clone(),
        variables: EfiVars::new(Path::new(EfiVars::FOLDER)),
        record: Record::open(&paths.record)?,
        parcel: None,
        trial: None,
        reason: String::new(),
    };
    Ok((machine, boot))
}

/// Judges this start and carries it to its end; returns when the machine may look for updates.
pub(crate) fn settle(
    machine: &mut Machine,
    boot: &Boot,
    paths: &Paths,
    patience: Duration,
) -> Result<(), Error> {
    let running = machine.running;
    let trial = machine.record.trial();
    let start = plan::judge(Facts {
        running,
        committed: committed(machine)?,
        trial: trial.as_ref().and_then(Trial::slot),
    });
    if let Start::Returned(slot) | Start::Fell(slot) = start {
        machine.reason = reason(machine, trial.as_ref());
        console::say(&format!("slot {slot} was left: {}", machine.reason));
        if let Some(trial) = &trial {
            machine.record.leave(&trial.version)?;
        }
        machine.carry_out(&[Step::KeepReason(slot), Step::ForgetTrial])?;
    }
    forget_why(machine);
    let word = if start == Start::Trial {
        "trial"
    } else {
        "start"
    };
    match health::wait(&paths.socket, patience) {
        Ok(after) => {
            if boot.firmware {
                machine.carry_out(&plan::commit(running))?;
            }
            console::say(&format!(
                "health ok: version {}, slot {running}, {word}, {:.1} s after the updater, \
                 memory in use {} MiB",
                boot.version,
                after.as_secs_f64(),
                console::memory_mib(),
            ));
            Ok(())
        }
        Err(why) => {
            console::say(&format!(
                "no health: version {}, {word}: {why}",
                boot.version
            ));
            if start == Start::Trial {
                machine.reason = format!("version {} never healthy: {why}", boot.version);
                // For the version that starts next; the firmware may refuse, the record has it too.
                let text: String = why.chars().take(WHY_MOST).collect();
                let _ = machine.variables.set(&why_name(), Some(text.as_bytes()));
                if let Some(trial) = &trial {
                    machine.record.leave(&trial.version)?;
                }
                machine.carry_out(&plan::give_up(running))?;
                // The restart was asked for; nothing else may happen before it.
                std::thread::sleep(Duration::from_secs(120));
            }
            Ok(())
        }
    }
}

/// The first of ours in the firmware's order.
fn committed(machine: &Machine) -> Result<Option<Slot>, Error> {
    let order = entry::order(&machine.variables)?;
    Ok(order.into_iter().find_map(Slot::of_entry))
}

fn why_name() -> Name {
    Name {
        name: WHY.to_owned(),
        vendor: OUR_VENDOR,
    }
}

/// Why another slot was left: its own words when it had time for some.
fn reason(machine: &Machine, trial: Option<&Trial>) -> String {
    let said = machine.variables.get(&why_name()).ok().flatten();
    let version = trial.map_or("unknown", |trial| trial.version.as_str());
    match said {
        Some(text) => format!("version {version}: {}", String::from_utf8_lossy(&text)),
        None => format!("version {version} did not stay: refused by the firmware, hung or cut"),
    }
}

fn forget_why(machine: &mut Machine) {
    if matches!(machine.variables.get(&why_name()), Ok(Some(_))) {
        let _ = machine.variables.set(&why_name(), None);
    }
}

/// Looks for bundles until one leads to a restart.
pub(crate) async fn look(machine: &mut Machine, boot: &Boot, paths: &Paths) -> Result<(), Error> {
    let mut refused = BTreeSet::new();
    loop {
        if let Some(stick) = source::stick(&machine.disk)
            && !refused.contains(&stick)
        {
            console::say(&format!("bundle found on {}", stick.display()));
            match take(machine, boot, paths, &stick).await {
                Ok(()) => return Ok(()),
                Err(why) => {
                    console::say(&format!("bundle refused: {why}"));
                    refused.insert(stick);
                }
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Fetches, verifies, stages and activates the bundle in `from`.
pub(crate) async fn take(
    machine: &mut Machine,
    boot: &Boot,
    paths: &Paths,
    from: &Path,
) -> Result<(), Error> {
    let verified = fetch(machine, paths, from).await?;
    let version = verified.manifest.version;
    fits(machine, boot, paths, &verified)?;
    let words = verified.manifest.root_words.clone();
    let slot = machine.running.other();
    let parts = machine.record.empty("parts")?;
    machine.parcel = Some(Parcel {
        root: verified.save(trust::ROOT, &parts).await?,
        kernel: verified.save(trust::KERNEL, &parts).await?,
        words: Root::parse(&words)?,
    });
    machine.trial = Some(Trial {
        slot: slot.label().to_owned(),
        version: version.to_string(),
        min_version: verified.manifest.min_version,
    });
    machine.record.empty("fetched")?;
    machine.carry_out(&plan::stage(slot))?;
    console::say(&format!(
        "version {version} staged in slot {slot}; restarting to try it"
    ));
    machine.record.empty("parts")?;
    machine.carry_out(&plan::activate(slot))
}

/// Unpacks and verifies; what fits is another question.
pub(crate) async fn fetch(
    machine: &Machine,
    paths: &Paths,
    from: &Path,
) -> Result<Verified, Error> {
    let into = machine.record.empty("fetched")?;
    source::unpack(from, &into)?;
    let root = std::fs::read(&paths.trust).map_err(Error::file(&paths.trust))?;
    trust::verify(&root, &into, &machine.record.below("known")?).await
}

/// The rules of compatibility against this box.
fn fits(machine: &Machine, boot: &Boot, paths: &Paths, verified: &Verified) -> Result<(), Error> {
    let running: Version = boot.version.parse()?;
    let slot = machine.partition(machine.running.other().label())?;
    verified.manifest.fits(&image_bundle::Facts {
        machine: variant(&paths.release)?,
        running,
        floor: machine.record.floor(),
        state_reads: STATE_READS,
        slot: slot.sectors * 512,
    })?;
    let version = verified.manifest.version.to_string();
    if machine.record.left().contains(&version) {
        return Err(Error::State {
            what: "this version",
            why: format!("{version} was tried and left before"),
        });
    }
    Ok(())
}

/// The machine's name out of os-release.
fn variant(path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
    text.lines()
        .find_map(|line| line.strip_prefix("VARIANT_ID="))
        .map(str::to_owned)
        .ok_or_else(|| Error::State {
            what: "os-release",
            why: "it names no machine".to_owned(),
        })
}
