//! The kernel's and the system's files, below a root that tests replace. Enters: a path without its
//! leading slash. Leaves: text of at most 256 KiB, or nothing. Writes nothing.

use std::io::Read;
use std::path::PathBuf;

/// No file the doctor reads is near this.
const TEXT_MAX: u64 = 256 << 10;

/// The files of one machine.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    root: PathBuf,
}

impl Files {
    pub(crate) fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name.trim_start_matches('/'))
    }

    /// The text of a file, cut at 256 KiB; bytes that are no text become question marks.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let file = std::fs::File::open(self.path(name)).ok()?;
        let mut bytes = Vec::new();
        file.take(TEXT_MAX).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Names in a folder that are numbers: the processes of /proc.
    pub(crate) fn numbers(&self, name: &str) -> Vec<u32> {
        let Ok(entries) = std::fs::read_dir(self.path(name)) else {
            return Vec::new();
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        names
            .filter_map(|name| name.to_str()?.parse().ok())
            .collect()
    }
}

/// A line `name: 123 kB`, in bytes.
pub(crate) fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

/// Bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("TiB", 40), ("GiB", 30), ("MiB", 20)];
    for (name, shift) in UNITS {
        if bytes >= 1 << shift {
            let tenths = (u128::from(bytes) * 10) >> shift;
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} bytes")
}
