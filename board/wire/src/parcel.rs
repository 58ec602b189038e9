//! Bytes with a descriptor beside them, and who stands at the other end of a line.
//!
//! Invariants: at most one descriptor goes with a frame, and it is closed on exec; more than one
//! are dropped by the kernel before we see them.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg, sockopt,
};

/// The user at the other end, as the kernel noted it when the line was made.
///
/// # Errors
/// The system's, when this is no unix socket.
pub fn user_of(line: &UnixStream) -> io::Result<u32> {
    let credentials = sockopt::socket_peercred(line)?;
    Ok(credentials.uid.as_raw())
}

/// Sends one frame whole, with `descriptor` beside its first byte. Never blocks longer than the
/// line's own write timeout; a line that takes only a part is broken.
///
/// # Errors
/// The system's, or `WriteZero` after a part.
pub fn send(line: &UnixStream, frame: &[u8], descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let held = descriptor.map(|descriptor| [descriptor]);
    if let Some(held) = &held {
        let fits = beside.push(SendAncillaryMessage::ScmRights(held));
        debug_assert!(fits, "the space is for one");
    }
    let flags = SendFlags::NOSIGNAL;
    let sent = sendmsg(line.as_fd(), &[IoSlice::new(frame)], &mut beside, flags)?;
    if sent == frame.len() {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

/// Receives up to `into.len()` bytes and the descriptor beside them, if any.
pub(crate) fn receive(line: &UnixStream, into: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(
        line.as_fd(),
        &mut [IoSliceMut::new(into)],
        &mut beside,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let mut found = None;
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            found = found.or(descriptors.last());
        }
    }
    Ok((got.bytes, found))
}
