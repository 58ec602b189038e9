//! The bundle manifest and the rules by which a box takes it.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::version::Version;

/// Version of the manifest's layout.
pub const SCHEMA: u32 = 1;
/// Format of the state partition that images of this source write.
pub const STATE_WRITES: u32 = 1;
/// Newest format of the state partition that images of this source read. A format is read by one
/// release before any release writes it: this number rises first, `STATE_WRITES` one release later,
/// so that whoever runs the release before can always go back.
pub const STATE_READS: u32 = 1;
const _: () = assert!(STATE_READS == STATE_WRITES || STATE_READS == STATE_WRITES + 1);
/// Most bytes of a kernel image.
const KERNEL_MOST: u64 = 96 << 20;

/// One part of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artefact {
    /// Its bytes.
    pub bytes: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// What a bundle says of itself; signed as a target of the metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this layout.
    pub schema: u32,
    /// The machine it is for.
    pub machine: String,
    /// Version of the image.
    pub version: Version,
    /// The floor that it asks for once both slots satisfy it.
    pub min_version: Version,
    /// Newest format of the state partition that it reads.
    pub state_reads: u32,
    /// Format that it writes.
    pub state_writes: u32,
    /// The words of its kernel's command line that name the root.
    pub root_words: String,
    /// Root with its hash tree.
    pub root: Artefact,
    /// Kernel image.
    pub kernel: Artefact,
}

/// What is known of the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The machine it is.
    pub machine: String,
    /// The version that runs.
    pub running: Version,
    /// The least version it takes.
    pub floor: Version,
    /// Newest state format that the running version reads.
    pub state_reads: u32,
    /// Bytes of a slot.
    pub slot: u64,
}

impl Manifest {
    /// Reads a manifest whose signature was checked.
    ///
    /// # Errors
    /// `Text` when it is none, `Schema` when it is of another layout.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Head {
            schema: u32,
        }
        let why = |why: serde_json::Error| Error::Text {
            why: why.to_string(),
        };
        let head: Head = serde_json::from_slice(text).map_err(why)?;
        if head.schema != SCHEMA {
            return Err(Error::Schema {
                have: head.schema,
                want: SCHEMA,
            });
        }
        serde_json::from_slice(text).map_err(why)
    }

    /// Whether a box takes this bundle.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn fits(&self, facts: &Facts) -> Result<(), Error> {
        if self.machine != facts.machine {
            return Err(Error::Machine {
                have: self.machine.clone(),
                want: facts.machine.clone(),
            });
        }
        if self.version < facts.floor {
            return Err(Error::Floor {
                have: self.version,
                floor: facts.floor,
            });
        }
        if self.version <= facts.running {
            return Err(Error::NotNewer {
                have: self.version,
                running: facts.running,
            });
        }
        if self.state_writes > self.state_reads {
            return Err(Error::Unread {
                writes: self.state_writes,
                reads: self.state_reads,
            });
        }
        if self.state_writes > facts.state_reads {
            return Err(Error::NoWayBack {
                writes: self.state_writes,
                reads: facts.state_reads,
            });
        }
        let parts = [
            ("root", self.root.bytes, facts.slot),
            ("kernel", self.kernel.bytes, KERNEL_MOST),
        ];
        match parts.into_iter().find(|(_, have, most)| have > most) {
            Some((what, have, most)) => Err(Error::Size { what, have, most }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
