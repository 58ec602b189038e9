//! rtnetlink, as far as `board-net` needs it: routes and neighbours of this namespace, and the
//! three changes.
//!
//! Enters: the kernel's replies. Leaves: [`Neighbour`], [`Hop`]; acts. Invariants: every read is
//! bounds-checked, a length that lies ends the walk; a reply is at most [`REPLY_MAX`] bytes and a
//! receive waits at most a second; after an error the socket is made anew. Layouts: rtnetlink(7),
//! linux/neighbour.h, linux/rtnetlink.h; integers in the machine's own order.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, sendto,
    setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};

mod words;

pub use words::{Hop, Neighbour};
use words::{Word, request, walk};

/// A dump of the widest table with every attribute.
const REPLY_MAX: usize = 32 << 20;
const DATAGRAM: usize = 32 << 10;
const PATIENCE_MS: i64 = 1_000;

/// What cannot be had from the kernel: its errno.
pub type Errno = i32;

/// The conversation.
#[derive(Debug, Default)]
pub struct Netlink {
    socket: Option<OwnedFd>,
    sequence: u32,
}

impl Netlink {
    /// The neighbours of this namespace.
    ///
    /// # Errors
    /// The kernel's.
    pub fn neighbours(&mut self) -> Result<Vec<Neighbour>, Errno> {
        let mut found = Vec::new();
        self.ask(words::GET_NEIGHBOURS, words::DUMP, &[0; 12], |word| {
            if let Word::Neighbour(neighbour) = word {
                found.push(neighbour);
            }
        })?;
        Ok(found)
    }

    /// The gateways that routes of this namespace lead over.
    ///
    /// # Errors
    /// The kernel's.
    pub fn hops(&mut self) -> Result<Vec<Hop>, Errno> {
        let mut found: Vec<Hop> = Vec::new();
        self.ask(words::GET_ROUTES, words::DUMP, &[0; 12], |word| {
            if let Word::Route(hops) = word {
                found.extend(hops);
            }
        })?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Sets a table's thresholds. Only in the machine's first namespace.
    ///
    /// # Errors
    /// The kernel's: ENOENT in another namespace, EPERM without CAP_NET_ADMIN.
    pub fn set_thresholds(&mut self, v6: bool, thresholds: [u32; 3]) -> Result<(), Errno> {
        let body = words::thresholds(v6, thresholds);
        self.act(words::SET_TABLE, words::REPLACE, &body)
    }

    /// Marks a resolved entry as externally learned, or takes the mark back.
    ///
    /// # Errors
    /// The kernel's.
    pub fn learn(
        &mut self,
        interface: u32,
        address: IpAddr,
        hardware: [u8; 6],
        learned: bool,
    ) -> Result<(), Errno> {
        let body = words::neighbour(interface, address, Some((hardware, learned)));
        self.act(words::NEW_NEIGHBOUR, words::REPLACE, &body)
    }

    /// Removes an entry.
    ///
    /// # Errors
    /// The kernel's: ENOENT when it is gone.
    pub fn remove(&mut self, interface: u32, address: IpAddr) -> Result<(), Errno> {
        let body = words::neighbour(interface, address, None);
        self.act(words::DELETE_NEIGHBOUR, 0, &body)
    }

    fn act(&mut self, kind: u16, flags: u16, body: &[u8]) -> Result<(), Errno> {
        self.ask(kind, flags | words::ACKNOWLEDGE, body, |_| {})
    }

    fn ask(
        &mut self,
        kind: u16,
        flags: u16,
        body: &[u8],
        take: impl FnMut(Word),
    ) -> Result<(), Errno> {
        let done = self.converse(kind, flags, body, take);
        match done {
            // A refusal ends the reply; anything else leaves the socket in the middle of one.
            Ok(told) => told,
            Err(errno) => {
                self.socket = None;
                Err(errno)
            }
        }
    }

    fn converse(
        &mut self,
        kind: u16,
        flags: u16,
        body: &[u8],
        mut take: impl FnMut(Word),
    ) -> Result<Result<(), Errno>, Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let socket = match &mut self.socket {
            Some(socket) => socket,
            none => none.insert(open().map_err(|errno| errno as i32)?),
        };
        let fd = socket.as_raw_fd();
        let kernel = NetlinkAddr::new(0, 0);
        let asked = request(kind, flags, sequence, body);
        sendto(fd, &asked, &kernel, MsgFlags::MSG_DONTWAIT).map_err(|errno| errno as i32)?;
        let mut buffer = vec![0; DATAGRAM];
        let mut bytes = 0;
        while bytes < REPLY_MAX {
            let got = recvfrom::<NetlinkAddr>(fd, &mut buffer).map_err(|errno| errno as i32)?;
            let (len, sender) = got;
            bytes += len.max(1);
            if sender.is_none_or(|sender| sender.pid() != 0) {
                continue;
            }
            for word in walk(buffer.get(..len).unwrap_or_default(), sequence) {
                match word {
                    Word::Done | Word::Answer(0) => return Ok(Ok(())),
                    Word::Answer(errno) => return Ok(Err(errno)),
                    other => take(other),
                }
            }
        }
        Err(libc::EMSGSIZE)
    }
}

fn open() -> Result<OwnedFd, nix::Error> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    setsockopt(&socket, ReceiveTimeout, &TimeVal::milliseconds(PATIENCE_MS))?;
    Ok(socket)
}
