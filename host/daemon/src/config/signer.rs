//! Where the identity key is kept.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which process opens the key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignerMode {
    /// The daemon itself.
    #[default]
    Inside,
    /// `holdfast-signer`, by its policy; peers are then reached over TCP alone.
    Process,
}

/// Where the identity key is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignerConfig {
    /// Which process opens the key file.
    pub mode: SignerMode,
    /// The socket of a signer that runs already, best as another user; empty means that the daemon
    /// starts one.
    pub socket: PathBuf,
    /// The policy of a signer that the daemon starts, relative to the data directory.
    pub policy_file: PathBuf,
    /// What that signer must remember, relative to the data directory.
    pub book_file: PathBuf,
}

impl Default for SignerConfig {
    fn default() -> Self {
        Self {
            mode: SignerMode::Inside,
            socket: PathBuf::new(),
            policy_file: "signer.toml".into(),
            book_file: "signer.book".into(),
        }
    }
}
