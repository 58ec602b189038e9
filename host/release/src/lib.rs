//! Publications: a tree of files as one stored object, a manifest that says what is in it, and a
//! signature that common tools check. Everything here works on bytes and files alone; storing
//! is the caller's.
//!
//! manifest.rs says what a release is, tree.rs walks, joins and takes apart, sshsig.rs signs,
//! channel.rs is a name that moves forward only, classes.rs what a team demands of publications,
//! drill.rs what a rehearsal reports, log.rs the chain of what was done, events.rs what of it
//! others are told, deletion.rs what hosts signed when something was taken away.
#![deny(missing_docs)]

mod car;
mod channel;
mod classes;
mod deletion;
mod drill;
mod error;
mod events;
mod log;
mod manifest;
mod pack;
mod sshsig;
mod tree;

pub use car::{CarStream, Unpacked, car_pack, car_unpack};
pub use channel::{Pointer, Seen};
pub use classes::{Class, Classes, Publishing};
pub use deletion::{
    Deletion, DeletionLine, DeletionShown, DiscardReceipt, beyond_recall, handed_on,
};
pub use drill::{Drill, DrillFile};
pub use error::Error;
pub use events::{Event, Kind, Teller, atom};
pub use log::{Action, ActionLog, Broken, Checked, Entry, Head, Turn};
pub use manifest::{FileLine, Manifest, Retention};
pub use pack::{Unpacker, about as packing, unpack};
pub use sshsig::{PublishKey, Signer};
pub use tree::{Archive, Fault, check, digest, walk};

/// What a release is stored as: manifest, signature and where the tree is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Release {
    /// The manifest's bytes.
    pub manifest: String,
    /// Its signature, armoured.
    pub signature: String,
    /// The tree's object.
    pub tree: host_core::ObjectId,
}

/// The signature of manifests.
pub const RELEASE: &str = "holdfast-release";
/// The signature of channel pointers.
pub const CHANNEL: &str = "holdfast-channel";
/// The signature of a log's head.
pub const LOG: &str = "holdfast-log";
/// The signature of a policy of classes.
pub const CLASSES: &str = "holdfast-classes";
/// The signature of reports.
pub const REPORT: &str = "holdfast-report";
