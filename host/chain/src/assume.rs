//! What the network file says of the chain, held against the chain itself.
//!
//! Enters: the network file. Leaves: each assumption with what was found. Invariant: an endpoint
//! that
//! does not answer breaks no assumption, it is an error. Does not: act on a difference.

use crate::chain::EvmChain;
use crate::error::Error;
use host_core::network::Network;

/// One thing the network file relies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumption {
    /// What it is about.
    pub what: String,
    /// What the file says; empty when it says nothing and the value is only shown.
    pub expected: String,
    /// What the chain says.
    pub found: String,
}

impl Assumption {
    /// Whether the chain says what the file says, or the file says nothing.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.expected.is_empty() || self.expected == self.found
    }

    fn shown(what: &str, found: impl ToString) -> Self {
        Self {
            what: what.into(),
            expected: String::new(),
            found: found.to_string(),
        }
    }
}

impl EvmChain {
    /// Every assumption of the network file with what the chain says now. Reads through one
    /// endpoint
    /// that the guard has admitted, money figures through two.
    pub async fn assumptions(&self, network: &Network) -> Result<Vec<Assumption>, Error> {
        let mut found = Vec::new();
        if let Some(anchor) = network.guard.anchor {
            let block = self.block(anchor.block).await?;
            found.push(Assumption {
                what: format!("anchor block {}", anchor.block),
                expected: anchor.hash.to_string(),
                found: block.map_or_else(|| "none".into(), |block| block.hash.to_string()),
            });
        }
        for (name, address) in network.contracts.named() {
            let of_file = network.guard.code.iter().find(|one| one.address == address);
            found.push(Assumption {
                what: format!("code of {name} {address}"),
                expected: of_file.map_or_else(String::new, |one| one.hash.to_string()),
                found: self.code_hash(address).await?.to_string(),
            });
        }
        let (price, rate) = self.price().await?;
        found.push(Assumption::shown(
            "price per GiB and day, micro-tokens",
            price,
        ));
        found.push(Assumption::shown("smallest units per micro-token", rate));
        Ok(found)
    }
}
