//! Deterministic CBOR at one door: how a value becomes bytes and how bytes become a value.
//!
//! Two readings exist. `from_bytes` is for messages: map keys it does not know are skipped, so a
//! newer peer may say more. `from_signed_bytes` is for bytes under a signature: they must be the
//! value's only encoding, so nothing unknown can hide inside.

use minicbor::{Decode, Encode};

use crate::error::Error;

/// The canonical bytes of a value.
#[must_use]
pub fn to_bytes<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("encoding into a vector cannot fail")
}

/// Reads a message. `what` names it in the error. Errors when the bytes are no such message or
/// something follows it.
pub fn from_bytes<'b, T: Decode<'b, ()>>(what: &'static str, bytes: &'b [u8]) -> Result<T, Error> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().map_err(|_| Error::Encoding { what })?;
    if decoder.position() != bytes.len() {
        return Err(Error::Encoding { what });
    }
    Ok(value)
}

/// Reads bytes that stand under a signature. Errors like `from_bytes`, and when the bytes are not
/// exactly what this program would write for the value.
pub fn from_signed_bytes<'b, T>(what: &'static str, bytes: &'b [u8]) -> Result<T, Error>
where
    T: Decode<'b, ()> + Encode<()>,
{
    let value: T = from_bytes(what, bytes)?;
    if to_bytes(&value) != bytes {
        return Err(Error::Encoding { what });
    }
    Ok(value)
}
