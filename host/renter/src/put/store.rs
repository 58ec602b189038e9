//! The file, once through: read, hashed, sealed and coded a segment at a time while the segment
//! before is on its way. Two segments are in memory at most.

use std::path::Path;
use std::sync::Arc;

use host_core::object::Descriptor;
use sha2::{Digest, Sha256};

use super::body::{Body, Origin};
use super::{Put, describe, file_error, plain_len, read_run};
use crate::cipher::{CHUNK, Cipher};
use crate::error::Error;
use crate::record::{self, Secret};
use crate::session::Begin;

impl Put<'_> {
    /// Stores every segment; two are in memory at most: one on its way, one being made.
    pub(super) async fn store(
        &self,
        path: &Path,
        begin: &Begin,
    ) -> Result<(Secret, Descriptor), Error> {
        let mut file = std::fs::File::open(path).map_err(file_error(path))?;
        let (key, prefix) = self.object_key(begin)?;
        let cipher = (!begin.public).then(|| Arc::new(Cipher::new(&key, prefix)));
        let run_len = plain_len(&self.geometry, begin.public);
        let mut hash = Sha256::new();
        let mut segments = Vec::new();
        let mut done: u64 = 0;
        let mut sending = None;
        while done < begin.bytes {
            let run = read_run(&mut file, run_len, path)?;
            if run.is_empty() {
                return Err(Error::Changed {
                    path: begin.path.clone(),
                });
            }
            hash.update(&run);
            let first = u32::try_from(done / CHUNK as u64).unwrap_or(u32::MAX);
            done += u64::try_from(run.len()).unwrap_or(0);
            let coded = self.code(cipher.clone(), first, done >= begin.bytes, run);
            let coded = match sending.take() {
                None => coded.await?,
                Some(before) => {
                    let (coded, sent) = futures::join!(coded, before);
                    let () = sent?;
                    coded?
                }
            };
            let number = u32::try_from(segments.len()).unwrap_or(u32::MAX);
            segments.push(coded.segment());
            sending = Some(Box::pin(
                self.send_segment(Body::coded(number, coded), done),
            ));
        }
        if let Some(before) = sending.take() {
            before.await?;
        }
        let sha256: [u8; 32] = hash.finalize().into();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let stored_ms = self.inner.clock.wall_ms();
        let name = name.unwrap_or_default();
        let secret = Secret {
            name,
            len: done,
            sha256,
            key,
            prefix,
            stored_ms,
        };
        Ok((
            secret,
            describe(&self.geometry, segments, begin.public.then_some(sha256)),
        ))
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
