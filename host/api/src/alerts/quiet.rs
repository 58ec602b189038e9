//! Quiet hours: a span of the day, at a fixed distance from UTC, in which only the urgent is told.
//! A text such as `22:00-07:00 +02:00`; it does not follow summer time, since a box has no place.

use std::str::FromStr;

use super::RuleError;

/// Minutes of a day.
const DAY: u64 = 24 * 60;

/// Quiet hours; the default has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quiet {
    /// First minute of the day in UTC, and how many follow.
    span: Option<(u64, u64)>,
}

impl Quiet {
    /// Whether it is quiet at `now`, seconds since 1970.
    #[must_use]
    pub const fn holds(self, now: u64) -> bool {
        match self.span {
            Some((from, len)) => (now / 60 + DAY - from) % DAY < len,
            None => false,
        }
    }
}

impl FromStr for Quiet {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError::Quiet { text: text.into() };
        if text.is_empty() {
            return Ok(Self::default());
        }
        let (span, away) = text.split_once(' ').unwrap_or((text, "+00:00"));
        let (from, to) = span.split_once('-').ok_or_else(wrong)?;
        let (from, to) = (minute(from), minute(to));
        let (from, to) = (from.ok_or_else(wrong)?, to.ok_or_else(wrong)?);
        let east = away.strip_prefix('+').and_then(minute);
        let west = away.strip_prefix('-').and_then(minute);
        let shift = match (east, west) {
            (Some(east), _) => DAY - east % DAY,
            (None, Some(west)) => west,
            (None, None) => return Err(wrong()),
        };
        if from == to {
            return Err(wrong());
        }
        let span = Some(((from + shift) % DAY, (to + DAY - from) % DAY));
        Ok(Self { span })
    }
}

/// The minute of the day of `HH:MM`.
fn minute(text: &str) -> Option<u64> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    };
    let (hours, minutes): (u64, u64) = (two(hours)?, two(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}
