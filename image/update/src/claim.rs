//! Whose the box is: the code that claims it is shown on the console, and a claim file on a
//! drive or a partition binds an owner without a listener (docs/formats/claim.md).
//!
//! Invariants: an owner is never replaced; what is bound is on the disk before the host is told to
//! obey it; the code goes to the console and into no log.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::console;
use crate::error::Error;
use crate::host::Host;

/// What a claim file begins with.
const MAGIC: &[u8] = b"holdfast-claim 1\n";
/// Bytes of a claim file at most.
const FILE_MOST: u64 = 64 << 10;
/// The owner's authority, in the host's folder.
const OWNER: &str = "owner.pem";
/// What the host wants shown, beside its socket.
const SHOWN: &str = "claim.json";

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Shown {
    code: String,
    fingerprint: String,
    port: u16,
}

/// The host's folder, and what the console shows already.
#[derive(Debug)]
pub(crate) struct Claiming {
    folder: PathBuf,
    shown: Option<Shown>,
}

impl Claiming {
    /// Of the host whose socket this is: it stands in `run` of its folder.
    pub(crate) fn new(socket: &Path) -> Self {
        let folder = socket.ancestors().nth(2).unwrap_or(Path::new("/"));
        Self {
            folder: folder.to_owned(),
            shown: None,
        }
    }

    /// Shows a fresh code, or binds the owner that a drive names. Does nothing once there is one.
    pub(crate) fn look(&mut self, system_disk: &str, host: &Host) {
        if self.folder.join(OWNER).exists() {
            return;
        }
        self.show();
        for drive in drives(system_disk) {
            let Some(authority) = read(&drive, MAGIC) else {
                continue;
            };
            let told = match bind(&self.folder, &authority) {
                Ok(()) => {
                    host.restart();
                    format!("claimed by the file on {}", drive.display())
                }
                Err(why) => format!("claim file on {} refused: {why}", drive.display()),
            };
            console::say(&told);
            return;
        }
    }

    fn show(&mut self) {
        let mut text = String::new();
        let file = File::open(self.folder.join("run").join(SHOWN));
        let read = file.and_then(|file| file.take(4096).read_to_string(&mut text));
        let shown: Option<Shown> = read.ok().and_then(|_| serde_json::from_str(&text).ok());
        if shown == self.shown {
            return;
        }
        if let Some(shown) = &shown {
            console::show(&format!(
                "this box has no owner. Claim it within 15 minutes, port {}:\n  code        {}\n  \
                 fingerprint {}\n",
                shown.port, shown.code, shown.fingerprint
            ));
        }
        self.shown = shown;
    }
}

/// Drives and partitions that may hold what a stick brings: all but the system's own parts.
pub(crate) fn drives(system_disk: &str) -> Vec<PathBuf> {
    let parts = board_slot::slots::partitions(Path::new("/sys/class/block")).unwrap_or_default();
    let own = [
        board_slot::names::ESP,
        board_slot::names::STATE,
        board_slot::Slot::A.label(),
        board_slot::Slot::B.label(),
    ];
    let own: Vec<String> = parts
        .into_iter()
        .filter(|part| part.disk == system_disk && own.contains(&part.label.as_str()))
        .map(|part| part.device)
        .collect();
    let names = std::fs::read_dir("/sys/class/block").into_iter().flatten();
    let mut names: Vec<String> = names
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name != system_disk && !name.starts_with("dm-") && !own.contains(name))
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| Path::new("/dev").join(name))
        .collect()
}

/// What follows the magic of a claim file or another of its shape; nothing when it is none.
pub(crate) fn read(path: &Path, magic: &[u8]) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let mut head = vec![0; magic.len()];
    file.read_exact(&mut head).ok()?;
    if head != magic {
        return None;
    }
    let mut text = Vec::new();
    file.take(FILE_MOST).read_to_end(&mut text).ok()?;
    let end = text.iter().position(|byte| *byte == 0)?;
    text.truncate(end);
    Some(text)
}

/// Binds an owner in the host's folder, durably, unless there is one.
fn bind(folder: &Path, authority: &[u8]) -> Result<(), Error> {
    let bad = |why: &str| Error::State {
        what: "the owner's authority",
        why: why.to_owned(),
    };
    let text = std::str::from_utf8(authority).map_err(|_| bad("it is no text"))?;
    reqwest::Certificate::from_pem_bundle(authority)
        .ok()
        .filter(|found| !found.is_empty() && !text.contains("PRIVATE KEY"))
        .ok_or_else(|| bad("it is no certificate alone"))?;
    let (half, place) = (folder.join("owner.pem.half"), folder.join(OWNER));
    let _ = std::fs::remove_file(&half);
    let mut file = File::create_new(&half).map_err(Error::file(&half))?;
    file.write_all(authority)
        .and_then(|()| file.sync_all())
        .map_err(Error::file(&half))?;
    // A link fails where there is an owner already, whoever was faster.
    let linked = std::fs::hard_link(&half, &place);
    let _ = std::fs::remove_file(&half);
    linked.map_err(Error::file(&place))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::file(folder))
}

#[cfg(test)]
mod tests;
