//! The machine that steps are carried out on: partitions of the system disk, the system partition's
//! files, firmware variables, the record. Every step is durable when it returns.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use board_slot::cmdline::{BLOCK, Root, hex};
use board_slot::efivars::{EfiVars, Name, Variables};
use board_slot::entry::{self, Esp};
use board_slot::names::{ESP, GLOBAL_VENDOR, KERNELS, LOADER_CONF};
use board_slot::plan::{self, Step};
use board_slot::slots::{self, Partition};
use board_slot::{Slot, counter};
use image_bundle::Version;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::reboot::{RebootMode, reboot};
use sha2::{Digest, Sha256};

use crate::authenticode::{self, List};
use crate::console;
use crate::error::Error;
use crate::host::Host;
use crate::record::{self, Record, Trial};

const ESP_AT: &str = "/run/holdfast-esp";
/// Vendor of the firmware's lists of what it starts.
const SECURITY_VENDOR: &str = "d719b2cb-3d3a-4596-a3bc-dad00e67656f";

/// What is put into a slot.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    /// Root with its tree, checked against the metadata.
    pub(crate) root: PathBuf,
    /// Kernel image, checked alike.
    pub(crate) kernel: PathBuf,
    /// What the kernel's command line says of the root.
    pub(crate) words: Root,
}

/// This machine.
pub(crate) struct Machine {
    /// The slot that runs.
    pub(crate) running: Slot,
    /// Device of the system disk.
    pub(crate) disk: String,
    /// Firmware variables.
    pub(crate) variables: EfiVars,
    /// The updater's memory.
    pub(crate) record: Record,
    /// What is being put into the other slot.
    pub(crate) parcel: Option<Parcel>,
    /// What the steps `RecordStaged` and `RecordTrial` record.
    pub(crate) trial: Option<Trial>,
    /// The host of this box.
    pub(crate) host: Host,
    /// Why the step `KeepReason` is taken.
    pub(crate) reason: String,
}

impl Machine {
    /// The partition with a label on the system disk.
    pub(crate) fn partition(&self, label: &'static str) -> Result<Partition, Error> {
        slots::partitions(Path::new("/sys/class/block"))?
            .into_iter()
            .find(|partition| partition.disk == self.disk && partition.label == label)
            .ok_or(Error::NoPartition { label })
    }

