//! Fetching: a bundle is looked for at the first bytes of every drive that is not the system disk,
//! or read from a file, and unpacked onto the state partition under bounds.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use image_bundle::tar::{BLOCK, ENTRIES_MOST, Head};

use crate::error::Error;

/// Most bytes of a whole bundle.
const BUNDLE_MOST: u64 = 160 << 20;

/// Drives that carry a bundle, by name: whole drives only, none of the system disk.
pub(crate) fn sticks(system_disk: &str) -> Vec<PathBuf> {
    let Ok(folder) = std::fs::read_dir("/sys/class/block") else {
        return Vec::new();
    };
    let mut drives: Vec<String> = folder
        .filter_map(Result::ok)
        .filter(|entry| !entry.path().join("partition").exists())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name != system_disk && !name.starts_with("dm-"))
        .collect();
    drives.sort();
    drives
        .into_iter()
        .map(|name| Path::new("/dev").join(name))
        .filter(|path| carries(path))
        .collect()
}

/// Whether a device or file begins as a bundle does.
fn carries(path: &Path) -> bool {
    let mut block = [0; BLOCK];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut block));
    read.is_ok() && matches!(Head::parse(&block), Ok(Some(_)))
}

/// Unpacks the bundle in `from` into the empty folder `into`. Nothing of it is trusted yet.
///
/// # Errors
/// `Bundle` for anything a bundle does not hold, `Space` when it is too large, `File`.
pub(crate) fn unpack(from: &Path, into: &Path) -> Result<(), Error> {
    let mut file = File::open(from).map_err(Error::file(from))?;
    let mut whole = 0_u64;
    for _ in 0..ENTRIES_MOST {
        let mut block = [0; BLOCK];
        file.read_exact(&mut block).map_err(Error::file(from))?;
        let Some(head) = Head::parse(&block)? else {
            return Ok(());
        };
        whole = whole.saturating_add(head.bytes);
        if whole > BUNDLE_MOST {
            return Err(Error::Space {
                what: "a bundle",
                have: BUNDLE_MOST,
                need: whole,
            });
        }
        let path = into.join(&head.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        }
        let mut out = File::create_new(&path).map_err(Error::file(&path))?;
        let mut content = (&mut file).take(head.bytes);
        let copied = std::io::copy(&mut content, &mut out).map_err(Error::file(&path))?;
        if copied < head.bytes {
            let why = "it ends in the middle of an entry";
            return Err(image_bundle::Error::Archive { why }.into());
        }
        let mut padding = (&mut file).take(head.padding());
        std::io::copy(&mut padding, &mut std::io::sink()).map_err(Error::file(from))?;
    }
    let why = "it has too many entries";
    Err(image_bundle::Error::Archive { why }.into())
}

#[cfg(test)]
mod tests;
