//! Keys at rest: the recovery phrase every key comes from, and the sealed form a key file has
//! (docs/formats/keystore.md).
//!
//! Pure: bytes in, bytes out; roots read and write the files. Invariants: secrets live in memory
//! that is wiped, never print, and leave only sealed or by an explicit `expose`. What this room
//! does not do: ask for a passphrase, choose where a file lies, or sign.

mod error;
mod phrase;
mod sealed;

pub use error::Error;
pub use phrase::{Phrase, Role};
pub use sealed::{Box32, SealedKey};
