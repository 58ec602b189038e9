//! Writing: a shard enters a reserved extent.
//!
//! Order: body runs as they fill, two in flight at most; the name is checked; footer; header
//! last; flush. Nothing of it is a stored shard before the ledger's commit of `Sealed::fact`.
//! Every device write is owned by the writer until it completes, so a writer that is dropped in
//! the middle leaves its run reserved until the device has let go of it.

use std::sync::Arc;
use std::task::Poll;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, future};
use host_core::limits::{EXTENT_HEADER_LEN, WRITES_IN_FLIGHT};
use host_core::seams::{Device, DeviceError};
use host_core::{AgreementDigest, Digest32, ShardId};
use host_ledger::{Fact, PlacementRow};
use host_proof::TreeBuilder;

use crate::error::Error;
use crate::extent::Header;
use crate::layout::Parts;
use crate::space::Reservation;
use crate::volume::{Mover, Volume};

type Write<D> = BoxFuture<'static, (<D as Device>::Buf, Result<(), DeviceError>)>;

/// A run being filled.
struct Filling<B> {
    buf: B,
    filled: usize,
}

/// A shard under way.
pub struct Writer<D: Device> {
    mover: Option<Mover<D>>,
    reservation: Option<Reservation>,
    parts: Parts,
    offset: u64,
    expected: ShardId,
    tree: TreeBuilder,
    /// Body bytes handed to the device or its queue, padding included.
    written: u64,
    filling: Option<Filling<D::Buf>>,
    spare: Option<D::Buf>,
    in_flight: FuturesUnordered<Write<D>>,
}

impl<D: Device> Writer<D> {
    pub(crate) fn new(volume: Arc<Volume<D>>, reservation: Reservation, expected: ShardId) -> Self {
        Self {
            mover: Some(Mover::new(volume)),
            parts: reservation.parts(),
            offset: reservation.extent().offset,
            reservation: Some(reservation),
            expected,
            tree: TreeBuilder::new(),
            written: 0,
            filling: None,
            spare: None,
            in_flight: FuturesUnordered::new(),
        }
    }

