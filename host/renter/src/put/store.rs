//! The file, once through: read, hashed, sealed and coded a segment at a time while the segments
//! before are on their way. How many shards are in memory is bounded by `Room`; a slow host keeps
//! one shard's place, not the segments behind it.

use std::fs::File;
use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use host_core::object::Descriptor;
use sha2::{Digest, Sha256};

use super::body::{Body, Origin};
use super::early::Early;
use super::{Put, describe, file_error, plain_len};
use crate::cipher::{CHUNK, Cipher, TAG};
use crate::encode::{self, Coded};
use crate::error::Error;
use crate::progress::Phase;
use crate::record::{self, Secret};
use crate::session::Begin;

/// The file, what was read of it so far, and the segment read last.
struct Source {
    file: File,
    path: PathBuf,
    hash: Sha256,
    run_len: usize,
    sealed: Vec<u8>,
}

impl Source {
    fn open(path: &Path, run_len: usize) -> Result<Self, Error> {
        Ok(Self {
            file: File::open(path).map_err(file_error(path))?,
            path: path.to_path_buf(),
            hash: Sha256::new(),
            run_len,
            sealed: Vec::with_capacity(run_len + run_len.div_ceil(CHUNK) * TAG),
        })
    }

    /// Reads the next segment of a file of `whole` bytes of which `done` were read: each chunk is
    /// hashed and sealed where it was read to. Returns its plaintext bytes.
    fn next(&mut self, cipher: Option<&Cipher>, done: u64, whole: u64) -> Result<u64, Error> {
        self.sealed.clear();
        let mut plain = 0;
        while plain < self.run_len {
            let start = self.sealed.len();
            let wanted = CHUNK.min(self.run_len - plain) as u64;
            let chunk = (&mut self.file).take(wanted).read_to_end(&mut self.sealed);
            let len = chunk.map_err(file_error(&self.path))?;
            if len == 0 {
                break;
            }
            plain += len;
            self.hash
                .update(self.sealed.get(start..).unwrap_or_default());
            if let Some(cipher) = cipher {
                let at = done + (plain - len) as u64;
                let number = u32::try_from(at / CHUNK as u64).unwrap_or(u32::MAX);
                let last = at + len as u64 >= whole;
                cipher.seal(number, last, &mut self.sealed, start);
            }
        }
        if plain == 0 {
            let path = self.path.display().to_string();
            return Err(Error::Changed { path });
        }
        Ok(plain as u64)
    }

    /// The SHA-256 of what was read; lets go of everything else.
    fn into_hash(self) -> [u8; 32] {
        self.hash.finalize().into()
    }
}

/// What a file became.
pub(super) struct Stored {
    pub(super) secret: Secret,
    pub(super) descriptor: Descriptor,
    /// Whether the object was told of before its last shard had a host.
    pub(super) told: bool,
    /// What kept a shard from its host after that.
    pub(super) rest: Result<(), Error>,
}

/// A segment that was read and coded, its plaintext bytes, and the file for the next one.
struct Made {
    source: Source,
    plain: u64,
    coded: Coded,
}

