//! Frames on a stream (docs/formats/wire.md): a u32 big-endian length, then that many bytes.
//! Length 0 is no frame; it says that this side is done, so that a clean end and a broken stream
//! are told apart on every transport (Yamux shows a reset to the reader as a plain end).
//!
//! Invariants: a length is compared with the bound before memory is taken for it, and memory
//! grows only as bytes arrive; a `recv` that is dropped half-way resumes where it stopped; a
//! `send` that is dropped half-way ends the stream, because its frame cannot be told from the
//! next. Dropping a conversation resets its stream.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use host_core::PeerId;
use host_core::limits;
use host_core::seams::{BoxFuture, Frames, LinkError};
use host_core::wire;

use crate::talk::Places;

/// Bytes of a frame's length.
const HEAD_LEN: usize = 4;
/// Bytes that are taken from a stream at once; memory for a frame grows in these steps.
const READ_LEN: usize = 64 * 1024;
/// Bytes of a frame's beginning that are copied behind its length, so that a small frame is one
/// write and a large one loses nothing: Yamux cuts writes at this length anyway.
const COALESCED_LEN: usize = 16 * 1024;
/// Major type of a CBOR byte string, in the top three bits: such a frame is a run of body.
const MAJOR_BYTES: u8 = 2;

/// One conversation over a stream `S`.
pub(crate) struct Conversation<S> {
    peer: PeerId,
    origin: Option<IpAddr>,
    stream: S,
    idle: Duration,
    reading: Reading,
    writing: Writing,
    /// Written, but perhaps still in a buffer.
    unflushed: bool,
    coalesced: Vec<u8>,
    _places: Places,
}

/// How far the next frame has come in.
struct Reading {
    head: [u8; HEAD_LEN],
    head_have: usize,
    body: BytesMut,
    body_have: usize,
    ended: bool,
}