    /// Bytes appended so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.tree.len()
    }

    /// Whether nothing was appended yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    fn mover(&self) -> &Mover<D> {
        self.mover
            .as_ref()
            .expect("taken only when the writer is dropped")
    }

    /// Appends the shard's next bytes. Waits while two writes are in flight.
    /// Errors: BodyLen when more bytes come than were reserved; Device.
    pub async fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let have = self.tree.len().saturating_add(bytes.len() as u64);
        if have > self.parts.len {
            return Err(Error::BodyLen {
                need: self.parts.len,
                have,
            });
        }
        self.tree.push(bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut filling = match self.filling.take() {
                Some(filling) => filling,
                None => self.begin_run().await?,
            };
            let room = filling
                .buf
                .as_mut()
                .get_mut(filling.filled..)
                .unwrap_or_default();
            let (now, later) = rest.split_at(rest.len().min(room.len()));
            room.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
            filling.filled += now.len();
            rest = later;
            if filling.filled == filling.buf.as_ref().len() {
                self.write_run(filling).await?;
            } else {
                self.filling = Some(filling);
            }
        }
        Ok(())
    }

    /// Checks the name, writes footer and header, and flushes. Durability: when this answers,
    /// every byte of the extent is durable.
    /// Errors: BodyLen; RootMismatch; Device.
    pub async fn seal(
        mut self,
        agreement: AgreementDigest,
        end_epoch: u64,
    ) -> Result<Sealed, Error> {
        let (need, have) = (self.parts.len, self.tree.len());
        if need != have {
            return Err(Error::BodyLen { need, have });
        }
        let tree = std::mem::take(&mut self.tree).finish();
        let tree = tree.map_err(|_| Error::BodyLen { need, have })?;
        let found = tree.shard_id();
        if found != self.expected {
            return Err(Error::RootMismatch {
                promised: self.expected,
                found,
            });
        }
        if let Some(mut filling) = self.filling.take() {
            filling
                .buf
                .as_mut()
                .get_mut(filling.filled..)
                .unwrap_or_default()
                .fill(0);
            self.write_run(filling).await?;
        }
        self.write_footer(&tree.units).await?;
        self.settle(0).await?;
        self.write_header(agreement, end_epoch).await?;
        self.settle(0).await?;
        let volume = Arc::clone(self.mover().volume());
        volume.flush().await?;
        let reservation = self
            .reservation
            .take()
            .expect("taken only here and in drop");
        let row = PlacementRow {
            volume: volume.id,
            offset: self.offset,
            size: self.parts.size,
            len: self.parts.len,
        };
        Ok(Sealed {
            reservation: Some(reservation),
            shard: found,
            row,
        })
    }

    /// A buffer for the next body run.
    async fn begin_run(&mut self) -> Result<Filling<D::Buf>, Error> {
        let left = usize::try_from(self.parts.body_size - self.written).unwrap_or(usize::MAX);
        if let Some(buf) = self.spare.take().filter(|buf| buf.as_ref().len() <= left) {
            return Ok(Filling { buf, filled: 0 });
        }
        loop {
            match self.mover().buffer(left) {
                // The arena is all lent out: this writer's own writes give some back.
                Err(DeviceError::Buffers { .. }) if !self.in_flight.is_empty() => {
                    self.settle(self.in_flight.len() - 1).await?;
                    self.spare = None;
                }
                other => {
                    return Ok(Filling {
                        buf: other?,
                        filled: 0,
                    });
                }
            }
        }
    }

    async fn write_run(&mut self, filling: Filling<D::Buf>) -> Result<(), Error> {
        let at = self.parts.body + self.written;
        self.written += filling.buf.as_ref().len() as u64;
        self.write(at, filling.buf).await
    }

    /// Starts a write at `at` of the extent, once fewer than two are in flight.
    async fn write(&mut self, at: u64, buf: D::Buf) -> Result<(), Error> {
        self.settle(WRITES_IN_FLIGHT - 1).await?;
        let volume = Arc::clone(self.mover().volume());
        let offset = self.offset + at;
        self.in_flight
            .push(async move { volume.device.write(offset, buf).await }.boxed());
        // Polled once so that the device has it while the next run fills.
        let begun = future::poll_fn(|cx| match self.in_flight.poll_next_unpin(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => Poll::Ready(None),
        });
        match begun.await {
            Some((buf, done)) => self.done(buf, done),
            None => Ok(()),
        }
    }

    /// Waits until at most `count` writes are in flight.
    async fn settle(&mut self, count: usize) -> Result<(), Error> {
        while self.in_flight.len() > count {
            if let Some((buf, done)) = self.in_flight.next().await {
                self.done(buf, done)?;
            }
        }
        Ok(())
    }

    fn done(&mut self, buf: D::Buf, done: Result<(), DeviceError>) -> Result<(), Error> {
        done?;
        self.spare = Some(buf).filter(|buf| buf.as_ref().len() as u64 > EXTENT_HEADER_LEN);
        Ok(())
    }

    async fn write_footer(&mut self, units: &[Digest32]) -> Result<(), Error> {
        let len = usize::try_from(self.parts.footer_size).unwrap_or(usize::MAX);
        self.spare = None;
        let mut buf = self.mover().volume().device.buffer(len)?;
        buf.as_mut().fill(0);
        for (field, unit) in buf.as_mut().chunks_exact_mut(32).zip(units) {
            field.copy_from_slice(&unit.0);
        }
        self.write(self.parts.footer, buf).await
    }

    async fn write_header(
        &mut self,
        agreement: AgreementDigest,
        end_epoch: u64,
    ) -> Result<(), Error> {
        let volume = Arc::clone(self.mover().volume());
        let header = Header {
            volume: volume.id,
            offset: self.offset,
            agreement,
            shard: self.expected,
            len: self.parts.len,
            end_epoch,
        };
        let len = usize::try_from(EXTENT_HEADER_LEN).unwrap_or(usize::MAX);
        let mut buf = volume.device.buffer(len)?;
        header.encode(buf.as_mut());
        self.write(0, buf).await
    }
}

impl<D: Device> Drop for Writer<D> {
    fn drop(&mut self) {
        let Some(reservation) = self.reservation.take() else {
            return;
        };
        if self.in_flight.is_empty() {
            return;
        }
        let space = Arc::clone(reservation.space());
        let mut in_flight = std::mem::take(&mut self.in_flight);
        let mover = self.mover.take();
        let moving = async move {
            while in_flight.next().await.is_some() {}
            drop((reservation, mover));
        };
        space.abandon(moving.boxed());
    }
}

/// A shard whose bytes are durable and whose commit is still to come. Dropped without
/// `committed`, its run is given back once no commit that may name it can be under way.
pub struct Sealed {
    reservation: Option<Reservation>,
    shard: ShardId,
    row: PlacementRow,
}

impl Sealed {
    /// The fact to commit, in one set with the agreement's.
    #[must_use]
    pub const fn fact(&self, agreement: AgreementDigest) -> Fact {
        Fact::ShardPlaced {
            shard: self.shard,
            row: self.row,
            agreement,
        }
    }

    /// The fact to commit when the shard lay at `from` before.
    #[must_use]
    pub const fn moved(&self, from: PlacementRow) -> Fact {
        Fact::ShardMoved {
            shard: self.shard,
            from,
            to: self.row,
        }
    }

    /// Says that the fact was committed: the run is the shard's from now on.
    pub fn committed(mut self) {
        self.reservation = None;
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            reservation.unsettle();
        }
    }
}
