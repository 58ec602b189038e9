//! What an update bundle says and whether it may go onto a box: schema and compatibility, pure.
//!
//! Enters: the text of a bundle manifest whose signature was checked before, and facts of the box.
//! Leaves: the manifest, or a refusal with its reason. Also the tar that carries a bundle. There is
//! no signature here: TUF metadata beside the manifest covers it (docs/formats/bundle.md).

pub mod error;
mod manifest;
pub mod tar;
mod version;

pub use error::{Blame, Error};
pub use manifest::{Artefact, Facts, Manifest, SCHEMA, STATE_READS, STATE_WRITES};
pub use version::Version;
