//! One answer, two shapes: a line for scripts (`--json`) or words for a person.

use serde::Serialize;

/// Prints a value as one line of JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
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
    println!("{}", words(value));
    Ok(())
}
