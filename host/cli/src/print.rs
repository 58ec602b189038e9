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
