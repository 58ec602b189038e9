//! One line of the black box: 512 bytes of text that a person can read with any tool.
//!
//! Enters: readings. Leaves: the sector, and readings from a sector; docs/formats/blackbox.md gives
//! it byte by byte. Invariant: a sector that was torn or rotted reads as nothing.

use std::fmt::Write as _;

use crate::Level;
use crate::checksum::crc32;

/// Bytes of a line: a sector, which drives write whole.
pub(crate) const LINE: usize = 512;
/// Where ` crc=xxxxxxxx\n` begins.
const CHECKED: usize = LINE - 14;
const NAME: &str = "HFBB1";

/// What a line marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mark {
    /// Ten seconds went by.
    #[default]
    Beat,
    /// The daemon began.
    Start,
    /// The daemon ended on purpose.
    Clean,
}

impl Mark {
    const fn label(self) -> &'static str {
        match self {
            Self::Beat => "beat",
            Self::Start => "start",
            Self::Clean => "clean",
        }
    }
}

/// One neighbour table in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tables {
    /// Entries of the whole kernel.
    pub entries: u32,
    /// gc_thresh3.
    pub limit: u32,
    /// Entries refused since boot.
    pub fulls: u64,
}

/// The readings of one moment. What is absent could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Line {
    /// The line's number in the life of the box; [`super::BlackBox`] gives it.
    pub sequence: u64,
    /// The boot it was written in.
    pub boot: u128,
    /// What it marks.
    pub mark: Mark,
    /// Wall clock, seconds since 1970.
    pub unix_s: u64,
    /// Monotonic clock, seconds.
    pub up_s: u64,
    /// The level then.
    pub level: Level,
    /// Stall for memory of some task since boot, in milliseconds.
    pub some_ms: Option<u64>,
    /// Stall for memory of all tasks since boot, in milliseconds.
    pub full_ms: Option<u64>,
    /// Stall for drives of some task since boot, in milliseconds.
    pub io_ms: Option<u64>,
    /// Memory still available, in MiB.
    pub left_mib: Option<u64>,
    /// Our own memory, in MiB.
    pub own_mib: Option<u64>,
    /// The table of IPv4.
    pub v4: Option<Tables>,
    /// The table of IPv6.
    pub v6: Option<Tables>,
    /// Tasks that wait and cannot be ended.
    pub stuck: Option<u64>,
    /// Load of the last minute in hundredths.
    pub load: Option<u64>,
    /// The longest operation of any drive since the last line, in microseconds.
    pub drive_us: Option<u64>,
}

impl Line {
    /// The sector.
    #[must_use]
    pub(crate) fn encode(&self) -> [u8; LINE] {
        let mut text = format!(
            "{NAME} {:016x} {:032x} {} {} {} {}",
            self.sequence,
            self.boot,
            self.mark.label(),
            self.unix_s,
            self.up_s,
            self.level.label(),
        );
        let numbers = [
            ("some", self.some_ms),
            ("full", self.full_ms),
            ("io", self.io_ms),
            ("left", self.left_mib),
            ("own", self.own_mib),
            ("stuck", self.stuck),
            ("load", self.load),
            ("drive", self.drive_us),
        ];
        for (name, value) in numbers {
            if let Some(value) = value {
                let _fits = write!(text, " {name}={value}");
            }
        }
        for (name, tables) in [("n4", self.v4), ("n6", self.v6)] {
            if let Some(table) = tables {
                let (entries, limit, fulls) = (table.entries, table.limit, table.fulls);
                let _fits = write!(text, " {name}={entries}/{limit}/{fulls}");
            }
        }
        let mut sector = [b' '; LINE];
        for (place, byte) in sector.iter_mut().take(CHECKED).zip(text.bytes()) {
            *place = byte;
        }
        let crc = crc32(sector.get(..CHECKED).unwrap_or_default());
        let end = format!(" crc={crc:08x}\n");
        for (place, byte) in sector.iter_mut().skip(CHECKED).zip(end.bytes()) {
            *place = byte;
        }
        sector
    }

    /// The line of a sector; nothing when it is torn, rotten, or never was one.
    #[must_use]
    pub(crate) fn decode(sector: &[u8]) -> Option<Self> {
        let (checked, end) = sector.get(..LINE)?.split_at_checked(CHECKED)?;
        let crc = std::str::from_utf8(end).ok()?;
        let crc = crc.strip_prefix(" crc=")?.strip_suffix('\n')?;
        if u32::from_str_radix(crc, 16).ok()? != crc32(checked) {
            return None;
        }
        let mut words = std::str::from_utf8(checked).ok()?.split_ascii_whitespace();
        if words.next()? != NAME {
            return None;
        }
        let mut line = Self {
            sequence: u64::from_str_radix(words.next()?, 16).ok()?,
            boot: u128::from_str_radix(words.next()?, 16).ok()?,
            ..Self::default()
        };
        let mark = words.next()?;
        line.mark = [Mark::Beat, Mark::Start, Mark::Clean]
            .into_iter()
            .find(|known| known.label() == mark)?;
        line.unix_s = words.next()?.parse().ok()?;
        line.up_s = words.next()?.parse().ok()?;
        let level = words.next()?;
        line.level = Level::ALL
            .into_iter()
            .find(|known| known.label() == level)?;
        for word in words {
            line.take(word);
        }
        Some(line)
    }

    /// One `name=value`. Names of later versions are passed over.
    fn take(&mut self, word: &str) {
        let Some((name, value)) = word.split_once('=') else {
            return;
        };
        let number = value.parse().ok();
        match name {
            "some" => self.some_ms = number,
            "full" => self.full_ms = number,
            "io" => self.io_ms = number,
            "left" => self.left_mib = number,
            "own" => self.own_mib = number,
            "stuck" => self.stuck = number,
            "load" => self.load = number,
            "drive" => self.drive_us = number,
            "n4" => self.v4 = tables(value),
            "n6" => self.v6 = tables(value),
            _ => {}
        }
    }

    /// The line as text, without padding and checksum.
    #[must_use]
    pub fn text(&self) -> String {
        let sector = self.encode();
        let checked = sector.get(..CHECKED).unwrap_or_default();
        String::from_utf8_lossy(checked).trim_end().to_owned()
    }
}

fn tables(value: &str) -> Option<Tables> {
    let mut parts = value.split('/');
    Some(Tables {
        entries: parts.next()?.parse().ok()?,
        limit: parts.next()?.parse().ok()?,
        fulls: parts.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests;
