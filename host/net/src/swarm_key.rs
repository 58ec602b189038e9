//! The key that the members of a private network share: who has it is understood, nobody else.
//!
//! Enters: the text of a key file as libp2p's other programs write it. Leaves: a key the transport
//! wraps TCP in before anything else is said, handshakes included. Invariants: it never prints; a
//! file that does not read is refused, never taken for none. Does not: authenticate a peer (its
//! identity does), or hide who talks to whom.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use host_core::network::Network;
use libp2p::pnet::PreSharedKey;

use crate::error::Error;

/// First lines of a key file.
const HEAD: &str = "/key/swarm/psk/1.0.0/\n/base16/\n";

/// Name of the key's file, beside the network file.
const FILE: &str = "swarm.key";

/// A network's shared key.
#[derive(Clone)]
pub struct SwarmKey(PreSharedKey);

impl fmt::Debug for SwarmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SwarmKey")
    }
}

impl SwarmKey {
    /// Makes a key of 32 random bytes.
    #[must_use]
    pub fn of_bytes(bytes: [u8; 32]) -> Self {
        Self(PreSharedKey::new(bytes))
    }

    /// Reads a key file's text: two head lines, then 64 hexadecimal digits.
    /// Errors: `SwarmKey` when it is anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let trimmed = format!("{}\n", text.trim_end());
        trimmed.parse().map(Self).map_err(|_| Error::SwarmKey)
    }

    /// Where the key of the network in this file is.
    #[must_use]
    pub fn path_beside(network_file: &Path) -> PathBuf {
        network_file.with_file_name(FILE)
    }

    /// The key of a network, from beside its file; none where its members share none.
    /// Errors: `SwarmKeyFile` when it cannot be read, `SwarmKey` when it is none.
    pub fn beside(network_file: &Path, network: &Network) -> Result<Option<Self>, Error> {
        if !network.services.swarm_key {
            return Ok(None);
        }
        let path = Self::path_beside(network_file);
        let text =
            fs::read_to_string(&path).map_err(|source| Error::SwarmKeyFile { path, source })?;
        Self::parse(&text).map(Some)
    }

    /// Carries the key of a network from beside its file to beside another one, readable by its
    /// owner alone; nothing where members share none. Durable when it returns. Errors like
    /// `beside`, and when it cannot be written.
    pub fn carry(from: &Path, network: &Network, to: &Path) -> Result<(), Error> {
        if Self::beside(from, network)?.is_none() {
            return Ok(());
        }
        let (from, to) = (Self::path_beside(from), Self::path_beside(to));
        let text = fs::read_to_string(&from).map_err(|source| Error::SwarmKeyFile {
            path: from.clone(),
            source,
        })?;
        if fs::read_to_string(&to).is_ok_and(|known| known == text) {
            return Ok(());
        }
        write(&to, &text).map_err(|source| Error::SwarmKeyFile { path: to, source })
    }

    /// Makes the key of a network of these 32 random bytes beside its file, unless one is there.
    /// Durable when it returns. Errors: `SwarmKeyFile` when it cannot be written or read,
    /// `SwarmKey` when what is there is none.
    pub fn make(network_file: &Path, bytes: &[u8; 32]) -> Result<(), Error> {
        let path = Self::path_beside(network_file);
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map(drop),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => {
                let written = write(&path, &Self::file_of(bytes));
                written.map_err(|source| Error::SwarmKeyFile { path, source })
            }
            Err(source) => Err(Error::SwarmKeyFile { path, source }),
        }
    }

    /// The text of a key file for 32 random bytes.
    #[must_use]
    pub fn file_of(bytes: &[u8; 32]) -> String {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{HEAD}{digits}\n")
    }

    pub(crate) const fn shared(&self) -> PreSharedKey {
        self.0
    }
}

/// Writes a file that only its owner reads, whole or not at all.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let fresh = path.with_extension("key.new");
    let _ = fs::remove_file(&fresh);
    let mut open = OpenOptions::new();
    let mut file = open.write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
