//! From a health page to acts. Pure.
//!
//! Enters: the page now and, for what grows, the one before. Leaves: findings, each with its
//! cause and its act, the worst first. Invariants: a page of zeros asks for nothing; counters that
//! went back (another drive, a reset) ask for nothing by themselves; `judge` of the same page
//! twice finds no growth. Thresholds: spare and critical bits are the maker's own, 80 and 100
//! percent of endurance ours.

use std::fmt;

use crate::health::Health;

/// From here on the end of the rated endurance is told.
const USED_WARN: u8 = 80;
/// From here on nothing is promised on the drive that lasts.
const USED_MOST: u8 = 100;
/// Spare space this many percent above the threshold is told.
const SPARE_NEAR: u8 = 10;

/// What to do about a drive; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Act {
    /// Nothing.
    #[default]
    Nothing,
    /// Tell a person.
    Warn,
    /// Read every extent against its checksum now.
    Scrub,
    /// Put nothing new on it; serve and prove what is there.
    ReadOnly,
    /// Move what is there to other drives or let it be repaired elsewhere, while it still reads.
    Evacuate,
}

impl Act {
    /// The constant label used in logs and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Warn => "warn",
            Self::Scrub => "scrub",
            Self::ReadOnly => "read-only",
            Self::Evacuate => "evacuate",
        }
    }
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Spare space is used up.
    SpareGone,
    /// Spare space comes near its threshold.
    SpareLow {
        /// Left, in percent.
        left: u8,
        /// The maker's threshold.
        threshold: u8,
    },
    /// Too warm or too cold, as the drive judges.
    Temperature {
        /// As told.
        celsius: Option<i16>,
    },
    /// The drive calls itself unreliable.
    Unreliable,
    /// The drive takes no more writes.
    TakesNoWrites,
    /// A power loss would lose what the drive acknowledged.
    BackupFailed,
    /// Its persistent memory region is damaged; we do not use it.
    PersistentMemory,
    /// Endurance is nearly or wholly used.
    Worn {
        /// In percent.
        used: u8,
    },
    /// Data could not be recovered since the page before.
    MediaErrors {
        /// How often.
        more: u64,
    },
    /// It lost power unannounced while we watched.
    PowerLost {
        /// How often.
        more: u64,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SpareGone => write!(f, "spare space is used up"),
            Self::SpareLow { left, threshold } => {
                write!(f, "{left} % spare space left, {threshold} % is the end")
            }
            Self::Temperature { celsius: Some(c) } => write!(f, "temperature out of range: {c} C"),
            Self::Temperature { celsius: None } => write!(f, "temperature out of range"),
            Self::Unreliable => write!(f, "the drive calls itself unreliable"),
            Self::TakesNoWrites => write!(f, "the drive takes no more writes"),
            Self::BackupFailed => write!(f, "its protection against power loss has failed"),
            Self::PersistentMemory => write!(f, "its persistent memory region is damaged"),
            Self::Worn { used } => write!(f, "{used} % of its endurance is used"),
            Self::MediaErrors { more } => write!(f, "{more} new media errors"),
            Self::PowerLost { more } => write!(f, "lost power {more} times while running"),
        }
    }
}

/// One cause and its act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Finding {
    /// Why.
    pub cause: Cause,
    /// What to do.
    pub act: Act,
}

/// What the page `now` asks for, the worst first; `before` is an earlier page of the same drive.
#[must_use]
pub fn judge(before: Option<&Health>, now: &Health) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |act, cause| findings.push(Finding { cause, act });
    let bits = now.critical;
    if bits.reliability() {
        find(Act::Evacuate, Cause::Unreliable);
    }
    if bits.read_only() {
        find(Act::Evacuate, Cause::TakesNoWrites);
    }
    match now.spare {
        _ if bits.spare() => find(Act::Evacuate, Cause::SpareGone),
        Some((left, threshold)) if left < threshold => find(Act::Evacuate, Cause::SpareGone),
        Some((left, threshold)) if left < threshold.saturating_add(SPARE_NEAR) => {
            find(Act::Warn, Cause::SpareLow { left, threshold });
        }
        _ => {}
    }
    if bits.backup() {
        find(Act::ReadOnly, Cause::BackupFailed);
    }
    if bits.temperature() {
        let celsius = now.celsius;
        find(Act::Warn, Cause::Temperature { celsius });
    }
    if bits.persistent_memory() {
        find(Act::Warn, Cause::PersistentMemory);
    }
    let used = now.used_percent;
    if used >= USED_MOST {
        find(Act::ReadOnly, Cause::Worn { used });
    } else if used >= USED_WARN {
        find(Act::Warn, Cause::Worn { used });
    }
    if let Some(before) = before {
        let more = now.media_errors.saturating_sub(before.media_errors);
        if more > 0 {
            find(Act::Scrub, Cause::MediaErrors { more });
        }
        let more = now.unsafe_shutdowns.saturating_sub(before.unsafe_shutdowns);
        if more > 0 {
            find(Act::Warn, Cause::PowerLost { more });
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.act));
    findings
}

/// The worst act of some findings.
#[must_use]
pub fn worst(findings: &[Finding]) -> Act {
    let acts = findings.iter().map(|finding| finding.act);
    acts.max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
