//! Why a machine could not be handed to its system. The text goes to the console and into a
//! firmware variable, so that the version that starts next can tell.

use std::path::PathBuf;

use nix::errno::Errno;

/// A step of starting that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The slot, the command line or the firmware variables.
    #[error(transparent)]
    Slot(#[from] board_slot::Error),
    /// A file of the boot archive or of the kernel.
    #[error("{path}: {why}")]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// A file system that could not be mounted.
    #[error("mounting {target}: {why}")]
    Mount {
        /// Where.
        target: &'static str,
        /// What the kernel said.
        why: Errno,
    },
    /// Device mapper refused the verified device.
    #[error("verity, step {step}: {why}")]
    Verity {
        /// The ioctl.
        step: &'static str,
        /// What the kernel said.
        why: std::io::Error,
    },
    /// The root that came along could not be made a device.
    #[error("the carried root, step {step}: {why}")]
    Carried {
        /// The step.
        step: &'static str,
        /// What the kernel said.
        why: std::io::Error,
    },
    /// The system could not be started.
    #[error("starting the system, step {step}: {why}")]
    Switch {
        /// The step.
        step: &'static str,
        /// What the kernel said.
        why: Errno,
    },
    /// The slots were started too often without becoming healthy; the other one is next.
    #[error("started {boots} times without health; slot {other} is next")]
    TooOften {
        /// Starts.
        boots: u8,
        /// The slot asked for.
        other: board_slot::Slot,
    },
}
