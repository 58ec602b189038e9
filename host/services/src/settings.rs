//! A service's settings: a TOML file whose unknown keys are refused, overlaid by flags, and the
//! network file both sides agree on.

use std::fs;
use std::path::{Path, PathBuf};

use host_core::network::Network;
use host_net::SwarmKey;
use serde::Deserialize;

use crate::error::Error;

/// Where the hub listens when nothing says otherwise: the swarm port, on every interface.
const LISTEN: &str = "/ip4/0.0.0.0/tcp/4001";

/// What the hub is told; each part may be missing in the file or among the flags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubSettings {
    /// The network file.
    pub network: Option<PathBuf>,
    /// The data directory.
    pub data: Option<PathBuf>,
    /// Where to listen.
    #[serde(default)]
    pub listen: Vec<String>,
    /// What to tell others.
    #[serde(default)]
    pub announce: Vec<String>,
}

impl HubSettings {
    /// Reads the file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        toml_file(path, "hub settings file")
    }

    /// Takes every part that `flags` sets, keeps the others.
    #[must_use]
    pub fn overlaid(self, flags: Self) -> Self {
        let either = |flag: Vec<String>, file: Vec<String>| {
            if flag.is_empty() { file } else { flag }
        };
        Self {
            network: flags.network.or(self.network),
            data: flags.data.or(self.data),
            listen: either(flags.listen, self.listen),
            announce: either(flags.announce, self.announce),
        }
    }

    /// The network this hub serves. Errors when none is set or its file is wrong.
    pub fn network(&self) -> Result<Network, Error> {
        let path = self
            .network
            .as_deref()
            .ok_or(Error::Missing { name: "network" })?;
        let network: Network = toml_file(path, "network file")?;
        network.check()?;
        Ok(network)
    }

    /// The key the network's members share, from beside the network file. Errors when it is not
    /// there or no key.
    pub fn swarm_key(&self, network: &Network) -> Result<Option<SwarmKey>, Error> {
        let file = self.network.as_deref();
        let file = file.ok_or(Error::Missing { name: "network" })?;
        Ok(SwarmKey::beside(file, network)?)
    }

    /// The data directory. Errors when none is set.
    pub fn data(&self) -> Result<&Path, Error> {
        self.data.as_deref().ok_or(Error::Missing { name: "data" })
    }

    /// Where to listen, the default included.
    #[must_use]
    pub fn listen(&self) -> Vec<String> {
        if self.listen.is_empty() {
            return vec![LISTEN.to_owned()];
        }
        self.listen.clone()
    }
}

fn toml_file<T: serde::de::DeserializeOwned>(path: &Path, what: &'static str) -> Result<T, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::File {
        op: "read",
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|error| Error::Settings {
        path: path.to_owned(),
        what,
        why: error.message().to_owned(),
    })
}
