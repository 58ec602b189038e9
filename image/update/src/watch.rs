//! The life of a start: judge what it means, wait for health, keep or leave the version, then
//! look for bundles. One thread, no clock but the monotonic one, and no step that the plan does not
//! name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use board_slot::Slot;
use board_slot::efivars::{EfiVars, Name, Variables};
use board_slot::entry;
use board_slot::names::{OUR_VENDOR, WHY, WHY_MOST};
use board_slot::plan::{self, Facts, Start, Step};
use serde::Deserialize;

use crate::claim::Claiming;
use crate::console;
use crate::drives::{self, Places};
use crate::error::Error;
use crate::host::Host;
use crate::kernlog;
use crate::machine::Machine;
use crate::record::{Record, Trial};
use crate::reset::Shape;
use crate::source;
use crate::system::{System, Verb, Wish};
use crate::verbs::{self, Choice, From};

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
    /// Where the mirror is.
    pub(crate) settings: PathBuf,
    /// An authority of the mirror's own; the public ones hold where there is no such file.
    pub(crate) mirror_ca: PathBuf,
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
    /// Whether this start came from the network; its slots are nobody's then.
    #[serde(default)]
    pub(crate) network: bool,
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
        host: Host::new(&paths.socket),
        reason: String::new(),
    };
    Ok((machine, boot))
}

/// Judges this start and carries it to its end; returns when the machine may look for updates, and
/// says whether it is settled: kept or given up. What is not may still be kept when it is healthy.
pub(crate) fn settle(
    machine: &mut Machine,
    boot: &Boot,
    patience: Duration,
) -> Result<bool, Error> {
    let running = machine.running;
    let trial = machine.record.trial().filter(|_| !boot.network);
    let committed = match boot.network {
        // Whatever the firmware knows of slots had no part in this start.
        true => Some(running),
        false => committed(machine)?,
    };
    let start = plan::judge(Facts {
        running,
        committed,
        trial: trial.as_ref().and_then(Trial::slot),
    });
    if let Start::Returned(slot) | Start::Fell(slot) = start {
        let asked = trial.as_ref().is_none_or(|trial| trial.asked);
        machine.reason = reason(machine, trial.as_ref());
        console::say(&format!("slot {slot} was left: {}", machine.reason));
        if let Some(trial) = trial.as_ref().filter(|_| asked) {
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
    let patience = match start {
        Start::Trial => machine.record.took().map_or(patience, as_long),
        _ => patience,
    };
    let before = trial.as_ref().and_then(|trial| trial.before.clone());
    let before = before.filter(|_| start == Start::Trial);
    match machine.host.wait(patience, before.as_ref()) {
        Ok(after) => Ok(kept(machine, boot, word, after)),
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
            // What was given up is never kept, however healthy it still becomes.
            Ok(start == Start::Trial)
        }
    }
}

/// Keeps what runs, or says why it could not be: a healthy box goes on, and it is tried again.
fn kept(machine: &mut Machine, boot: &Boot, word: &str, after: Duration) -> bool {
    match keep(machine, boot, word, after) {
        Ok(()) => true,
        Err(why) => {
            let why = format!("version {} is healthy and not kept: {why}", boot.version);
            if machine.reason != why {
                console::say(&why);
                let _ = machine.record.keep_reason(&why);
                machine.reason = why;
            }
            false
        }
    }
}

/// Keeps what runs, which was healthy `after` that long.
fn keep(machine: &mut Machine, boot: &Boot, word: &str, after: Duration) -> Result<(), Error> {
    let running = machine.running;
    machine.record.set_took(after)?;
    if boot.firmware {
        machine.carry_out(&plan::commit(running))?;
    }
    console::say(&format!(
        "health ok: version {}, slot {running}, {word}, {:.1} s after the updater, memory in use {} \
         MiB",
        boot.version,
        after.as_secs_f64(),
        console::memory_mib(),
    ));
    Ok(())
}

/// How long a version has to become healthy: twice what the one before it took, so that a slow
/// machine is no fault of a version and a fast one is back soon.
fn as_long(took: Duration) -> Duration {
    (took * 2 + Duration::from_secs(10)).clamp(Duration::from_secs(20), Duration::from_secs(600))
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
        None if trial.is_some_and(|trial| !trial.asked) => {
            format!("version {version} was not tried: the power went before the firmware was asked")
        }
        None => {
            let since = machine.record.tried_at().unwrap_or(SystemTime::UNIX_EPOCH);
            match kernlog::last_words(since) {
                Some(words) => format!("version {version} did not stay: {words}"),
                None => {
                    format!("version {version} did not stay: refused by the firmware, hung or cut")
                }
            }
        }
    }
}

