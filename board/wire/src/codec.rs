//! One value, one encoding: array-coded CBOR without choices.

use minicbor::{Decode, Encode};

use crate::error::Error;

/// The only bytes of a value.
#[must_use]
pub fn to_bytes<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("encoding into a vector cannot fail")
}

/// Reads a value. Errors: `Encoding`, also when the bytes are not exactly what [`to_bytes`] would
/// write, so that nothing unknown hides in a message to a privileged program.
pub fn from_bytes<'b, T>(what: &'static str, bytes: &'b [u8]) -> Result<T, Error>
where
    T: Decode<'b, ()> + Encode<()>,
{
    let value: T = minicbor::decode(bytes).map_err(|_| Error::Encoding { what })?;
    if to_bytes(&value) == bytes {
        Ok(value)
    } else {
        Err(Error::Encoding { what })
    }
}
