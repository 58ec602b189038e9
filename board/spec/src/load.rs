//! From the text of machine files to one complete description.
//!
//! `inherit = "other"` takes every value of `other` that the file does not give itself: tables are
//! merged key by key, everything else is replaced. Bounded: eight files deep, which also ends a
//! circle.

use toml::{Table, Value};

use crate::board::BoardSpec;
use crate::error::Error;

/// Files on the way to the last ancestor.
pub const INHERIT_MAX: usize = 8;
const NAME_MAX: usize = 64;

/// The description of machine `name`. `text_of` gives the text of a machine file by its name,
/// nothing when there is none; names are checked before it is asked, so they are never a path.
///
/// # Errors
/// `Name`, `Unknown`, `Text`, `Depth` for the files; `Range`, `Order` for what they say.
pub fn parse(name: &str, text_of: impl Fn(&str) -> Option<String>) -> Result<BoardSpec, Error> {
    let mut whole = Table::new();
    let mut next = Some(name.to_owned());
    for _ in 0..INHERIT_MAX {
        let Some(own) = next.take() else { break };
        let mut table = read(&own, &text_of)?;
        next = match table.remove("inherit") {
            None => None,
            Some(Value::String(parent)) => Some(parent),
            Some(_) => {
                let why = "inherit is no name".to_owned();
                return Err(Error::Text { name: own, why });
            }
        };
        fill(&mut whole, table);
    }
    if next.is_some() {
        return Err(Error::Depth {
            name: name.to_owned(),
            most: INHERIT_MAX,
        });
    }
    let mut spec: BoardSpec = whole
        .try_into()
        .map_err(|error: toml::de::Error| Error::Text {
            name: name.to_owned(),
            why: error.message().to_owned(),
        })?;
    name.clone_into(&mut spec.name);
    spec.check()?;
    Ok(spec)
}

fn read(name: &str, text_of: &impl Fn(&str) -> Option<String>) -> Result<Table, Error> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(plain) {
        return Err(Error::Name { name: name.into() });
    }
    let text = text_of(name).ok_or_else(|| Error::Unknown { name: name.into() })?;
    text.parse::<Table>().map_err(|error| Error::Text {
        name: name.into(),
        why: error.to_string(),
    })
}

/// Takes what is missing from the ancestor.
fn fill(own: &mut Table, ancestor: Table) {
    for (key, value) in ancestor {
        match (own.get_mut(&key), value) {
            (Some(Value::Table(own)), Value::Table(more)) => fill(own, more),
            (Some(_), _) => {}
            (None, value) => {
                own.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