    /// Carries steps out; the first that fails ends it.
    pub(crate) fn carry_out(&mut self, steps: &[Step]) -> Result<(), Error> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &Step) -> Result<(), Error> {
        match *step {
            Step::ForgetNext => self.forget_next(),
            Step::RemoveKernel(slot) => self.on_esp(|esp| remove(&kernel(esp, slot))),
            Step::WriteRoot(slot) => self.write_root(slot),
            Step::CheckRoot(slot) => self.check_root(slot),
            Step::WriteKernel(slot) => self.write_kernel(slot),
            Step::PlaceKernel(slot) => self.on_esp(|esp| {
                let place = kernel(esp, slot);
                std::fs::rename(beside(&place), &place).map_err(Error::file(&place))?;
                flush(&place)
            }),
            Step::ForgetStaged => self.record.set_staged(None),
            Step::RecordStaged(_) => self.record.set_staged(self.trial.as_ref()),
            Step::CheckKernel(slot) => self.check_kernel(slot),
            Step::Drain => {
                console::say(&self.host.drain());
                Ok(())
            }
            Step::Serve => {
                self.host.serve();
                Ok(())
            }
            Step::AssertEntries => self.assert_entries(),
            Step::RecordTrial(_) => self.record.set_trial(self.trial.as_ref()),
            Step::RecordAsked(_) => {
                let asked = self.trial.clone().map(|trial| Trial {
                    asked: true,
                    ..trial
                });
                self.record.set_trial(asked.as_ref())
            }
            Step::SetNext(slot) => Ok(entry::set_next(&mut self.variables, slot)?),
            Step::Restart => restart(),
            Step::SetOrder(slot) => Ok(entry::commit(&mut self.variables, slot)?),
            Step::WriteLoader(slot) => self.on_esp(|esp| {
                let conf = format!("default {}\ntimeout 0\neditor no\n", slot.kernel());
                let path = esp.join(LOADER_CONF);
                if std::fs::read(&path).is_ok_and(|have| have == conf.as_bytes()) {
                    return Ok(());
                }
                record::replace(&path, conf.as_bytes())
            }),
            Step::ClearBoots => Ok(counter::clear(&mut self.variables)?),
            Step::RaiseFloor => self.raise_floor(),
            Step::ForgetTrial => self.record.set_trial(None),
            Step::KeepReason(slot) => self
                .record
                .keep_reason(&format!("slot {slot}: {}", self.reason)),
        }
    }

    fn forget_next(&mut self) -> Result<(), Error> {
        Ok(self.variables.set(&Name::global("BootNext"), None)?)
    }

    /// The floor rises to what the kept version asks for, once the other slot satisfies it too: a
    /// box can always go back to what it has.
    fn raise_floor(&self) -> Result<(), Error> {
        let Some(trial) = self.record.trial() else {
            return Ok(());
        };
        let other: Option<Version> = self
            .words(self.running.other())
            .ok()
            .and_then(|words| words.version.parse().ok());
        match other {
            Some(version) if version < trial.min_version => Ok(()),
            _ => self.record.raise_floor(trial.min_version),
        }
    }

    /// Whether what is to be staged finds room, before anything is removed for it.
    pub(crate) fn room(&self, slot: Slot) -> Result<(), Error> {
        let Some(parcel) = &self.parcel else {
            return Err(nothing());
        };
        let len = |path: &Path| std::fs::metadata(path).map(|meta| meta.len());
        let need = len(&parcel.kernel).map_err(Error::file(&parcel.kernel))?;
        let have = self.on_esp(|esp| {
            let old = len(&kernel(esp, slot)).unwrap_or(0);
            Ok(free(esp).saturating_add(old))
        })?;
        if have < need {
            let what = "the system partition";
            return Err(Error::Space { what, have, need });
        }
        Ok(())
    }

    /// Prepares the record of a trial of what a slot holds already.
    pub(crate) fn trial_of(&mut self, slot: Slot, version: &str) {
        self.trial = Some(Trial {
            slot: slot.label().to_owned(),
            version: version.to_owned(),
            min_version: self.record.floor(),
            asked: false,
            before: None,
        });
    }

    /// Tries what stands in a slot: notes how fit the host is now, then carries the plan out.
    pub(crate) fn try_slot(&mut self, slot: Slot) -> Result<(), Error> {
        self.parcel = None;
        if let Some(trial) = &mut self.trial {
            trial.before = self.host.fitness().ok();
        }
        let done = self.carry_out(&plan::activate(slot));
        if done.is_err() {
            for step in plan::call_off() {
                if let Err(why) = self.step(&step) {
                    console::say(&format!("after a refused activation: {why}"));
                }
            }
        }
        done
    }

    /// The kernel image names the root beside it, and this firmware would start it.
    fn check_kernel(&self, slot: Slot) -> Result<(), Error> {
        let image = self.kernel_image(slot)?;
        let words = words_of(&image)?;
        if !slots::holds(&words, &slots::device(&self.partition(slot.label())?)) {
            return Err(Error::ReadBack { slot });
        }
        let read = |name: &str, vendor| {
            self.variables.get(&Name {
                name: name.to_owned(),
                vendor,
            })
        };
        if read("SecureBoot", GLOBAL_VENDOR)?.as_deref() != Some(&[1]) {
            return Ok(());
        }
        let list = |name| -> Result<List, Error> {
            let value = read(name, SECURITY_VENDOR)?.unwrap_or_default();
            Ok(List::parse(&value))
        };
        authenticode::check(&image, &list("db")?, &list("dbx")?)
            .map_err(|why| Error::Unstartable { slot, why })
    }

    fn write_root(&mut self, slot: Slot) -> Result<(), Error> {
        let Some(parcel) = &self.parcel else {
            return Err(nothing());
        };
        let partition = self.partition(slot.label())?;
        let device = slots::device(&partition);
        let mut from = File::open(&parcel.root).map_err(Error::file(&parcel.root))?;
        let need = from.metadata().map_err(Error::file(&parcel.root))?.len();
        let have = partition.sectors * 512;
        if need > have {
            let what = "the slot";
            return Err(Error::Space { what, have, need });
        }
        let mut to = File::options()
            .write(true)
            .open(&device)
            .map_err(Error::file(&device))?;
        std::io::copy(&mut from, &mut to)
            .and_then(|_| to.sync_all())
            .map_err(Error::file(&device))
    }

    /// Reads the whole slot back: every block against the tree's own file, the top against the
    /// signed words.
    fn check_root(&self, slot: Slot) -> Result<(), Error> {
        let device = slots::device(&self.partition(slot.label())?);
        let Some(parcel) = &self.parcel else {
            return self.check_old(slot, &device);
        };
        drop_cache(&device);
        let len = std::fs::metadata(&parcel.root)
            .map_err(Error::file(&parcel.root))?
            .len();
        let same = digest(&device, len)? == digest(&parcel.root, len)?;
        if same && slots::holds(&parcel.words, &device) {
            Ok(())
        } else {
            Err(Error::ReadBack { slot })
        }
    }

    /// A slot that was kept before: its kernel image says what its root must be.
    fn check_old(&self, slot: Slot, device: &Path) -> Result<(), Error> {
        let words = self.words(slot)?;
        if slots::holds(&words, device) {
            Ok(())
        } else {
            Err(Error::ReadBack { slot })
        }
    }

    /// What the kernel image in a slot says of its root.
    pub(crate) fn words(&self, slot: Slot) -> Result<Root, Error> {
        words_of(&self.kernel_image(slot)?)
    }

    fn kernel_image(&self, slot: Slot) -> Result<Vec<u8>, Error> {
        self.on_esp(|esp| {
            let path = kernel(esp, slot);
            std::fs::read(&path).map_err(Error::file(path))
        })
    }

    fn write_kernel(&self, slot: Slot) -> Result<(), Error> {
        let Some(parcel) = &self.parcel else {
            return Err(nothing());
        };
        let image = std::fs::read(&parcel.kernel).map_err(Error::file(&parcel.kernel))?;
        let mark = format!(
            "{}={}",
            board_slot::names::WORD_ROOT,
            hex(&parcel.words.hash)
        );
        let names = image
            .windows(mark.len())
            .any(|window| window == mark.as_bytes());
        if !names {
            return Err(Error::ReadBack { slot });
        }
        self.on_esp(|esp| {
            let path = beside(&kernel(esp, slot));
            let (have, need) = (free(esp), image.len() as u64);
            if have < need {
                let what = "the system partition";
                return Err(Error::Space { what, have, need });
            }
            File::create(&path)
                .and_then(|mut file| file.write_all(&image).and_then(|()| file.sync_all()))
                .map_err(Error::file(&path))
        })
    }

    fn assert_entries(&mut self) -> Result<(), Error> {
        let esp = self.esp()?;
        for slot in Slot::BOTH {
            entry::assert(&mut self.variables, &esp, slot)?;
        }
        Ok(())
    }

    /// The system partition as boot entries name it; its identity is read from the table.
    fn esp(&self) -> Result<Esp, Error> {
        let partition = self.partition(ESP)?;
        let disk = Path::new("/dev").join(&self.disk);
        let mut guid = [0; 16];
        let at = 1024 + 128 * u64::from(partition.index.saturating_sub(1)) + 16;
        File::open(&disk)
            .and_then(|file| file.read_exact_at(&mut guid, at))
            .map_err(Error::file(disk))?;
        Ok(Esp {
            number: partition.index,
            start: partition.start,
            sectors: partition.sectors,
            guid,
        })
    }

    /// Mounts the system partition for as long as `act` runs.
    pub(crate) fn on_esp<T>(
        &self,
        act: impl FnOnce(&Path) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let device = slots::device(&self.partition(ESP)?);
        std::fs::create_dir_all(ESP_AT).map_err(Error::file(ESP_AT))?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(
            Some(&device),
            ESP_AT,
            Some("vfat"),
            flags,
            Some("umask=0077"),
        )
        .map_err(|why| Error::Mount { why })?;
        let done = act(Path::new(ESP_AT));
        let ended = umount2(ESP_AT, MntFlags::empty()).map_err(|why| Error::Mount { why });
        done.and_then(|value| ended.map(|()| value))
    }
}

