//! What the updater tells the host of itself, and what the host passes on from an operator: two
//! files in the host's folder, whose words are those of docs/formats/bundle.md ("the system").
//!
//! The folder belongs to the host's user, who may be anyone by the time it matters: files are made
//! anew and renamed, so that no link of theirs is followed, and what is read is bounded. A wish can
//! only name what an operator could do with a stick; the signatures hold for both.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::machine::Machine;
use crate::seal;
use crate::watch::{Boot, Paths};
use board_slot::efivars::{Name, Variables};

const SAID: &str = "system.json";
const WISH: &str = "system-wish.json";
/// Most bytes of a wish.
const WISH_MOST: u64 = 4096;
/// The word in a root of trust that makes it one of tests.
const TEST_MARK: &str = "\"holdfast-test\"";

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Said<'a> {
    version: &'a str,
    slot: String,
    staged: String,
    trial: String,
    floor: String,
    pinned: String,
    boots: u8,
    state: &'a str,
    trust: &'a str,
    unprotected: Vec<&'a str>,
    reasons: Vec<String>,
    left: Vec<String>,
    wish: u64,
    answer: &'a str,
}

/// What is wished for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verb {
    /// Fetch, stage and try a version.
    Upgrade,
    /// Try the other slot.
    RollBack,
    /// Take one version alone.
    Pin,
    /// Take any again.
    Unpin,
    /// Look for nothing.
    Pause,
    /// Look again.
    Resume,
    /// Forget whose the box is.
    ResetKeep,
    /// Forget who it is too.
    ResetWipe,
    /// Give the host a data drive.
    ClaimDrive,
}

/// A wish.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Wish {
    /// By which its answer is known.
    pub(crate) number: u64,
    /// What is wished for.
    pub(crate) verb: Verb,
    /// The version that is meant.
    #[serde(default)]
    pub(crate) version: String,
    /// Also when it was left before.
    #[serde(default)]
    pub(crate) again: bool,
    /// Serial number of the drive that is meant.
    #[serde(default)]
    pub(crate) drive: String,
    /// Clear what the drive holds.
    #[serde(default)]
    pub(crate) erase: bool,
}

/// The two files.
#[derive(Debug)]
pub(crate) struct System {
    folder: PathBuf,
    test: bool,
    told: String,
    wish: u64,
    answer: String,
}

impl System {
    /// Beside the host's socket.
    pub(crate) fn new(paths: &Paths, machine: &Machine) -> Self {
        let root = std::fs::read_to_string(&paths.trust).unwrap_or_default();
        let (wish, answer) = machine.record.wish();
        Self {
            folder: paths.socket.parent().unwrap_or(Path::new("/")).to_owned(),
            test: root.contains(TEST_MARK),
            told: String::new(),
            wish,
            answer,
        }
    }

    /// Tells how the system stands, when that changed. A host that has no folder yet is told later.
    pub(crate) fn tell(&mut self, machine: &Machine, boot: &Boot) {
        let version = |of: Option<crate::record::Trial>| of.map_or(String::new(), |of| of.version);
        let said = Said {
            version: &boot.version,
            slot: machine.running.to_string(),
            staged: version(machine.record.staged()),
            trial: version(machine.record.trial()),
            floor: machine.record.floor().to_string(),
            pinned: machine.record.pinned(),
            boots: boot.boots,
            state: &boot.state,
            trust: if self.test { "test" } else { "release" },
            unprotected: unprotected(machine),
            reasons: machine.record.reasons(),
            left: machine.record.left(),
            wish: self.wish,
            answer: &self.answer,
        };
        let Ok(text) = serde_json::to_string(&said) else {
            return;
        };
        let there = self.folder.join(SAID).exists();
        if (text != self.told || !there) && write(&self.folder, SAID, &text).is_ok() {
            self.told = text;
        }
    }

    /// A wish that was not looked at yet.
    pub(crate) fn wish(&self) -> Option<Wish> {
        let mut text = String::new();
        let file = File::open(self.folder.join(WISH)).ok()?;
        file.take(WISH_MOST).read_to_string(&mut text).ok()?;
        let wish: Wish = serde_json::from_str(&text).ok()?;
        (wish.number > self.wish).then_some(wish)
    }

    /// Notes what became of a wish; durable, so that a wish that restarts the machine is not taken
    /// twice.
    pub(crate) fn answer(
        &mut self,
        machine: &Machine,
        number: u64,
        answer: &str,
    ) -> Result<(), Error> {
        machine.record.set_wish(number, answer)?;
        self.wish = number;
        answer.clone_into(&mut self.answer);
        Ok(())
    }
}

/// What this machine cannot keep from happening, said plainly.
fn unprotected(machine: &Machine) -> Vec<&'static str> {
    let secure = machine.variables.get(&Name::global("SecureBoot"));
    let mut open = Vec::new();
    if secure.ok().flatten().as_deref() != Some(&[1]) {
        open.push("Secure Boot is off: whoever reaches the disk can change what starts");
    }
    if !Path::new("/sys/class/tpm/tpm0").exists() {
        open.push("no TPM: whoever reaches the disk can read its keys and put old versions back");
    } else if !seal::is_sealed(&machine.record) {
        open.push("the identity key is not sealed to the TPM: the next start outside a trial does");
    }
    if !Path::new("/dev/watchdog0").exists() {
        open.push("no hardware watchdog: a machine that hangs stays so");
    }
    open
}

/// Replaces a file in a folder of others: never through a link, old or new, never half.
fn write(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let half = folder.join(format!("{name}.half"));
    let _ = std::fs::remove_file(&half);
    let mut file = File::create_new(&half)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&half, folder.join(name))
}

#[cfg(test)]
mod tests;
