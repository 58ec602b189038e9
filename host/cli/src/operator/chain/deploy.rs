//! `holdfast chain deploy`: the whole set of contracts onto any EVM chain, and the network file.
//!
//! Enters: an endpoint, a key, the network's name and clock. Leaves: contracts that know each
//! other, and a network file every program reads; with `--dry-run` gas and money alone. Invariants:
//! an existing network file is never replaced; nothing is sent that the account cannot pay for in
//! full; demo values never go to a public chain. Does not: repeat what an interrupted run left
//! behind; the next run deploys a whole set anew.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use host_chain::{DeployParams, EvmChain, Guard, Options, Plan};
use host_core::epoch::EpochRule;
use host_core::identity::SecretKey;
use host_core::network::{Contracts, Network};
use host_core::{Address, Amount};
use host_daemon::config::layers;
use host_keystore::SealedKey;
use serde::Serialize;

use crate::money::{self, Rate};
use crate::operator::read_words;
use crate::print;

/// Chains with money of value; values of a demo do not belong there.
const PUBLIC_CHAINS: [u64; 3] = [1, 199, 1029];
/// Highest price of a gas unit unless another is given: 10,000 gwei, which BTTC has asked.
const FEE_CAP: u128 = 10_000_000_000_000;

/// Puts a network on a chain.
#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    /// A JSON-RPC endpoint; may be given again, and then two must agree
    #[arg(long = "endpoint", value_name = "URL", required = true)]
    endpoints: Vec<String>,
    /// The key that pays and owns the contracts: a key file, or 64 hex digits
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// A file with the passphrase of the key file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Values for the public (days of notice, epochs of a day) instead of a demo's
    #[arg(long)]
    public: bool,
    /// The network's name
    #[arg(long, default_value = "holdfast-private")]
    name: String,
    /// Seconds a block takes on average
    #[arg(long, default_value_t = 2)]
    block_seconds: u64,
    /// Blocks of an epoch; a day with --public, 20 otherwise
    #[arg(long)]
    epoch_blocks: Option<u64>,
    /// Blocks on top of what counts; 12 with --public, 2 otherwise
    #[arg(long)]
    depth: Option<u64>,
    /// The chain's own wrapped token; without it one is deployed
    #[arg(long, value_name = "ADDRESS")]
    token: Option<Address>,
    /// A hub, as a multiaddress; may be given again
    #[arg(long = "hub", value_name = "MULTIADDR")]
    hubs: Vec<String>,
    /// Highest price of a gas unit, wei
    #[arg(long, default_value_t = FEE_CAP)]
    fee_cap: u128,
    /// The network file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only show gas and money; nothing is sent or written
    #[arg(long)]
    dry_run: bool,
    /// What a token is worth, as in `0.0000008 USD`
    #[arg(long, value_name = "PRICE [CURRENCY]")]
    rate: Option<Rate>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// What a deployment costs and where it stands.
#[derive(Debug, Serialize)]
struct Said {
    chain_id: u64,
    account: Address,
    balance: Amount,
    transactions: usize,
    gas: u64,
    /// The most it may cost at today's price of gas, wei.
    cost: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    fiat: Option<String>,
    contracts: Contracts,
    /// The file that was written; absent after a dry run.
    network_file: Option<PathBuf>,
}

/// Runs it.
pub(crate) async fn run(args: DeployArgs) -> anyhow::Result<()> {
    let out = place_for(&args.out)?;
    let key = read_key(&args.key_file, args.passphrase_file.as_deref())?;
    let first = args.endpoints.first().map_or("", String::as_str);
    let chain_id = host_chain::chain_id_at(first).await?;
    if !args.public && PUBLIC_CHAINS.contains(&chain_id) {
        bail!("chain {chain_id} is public; with --public its values are for the public");
    }
    let mut network = network_of(&args, chain_id);
    let chain = EvmChain::new(Options {
        endpoints: args.endpoints.clone(),
        guard: Guard {
            chain_id,
            anchor: None,
            code: Vec::new(),
        },
        contracts: None,
        fee_cap: args.fee_cap,
        depth: network.epoch.depth,
    })?
    .with_key(key.clone());
    let params = DeployParams {
        token: args.token,
        ..DeployParams::of_network(&network)
    };
    let plan = chain.plan_deployment(&params).await?;
    let mut said = quote(&chain, &plan, key.address(), args.rate.as_ref()).await?;
    if !args.dry_run {
        if said.balance < said.cost {
            let (have, need) = (money::Tokens(said.balance), money::Tokens(said.cost));
            bail!("{} holds {have} of {need} tokens", said.account);
        }
        let deployed = chain.deploy_network(&params).await?;
        said.contracts = deployed.contracts.clone();
        network.epoch.epoch_blocks = params.epoch_blocks;
        deployed.into_file(&mut network);
        let text = toml::to_string_pretty(&network).context("writing the network file")?;
        layers::write_atomic(&out, &text)?;
        said.network_file = Some(out);
    }
    print::either(args.json, &said, words)
}

