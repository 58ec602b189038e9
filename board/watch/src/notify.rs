//! systemd's notification datagrams, and the watchdog that is fed only while every loop moves.
//!
//! Enters: the values of NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID (read by the daemon, not
//! here), ticks, the monotonic clock. Leaves: datagrams. Invariant: no send waits; a late loop
//! withholds the food, so PID 1 ends a program whose heart alone still beats. Source: sd_notify(3).

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use std::time::Duration;

use crate::Error;
use crate::ticks::{Late, Ticks};

/// Longer words are cut; a status is one line for people.
const WORD_MAX: usize = 512;

/// The socket of the service's owner.
#[derive(Debug)]
pub struct Notify {
    socket: UnixDatagram,
    owner: SocketAddr,
}

impl Notify {
    /// Speaks to the socket that NOTIFY_SOCKET names: a path, or `@` and an abstract name.
    ///
    /// # Errors
    /// `NotifySocket` when it is neither, or no socket can be made.
    pub fn open(name: &OsStr) -> Result<Self, Error> {
        let refused = |source| Error::NotifySocket {
            path: PathBuf::from(name),
            source,
        };
        let owner = match name.as_bytes() {
            [b'@', rest @ ..] if !rest.is_empty() => SocketAddr::from_abstract_name(rest),
            [b'/', ..] => SocketAddr::from_pathname(name),
            _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        }
        .map_err(refused)?;
        let socket = UnixDatagram::unbound().map_err(refused)?;
        socket.set_nonblocking(true).map_err(refused)?;
        Ok(Self { socket, owner })
    }

    /// The service is up.
    ///
    /// # Errors
    /// `Notify` when nobody takes the datagram.
    pub fn ready(&self) -> Result<(), Error> {
        self.say("READY=1")
    }

    /// The service begins to stop.
    ///
    /// # Errors
    /// `Notify` when nobody takes the datagram.
    pub fn stopping(&self) -> Result<(), Error> {
        self.say("STOPPING=1")
    }

    /// One line for people; line breaks become spaces, since each line is an order of its own.
    ///
    /// # Errors
    /// `Notify` when nobody takes the datagram.
    pub fn status(&self, words: &str) -> Result<(), Error> {
        let line: String = words
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(WORD_MAX)
            .collect();
        self.say(&format!("STATUS={line}"))
    }

    fn say(&self, word: &str) -> Result<(), Error> {
        match self.socket.send_to_addr(word.as_bytes(), &self.owner) {
            Ok(_len) => Ok(()),
            Err(source) => Err(Error::Notify { source }),
        }
    }
}

/// How often PID 1 wants to be fed: the value of WATCHDOG_USEC, when WATCHDOG_PID is absent or
/// ours.
#[must_use]
pub fn watchdog_interval(usec: Option<&str>, pid: Option<&str>, own: u32) -> Option<Duration> {
    let ours = pid.is_none_or(|pid| pid.parse() == Ok(own));
    let usec: u64 = usec?.parse().ok()?;
    (ours && usec > 0).then(|| Duration::from_micros(usec))
}

/// What became of one chance to feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fed {
    /// Fed.
    Yes,
    /// It is not yet time.
    NotDue,
    /// These loops are late; nothing was said to PID 1.
    Withheld(Vec<Late>),
}

/// Feeds the watchdog at half of its interval.
#[derive(Debug)]
pub struct Watchdog {
    interval: Duration,
    fed: Option<Duration>,
}

impl Watchdog {
    /// A watchdog that PID 1 wants fed within `interval`.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self {
            interval,
            fed: None,
        }
    }

    /// Feeds when it is time and every loop ticked. Late loops are told at every call.
    ///
    /// # Errors
    /// `Notify` when nobody takes the datagram; the next call tries again.
    pub fn feed(&mut self, at: Duration, ticks: &Ticks, notify: &Notify) -> Result<Fed, Error> {
        let late = ticks.late(at);
        if !late.is_empty() {
            return Ok(Fed::Withheld(late));
        }
        let due = self
            .fed
            .is_none_or(|last| at < last || at - last >= self.interval / 2);
        if !due {
            return Ok(Fed::NotDue);
        }
        notify.say("WATCHDOG=1")?;
        self.fed = Some(at);
        Ok(Fed::Yes)
    }
}

#[cfg(test)]
mod tests;