impl Put<'_> {
    /// Stores every segment. The shards of one and a half segments are in memory at most, beside
    /// the ciphertext of the one being made: the next segment is coded while the last ones leave,
    /// and its shards go out while the slowest hosts still take those before.
    pub(super) async fn store(
        &self,
        path: &Path,
        begin: &Begin,
        early: Option<&Early>,
    ) -> Result<Stored, Error> {
        let (key, prefix) = self.object_key(begin)?;
        let cipher = (!begin.public).then(|| Arc::new(Cipher::new(&key, prefix)));
        let mut source = Source::open(path, plain_len(&self.geometry, begin.public))?;
        let mut segments = Vec::new();
        let mut done: u64 = 0;
        let mut sends = FuturesUnordered::new();
        while done < begin.bytes {
            let making = self.make(source, cipher.clone(), done, begin);
            let made = beside(making, &mut sends).await?;
            source = made.source;
            done += made.plain;
            let number = u32::try_from(segments.len()).unwrap_or(u32::MAX);
            segments.push(made.coded.segment());
            sends.push(self.send_segment(Body::coded(number, made.coded), done));
        }
        self.room.close();
        let sha256 = source.into_hash();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let secret = Secret {
            name: name.unwrap_or_default(),
            len: done,
            sha256,
            key,
            prefix,
            stored_ms: self.inner.clock.wall_ms(),
        };
        let count = segments.len();
        let descriptor = describe(&self.geometry, segments, begin.public.then_some(sha256));
        let early = early.filter(|_| self.least < self.geometry.total());
        if let Some(early) = early {
            beside(self.enough(count), &mut sends).await?;
            self.tell(early, &secret, &descriptor)?;
        }
        let mut rest = Ok(());
        while let Some(sent) = sends.next().await {
            match early {
                // The object stands: one fault must not cut the shards that are on their way.
                Some(_) => rest = rest.and(sent),
                None => sent?,
            }
        }
        drop(sends);
        Ok(Stored {
            secret,
            descriptor,
            told: early.is_some(),
            rest: rest.and(self.lacking()),
        })
    }

    /// Reads, hashes, seals and codes the segment that begins at plaintext byte `done`, once there
    /// is room for its shards.
    async fn make(
        &self,
        mut source: Source,
        cipher: Option<Arc<Cipher>>,
        done: u64,
        begin: &Begin,
    ) -> Result<Made, Error> {
        self.room.take(self.geometry.total()).await;
        let (geometry, whole, spare) = (self.geometry, begin.bytes, self.room.spare());
        let phases = Arc::clone(&self.phases);
        let work = move || {
            let plain = source.next(cipher.as_deref(), done, whole)?;
            let coded = encode::code(&geometry, &source.sealed, spare)?;
            Ok(Made {
                source,
                plain,
                coded,
            })
        };
        let inner = &self.renter.inner;
        inner
            .apart(move || phases.time(Phase::Encode, work))
            .await?
    }

    /// Key and nonce prefix, drawn when the session began.
    fn object_key(&self, begin: &Begin) -> Result<([u8; 32], [u8; 7]), Error> {
        let plain = record::unseal(&self.inner.seal, &begin.sealed)?;
        let wrong = || host_core::Error::Encoding {
            what: "session key",
        };
        let (key, prefix) = plain.split_first_chunk::<32>().ok_or_else(wrong)?;
        Ok((*key, prefix.try_into().map_err(|_| wrong())?))
    }

    /// Leases the shards of an object again, segment after segment; bytes move only to hosts that
    /// do not hold theirs.
    pub(super) async fn lease(
        &self,
        path: &Path,
        secret: &Secret,
        descriptor: &Descriptor,
    ) -> Result<(), Error> {
        let public = descriptor.sha256.is_some();
        let cipher = (!public).then(|| Arc::new(Cipher::new(&secret.key, secret.prefix)));
        let run_len = plain_len(&self.geometry, public);
        let mut done: u64 = 0;
        for (number, segment) in descriptor.segments.iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let offset = done;
            let first = u32::try_from(offset / CHUNK as u64).unwrap_or(u32::MAX);
            done = (done + u64::try_from(run_len).unwrap_or(0)).min(secret.len);
            let origin = Origin {
                path: path.to_path_buf(),
                offset,
                len: run_len,
                cipher: cipher.clone(),
                first,
                last: done >= secret.len,
            };
            let shard_len = self.geometry.shard_len(segment.len);
            let body = Body::named(number, segment, shard_len, origin);
            self.send_segment(body, done).await?;
        }
        Ok(())
    }
}

/// Waits for `making` while the sends go on; the first of them that fails ends the wait.
async fn beside<T, F>(
    making: impl Future<Output = Result<T, Error>>,
    sends: &mut FuturesUnordered<F>,
) -> Result<T, Error>
where
    F: Future<Output = Result<(), Error>>,
{
    let mut making = pin!(making);
    while !sends.is_empty() {
        match select(making.as_mut(), sends.next()).await {
            Either::Left((made, _)) => return made,
            Either::Right((sent, _)) => sent.unwrap_or(Ok(()))?,
        }
    }
    making.await
}
