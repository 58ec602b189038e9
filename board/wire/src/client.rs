//! The askers. A line is made for one question and closed after it: questions are rare, and a
//! privileged program that was started again is met anew without a word.
//!
//! Invariant: a question takes at most [`PATIENCE`] for each of connect, write and read, so that a
//! watch that asks once a second is never held.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use minicbor::{Decode, Encode};

use crate::codec::{from_bytes, to_bytes};
use crate::error::Error;
use crate::frame::{Inbox, REPLY_MAX, REQUEST_MAX, framed};
use crate::net::{self, Gateway, Limits, Standing};
use crate::nvme::{self, Drive, DriveName, HEALTH_LEN};
use crate::parcel::{receive, send};

/// Longest wait for a word.
pub const PATIENCE: Duration = Duration::from_millis(750);
/// Opening a drive or reading its page waits for the drive itself.
pub const DRIVE_PATIENCE: Duration = Duration::from_secs(10);

/// Asks `board-net`.
#[derive(Debug, Clone)]
pub struct NetClient {
    path: PathBuf,
}

impl NetClient {
    /// One that asks at `path`; nothing is opened yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { path }
    }

    /// Whether somebody may listen there.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// The limits of both neighbour tables.
    ///
    /// # Errors
    /// Every variant of [`Error`]; so for all verbs.
    pub fn thresholds(&self) -> Result<Vec<Limits>, Error> {
        match self.ask(&net::Request::Thresholds)? {
            net::Reply::Thresholds { tables } => Ok(tables),
            other => Err(unexpected(other)),
        }
    }

    /// Widens a table; in force when this returns, until the next boot.
    ///
    /// # Errors
    /// `Refused` with `Bounds` when it would narrow or pass the caps, `Early` within a second.
    pub fn widen(&self, limits: Limits) -> Result<(), Error> {
        self.done(&net::Request::Widen { limits }).map(drop)
    }

    /// Removes an interface's failed entries; how many.
    ///
    /// # Errors
    /// `Refused` with `Early` within ten seconds.
    pub fn flush_failed(&self, interface: u32) -> Result<u32, Error> {
        self.done(&net::Request::FlushFailed { interface })
    }

    /// The machine's gateways that are resolved.
    ///
    /// # Errors
    /// See [`Self::thresholds`].
    pub fn gateways(&self) -> Result<Vec<Standing>, Error> {
        match self.ask(&net::Request::Gateways)? {
            net::Reply::Gateways { gateways } => Ok(gateways),
            other => Err(unexpected(other)),
        }
    }

    /// Exempts a gateway from every collection.
    ///
    /// # Errors
    /// `Refused` with `NoGateway` when the kernel knows another hardware address by now.
    pub fn pin(&self, gateway: Gateway) -> Result<(), Error> {
        self.done(&net::Request::Pin { gateway }).map(drop)
    }

    /// Takes a pin back.
    ///
    /// # Errors
    /// See [`Self::pin`].
    pub fn unpin(&self, gateway: Gateway) -> Result<(), Error> {
        self.done(&net::Request::Unpin { gateway }).map(drop)
    }

    fn done(&self, request: &net::Request) -> Result<u32, Error> {
        match self.ask(request)? {
            net::Reply::Done { changed } => Ok(changed),
            other => Err(unexpected(other)),
        }
    }

    fn ask(&self, request: &net::Request) -> Result<net::Reply, Error> {
        let (reply, _none) = ask(&self.path, PATIENCE, request)?;
        match reply {
            net::Reply::Refused { why } => Err(why.into()),
            other => Ok(other),
        }
    }
}

/// Asks `board-nvme`.
#[derive(Debug, Clone)]
pub struct NvmeClient {
    path: PathBuf,
}

impl NvmeClient {
    /// One that asks at `path`; nothing is opened yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { path }
    }

    /// Whether somebody may listen there.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// The NVMe drives of this machine.
    ///
    /// # Errors
    /// Every variant of [`Error`]; so for all verbs.
    pub fn drives(&self) -> Result<Vec<Drive>, Error> {
        match self.ask(&nvme::Request::Drives)? {
            (nvme::Reply::Drives { drives }, _) => Ok(drives),
            _ => Err(Error::OutOfTurn),
        }
    }

    /// The health page of a claimed drive, as the drive gave it. Cost: one admin command.
    ///
    /// # Errors
    /// `Refused` with `NotClaimed`, `NoDrive`, or the kernel's number.
    pub fn health(&self, drive: DriveName) -> Result<[u8; HEALTH_LEN], Error> {
        drive.check()?;
        match self.ask(&nvme::Request::Health { drive })? {
            (nvme::Reply::Health { page }, _) => {
                let what = "health page";
                page.try_into().map_err(|_| Error::Encoding { what })
            }
            _ => Err(Error::OutOfTurn),
        }
    }

    /// A claimed drive, opened for direct reads and writes, nobody else's while it is open.
    ///
    /// # Errors
    /// As [`Self::health`]; `Kernel` with EBUSY while it is mounted or open elsewhere.
    pub fn open(&self, drive: DriveName) -> Result<OwnedFd, Error> {
        drive.check()?;
        match self.ask(&nvme::Request::Open { drive })? {
            (nvme::Reply::Opened, descriptor) => descriptor.ok_or(Error::NoDescriptor),
            _ => Err(Error::OutOfTurn),
        }
    }

    fn ask(&self, request: &nvme::Request) -> Result<(nvme::Reply, Option<OwnedFd>), Error> {
        let (reply, descriptor) = ask(&self.path, DRIVE_PATIENCE, request)?;
        match reply {
            nvme::Reply::Refused { why } => Err(why.into()),
            other => Ok((other, descriptor)),
        }
    }
}

fn unexpected(reply: net::Reply) -> Error {
    match reply {
        net::Reply::Refused { why } => why.into(),
        _ => Error::OutOfTurn,
    }
}

/// One question on a line of its own.
fn ask<Q, R>(path: &Path, patience: Duration, request: &Q) -> Result<(R, Option<OwnedFd>), Error>
where
    Q: Encode<()>,
    R: for<'b> Decode<'b, ()> + Encode<()>,
{
    let unreachable = |source| Error::Unreachable {
        path: path.to_path_buf(),
        source,
    };
    let line = UnixStream::connect(path).map_err(unreachable)?;
    line.set_write_timeout(Some(patience))?;
    send(&line, &framed(&to_bytes(request), REQUEST_MAX)?, None)?;
    let until = Instant::now() + patience;
    let mut inbox = Inbox::new(REPLY_MAX);
    let mut part = [0; 4096];
    let mut descriptor = None;
    loop {
        if let Some(body) = inbox.frame()? {
            return Ok((from_bytes("reply", &body)?, descriptor));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::from(io::ErrorKind::TimedOut).into());
        }
        line.set_read_timeout(Some(left))?;
        let room = inbox.room().min(part.len());
        let (len, beside) = receive(&line, part.get_mut(..room).unwrap_or_default())?;
        descriptor = descriptor.or(beside);
        if len == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        inbox.take(part.get(..len).unwrap_or_default());
    }
}