/// Where the network file will stand, whole. Errors before anything is sent when it cannot.
fn place_for(out: &Path) -> anyhow::Result<PathBuf> {
    let out = std::path::absolute(out).with_context(|| format!("finding {}", out.display()))?;
    if out.exists() {
        bail!("{} exists already; name another file", out.display());
    }
    let parent = out.parent().unwrap_or(&out);
    if !parent.is_dir() {
        bail!("there is no directory {}", parent.display());
    }
    Ok(out)
}

/// The network before its contracts stand.
fn network_of(args: &DeployArgs, chain_id: u64) -> Network {
    let day = 86_400 / args.block_seconds.max(1);
    let (epoch, depth) = if args.public { (day, 12) } else { (20, 2) };
    Network {
        name: args.name.clone(),
        private: !args.public,
        chain_id,
        endpoints: args.endpoints.clone(),
        hubs: args.hubs.clone(),
        score_bar: if args.public { 8 } else { 0 },
        epoch: EpochRule {
            genesis_block: 0,
            epoch_blocks: args.epoch_blocks.unwrap_or(epoch),
            block_seconds: args.block_seconds,
            grace_epochs: 2,
            depth: args.depth.unwrap_or(depth),
        },
        contracts: Contracts::of_vaults(Address::ZERO, Address::ZERO, Address::ZERO),
        guard: host_core::network::NetworkGuard::default(),
        services: host_core::network::Services::default(),
    }
}

async fn quote(
    chain: &EvmChain,
    plan: &Plan,
    account: Address,
    rate: Option<&Rate>,
) -> anyhow::Result<Said> {
    let cost = chain.cost_of_plan(plan).await?;
    Ok(Said {
        chain_id: chain.chain_id(),
        account,
        balance: chain.native_balance(account).await?,
        transactions: plan.steps.len(),
        gas: plan.gas(),
        cost,
        fiat: rate.map(|rate| rate.of(cost)),
        contracts: plan.contracts.clone(),
        network_file: None,
    })
}

fn words(said: &Said) -> String {
    let fiat = said.fiat.as_ref();
    let fiat = fiat.map_or(String::new(), |fiat| format!(" ({fiat})"));
    let mut lines = vec![
        format!(
            "chain {}: {} transactions, {} gas, at most {} tokens{fiat}",
            said.chain_id,
            said.transactions,
            said.gas,
            money::Tokens(said.cost)
        ),
        format!(
            "account {} holds {} tokens",
            said.account,
            money::Tokens(said.balance)
        ),
    ];
    let contracts = said.contracts.named();
    lines.extend(contracts.iter().map(|(name, at)| format!("{name} {at}")));
    lines.push(match &said.network_file {
        Some(file) => format!("deployed; the network file is {}", file.display()),
        None => "nothing was sent".into(),
    });
    lines.join("\n")
}

/// The key of a key file, or of a file that holds it in hexadecimal.
fn read_key(path: &Path, passphrase: Option<&Path>) -> anyhow::Result<SecretKey> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    if let Ok(sealed) = SealedKey::from_bytes(&bytes) {
        let words = passphrase.map(read_words).transpose()?.unwrap_or_default();
        return sealed
            .open(words.as_bytes())
            .context("opening the key file");
    }
    let text = String::from_utf8_lossy(&bytes);
    let digits = text.trim().trim_start_matches("0x");
    let wrong = || format!("{} is neither a key file nor 64 hex digits", path.display());
    if digits.len() != 64 || !digits.is_ascii() {
        bail!(wrong());
    }
    let mut key = [0_u8; 32];
    for (index, byte) in key.iter_mut().enumerate() {
        let pair = digits.get(2 * index..2 * index + 2).unwrap_or_default();
        *byte = u8::from_str_radix(pair, 16).with_context(wrong)?;
    }
    SecretKey::from_bytes(&key).with_context(wrong)
}