/// Whether another frame may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    Between,
    Inside,
    Closed,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Conversation<S> {
    /// Wraps a negotiated stream. `idle` is the longest time without a byte moving.
    pub(crate) fn new(peer: PeerId, stream: S, idle: Duration, places: Places) -> Self {
        Self {
            peer,
            origin: None,
            stream,
            idle,
            reading: Reading {
                head: [0; HEAD_LEN],
                head_have: 0,
                body: BytesMut::new(),
                body_have: 0,
                ended: false,
            },
            writing: Writing::Between,
            unflushed: false,
            coalesced: Vec::new(),
            _places: places,
        }
    }

    /// The same, from a known address.
    pub(crate) fn from(mut self, origin: Option<IpAddr>) -> Self {
        self.origin = origin;
        self
    }

    fn broken(&self, why: impl ToString) -> LinkError {
        LinkError::Broken {
            peer: self.peer,
            why: why.to_string(),
        }
    }

    /// Turns the end of one stream operation into the conversation's words.
    fn moved<T>(&self, end: Option<io::Result<T>>) -> Result<T, LinkError> {
        match end {
            None => Err(LinkError::Silent {
                peer: self.peer,
                seconds: self.idle.as_secs(),
            }),
            Some(Err(err)) => Err(self.broken(err)),
            Some(Ok(value)) => Ok(value),
        }
    }

    /// The frame's length, once its four bytes are here; none at the end mark.
    async fn head(&mut self) -> Result<Option<usize>, LinkError> {
        while self.reading.head_have < HEAD_LEN {
            let wanted = self
                .reading
                .head
                .get_mut(self.reading.head_have..)
                .unwrap_or_default();
            let end = within(self.idle, self.stream.read(wanted)).await;
            match self.moved(end)? {
                0 => return Err(self.broken("ended without a word")),
                count => self.reading.head_have += count,
            }
        }
        let len = u32::from_be_bytes(self.reading.head);
        if len == 0 {
            self.reading.ended = true;
            return Ok(None);
        }
        match usize::try_from(len) {
            Ok(len) if len <= limits::FRAME_LEN_MAX => Ok(Some(len)),
            _ => Err(LinkError::Oversize {
                peer: self.peer,
                len: u64::from(len),
                bound: limits::FRAME_LEN_MAX as u64,
            }),
        }
    }

    /// The frame's bytes, read straight into the memory the caller gets.
    async fn rest(&mut self, len: usize) -> Result<Bytes, LinkError> {
        let Reading {
            body, body_have, ..
        } = &mut self.reading;
        // Takes back the last frame's memory when its reader is done with it.
        body.reserve(len.saturating_sub(body.len()));
        while *body_have < len {
            let upto = len.min(*body_have + READ_LEN);
            if body.len() < upto {
                body.resize(upto, 0);
            }
            let wanted = body.get_mut(*body_have..upto).unwrap_or_default();
            let end = within(self.idle, self.stream.read(wanted)).await;
            match end {
                Some(Ok(0)) => return Err(self.broken("ended inside a frame")),
                Some(Ok(count)) => *body_have += count,
                other => return self.moved(other).map(|_| Bytes::new()),
            }
        }
        self.reading.head_have = 0;
        self.reading.body_have = 0;
        Ok(self.reading.body.split_to(len).freeze())
    }

    async fn next(&mut self) -> Result<Option<Bytes>, LinkError> {
        if self.reading.ended {
            return Ok(None);
        }
        self.flush().await?;
        match self.head().await? {
            None => Ok(None),
            Some(len) => self.rest(len).await.map(Some),
        }
    }

    /// Pushes out what is still in a buffer. Body frames leave this to whatever comes next: the
    /// transport empties its buffers by itself, a flush only waits for that.
    async fn flush(&mut self) -> Result<(), LinkError> {
        if self.unflushed {
            let end = within(self.idle, self.stream.flush()).await;
            self.moved(end)?;
            self.unflushed = false;
        }
        Ok(())
    }

    async fn write(&mut self, mut first: &[u8], mut rest: &[u8]) -> Result<(), LinkError> {
        self.unflushed = true;
        while !first.is_empty() || !rest.is_empty() {
            let parts = [IoSlice::new(first), IoSlice::new(rest)];
            let parts = if first.is_empty() {
                parts.get(1..).unwrap_or_default()
            } else {
                &parts
            };
            let end = within(self.idle, self.stream.write_vectored(parts)).await;
            match self.moved(end)? {
                0 => return Err(self.broken("takes no more bytes")),
                count => {
                    let of_first = count.min(first.len());
                    first = first.get(of_first..).unwrap_or_default();
                    rest = rest.get(count - of_first..).unwrap_or_default();
                }
            }
        }
        Ok(())
    }

    /// Errors unless a frame may begin here.
    fn begin(&self) -> Result<(), LinkError> {
        match self.writing {
            Writing::Between => Ok(()),
            Writing::Inside => Err(self.broken("an earlier frame was cut short here")),
            Writing::Closed => Err(self.broken("already closed on this side")),
        }
    }

    async fn put(&mut self, frame: Bytes) -> Result<(), LinkError> {
        self.frame(&[], &frame).await?;
        if frame.first().is_some_and(|head| head >> 5 != MAJOR_BYTES) {
            self.flush().await?;
        }
        Ok(())
    }

    async fn put_body(&mut self, run: &[u8]) -> Result<(), LinkError> {
        let head = wire::body_head(run.len()).map_err(|err| self.broken(err))?;
        self.frame(&head, run).await
    }

    /// Writes one frame of `head` and `rest`, from where they lie but for its beginning.
    async fn frame(&mut self, head: &[u8], rest: &[u8]) -> Result<(), LinkError> {
        self.begin()?;
        let whole = head.len() + rest.len();
        let len = match u32::try_from(whole) {
            Ok(len) if len > 0 && whole <= limits::FRAME_LEN_MAX => len,
            _ if whole == 0 => return Err(self.broken("an empty frame is no frame")),
            _ => {
                return Err(LinkError::Oversize {
                    peer: self.peer,
                    len: whole as u64,
                    bound: limits::FRAME_LEN_MAX as u64,
                });
            }
        };
        let room = COALESCED_LEN - HEAD_LEN - head.len();
        let (copied, rest) = rest.split_at(rest.len().min(room));
        let mut first = std::mem::take(&mut self.coalesced);
        first.clear();
        first.extend_from_slice(&len.to_be_bytes());
        first.extend_from_slice(head);
        first.extend_from_slice(copied);
        self.writing = Writing::Inside;
        self.write(&first, rest).await?;
        self.writing = Writing::Between;
        self.coalesced = first;
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), LinkError> {
        if self.writing == Writing::Closed {
            return Ok(());
        }
        self.begin()?;
        self.writing = Writing::Inside;
        self.write(&0u32.to_be_bytes(), &[]).await?;
        self.flush().await?;
        let end = within(self.idle, self.stream.close()).await;
        self.moved(end)?;
        self.writing = Writing::Closed;
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Frames for Conversation<S> {
    fn peer(&self) -> PeerId {
        self.peer
    }

    fn origin(&self) -> Option<IpAddr> {
        self.origin
    }

    fn send(&mut self, frame: Bytes) -> BoxFuture<'_, Result<(), LinkError>> {
        Box::pin(self.put(frame))
    }

    fn send_body<'a>(&'a mut self, run: &'a [u8]) -> BoxFuture<'a, Result<(), LinkError>> {
        Box::pin(self.put_body(run))
    }

    fn recv(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, LinkError>> {
        Box::pin(self.next())
    }

    fn close(&mut self) -> BoxFuture<'_, Result<(), LinkError>> {
        Box::pin(self.finish())
    }
}

/// The result of `work`, or none when it takes longer than `span`.
async fn within<F: Future>(span: Duration, work: F) -> Option<F::Output> {
    tokio::time::timeout(span, work).await.ok()
}

#[cfg(test)]
mod tests;
