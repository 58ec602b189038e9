//! The kernel's own alarm clock for stalls: a pressure file that becomes urgent when tasks stalled
//! for long enough within a window.
//!
//! Enters: a pressure file. Leaves: whether it fired. The window is two seconds because only
//! multiples of that need no privilege (since 6.4). One descriptor a trigger, kept open: a second
//! write on it is refused, and closing it ends the trigger.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::Error;

/// What counts as a stall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// At least one task waited for memory.
    Some,
    /// All tasks that could run waited.
    Full,
}

/// Milliseconds of stall within [`WINDOW_MS`] that fire.
pub(crate) const STALL_MS: u64 = 100;
/// Two seconds: the shortest window that needs no privilege.
pub(crate) const WINDOW_MS: u64 = 2_000;

/// One armed trigger.
#[derive(Debug)]
pub struct Trigger {
    file: File,
    gone: bool,
}

impl Trigger {
    /// Arms a trigger on a pressure file: 100 ms of stall in two seconds.
    ///
    /// # Errors
    /// `File`: no such file (no stall information), permission denied, or refused (before 6.4 a
    /// trigger needs CAP_SYS_RESOURCE; totals are then enough).
    pub fn arm(path: &Path, kind: Kind) -> Result<Self, Error> {
        let word = match kind {
            Kind::Some => "some",
            Kind::Full => "full",
        };
        let order = format!("{word} {} {}\0", STALL_MS * 1_000, WINDOW_MS * 1_000);
        let armed = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(path)
            .and_then(|mut file| file.write_all(order.as_bytes()).map(|()| file));
        match armed {
            Ok(file) => Ok(Self { file, gone: false }),
            Err(source) => Err(Error::File {
                path: path.to_path_buf(),
                source,
            }),
        }
    }

    /// Whether it fired since it was asked last. The kernel keeps the event until then.
    pub fn fired(&mut self) -> bool {
        if self.gone {
            return false;
        }
        let mut asked = [PollFd::new(self.file.as_fd(), PollFlags::POLLPRI)];
        if poll(&mut asked, PollTimeout::ZERO).is_err() {
            return false;
        }
        let [asked] = asked;
        let said = asked.revents().unwrap_or(PollFlags::empty());
        // The cgroup was removed under us, or the kernel took the trigger away.
        self.gone = said.contains(PollFlags::POLLERR);
        !self.gone && said.contains(PollFlags::POLLPRI)
    }

    /// The descriptor, unless what it watched is gone: it would be urgent for ever.
    #[must_use]
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        (!self.gone).then(|| self.file.as_fd())
    }
}

#[cfg(test)]
mod tests;
