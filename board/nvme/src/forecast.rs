//! When a drive will be worn, and how much more is written to it than was meant. Pure.
//!
//! Enters: pairs of readings. Leaves: days, and a ratio in hundredths. The amplification here is
//! what the file system, the ledger and their journals add to our own bytes; what the drive adds
//! inside is told by no page of the standard.

use crate::health::Health;

/// Wear in steps of a percent says nothing over less than this.
const STEP_HOURS: u64 = 24;
/// Fewer own bytes than this make no ratio: a start writes more than it keeps.
const OWN_LEAST: u64 = 1 << 30;

/// What a drive's wear comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Until 100 percent are used, at the faster of its whole life's and the recent pace.
    pub days_left: u64,
    /// Whether the recent pace is the faster one.
    pub recent: bool,
}

/// The forecast; `earlier` is a page of the same drive from days ago. None while a drive has no
/// measurable wear: that is good news, not a gap.
#[must_use]
pub fn forecast(earlier: Option<&Health>, now: &Health) -> Option<Forecast> {
    let left = u64::from(100_u8.saturating_sub(now.used_percent));
    let days = |hours: u64, used: u64| {
        hours
            .saturating_mul(left)
            .checked_div(used.saturating_mul(24))
    };
    let life = (now.power_on_hours >= STEP_HOURS)
        .then(|| days(now.power_on_hours, now.used_percent.into()))
        .flatten();
    let recent = earlier.and_then(|earlier| {
        let hours = now.power_on_hours.checked_sub(earlier.power_on_hours)?;
        let used = now.used_percent.checked_sub(earlier.used_percent)?;
        (hours >= STEP_HOURS).then(|| days(hours, used.into()))?
    });
    match (life, recent) {
        (Some(life), Some(recent)) if recent < life => Some(Forecast {
            days_left: recent,
            recent: true,
        }),
        (Some(days_left), _) => Some(Forecast {
            days_left,
            recent: false,
        }),
        (None, Some(days_left)) => Some(Forecast {
            days_left,
            recent: true,
        }),
        (None, None) => None,
    }
}

/// Bytes written to the drive for each byte of ours between two pages, in hundredths: 100 is
/// ideal. None below a GiB of `own` bytes, or when the drive's counter did not go on.
#[must_use]
pub fn amplification(earlier: &Health, now: &Health, own: u64) -> Option<u64> {
    let written = now.bytes_written.checked_sub(earlier.bytes_written)?;
    if own < OWN_LEAST || written == 0 {
        return None;
    }
    let hundredths = u128::from(written) * 100 / u128::from(own);
    Some(u64::try_from(hundredths).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
