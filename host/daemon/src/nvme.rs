//! What the NVMe drives under the volumes say of themselves, once a minute, and what follows.
//!
//! Enters: sysfs (unprivileged: serial, state, temperature, write cache), the health page of each
//! claimed drive from `board-nvme`. Leaves: notes for health, API and metrics; a scrub pass after
//! new media errors; a volume that takes no new shards, or moves its shards away, when its drive
//! asks for it. Invariants: a drive acts when it asks for more than before, so that an operator's
//! word stands until it gets worse; without `board-nvme` the pages are a named gap and nothing
//! else changes; a page of zeros asks for nothing. Not done here: any judgement (`board-nvme`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use board_nvme::forecast::{amplification, forecast};
use board_nvme::judge::worst;
use board_nvme::{Act, Drive, Finding, Health, judge};
use board_wire::NvmeClient;
use board_wire::nvme::DriveName;
use host_core::VolumeId;
use host_core::seams::Device;
use host_ledger::Ledger;
use host_store::Store;
use host_store::drive::Sign;
use tracing::{error, info, warn};

use crate::deadline::device_of;
use crate::scrub::DriveBook;
use crate::supervise::Stopping;

/// Between two looks at every drive.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Bytes written are counted by the kernel in this file.
const OWN_WRITES: &str = "/proc/self/io";

/// What is known of the drive under a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NvmeNotes {
    /// Serial, namespace, model, state, cache and temperature, as the kernel tells them.
    pub drive: Drive,
    /// Its health page; none without `board-nvme` or a claim.
    pub page: Option<Health>,
    /// Why there is no page.
    pub gap: Option<String>,
    /// What the page asks for, in words, the worst first.
    pub findings: Vec<String>,
    /// The worst of it.
    pub act: Act,
    /// Days until its rated endurance is used, where its wear can be measured.
    pub days_left: Option<u64>,
    /// Bytes written to it for each byte this host wrote, in hundredths; with one drive alone.
    pub amplification: Option<u64>,
}

/// Where things stand; tests put others there.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// Usually /sys.
    pub(crate) sysfs: PathBuf,
    /// The socket of `board-nvme`.
    pub(crate) socket: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            sysfs: PathBuf::from("/sys"),
            socket: PathBuf::from(board_wire::NVME_SOCKET),
        }
    }
}

/// What the task needs.
pub(crate) struct Asking<D: Device> {
    pub(crate) places: Places,
    pub(crate) store: Store<D>,
    pub(crate) ledger: Ledger,
    pub(crate) book: DriveBook,
}

/// Asks every minute until told to end.
pub(crate) async fn keep<D: Device>(asking: Asking<D>, mut stopping: Stopping) {
    let mut memory = Memory::default();
    loop {
        memory = round(&asking, memory).await;
        if !stopping.sleep(LOOK_EVERY).await {
            return;
        }
    }
}

/// What looks remember of each drive, by serial and namespace.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    drives: BTreeMap<(String, u32), Remembered>,
}

#[derive(Debug, Clone)]
struct Remembered {
    first: Health,
    last: Health,
    own_at_first: u64,
    act: Act,
}

/// One look at every volume's drive, and what follows. Only reading blocks, on a thread for that.
pub(crate) async fn round<D: Device>(asking: &Asking<D>, mut memory: Memory) -> Memory {
    let (places, volumes) = (asking.places.clone(), asking.store.named());
    let looked = tokio::task::spawn_blocking(move || {
        let seen = look(&places, &volumes, &mut memory);
        (memory, seen)
    });
    let Ok((memory, seen)) = looked.await else {
        warn!("the drives could not be asked, will be repeated");
        return Memory::default();
    };
    for (volume, notes, more) in seen {
        if more {
            follow(asking, volume, &notes).await;
        }
        asking.book.set_nvme(volume, notes);
    }
    memory
}

/// Each volume's notes, and whether its drive asks for more than at the look before.
fn look(
    places: &Places,
    volumes: &[(VolumeId, String)],
    memory: &mut Memory,
) -> Vec<(VolumeId, NvmeNotes, bool)> {
    // A machine without NVMe, or a container without /sys, has none.
    let drives = board_nvme::drives(&places.sysfs).unwrap_or_default();
    let client = NvmeClient::new(&places.socket);
    let under: Vec<(VolumeId, Drive)> = volumes
        .iter()
        .filter_map(|(volume, path)| {
            let found = under(&places.sysfs, Path::new(path), &drives)?;
            Some((*volume, found.clone()))
        })
        .collect();
    let alone = under
        .iter()
        .all(|(_, one)| Some(&one.serial) == under.first().map(|(_, one)| &one.serial));
    let own = own_writes().filter(|_| alone);
    let seen = under.into_iter().map(|(volume, drive)| {
        let page = ask(&client, &drive);
        let (notes, more) = memory.note(drive, page, own);
        (volume, notes, more)
    });
    seen.collect()
}

