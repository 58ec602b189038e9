//! The document as it is served: what utoipa wrote, with the bounds that this program keeps.
//!
//! Enters: the document made from the routes. Leaves: its JSON. Invariant: nothing is allowed here
//! that a route would refuse for its type, nor refused that a route takes. Whole numbers without a
//! sign are told as `int64` by their maker, which ends at half of what they hold.

use serde_json::Value;
use utoipa::openapi::OpenApi;

/// The document as JSON, every whole number with its true bounds.
pub(crate) fn served(document: &OpenApi) -> serde_json::Result<Value> {
    let mut json = serde_json::to_value(document)?;
    bound(&mut json);
    Ok(json)
}

fn bound(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(bound),
        Value::Object(fields) => {
            let is = |field: &str, what: Value| fields.get(field) == Some(&what);
            if is("format", "int64".into()) && is("minimum", 0.into()) {
                fields.remove("format");
                fields.insert("maximum".to_owned(), u64::MAX.into());
            }
            fields.values_mut().for_each(bound);
        }
        _ => (),
    }
}

#[cfg(test)]
mod tests;
