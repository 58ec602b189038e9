//! A request's query: pairs of text, as browsers write forms. Keys of objects come here and not in
//! the path, so that nobody on the way folds `../` or drops a slash.

use std::collections::BTreeMap;

use super::refusal::Refusal;

/// Pairs of a query, each name once.
#[derive(Debug, Default)]
pub(crate) struct Query(BTreeMap<String, String>);

/// Text of its form. None for a broken escape or bytes that are no text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'%' => {
                let two = std::str::from_utf8(tail.get(..2)?).ok()?;
                // A sign is no digit, whatever numbers say of it.
                let digits = two.bytes().all(|digit| digit.is_ascii_hexdigit());
                let byte = u8::from_str_radix(two, 16).ok().filter(|_| digits)?;
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            b'+' => bytes.push(b' '),
            plain => bytes.push(plain),
        }
    }
    String::from_utf8(bytes).ok()
}

impl Query {
    /// Reads one. Errors: InvalidRequest for what is no text, or said twice.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut pairs = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let both = decode(name).zip(decode(value));
            let (name, value) = both.ok_or_else(|| Refusal::odd("the query is no text"))?;
            if pairs.insert(name, value).is_some() {
                return Err(Refusal::odd("the query says a name twice"));
            }
        }
        Ok(Self(pairs))
    }

    /// What is said of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The same, which must be there. Errors: InvalidRequest.
    pub(crate) fn need(&self, name: &str) -> Result<&str, Refusal> {
        let value = self.get(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| Refusal::odd(format!("the query must say `{name}`")))
    }

    /// A number within bounds; `otherwise` where none is said. Errors: InvalidRequest.
    pub(crate) fn number(
        &self,
        name: &str,
        bounds: std::ops::RangeInclusive<u64>,
        otherwise: u64,
    ) -> Result<u64, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(otherwise);
        };
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        let (least, most) = (bounds.start(), bounds.end());
        number.ok_or_else(|| Refusal::odd(format!("`{name}` is a number {least} to {most}")))
    }
}
