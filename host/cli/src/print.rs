//! One answer, two shapes: a line for scripts (`--json`) or words for a person.

use std::io::Write;

use serde::Serialize;

/// Prints a value as one line of JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Prints one line. A reader that has gone away (`| head`) is no failure.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a value as JSON when asked to, or else as the lines `words` makes of it.
pub(crate) fn either<T: Serialize>(
    as_json: bool,
    value: &T,
    words: impl FnOnce(&T) -> String,
) -> anyhow::Result<()> {
    if as_json {
        return json(value);
    }
    line(&words(value))
}

/// A day for people, from milliseconds since 1970: year, month, day.
pub(crate) fn day(at_ms: u64) -> String {
    // Civil date from days since 1970-01-01, in the proleptic Gregorian calendar: years begin in
    // March, eras have 400 years of 146,097 days.
    let days = at_ms / 86_400_000 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests;
