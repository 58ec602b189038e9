//! The verbs of `board-nvme`.
//!
//! Enters: requests. Leaves: lists, health pages, descriptors of claimed drives. Invariants: a
//! drive is looked up by serial and namespace each time, two that carry the same name are neither;
//! a path is made of the kernel's own names only; what is opened must be a block device.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::Duration;

use board_nvme::Drive;
use board_wire::Refusal;
use board_wire::bounds::{DRIVES_MAX, MODEL_MAX};
use board_wire::codec::{from_bytes, to_bytes};
use board_wire::nvme::{self, DriveName, Reply, Request};
use nix::unistd::geteuid;

use crate::server::{Answer, Verbs};
use crate::{claims, start};

/// Where drives and claims are looked up.
#[derive(Debug, Clone)]
pub struct Places {
    /// `/sys`.
    pub sysfs: PathBuf,
    /// `/dev`.
    pub devices: PathBuf,
    /// The claims file.
    pub claims: PathBuf,
}

/// The verbs over those places.
#[derive(Debug)]
pub struct NvmeVerbs {
    places: Places,
}

impl NvmeVerbs {
    /// Looks at nothing yet.
    #[must_use]
    pub const fn new(places: Places) -> Self {
        Self { places }
    }

    fn drives(&self) -> Result<Vec<Drive>, Refusal> {
        board_nvme::drives(&self.places.sysfs).map_err(|_| Refusal::Unreadable)
    }

    /// The claims; a file that claims nothing is said each time.
    fn claims(&self) -> Vec<DriveName> {
        let read = claims::read(&self.places.claims, geteuid().as_raw());
        read.unwrap_or_else(|error| {
            start::say(&format!("claims: {error}"));
            Vec::new()
        })
    }

    fn list(&self) -> Result<Reply, Refusal> {
        let claims = self.claims();
        let told = self.drives()?.into_iter().filter_map(|drive| {
            let name = name_of(&drive);
            name.check().ok()?;
            let model: String = drive.model.chars().filter(char::is_ascii).collect();
            Some(nvme::Drive {
                claimed: claims.contains(&name),
                model: model.get(..MODEL_MAX).unwrap_or(&model).to_owned(),
                size: drive.size,
                name,
            })
        });
        let drives = told.take(DRIVES_MAX).collect();
        Ok(Reply::Drives { drives })
    }

    /// The one claimed drive of this name.
    fn claimed(&self, name: &DriveName) -> Result<Drive, Refusal> {
        name.check()?;
        let mut found = self.drives()?;
        found.retain(|drive| name_of(drive) == *name);
        let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let drive = match (found.pop(), count) {
            (Some(drive), 1) => drive,
            (Some(_), _) => return Err(Refusal::Ambiguous { count }),
            (None, _) => return Err(Refusal::NoDrive),
        };
        if self.claims().contains(name) {
            Ok(drive)
        } else {
            Err(Refusal::NotClaimed)
        }
    }

    fn health(&self, name: &DriveName) -> Result<Reply, Refusal> {
        let drive = self.claimed(name)?;
        let mut options = OpenOptions::new();
        let file = self.block(&drive, options.read(true))?;
        let page = board_nvme::ioctl::health_page(&file).map_err(|error| match error {
            board_nvme::Error::Refused(source) => kernel(&source),
            _ => Refusal::Kernel { errno: libc::EIO },
        })?;
        let page = page.to_vec();
        Ok(Reply::Health { page })
    }

    fn open(&self, name: &DriveName) -> Result<OwnedFd, Refusal> {
        let drive = self.claimed(name)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        // Exclusive: the kernel refuses while anything has it mounted or holds it the same way.
        options.custom_flags(libc::O_DIRECT | libc::O_EXCL | libc::O_NOFOLLOW);
        self.block(&drive, &options).map(OwnedFd::from)
    }

    fn block(&self, drive: &Drive, options: &OpenOptions) -> Result<File, Refusal> {
        let path = self.places.devices.join(&drive.block);
        let file = options.open(path).map_err(|error| kernel(&error))?;
        let about = file.metadata().map_err(|error| kernel(&error))?;
        if about.file_type().is_block_device() {
            Ok(file)
        } else {
            let errno = libc::ENOTBLK;
            Err(Refusal::Kernel { errno })
        }
    }

    fn act(&self, request: &Request) -> Result<(Reply, Option<OwnedFd>), Refusal> {
        match request {
            Request::Drives => Ok((self.list()?, None)),
            Request::Health { drive } => Ok((self.health(drive)?, None)),
            Request::Open { drive } => Ok((Reply::Opened, Some(self.open(drive)?))),
        }
    }
}

impl Verbs for NvmeVerbs {
    fn answer(&mut self, body: &[u8], _at: Duration) -> Answer {
        let Ok(request) = from_bytes::<Request>("request", body) else {
            return Answer {
                body: self.refuse(Refusal::Malformed),
                descriptor: None,
                ends: true,
            };
        };
        let (reply, descriptor) = self.act(&request).unwrap_or_else(|why| (why.into(), None));
        Answer {
            body: to_bytes(&reply),
            descriptor,
            ends: false,
        }
    }

    fn refuse(&self, why: Refusal) -> Vec<u8> {
        to_bytes(&Reply::from(why))
    }
}

fn name_of(drive: &Drive) -> DriveName {
    DriveName {
        serial: drive.serial.clone(),
        namespace: drive.namespace,
    }
}

fn kernel(error: &io::Error) -> Refusal {
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    Refusal::Kernel { errno }
}
