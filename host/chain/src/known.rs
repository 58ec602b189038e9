//! Ready network files: BTFS's own contracts on the public chains it runs on.
//!
//! Enters: nothing. Leaves: the text of the files in host/chain/networks, built in. Invariant: each
//! names where its addresses come from. They are for reading: they name no contract of ours but
//! what BTFS has, and no hub. Does not: parse; whoever reads network files does.

/// A ready network file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownNetwork {
    /// The network's name.
    pub name: &'static str,
    /// The file, TOML.
    pub file: &'static str,
}

/// Every ready network file.
pub const KNOWN_NETWORKS: [KnownNetwork; 2] = [
    KnownNetwork {
        name: "bttc",
        file: include_str!("../networks/bttc.toml"),
    },
    KnownNetwork {
        name: "bttc-donau",
        file: include_str!("../networks/bttc-donau.toml"),
    },
];

#[cfg(test)]
mod tests;
