//! Which boot this is, and what the hardware says ended the last one.
//!
//! Enters: /proc/sys/kernel/random/boot_id, /sys/class/watchdog. Leaves: an id and [`Reset`]. The
//! watchdog's device belongs to PID 1 and is never opened: its state stands in sysfs.

use std::fs;
use std::path::Path;

use crate::Error;

/// The id of this boot, random and fixed until the next.
///
/// # Errors
/// `File`, `Form` when /proc does not tell it.
pub fn boot_id(proc: &Path) -> Result<u128, Error> {
    let path = proc.join("sys/kernel/random/boot_id");
    match fs::read_to_string(&path) {
        Ok(text) => parse_id(&text).ok_or(Error::Form {
            path,
            what: "boot id",
        }),
        Err(source) => Err(Error::File { path, source }),
    }
}

fn parse_id(text: &str) -> Option<u128> {
    let digits: String = text.trim().split('-').collect();
    let whole = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    whole.then(|| u128::from_str_radix(&digits, 16).ok())?
}

/// What a hardware watchdog says of the last reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reset {
    /// No watchdog, or one that does not tell.
    Unknown,
    /// Nothing unusual: power, or a restart that was asked for.
    Normal,
    /// The watchdog bit: nobody fed it.
    Watchdog,
    /// The machine was too hot.
    Overheat,
    /// A fan failed.
    Fan,
    /// The supply was too low or too high.
    Power,
}

impl Reset {
    /// The constant label used in logs and health.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Normal => "normal",
            Self::Watchdog => "watchdog",
            Self::Overheat => "overheat",
            Self::Fan => "fan",
            Self::Power => "power",
        }
    }
}

/// The reason of the last reset, from the first watchdog under `sys` (usually /sys).
#[must_use]
pub fn reset_reason(sys: &Path) -> Reset {
    let path = sys.join("class/watchdog/watchdog0/bootstatus");
    let status = fs::read_to_string(path)
        .ok()
        .and_then(|text| text.trim().parse::<u32>().ok());
    status.map_or(Reset::Unknown, of_status)
}

/// The bits WDIOF_* of linux/watchdog.h.
const fn of_status(status: u32) -> Reset {
    const OVERHEAT: u32 = 0x01;
    const FANFAULT: u32 = 0x02;
    const POWERUNDER: u32 = 0x10;
    const CARDRESET: u32 = 0x20;
    const POWEROVER: u32 = 0x40;
    if status & CARDRESET != 0 {
        Reset::Watchdog
    } else if status & OVERHEAT != 0 {
        Reset::Overheat
    } else if status & FANFAULT != 0 {
        Reset::Fan
    } else if status & (POWERUNDER | POWEROVER) != 0 {
        Reset::Power
    } else {
        Reset::Normal
    }
}

#[cfg(test)]
mod tests;