fn forget_why(machine: &mut Machine) {
    if matches!(machine.variables.get(&why_name()), Ok(Some(_))) {
        let _ = machine.variables.set(&why_name(), None);
    }
}

/// Looks for bundles and wishes until one leads to a restart. A start that is not `settled`
/// is kept as soon as it is: nothing else sets its count of starts back.
pub(crate) async fn look(
    machine: &mut Machine,
    boot: &Boot,
    paths: &Paths,
    mut settled: bool,
) -> Result<(), Error> {
    let begun = Instant::now();
    let mut refused = BTreeSet::new();
    let mut system = System::new(paths, machine);
    let mut claiming = Claiming::new(&paths.socket);
    loop {
        system.tell(machine, boot);
        if !settled && machine.host.fitness().is_ok() {
            settled = kept(machine, boot, "start", begun.elapsed());
        }
        claiming.look(&machine.disk, &machine.host);
        if let Some(wish) = system.wish() {
            let what = [&wish.version, &wish.drive].map(String::as_str).concat();
            console::say(&format!("asked to {:?} {what}", wish.verb));
            // Said before it is done: a wish that restarts the machine is not taken twice.
            system.answer(machine, wish.number, "under way")?;
            let answer = match grant(machine, boot, paths, &wish).await {
                Ok(answer) => answer,
                Err(why) => format!("refused: {why}"),
            };
            console::say(&answer);
            system.answer(machine, wish.number, &answer)?;
        }
        let mut fresh = source::sticks(&machine.disk);
        fresh.retain(|stick| !refused.contains(stick) && !machine.record.paused());
        for stick in fresh {
            console::say(&format!("bundle found on {}", stick.display()));
            let from = From::Archive(stick.clone());
            match verbs::apply(machine, boot, paths, &from, Choice::default()).await {
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

/// Asks the next start for a reset, and starts anew.
fn reset(machine: &mut Machine, shape: Shape) -> Result<String, Error> {
    machine.record.set_reset(Some(shape))?;
    machine.carry_out(&[Step::Restart])?;
    Ok("restarting".to_owned())
}

/// Does what an operator wished for over the host's API.
async fn grant(
    machine: &mut Machine,
    boot: &Boot,
    paths: &Paths,
    wish: &Wish,
) -> Result<String, Error> {
    let record = machine.record.clone();
    match wish.verb {
        Verb::Pin => record.pin(&wish.version).map(|()| "pinned".to_owned()),
        Verb::Unpin => record.pin("").map(|()| "not pinned".to_owned()),
        Verb::Pause => record.pause(true).map(|()| "paused".to_owned()),
        Verb::Resume => record.pause(false).map(|()| "looking".to_owned()),
        Verb::ResetKeep => reset(machine, Shape::Keep),
        Verb::ResetWipe => reset(machine, Shape::Wipe),
        Verb::RollBack => verbs::roll_back(machine, boot).map(|()| "restarting".to_owned()),
        Verb::ClaimDrive => {
            let places = Places::default();
            let said = drives::claim(&places, &record, &machine.disk, &wish.drive, wish.erase)?;
            // It answers first that it will: the wish's own answer is on the disk before it ends.
            machine.host.restart();
            Ok(said)
        }
        Verb::Upgrade => {
            let from = From::configured(&paths.settings)?;
            let choice = Choice {
                version: wish.version.parse().ok(),
                again: wish.again,
            };
            let done = verbs::apply(machine, boot, paths, &from, choice).await;
            done.map(|()| "restarting".to_owned())
        }
    }
}
