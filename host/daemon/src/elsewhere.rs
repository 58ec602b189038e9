//! Further networks, for reading alone: what this host's account holds there, seen beside the one
//! it works on.
//!
//! Enters: network files named by `networks`. Leaves: what each chain said last, and an event when
//! something has arrived there (over the network's own bridge, say). Invariants: nothing is ever
//! signed for them; a dead one delays nothing and nobody; none of it is on the path of storage.
//! Does not: bridge.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use host_chain::EvmChain;
use host_core::network::Network;
use host_core::{Address, Amount};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use utoipa::ToSchema;

use crate::chain;
use crate::config::Config;
use crate::supervise::Stopping;

/// Between two looks at all of them.
const EVERY: Duration = Duration::from_secs(30);
/// From the start to the first look.
const FIRST: Duration = Duration::from_secs(5);

/// What one further network said last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ElsewhereSaid {
    /// Its name.
    pub network: String,
    /// Its chain.
    pub chain_id: u64,
    /// The newest block seen; 0 before it answered.
    pub block: u64,
    /// Native value of the host's account there, smallest units; absent before it was told.
    #[schema(value_type = Option<String>)]
    pub native: Option<Amount>,
    /// Tokens of the account there; absent likewise.
    #[schema(value_type = Option<String>)]
    pub token: Option<Amount>,
    /// Why the last look failed.
    pub why: Option<String>,
}

struct Other {
    evm: EvmChain,
    last: Mutex<ElsewhereSaid>,
}

/// Every further network.
#[derive(Default)]
pub struct Elsewhere(Vec<Other>);

impl Elsewhere {
    /// Reads the network files. Nothing is sent; endpoints may all be dead.
    /// Errors: a file that does not read or check, by its path.
    pub fn open(dir: &Path, config: &Config) -> anyhow::Result<Self> {
        let read = |path: &std::path::PathBuf| {
            let path = Config::resolve(dir, path);
            let named = || format!("the network file {} (key `networks`)", path.display());
            let text = std::fs::read_to_string(&path).with_context(named)?;
            let network: Network = toml::from_str(&text).with_context(named)?;
            network.check().with_context(named)?;
            let evm = chain::connect_with(&network, &config.chain)?.reading_only(true);
            let last = Mutex::new(ElsewhereSaid {
                network: network.name,
                chain_id: network.chain_id,
                ..ElsewhereSaid::default()
            });
            Ok(Other { evm, last })
        };
        config
            .networks
            .iter()
            .map(read)
            .collect::<anyhow::Result<_>>()
            .map(Self)
    }

    /// What each said last.
    #[must_use]
    pub fn said(&self) -> Vec<ElsewhereSaid> {
        self.0.iter().map(|other| other.last().clone()).collect()
    }

    async fn look(&self, account: Address) {
        futures::future::join_all(self.0.iter().map(|other| other.look(account))).await;
    }
}

impl Other {
    fn last(&self) -> MutexGuard<'_, ElsewhereSaid> {
        // Plain values: a panic in between leaves nothing half written.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self, account: Address) {
        let seen = async {
            let block = self.evm.newest_block().await?.number;
            let native = self.evm.native_balance(account).await?;
            let token = self.evm.token_balance(account).await?;
            Ok::<_, host_chain::Error>((block, native, token))
        };
        let seen = seen.await;
        let mut last = self.last();
        let network = last.network.clone();
        match seen {
            Ok((block, native, token)) => {
                for (what, had, has) in [
                    ("native value", last.native, native),
                    ("tokens", last.token, token),
                ] {
                    if had.is_some_and(|had| had < has) {
                        let amount = Amount(has.0 - had.unwrap_or_default().0);
                        info!(network, name = what, amount = %amount, block,
                            "money has arrived on another network");
                    }
                }
                *last = ElsewhereSaid {
                    block,
                    native: Some(native),
                    token: Some(token),
                    why: None,
                    ..last.clone()
                };
            }
            Err(err) => {
                if last.why.replace(err.to_string()).is_none() {
                    warn!(network, err = %err, "another network does not answer");
                }
            }
        }
    }
}

/// Looks until told to end.
pub(crate) async fn keep(
    elsewhere: std::sync::Arc<Elsewhere>,
    account: Address,
    mut stopping: Stopping,
) {
    let mut wait = FIRST;
    while stopping.sleep(wait).await {
        wait = EVERY;
        elsewhere.look(account).await;
    }
}
