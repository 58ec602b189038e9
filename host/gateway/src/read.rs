//! Bytes of an entry, from the cache or from the hosts: every unit is verified against its
//! shard's root, and opened with its key, before it enters the pipe.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use host_release::{CarStream, FileLine, Unpacker, unpack};

use crate::body::{Body, Pipe, pipe};
use crate::error::Error;
use crate::gateway::Gateway;
use crate::pack::{self, TAG_LEN};
use crate::rows::Piece;
use crate::shown::Shown;

/// Longest piece read and kept whole.
const WHOLE_LEN: u64 = 1 << 20;

/// Collects what a get writes.
#[derive(Clone, Default)]
struct Basin(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Basin {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut held = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The parts of some pieces that a range of the whole covers.
pub(crate) fn cut(pieces: &[Piece], range: &Range<u64>) -> Vec<(Piece, Range<u64>)> {
    let mut at = 0;
    let mut parts = Vec::new();
    for piece in pieces {
        let (start, end) = (at, at + piece.len);
        at = end;
        let from = range.start.max(start);
        let until = range.end.min(end);
        if from < until {
            parts.push((piece.clone(), from - start..until - start));
        }
    }
    parts
}

fn not_read(why: std::io::Error) -> Error {
    Error::NotRead {
        why: why.to_string(),
    }
}

impl Gateway {
    /// Bytes `range` of some pieces as a body; its first run is there. Errors: what kept it away.
    pub(crate) async fn read(&self, pieces: &[Piece], range: Range<u64>) -> Result<Body, Error> {
        let parts = cut(pieces, &range);
        let (pipe, body) = pipe();
        let turn = std::sync::Arc::clone(&self.inner.streams);
        let turn = turn.acquire_owned().await.map_err(|_| Error::Worker)?;
        let gateway = self.clone();
        tokio::spawn(async move {
            let _turn = turn;
            for (piece, part) in parts {
                if let Err(error) = gateway.send(&piece, part, &pipe).await {
                    tracing::debug!(object = %piece.object, err = %error, "body ends early");
                    pipe.fail(error.to_string()).await;
                    return;
                }
            }
        });
        body.begin().await.map_err(not_read)
    }

    /// Bytes `range` of a packed file of `len` bytes, whose frame is `piece`; its first run is
    /// there. Cost: the whole frame is read, and opened up to the range's end. Errors: what kept it
    /// away.
    pub(crate) async fn read_packed(
        &self,
        piece: &Piece,
        len: u64,
        range: Range<u64>,
    ) -> Result<Body, Error> {
        let (pipe, body) = pipe();
        let turn = std::sync::Arc::clone(&self.inner.streams);
        let turn = turn.acquire_owned().await.map_err(|_| Error::Worker)?;
        let opened = Unpacker::new(pipe.clone(), len, range).map_err(not_read)?;
        let (gateway, piece) = (self.clone(), piece.clone());
        tokio::spawn(async move {
            let _turn = turn;
            let frame = piece.offset..piece.offset + piece.len;
            let sent = gateway.fetch(piece.object, frame, Box::new(opened)).await;
            if let Err(error) = sent {
                tracing::debug!(object = %piece.object, err = %error, "body ends early");
                pipe.fail(error.to_string()).await;
            }
        });
        body.begin().await.map_err(not_read)
    }

    /// The CAR of a release whose manifest names its root; its first run is there. A tree that is
    /// not the manifest's is cut off before its end. Errors: what kept it away.
    pub(crate) async fn read_car(&self, shown: Arc<Shown>) -> Result<Body, Error> {
        let (pipe, body) = pipe();
        let turn = Arc::clone(&self.inner.streams).acquire_owned().await;
        let turn = turn.map_err(|_| Error::Worker)?;
        let gateway = self.clone();
        tokio::spawn(async move {
            let _turn = turn;
            if let Err(error) = gateway.send_car(&shown, pipe.clone()).await {
                tracing::debug!(object = %shown.tree, err = %error, "archive ends early");
                pipe.fail(error.to_string()).await;
            }
        });
        body.begin().await.map_err(not_read)
    }

    async fn send_car(&self, shown: &Arc<Shown>, pipe: Pipe) -> Result<(), Error> {
        let (of, tree) = (Arc::clone(shown), shown.tree);
        // It writes at once, and the pipe is written to from threads for blocking work.
        let begun = tokio::task::spawn_blocking(move || CarStream::begin(pipe, &of.manifest));
        let stream = begun.await.map_err(|_| Error::Worker)?.map_err(not_read)?;
        match shown.manifest.files.iter().map(FileLine::held).sum() {
            0 => Ok(()),
            len => self.fetch(tree, 0..len, Box::new(stream)).await,
        }
    }

    /// A small packed file, whole.
    pub(crate) async fn unpacked(&self, piece: &Piece, len: u64) -> Result<Bytes, Error> {
        let run = (piece.object, piece.offset);
        if let Some(bytes) = self.inner.cache.get(&run) {
            return Ok(bytes);
        }
        let frame = piece.offset..piece.offset + piece.len;
        let frame = self.stored(piece, frame).await?;
        let bytes = Bytes::from(unpack(&frame, len).map_err(not_read)?);
        self.inner.cache.keep(run, bytes.clone());
        Ok(bytes)
    }

    async fn send(&self, piece: &Piece, part: Range<u64>, pipe: &Pipe) -> Result<(), Error> {
        if piece.key.is_some() || piece.len <= WHOLE_LEN {
            let whole = self.whole(piece).await?;
            let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            let end = place(part.end).min(whole.len());
            let run = whole.slice(place(part.start).min(end)..end);
            return pipe.give(run).await.map_err(|why| Error::Body {
                why: why.to_string(),
            });
        }
        let range = piece.offset + part.start..piece.offset + part.end;
        let out = Box::new(pipe.clone());
        self.fetch(piece.object, range, out).await
    }

    /// A small piece, whole; from the cache where it was had lately.
    pub(crate) async fn whole(&self, piece: &Piece) -> Result<Bytes, Error> {
        let run = (piece.object, piece.offset);
        if let Some(bytes) = self.inner.cache.get(&run) {
            return Ok(bytes);
        }
        let tag = piece.key.as_ref().map_or(0, |_| TAG_LEN);
        let range = piece.offset..piece.offset + piece.len + tag;
        let bytes = self.stored(piece, range).await?;
        let bytes = match &piece.key {
            Some(_) => pack::open(piece, bytes)?,
            None => bytes.into(),
        };
        self.inner.cache.keep(run, bytes.clone());
        Ok(bytes)
    }

    /// A run of a shared object as it is there, sealed; opened once, so that a broken one is not
    /// carried on.
    pub(crate) async fn sealed(&self, piece: &Piece) -> Result<Vec<u8>, Error> {
        let range = piece.offset..piece.offset + piece.len + TAG_LEN;
        let sealed = self.stored(piece, range).await?;
        pack::open(piece, sealed.clone())?;
        Ok(sealed)
    }

    /// Bytes of a stored object, in memory.
    pub(crate) async fn stored(&self, piece: &Piece, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let basin = Basin::default();
        let out = Box::new(basin.clone());
        self.fetch(piece.object, range, out).await?;
        let mut held = basin
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(std::mem::take(&mut *held))
    }
}

#[cfg(test)]
mod tests;
