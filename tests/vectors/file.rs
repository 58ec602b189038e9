//! One file of vectors, read whole; a missing line is a failed test, never a skipped one.

use std::path::Path;

use serde_json::Value;

/// Reads `name`, relative to the folder of vectors, and checks that it says where it comes from.
pub(crate) fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let value: Value = serde_json::from_slice(&bytes).expect("vectors are JSON");
    assert!(
        !text(&value, "/origin").is_empty(),
        "{name} states no origin"
    );
    value
}

/// The text at `pointer` (RFC 6901).
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no text at {pointer}"))
}

/// The number at `pointer`.
pub(crate) fn number(value: &Value, pointer: &str) -> u64 {
    value
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("no number at {pointer}"))
}

/// The list at `pointer`, which must not be empty.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.filter(|list| !list.is_empty())
        .unwrap_or_else(|| panic!("no list at {pointer}"))
}
