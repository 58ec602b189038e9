//! The conversation with the kernel: one netlink socket, two questions.
//!
//! Enters: nothing but the kernel's replies. Leaves: [`Sample`]. Needs no privilege, works in any
//! network namespace. Invariants: a receive waits at most [`PATIENCE_MS`], a reply is at most
//! [`REPLY_MAX`] bytes, datagrams of other senders than the kernel are passed over; after any error
//! the socket is opened anew, so that a late reply is never taken for the next one (replies are
//! numbered besides).

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use nix::sys::socket::sockopt::{RcvBuf, ReceiveTimeout};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, sendto,
    setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::sample::{Drops, OwnEntries, Sample};
use super::wire::{Ask, Message, messages, request};
use crate::Error;

/// The kernel answers a dump at once; a second of silence is an answer that was lost.
const PATIENCE_MS: i64 = 1_000;
/// A dump of 65536 entries, the widest table we recommend, is about 8 MiB a family.
const REPLY_MAX: usize = 32 << 20;
/// The kernel fills at most 32 KiB a datagram of a dump.
const DATAGRAM: usize = 32 << 10;

/// Reads the tables. One socket, kept open.
#[derive(Debug)]
pub struct Sampler {
    socket: Option<OwnedFd>,
    buffer: Vec<u8>,
    sequence: u32,
    snmp: PathBuf,
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new()
    }
}

impl Sampler {
    /// A sampler of the namespace of the calling thread; the socket opens at the first look.
    #[must_use]
    pub fn new() -> Self {
        Self {
            socket: None,
            buffer: vec![0; DATAGRAM],
            sequence: 0,
            snmp: PathBuf::from("/proc/thread-self/net/snmp"),
        }
    }

    /// Looks at the tables; `entries` also counts the entries of our own namespace, which costs
    /// about a microsecond each.
    ///
    /// # Errors
    /// `Netlink` when the kernel refuses or stays silent, `NetlinkEndless` and `NoTables` when it
    /// says something else than it has said since 2.6. Drops that cannot be read are absent.
    pub fn look(&mut self, entries: bool) -> Result<Sample, Error> {
        let looked = self.ask_all(entries);
        if looked.is_err() {
            self.socket = None;
        }
        looked
    }

    fn ask_all(&mut self, entries: bool) -> Result<Sample, Error> {
        let mut sample = Sample::default();
        self.ask(Ask::Tables, |message| {
            if let Message::Table(table) = message
                && let Some(place) = sample.tables.get_mut(table.family.index())
            {
                *place = Some(table);
            }
        })?;
        if sample.tables.iter().all(Option::is_none) {
            return Err(Error::NoTables);
        }
        if entries {
            let mut own = OwnEntries::default();
            self.ask(Ask::Entries, |message| {
                if let Message::Entry(entry) = message {
                    own.add(entry);
                }
            })?;
            sample.own = Some(own.sorted());
        }
        sample.drops = fs::read_to_string(&self.snmp)
            .ok()
            .and_then(|text| Drops::parse(&text));
        Ok(sample)
    }

    fn ask(&mut self, ask: Ask, mut take: impl FnMut(Message)) -> Result<(), Error> {
        self.sequence = self.sequence.wrapping_add(1);
        let Self {
            socket,
            buffer,
            sequence,
            ..
        } = self;
        let socket = match socket {
            Some(socket) => socket,
            None => socket.insert(open()?),
        };
        let kernel = NetlinkAddr::new(0, 0);
        let flags = MsgFlags::MSG_DONTWAIT;
        let fd = socket.as_raw_fd();
        sendto(fd, &request(ask, *sequence), &kernel, flags).map_err(refused("send"))?;
        let mut bytes = 0;
        while bytes < REPLY_MAX {
            let (len, sender) = recvfrom::<NetlinkAddr>(fd, buffer).map_err(refused("receive"))?;
            bytes += len.max(1);
            if sender.is_none_or(|sender| sender.pid() != 0) {
                continue;
            }
            for message in messages(buffer.get(..len).unwrap_or_default(), *sequence) {
                match message {
                    Message::Done => return Ok(()),
                    Message::Refused(code) => {
                        let source = io::Error::from_raw_os_error(code);
                        return Err(Error::Netlink {
                            step: "dump",
                            source,
                        });
                    }
                    other => take(other),
                }
            }
        }
        Err(Error::NetlinkEndless { bytes })
    }
}

fn open() -> Result<OwnedFd, Error> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )
    .map_err(refused("open"))?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0)).map_err(refused("bind"))?;
    let patience = TimeVal::milliseconds(PATIENCE_MS);
    setsockopt(&socket, ReceiveTimeout, &patience).map_err(refused("timeout"))?;
    setsockopt(&socket, RcvBuf, &(256 << 10)).map_err(refused("buffer"))?;
    Ok(socket)
}

fn refused(step: &'static str) -> impl Fn(nix::Error) -> Error {
    move |errno| Error::Netlink {
        step,
        source: io::Error::from_raw_os_error(errno as i32),
    }
}

#[cfg(test)]
mod tests;
