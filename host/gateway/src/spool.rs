//! A body on its way in: hashed while it comes, kept in memory while it is small and in a file of
//! the spool once it is not. The file goes when the value is dropped.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::Checksum;

use crate::error::{Error, file};

/// Longest body kept in memory and packed with others.
pub(crate) const SMALL_LEN: usize = 256 << 10;

/// A file that goes when this is dropped.
#[derive(Debug)]
pub(crate) struct SpoolFile(pub(crate) PathBuf);

impl Drop for SpoolFile {
    fn drop(&mut self) {
        // One that stays is removed when a gateway next opens.
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// Where a body is.
#[derive(Debug)]
pub(crate) enum Place {
    Memory(Bytes),
    File(SpoolFile),
}

/// A whole body.
pub(crate) struct Spooled {
    pub(crate) len: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) checksum: Checksum,
    pub(crate) place: Place,
}

/// Takes a body in. `name` names its file. Errors: Body when the client stops, File.
pub(crate) async fn take<S, E>(
    mut body: S,
    dir: &Path,
    name: &str,
    mut sums: ChecksumHasher,
) -> Result<Spooled, Error>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let mut md5 = Md5::new();
    let (mut len, mut held) = (0_u64, Vec::new());
    let mut out: Option<(File, SpoolFile)> = None;
    while let Some(run) = body.next().await {
        let run = run.map_err(|why| Error::Body {
            why: why.to_string(),
        })?;
        len += run.len() as u64;
        md5.update(&run);
        sums.update(&run);
        if out.is_none() && held.len() + run.len() > SMALL_LEN {
            let path = dir.join(name);
            let mut made = File::create(&path).map_err(file(&path))?;
            let spool = SpoolFile(path);
            made.write_all(&held).map_err(file(&spool.0))?;
            held = Vec::new();
            out = Some((made, spool));
        }
        match &mut out {
            Some((made, spool)) => made.write_all(&run).map_err(file(&spool.0))?,
            None => held.extend_from_slice(&run),
        }
    }
    let digest = md5.finalize();
    let mut md5 = [0; 16];
    md5.copy_from_slice(digest.as_ref());
    Ok(Spooled {
        len,
        md5,
        checksum: sums.finalize(),
        place: match out {
            Some((_, spool)) => Place::File(spool),
            None => Place::Memory(Bytes::from(held)),
        },
    })
}