/// The page of a drive, or why there is none.
fn ask(client: &NvmeClient, drive: &Drive) -> Result<Health, String> {
    if !client.exists() {
        return Err("board-nvme does not listen, health pages are not read".into());
    }
    let name = DriveName {
        serial: drive.serial.clone(),
        namespace: drive.namespace,
    };
    let page = client.health(name).map_err(|err| err.to_string())?;
    Ok(Health::parse(&page))
}

impl Memory {
    /// Judges a page beside those before it; whether more is asked for than at the last one.
    fn note(
        &mut self,
        drive: Drive,
        page: Result<Health, String>,
        own: Option<u64>,
    ) -> (NvmeNotes, bool) {
        let mut notes = NvmeNotes {
            page: None,
            gap: None,
            findings: Vec::new(),
            act: Act::Nothing,
            days_left: None,
            amplification: None,
            drive,
        };
        let now = match page {
            Ok(page) => page,
            Err(why) => {
                notes.gap = Some(why);
                return (notes, false);
            }
        };
        let key = (notes.drive.serial.clone(), notes.drive.namespace);
        let before = self.drives.get(&key).cloned();
        let findings: Vec<Finding> = judge(before.as_ref().map(|one| &one.last), &now);
        let act = worst(&findings);
        let grown = findings.iter().any(|one| one.act == Act::Scrub);
        let more = act > before.as_ref().map_or(Act::Nothing, |one| one.act) || grown;
        let kept = before.unwrap_or_else(|| Remembered {
            first: now,
            last: now,
            own_at_first: own.unwrap_or(0),
            act,
        });
        notes.days_left = forecast(Some(&kept.first), &now).map(|one| one.days_left);
        notes.amplification = own.and_then(|own| {
            amplification(&kept.first, &now, own.saturating_sub(kept.own_at_first))
        });
        notes.findings = findings.iter().map(|one| one.cause.to_string()).collect();
        notes.act = act;
        notes.page = Some(now);
        self.drives.insert(
            key,
            Remembered {
                last: now,
                act,
                ..kept
            },
        );
        (notes, more)
    }
}

/// Does what a drive asks for, and says so.
async fn follow<D: Device>(asking: &Asking<D>, volume: VolumeId, notes: &NvmeNotes) {
    let (act, why) = (notes.act.label(), notes.findings.join("; "));
    let drive = notes.drive.serial.as_str();
    match notes.act {
        Act::Nothing => return,
        Act::Warn => warn!(volume = %volume, drive, act, why, "a drive warns of itself"),
        Act::Scrub => {
            warn!(volume = %volume, drive, act, why, "a drive lost data, it is read back")
        }
        Act::ReadOnly | Act::Evacuate => {
            error!(volume = %volume, drive, act, why, "a drive will fail");
        }
    }
    let sign = match notes.act {
        Act::ReadOnly => Some(Sign::SaysReadOnly),
        Act::Evacuate => Some(Sign::SaysLeave),
        _ => None,
    };
    if notes.act == Act::Scrub {
        asking.book.hurry();
        info!(volume = %volume, "a whole scrub pass begins");
    }
    if let Some(sign) = sign {
        let taken = asking
            .book
            .sign(&asking.store, &asking.ledger, volume, sign);
        if let Err(err) = taken.await {
            error!(volume = %volume, err = %err, "the drive's word could not be noted");
        }
    }
}

/// The NVMe drive that a volume lies on: the volume's own device, or that of its file; through
/// partitions, and through the first leg of what is mapped.
fn under<'a>(sysfs: &Path, volume: &Path, drives: &'a [Drive]) -> Option<&'a Drive> {
    let (major, minor) = device_of(volume)?;
    let at = sysfs.join(format!("dev/block/{major}:{minor}"));
    let mut at = std::fs::canonicalize(at).ok()?;
    for _ in 0..8 {
        let found = at.ancestors().find_map(|folder| {
            let name = folder.file_name()?.to_str()?;
            drives.iter().find(|drive| drive.block == name)
        });
        if found.is_some() {
            return found;
        }
        let leg = std::fs::read_dir(at.join("slaves"))
            .ok()?
            .flatten()
            .next()?;
        at = std::fs::canonicalize(leg.path()).ok()?;
    }
    None
}

/// Bytes this process had written to drives.
fn own_writes() -> Option<u64> {
    let text = std::fs::read_to_string(OWN_WRITES).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests;
