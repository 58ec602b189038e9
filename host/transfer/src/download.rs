//! A shard, or a run of whole 64 KiB units of it, leaves a host. The list of unit roots must hash
//! up to the shard id before a byte is taken, and each unit must match its root before it is
//! handed on: a lying host is found at its first wrong unit.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::{DownloadReply, DownloadRequest, Frame, Protocol, ReadPayer};
use host_core::{Digest32, ShardId, limits};

use crate::error::Error;
use crate::link::Link;

/// Verified units, in order.
pub struct DownloadStream {
    link: Link,
    shard_len: u64,
    units: Vec<Digest32>,
    next: u64,
    end: u64,
    pending: BytesMut,
}

const UNIT: u64 = limits::UNIT_LEN as u64;

/// Asks `to` for bytes `offset..offset + len` of a shard of `shard_len` bytes. `offset` is a
/// multiple of 64 KiB; `len` reaches a multiple of 64 KiB or the shard's end.
/// Errors: link, refusal, `Unpaid` where reads cost, or a unit list that does not hash to the
/// shard id.
pub async fn open(
    peers: &dyn Peers,
    to: &PeerAddr,
    shard: &ShardId,
    shard_len: u64,
    offset: u64,
    len: u64,
) -> Result<DownloadStream, Error> {
    open_paid(
        peers,
        to,
        shard,
        shard_len,
        offset..offset.saturating_add(len),
        None,
    )
    .await
}

/// As `open`, for bytes `run`, on the account of a payer.
pub async fn open_paid(
    peers: &dyn Peers,
    to: &PeerAddr,
    shard: &ShardId,
    shard_len: u64,
    run: Range<u64>,
    payer: Option<ReadPayer>,
) -> Result<DownloadStream, Error> {
    let (offset, len) = (run.start, run.end.saturating_sub(run.start));
    let mut link = Link::open(peers, to, Protocol::Download).await?;
    link.say(&DownloadRequest {
        shard: *shard,
        offset,
        len,
        payer,
    })
    .await?;
    match link.hear("waiting for the unit roots").await? {
        DownloadReply::Ready {
            shard_len: stated,
            units,
        } => {
            let count = u64::try_from(units.len()).unwrap_or(u64::MAX);
            let sound =
                stated == shard_len && host_proof::check_units(shard, shard_len, &units).is_ok();
            if !sound {
                return Err(Error::Bytes {
                    peer: to.peer,
                    unit: count,
                });
            }
            let end = offset.saturating_add(len).div_ceil(UNIT);
            let next = offset / UNIT;
            Ok(DownloadStream {
                link,
                shard_len,
                units,
                next,
                end,
                pending: BytesMut::new(),
            })
        }
        DownloadReply::Refused(refusal) => Err(link.refused(refusal)),
        DownloadReply::Pay { price, needs } => Err(Error::Unpaid {
            peer: to.peer,
            price,
            needs,
        }),
        DownloadReply::End => Err(link.turn("waiting for the unit roots")),
    }
}

impl DownloadStream {
    /// The next verified unit (64 KiB, the shard's last one possibly shorter), or none when every
    /// asked byte was handed on.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if self.next >= self.end {
            return Ok(None);
        }
        let start = self.next * UNIT;
        let want = usize::try_from(UNIT.min(self.shard_len.saturating_sub(start)))
            .expect("a unit fits memory");
        while self.pending.len() < want {
            self.fill().await?;
        }
        let unit = self.pending.split_to(want).freeze();
        let index = usize::try_from(self.next).expect("units of one shard fit memory");
        host_proof::check_unit(self.shard_len, &self.units, index, &unit).map_err(|_| {
            Error::Bytes {
                peer: self.link.peer(),
                unit: self.next,
            }
        })?;
        self.next += 1;
        Ok(Some(unit))
    }

    async fn fill(&mut self) -> Result<(), Error> {
        match self.link.frame("receiving the body").await? {
            Frame::Body(run) => self.pending.extend_from_slice(&run),
            Frame::Message(bytes) => match self.link.read("receiving the body", &bytes)? {
                DownloadReply::Refused(refusal) => return Err(self.link.refused(refusal)),
                _ => return Err(self.link.turn("receiving the body")),
            },
        }
        Ok(())
    }
}
