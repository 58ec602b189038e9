//! Looking at the machine: the console, small files, and the disk that this kernel came from.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use board_slot::cmdline::Root;
use board_slot::names::STATE;
use board_slot::slots::{self, Partition};
use board_slot::{Error as SlotError, Slot};

use crate::error::Error;

/// Drives answer within this time or the start has failed; servers with many of them need it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The rest of a disk's partitions follow the slot's within this time.
const WHOLE: Duration = Duration::from_secs(3);

/// Writes a line to the kernel's log, which reaches every console.
pub(crate) fn say(text: &str) {
    let line = format!("<4>holdfast-init: {text}\n");
    let told = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/kmsg")
        .and_then(|mut log| log.write_all(line.as_bytes()));
    if told.is_err() {
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// The text of a small file.
pub(crate) fn read(path: &str) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|why| Error::File {
        path: PathBuf::from(path),
        why,
    })
}

/// The slot this kernel belongs to, and everything on its disk.
pub(crate) struct Found {
    pub(crate) slot: Slot,
    pub(crate) partition: Partition,
    all: Vec<Partition>,
}

impl Found {
    /// The partition with a label on the same disk.
    pub(crate) fn beside(&self, label: &str) -> Option<&Partition> {
        self.all
            .iter()
            .find(|other| other.disk == self.partition.disk && other.label == label)
    }
}

/// Waits for the slot to appear, and a little for the last partition of its disk: the kernel shows
/// them one after another, and a slow drive's slot is there before its state.
pub(crate) fn slot(root: &Root) -> Result<Found, Error> {
    let begun = Instant::now();
    let mut seen = None;
    loop {
        let all = slots::partitions(Path::new("/sys/class/block"))?;
        match slots::find(root, &all, Path::new("/dev")) {
            Ok((slot, partition)) => {
                let found = Found {
                    slot,
                    partition,
                    all,
                };
                let since = *seen.get_or_insert_with(Instant::now);
                if found.beside(STATE).is_some() || since.elapsed() > WHOLE {
                    return Ok(found);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) if begun.elapsed() > patience(&error) => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Both slots were read and neither is ours: another second would not change that.
fn patience(error: &SlotError) -> Duration {
    match error {
        SlotError::NoSlot { looked, .. } if *looked >= Slot::BOTH.len() => Duration::from_secs(3),
        _ => PATIENCE,
    }
}
