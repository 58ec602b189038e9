//! The shards of one segment: names always, bytes when somebody must send them. A put codes a
//! segment before it is sent; a lease of what hosts keep already reads and codes the file only
//! for a segment some host has lost.

use std::io::{Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use host_core::ShardId;
use host_core::object::Segment;
use tokio::sync::OnceCell;

use super::{Put, file_error, read_run};
use crate::cipher::Cipher;
use crate::encode::{self, Coded};
use crate::error::Error;
use crate::progress::Phase;

/// Where a segment's plaintext is, and how it is sealed.
pub(super) struct Origin {
    pub(super) path: PathBuf,
    /// First byte in the file.
    pub(super) offset: u64,
    /// Bytes to read.
    pub(super) len: usize,
    /// None for open data.
    pub(super) cipher: Option<Arc<Cipher>>,
    /// Number of the first chunk.
    pub(super) first: u32,
    /// Whether the object ends with this segment.
    pub(super) last: bool,
}

/// One segment's shards.
pub(super) struct Body {
    pub(super) segment: u32,
    pub(super) ids: Vec<ShardId>,
    pub(super) shard_len: u64,
    bytes: OnceCell<Vec<Vec<u8>>>,
    origin: Option<Origin>,
}

impl Body {
    /// A coded segment.
    pub(super) fn coded(segment: u32, coded: Coded) -> Self {
        let (ids, bytes): (_, Vec<Vec<u8>>) = coded.shards.into_iter().unzip();
        let shard_len = bytes.first().map_or(0, Vec::len);
        Self {
            segment,
            ids,
            shard_len: u64::try_from(shard_len).unwrap_or(0),
            bytes: OnceCell::new_with(Some(bytes)),
            origin: None,
        }
    }

    /// A segment known by its names, coded when its bytes are asked for.
    pub(super) fn named(segment: u32, known: &Segment, shard_len: u64, origin: Origin) -> Self {
        Self {
            segment,
            ids: known.shards.clone(),
            shard_len,
            bytes: OnceCell::new(),
            origin: Some(origin),
        }
    }
}

impl Put<'_> {
    /// Bytes of one shard; may read and code the segment. Errors when the file is no longer what
    /// the object was made of.
    pub(super) async fn bytes<'b>(&self, body: &'b Body, index: u16) -> Result<&'b [u8], Error> {
        let all = body.bytes.get_or_try_init(|| self.code_again(body)).await?;
        let one = all.get(usize::from(index)).ok_or(Error::Worker)?;
        Ok(one)
    }

    async fn code_again(&self, body: &Body) -> Result<Vec<Vec<u8>>, Error> {
        let origin = body.origin.as_ref().ok_or(Error::Worker)?;
        let mut file = std::fs::File::open(&origin.path).map_err(file_error(&origin.path))?;
        file.seek(SeekFrom::Start(origin.offset))
            .map_err(file_error(&origin.path))?;
        let run = read_run(&mut file, origin.len, &origin.path)?;
        let (cipher, first, last) = (origin.cipher.clone(), origin.first, origin.last);
        let coded = self.code(cipher, first, last, run).await?;
        let (ids, bytes): (Vec<ShardId>, _) = coded.shards.into_iter().unzip();
        if ids != body.ids {
            return Err(Error::Changed {
                path: origin.path.display().to_string(),
            });
        }
        Ok(bytes)
    }

    /// Seals and codes one segment's plaintext on a blocking thread.
    pub(super) async fn code(
        &self,
        cipher: Option<Arc<Cipher>>,
        first: u32,
        last: bool,
        run: Vec<u8>,
    ) -> Result<Coded, Error> {
        let geometry = self.geometry;
        let phases = Arc::clone(&self.phases);
        let work = move || {
            let sealed = match cipher {
                Some(cipher) => encode::seal(&cipher, first, last, &run),
                None => run,
            };
            encode::code(&geometry, &sealed)
        };
        let inner = &self.renter.inner;
        inner
            .apart(move || phases.time(Phase::Encode, work))
            .await?
    }
}
