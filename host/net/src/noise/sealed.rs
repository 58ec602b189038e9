//! An encrypted stream after the handshake: frames of a u16 length and that many bytes of
//! ciphertext.
//!
//! Invariants: plaintext is given only after its whole frame was authenticated; what was accepted
//! is written whole and in order; a broken frame ends the stream. One frame is buffered each way.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{AsyncRead, AsyncWrite};
use snow::TransportState;

use super::failed;

/// Bytes of a frame's length.
const HEAD_LEN: usize = 2;
/// Bytes of the authentication of a frame.
const TAG_LEN: usize = 16;
/// Plaintext of one frame: what libp2p's own readers take.
const CHUNK: usize = 64_511;

/// A socket under a Noise session.
pub(crate) struct Sealed<T> {
    io: T,
    state: TransportState,
    /// The frame being read, head included, and how much of it is there.
    incoming: Vec<u8>,
    have: usize,
    /// Plaintext not yet given away.
    plain: Vec<u8>,
    given: usize,
    /// Plaintext accepted and not yet sealed.
    accepted: Vec<u8>,
    /// A sealed frame being written, and how much of it is gone.
    outgoing: Vec<u8>,
    gone: usize,
}

impl<T> Sealed<T> {
    pub(super) fn new(io: T, state: TransportState) -> Self {
        Self {
            io,
            state,
            incoming: vec![0; HEAD_LEN],
            have: 0,
            plain: Vec::new(),
            given: 0,
            accepted: Vec::new(),
            outgoing: Vec::new(),
            gone: 0,
        }
    }
}

impl<T: AsyncRead + Unpin> Sealed<T> {
    /// Reads the rest of what `incoming` has room for; false at an end between two frames.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        while self.have < self.incoming.len() {
            let room = self.incoming.get_mut(self.have..).unwrap_or(&mut []);
            match ready!(Pin::new(&mut self.io).poll_read(cx, room))? {
                0 if self.have == 0 => return Poll::Ready(Ok(false)),
                0 => return Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
                len => self.have += len,
            }
        }
        Poll::Ready(Ok(true))
    }

    /// Reads and opens one frame; false at the end.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            if !ready!(self.poll_fill(cx))? {
                return Poll::Ready(Ok(false));
            }
            let head = self.incoming.first_chunk::<HEAD_LEN>().copied();
            let len = usize::from(u16::from_be_bytes(head.unwrap_or_default()));
            let whole = HEAD_LEN + len;
            if self.incoming.len() < whole {
                self.incoming.resize(whole, 0);
                continue;
            }
            let body = self.incoming.get(HEAD_LEN..).unwrap_or(&[]);
            self.plain.resize(len, 0);
            let opened = self.state.read_message(body, &mut self.plain);
            self.plain.truncate(opened.map_err(failed)?);
            self.given = 0;
            self.incoming.truncate(HEAD_LEN);
            self.have = 0;
            return Poll::Ready(Ok(true));
        }
    }
}

impl<T: AsyncWrite + Unpin> Sealed<T> {
    /// Writes the sealed frame out.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.gone < self.outgoing.len() {
            let rest = self.outgoing.get(self.gone..).unwrap_or(&[]);
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                len => self.gone += len,
            }
        }
        self.outgoing.clear();
        self.gone = 0;
        Poll::Ready(Ok(()))
    }

    /// Seals what was accepted, once the frame before is out.
    fn poll_seal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        if self.accepted.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let len = self.accepted.len() + TAG_LEN;
        self.outgoing.resize(HEAD_LEN + len, 0);
        let head = u16::try_from(len).map_err(io::Error::other)?.to_be_bytes();
        if let Some((first, body)) = self.outgoing.split_first_chunk_mut::<HEAD_LEN>() {
            *first = head;
            let sealed = self.state.write_message(&self.accepted, body);
            sealed.map_err(failed)?;
        }
        self.accepted.clear();
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Sealed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        while self.given >= self.plain.len() {
            if !ready!(self.poll_frame(cx))? {
                return Poll::Ready(Ok(0));
            }
        }
        let rest = self.plain.get(self.given..).unwrap_or(&[]);
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        self.given += len;
        Poll::Ready(Ok(len))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Sealed<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.accepted.len() >= CHUNK {
            ready!(self.poll_seal(cx))?;
        }
        let len = buffer.len().min(CHUNK - self.accepted.len());
        let taken = buffer.get(..len).unwrap_or(&[]);
        self.accepted.extend_from_slice(taken);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_seal(cx))?;
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.io).poll_close(cx)
    }
}
