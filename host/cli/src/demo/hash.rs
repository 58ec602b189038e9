//! The hash of a file as it lies on disk.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use ring::digest::{Context as Hash, SHA256};

/// Bytes read at once.
const RUN: usize = 1 << 20;

/// A file's length and SHA-256, in hex.
pub(crate) fn of_file(path: &Path) -> anyhow::Result<(u64, String)> {
    let mut file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mut hash = Hash::new(&SHA256);
    let mut run = vec![0; RUN];
    let mut len = 0;
    loop {
        let count = file
            .read(&mut run)
            .with_context(|| format!("reading {}", path.display()))?;
        let Some(read) = run.get(..count).filter(|read| !read.is_empty()) else {
            break;
        };
        hash.update(read);
        len += u64::try_from(count)?;
    }
    let digest = hash.finish();
    Ok((len, hex::encode(digest.as_ref())))
}
