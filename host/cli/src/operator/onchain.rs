//! The chain as the operator's commands see it: the network's own contracts read from this machine,
//! and orders that the running host carries out through its outbox.
//!
//! Enters: a data directory, or a network file alone for what anybody may read. Leaves: reads,
//! quotes and orders. Invariants: no key is read here; a dry run orders nothing; an order that is
//! cut off is under way once, whatever is typed again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use host_chain::{EvmChain, Intent, Step};
use host_core::network::Network;
use host_core::{Address, Amount};
use host_daemon::api::{IdSaid, Order, Ordered, TransactionsSaid};
use host_daemon::config::Config;
use host_daemon::{chain, init};
use host_net::SwarmKey;
use serde::Serialize;

use super::{Local, config_of};
use crate::money::{self, MoneyArgs, Plan};
use crate::print;

/// How long a command waits for its transaction, and between two looks.
const WAIT: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Which host, and how money is shown.
#[derive(Debug, Args)]
pub(crate) struct OnChainArgs {
    /// The host's data directory
    #[arg(long, global = true)]
    pub(crate) dir: Option<PathBuf>,
    /// Address of the local API, when it is not the configured one
    #[arg(long, global = true)]
    pub(crate) api: Option<SocketAddr>,
    /// The network file, for what anybody may read without a host
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) network: Option<PathBuf>,
    /// Return as soon as the order is written down
    #[arg(long, global = true)]
    pub(crate) detach: bool,
    #[command(flatten)]
    pub(crate) money: MoneyArgs,
}

/// A network's chain and perhaps a host on it.
pub(crate) struct OnChain {
    pub(crate) chain: EvmChain,
    pub(crate) network: Network,
    /// The key the network's members share, if they do.
    pub(crate) swarm_key: Option<SwarmKey>,
    dir: Option<PathBuf>,
    api: Option<SocketAddr>,
}

/// What an order came to.
#[derive(Debug, Serialize)]
struct OrderSaid {
    intent: String,
    /// under way, or how it ended.
    state: String,
    tx: Option<String>,
    block: Option<u64>,
    why: String,
}

impl OnChain {
    /// The chain of a host's network or of a network file. Nothing is asked yet.
    pub(crate) fn of(args: &OnChainArgs) -> anyhow::Result<Self> {
        let (chain, network, file) = match (&args.dir, &args.network) {
            (Some(dir), _) => {
                let config = config_of(dir)?;
                let network = init::read_network(dir, &config)?;
                let chain = chain::connect_with(&network, &config.chain)?;
                (chain, network, Config::resolve(dir, &config.network))
            }
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("reading the network file {}", file.display()))?;
                let network: Network =
                    toml::from_str(&text).with_context(|| file.display().to_string())?;
                (chain::connect(&network)?, network, file.clone())
            }
            (None, None) => bail!("name a host with --dir, or a network with --network"),
        };
        Ok(Self {
            swarm_key: SwarmKey::beside(&file, &network)?,
            chain,
            network,
            dir: args.dir.clone(),
            api: args.api,
        })
    }

    /// The running host's API.
    pub(super) fn local(&self) -> anyhow::Result<Local> {
        let dir = self.dir.as_deref();
        Local::at(
            dir.context("this needs a host: name it with --dir")?,
            self.api,
        )
    }

    /// The host's account, as the running host says.
    pub(crate) async fn account(&self) -> anyhow::Result<Address> {
        let local = self.local()?;
        let text = local.ask(local.client.get(local.url("/api/v1/id"))).await?;
        let id: IdSaid = serde_json::from_str(&text)?;
        Ok(id.address)
    }

    /// Shows what `steps` cost `from`, moving `moves` tokens.
    pub(crate) async fn show(
        &self,
        from: Address,
        steps: Vec<Step>,
        moves: Amount,
        args: &MoneyArgs,
    ) -> anyhow::Result<()> {
        money::show(&self.chain, from, &Plan { steps, moves }, args).await
    }

    /// Shows what an order of one call costs, or gives it to the running host and waits for it.
    pub(crate) async fn order(
        &self,
        from: Address,
        call: Intent,
        moves: Amount,
        order: &Order,
        args: &OnChainArgs,
    ) -> anyhow::Result<()> {
        if args.money.dry_run {
            return self
                .show(from, vec![Step::now(call)], moves, &args.money)
                .await;
        }
        // What the contract would refuse is refused here, with its own reason.
        self.chain.quote(from, &[Step::now(call)]).await?;
        self.give(order, args).await
    }

    /// Gives an order to the running host and, unless detached, waits until it has ended.
    pub(crate) async fn give(&self, order: &Order, args: &OnChainArgs) -> anyhow::Result<()> {
        let local = self.local()?;
        let url = local.url("/api/v1/transactions");
        let before = self.transactions().await?.ended.len();
        let text = local.ask(local.client.post(&url).json(order)).await?;
        let ordered: Ordered = serde_json::from_str(&text)?;
        let mut said = OrderSaid {
            intent: ordered.intent.clone(),
            state: "under way".into(),
            tx: None,
            block: None,
            why: ordered.next.clone(),
        };
        if !args.detach {
            self.wait(&mut said, before).await?;
        }
        let failed = !matches!(said.state.as_str(), "under way" | "mined");
        print::either(args.money.json, &said, |said| {
            let block = said
                .block
                .map_or(String::new(), |at| format!(" in block {at}"));
            format!("{}: {}{block}: {}", said.intent, said.state, said.why)
        })?;
        if failed {
            bail!("{} was {}: {}", said.intent, said.state, said.why);
        }
        Ok(())
    }

    async fn transactions(&self) -> anyhow::Result<TransactionsSaid> {
        let local = self.local()?;
        let get = local.client.get(local.url("/api/v1/transactions"));
        Ok(serde_json::from_str(&local.ask(get).await?)?)
    }

    /// Looks until the intent of `said` is under way no more, or for as long as a person waits.
    async fn wait(&self, said: &mut OrderSaid, before: usize) -> anyhow::Result<()> {
        let end = tokio::time::Instant::now() + WAIT;
        while tokio::time::Instant::now() < end {
            let all = self.transactions().await?;
            let stake = said.intent == "stake/add" && !all.stake_order.is_empty();
            let waits = all.waiting.iter().find(|one| one.intent == said.intent);
            if let Some(one) = waits {
                said.why.clone_from(&one.why);
            } else if stake {
                said.why.clone_from(&all.stake_order);
            } else if all.ended.len() > before
                && let Some(one) = all.ended.iter().find(|one| one.intent == said.intent)
            {
                said.state.clone_from(&one.state);
                said.tx.clone_from(&one.tx);
                said.block = one.block;
                said.why.clone_from(&one.why);
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}
