//! The last words of a kernel that died: what the firmware kept of its log, collected by
//! systemd-pstore onto the state partition or still where the kernel shows it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where records are, before and after they are collected.
const FOLDERS: [&str; 2] = ["/sys/fs/pstore", "/var/lib/systemd/pstore"];
/// Words of a kernel that dies, the most telling first.
const WORDS: [&str; 4] = ["Kernel panic", "BUG:", "Oops", "corruption"];
/// Records that are looked at, and bytes of each.
const RECORDS_MOST: usize = 256;
const RECORD_MOST: u64 = 256 << 10;
/// Characters of such words.
const WORDS_MOST: usize = 160;

/// What the newest record says of the kernel's end; nothing when none was left since `since`.
pub(crate) fn last_words(since: SystemTime) -> Option<String> {
    FOLDERS
        .iter()
        .find_map(|folder| in_folder(Path::new(folder), since))
}

fn in_folder(folder: &Path, since: SystemTime) -> Option<String> {
    let mut records = Vec::new();
    below(folder, &mut records, 3);
    records.retain(|(when, _)| *when >= since);
    records.sort_by_key(|(when, _)| std::cmp::Reverse(*when));
    let texts: Vec<String> = records.iter().filter_map(|(_, path)| text(path)).collect();
    WORDS.iter().find_map(|word| {
        let lines = texts.iter().flat_map(|text| text.lines());
        let line = lines.into_iter().find(|line| line.contains(word))?;
        let at = line.find(word).unwrap_or(0);
        Some(line.get(at..)?.chars().take(WORDS_MOST).collect())
    })
}

fn below(folder: &Path, found: &mut Vec<(SystemTime, PathBuf)>, depth: u32) {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        if found.len() >= RECORDS_MOST {
            return;
        }
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() && depth > 0 {
            below(&entry.path(), found, depth - 1);
        } else if let Ok(when) = meta.modified() {
            found.push((when, entry.path()));
        }
    }
}

fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(RECORD_MOST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