fn nothing() -> Error {
    Error::State {
        what: "staging",
        why: "nothing was verified before".to_owned(),
    }
}

/// What a kernel image says of its root.
fn words_of(image: &[u8]) -> Result<Root, Error> {
    let mark = format!("{}=", board_slot::names::WORD_ROOT);
    let at = image
        .windows(mark.len())
        .position(|window| window == mark.as_bytes())
        .ok_or_else(|| Error::State {
            what: "the other slot's kernel",
            why: "its command line names no root".to_owned(),
        })?;
    let line: Vec<u8> = image
        .iter()
        .skip(at)
        .take(1024)
        .take_while(|byte| byte.is_ascii_graphic() || **byte == b' ')
        .copied()
        .collect();
    Ok(Root::parse(&String::from_utf8_lossy(&line))?)
}

fn kernel(esp: &Path, slot: Slot) -> PathBuf {
    esp.join(KERNELS).join(slot.kernel())
}

/// Bytes that can still be written to a file system.
fn free(at: &Path) -> u64 {
    nix::sys::statvfs::statvfs(at).map_or(0, |stat| {
        stat.blocks_available().saturating_mul(stat.fragment_size())
    })
}

fn beside(kernel: &Path) -> PathBuf {
    kernel.with_extension("new")
}

/// Removes a file, durably; one that is not there is no error.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(Error::file(path)(why)),
        _ => flush(path),
    }
}

/// Flushes the folder of `path`.
fn flush(path: &Path) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::file(folder))
}

/// Lets the next read come from the drive; where that is not possible the read is weaker.
fn drop_cache(device: &Path) {
    if let Ok(file) = File::open(device) {
        let _ = nix::fcntl::posix_fadvise(
            &file,
            0,
            0,
            nix::fcntl::PosixFadviseAdvice::POSIX_FADV_DONTNEED,
        );
    }
}

fn digest(path: &Path, len: u64) -> Result<[u8; 32], Error> {
    let mut file = File::open(path).map_err(Error::file(path))?.take(len);
    let mut hash = Sha256::new();
    let mut piece = vec![0; usize::try_from(BLOCK * 64).unwrap_or(1 << 18)];
    loop {
        let read = file.read(&mut piece).map_err(Error::file(path))?;
        if read == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(piece.get(..read).unwrap_or_default());
    }
}

/// Asks PID 1 for a full restart through the firmware; without it, the kernel.
fn restart() -> Result<(), Error> {
    let asked = std::process::Command::new("/usr/bin/systemctl")
        .args(["--no-block", "reboot"])
        .status();
    if !asked.is_ok_and(|status| status.success()) {
        nix::unistd::sync();
        let _ = reboot(RebootMode::RB_AUTOBOOT);
    }
    Ok(())
}
