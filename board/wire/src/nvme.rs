//! The verbs of `board-nvme`.

use minicbor::{Decode, Encode};

use crate::bounds;
use crate::refusal::Refusal;

/// Bytes of the SMART / health log page.
pub const HEALTH_LEN: usize = 512;

/// A drive by what is printed on it; names of the kernel change from boot to boot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct DriveName {
    /// The controller's serial, trimmed.
    #[n(0)]
    pub serial: String,
    /// The namespace on it, from 1.
    #[n(1)]
    pub namespace: u32,
}

impl DriveName {
    /// Both bounds. Errors: `Malformed`, `Bounds`.
    pub fn check(&self) -> Result<(), Refusal> {
        bounds::serial(&self.serial)?;
        bounds::within(self.namespace.into(), 1, bounds::NAMESPACE_MAX.into())
    }
}

/// A drive of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Drive {
    /// Which.
    #[n(0)]
    pub name: DriveName,
    /// What its maker calls it.
    #[n(1)]
    pub model: String,
    /// Its size in bytes; 0 when the kernel does not tell.
    #[n(2)]
    pub size: u64,
    /// Whether it is claimed for this host.
    #[n(3)]
    pub claimed: bool,
}

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// The NVMe drives of this machine.
    #[n(0)]
    Drives,
    /// The SMART / health page of a claimed drive.
    #[n(1)]
    Health {
        /// Which.
        #[n(0)]
        drive: DriveName,
    },
    /// A claimed drive, opened for reading and writing, as a descriptor. Nobody else may have it
    /// open or mounted.
    #[n(2)]
    Open {
        /// Which.
        #[n(0)]
        drive: DriveName,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Reply {
    /// The drives.
    #[n(0)]
    Drives {
        /// At most `bounds::DRIVES_MAX`.
        #[n(0)]
        drives: Vec<Drive>,
    },
    /// The page as the drive gave it.
    #[n(1)]
    Health {
        /// Its bytes, [`HEALTH_LEN`] of them.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        page: Vec<u8>,
    },
    /// The descriptor comes with this frame.
    #[n(2)]
    Opened,
    /// It is not done.
    #[n(3)]
    Refused {
        /// Why.
        #[n(0)]
        why: Refusal,
    },
}

impl From<Refusal> for Reply {
    fn from(why: Refusal) -> Self {
        Self::Refused { why }
    }
}

#[cfg(test)]
mod tests;
