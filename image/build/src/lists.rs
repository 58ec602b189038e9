//! The lists of image/rootfs: packages, modules, the root's shape. Unknown keys are refused.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::place::{Place, read};

/// packages.toml.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Packages {
    /// The package whose dependency is the kernel.
    pub(crate) kernel: String,
    /// What runs on the build machine.
    pub(crate) tools: Vec<String>,
    /// What is taken from each package of the root.
    pub(crate) root: BTreeMap<String, Vec<String>>,
}

/// modules.toml.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Modules {
    /// In the boot archive.
    pub(crate) boot: Vec<String>,
    /// In the root.
    pub(crate) root: Vec<String>,
}

/// root.toml.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shape {
    /// Folders that are mounted on.
    pub(crate) folders: Vec<String>,
    /// Units that start.
    pub(crate) start: Vec<String>,
    /// Units that never do.
    pub(crate) never: Vec<String>,
    /// Folders of the clone whose units go into the root.
    pub(crate) units: Vec<String>,
    /// Programs: name in the root, name where it was built.
    pub(crate) programs: BTreeMap<String, String>,
    /// Programs that an image with the renter's half has instead.
    pub(crate) renter: BTreeMap<String, String>,
    /// Links: path in the root, what it points to.
    pub(crate) links: BTreeMap<String, String>,
}

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Lists {
    pub(crate) packages: Packages,
    pub(crate) modules: Modules,
    pub(crate) shape: Shape,
}

impl Lists {
    /// Reads them.
    pub(crate) fn read(place: &Place) -> Result<Self, Error> {
        Ok(Self {
            packages: list(&place.list("packages.toml"))?,
            modules: list(&place.list("modules.toml"))?,
            shape: list(&place.list("root.toml"))?,
        })
    }
}

fn list<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    toml::from_str(&text).map_err(|why| Error::List {
        path: path.to_owned(),
        why: why.to_string(),
    })
}
