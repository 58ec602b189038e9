//! Firmware variables as Linux shows them: one file each, four bytes of attributes, then the value.
//!
//! A write is one `write` call, so a variable is old or new, never half. The seam [`Variables`]
//! lets the plans run over a simulated store that loses power between any two calls.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::flags;
use crate::names::GLOBAL_VENDOR;

/// Kept without power, seen before and after the system takes over.
const ATTRIBUTES: [u8; 4] = 7_u32.to_le_bytes();

/// A variable's name and vendor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// Its name.
    pub name: String,
    /// Its vendor's GUID.
    pub vendor: &'static str,
}

impl Name {
    /// A variable that the UEFI specification defines.
    #[must_use]
    pub fn global(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            vendor: GLOBAL_VENDOR,
        }
    }
}

/// A store of firmware variables.
pub trait Variables {
    /// The value, or nothing when there is no such variable.
    ///
    /// # Errors
    /// `Variable` when the store cannot be read.
    fn get(&self, name: &Name) -> Result<Option<Vec<u8>>, Error>;

    /// Replaces the value, or removes the variable; durable when it returns.
    ///
    /// # Errors
    /// `Variable` when the firmware refuses, most often because its store is full.
    fn set(&mut self, name: &Name, value: Option<&[u8]>) -> Result<(), Error>;
}

/// The variables of this machine.
#[derive(Debug, Clone)]
pub struct EfiVars {
    folder: PathBuf,
}

impl EfiVars {
    /// Where Linux shows them.
    pub const FOLDER: &str = "/sys/firmware/efi/efivars";

    /// The variables shown in `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    fn path(&self, name: &Name) -> PathBuf {
        self.folder.join(format!("{}-{}", name.name, name.vendor))
    }

    fn write(&self, name: &Name, value: &[u8]) -> std::io::Result<()> {
        let path = self.path(name);
        if let Ok(there) = File::open(&path) {
            // A plain folder, as in tests, knows no marks.
            let _ = flags::unmark(&there);
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        let mut bytes = ATTRIBUTES.to_vec();
        bytes.extend_from_slice(value);
        let written = file.write(&bytes)?;
        if written == bytes.len() {
            file.sync_all().or(Ok(()))
        } else {
            Err(ErrorKind::WriteZero.into())
        }
    }
}

impl Variables for EfiVars {
    fn get(&self, name: &Name) -> Result<Option<Vec<u8>>, Error> {
        match std::fs::read(self.path(name)) {
            Ok(bytes) => Ok(bytes.get(ATTRIBUTES.len()..).map(<[u8]>::to_vec)),
            Err(why) if why.kind() == ErrorKind::NotFound => Ok(None),
            Err(why) => Err(Error::Variable {
                name: name.name.clone(),
                why,
            }),
        }
    }

    fn set(&mut self, name: &Name, value: Option<&[u8]>) -> Result<(), Error> {
        let done = match value {
            Some(value) => self.write(name, value),
            None => {
                let path = self.path(name);
                if let Ok(there) = File::open(&path) {
                    let _ = flags::unmark(&there);
                }
                match std::fs::remove_file(&path) {
                    Err(why) if why.kind() == ErrorKind::NotFound => Ok(()),
                    other => other,
                }
            }
        };
        done.map_err(|why| Error::Variable {
            name: name.name.clone(),
            why,
        })
    }
}
