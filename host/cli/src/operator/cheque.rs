//! `holdfast cheque`: what cheques promised, paid and could not pay, by peer and token; and cashing
//! them, with what that would bring and cost.
//!
//! Enters: a running host (`--dir`) for received cheques, else the renter's home for issued ones.
//! Leaves: figures, or the wish to cash. Invariant: what a vault cannot cover is told with both
//! figures before anything is sent; transactions are the host's outbox's.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use host_core::{Address, Amount};
use host_daemon::api::{CashBegun, ChequesSaid, IdSaid, VaultSaid};
use serde::Serialize;

use super::Local;
use super::onchain::{OnChain, OnChainArgs};
use crate::money::{self, MoneyArgs, Tokens};
use crate::print;

/// Gas of cashing one cheque, at most (host/solidity/gas.json, row cash_cheque).
const CASH_GAS: u64 = 60_000;

/// Cheques.
#[derive(Debug, Args)]
pub(crate) struct ChequeArgs {
    /// The data directory of a host; without it the renter's home is asked
    #[arg(long, global = true)]
    dir: Option<PathBuf>,
    /// Address of the local API, when it is not the configured one
    #[arg(long, global = true)]
    api: Option<SocketAddr>,
    #[command(flatten)]
    money: MoneyArgs,
    #[command(subcommand)]
    what: ChequeCommand,
}

#[derive(Debug, Subcommand)]
enum ChequeCommand {
    /// Issued, received, cashed, uncashed and bounced, in all, by peer and token
    Stats,
    /// Tell a running host to cash every cheque; with --dry-run what each vault covers
    Cash,
}

/// The cheques between this wallet and one host; sums in smallest units.
#[derive(Debug, Serialize)]
struct IssuedSaid {
    /// The host's account.
    peer: Address,
    vault: Address,
    token: Address,
    issued: Amount,
    cashed: Amount,
    uncashed: Amount,
    /// Of that the vault could not pay now.
    bounced: Amount,
}

/// What a renter's `cheque stats` says.
#[derive(Debug, Serialize)]
struct RenterSaid {
    issued: Amount,
    received: Amount,
    cashed: Amount,
    uncashed: Amount,
    bounced: Amount,
    by_peer: Vec<IssuedSaid>,
}

/// What cashing one vault's cheque would bring.
#[derive(Debug, Serialize)]
struct CashSaid {
    vault: Address,
    due: Amount,
    covers: Amount,
}

/// What `cheque cash --dry-run` says.
#[derive(Debug, Serialize)]
struct CashDry {
    dry_run: bool,
    due: Amount,
    /// Of that the vaults cover.
    moves: Amount,
    gas: u64,
    gas_cost: Amount,
    moves_fiat: Option<String>,
    gas_fiat: Option<String>,
    /// Why it would be refused; absent when it would not.
    refused: Option<String>,
    by_vault: Vec<CashSaid>,
}

/// Runs one of the cheques' commands.
pub(crate) async fn cheque(args: ChequeArgs) -> anyhow::Result<()> {
    match (&args.what, &args.dir) {
        (ChequeCommand::Stats, Some(_)) => host_stats(&args).await,
        (ChequeCommand::Stats, None) => renter_stats(&args.money).await,
        (ChequeCommand::Cash, _) => cash(args).await,
    }
}

async fn of_host(args: &ChequeArgs) -> anyhow::Result<(Local, ChequesSaid)> {
    let dir = args.dir.as_deref().context("name a host with --dir")?;
    let local = Local::at(dir, args.api)?;
    let get = local.client.get(local.url("/api/v1/cheques"));
    let said = serde_json::from_str(&local.ask(get).await?)?;
    Ok((local, said))
}

async fn host_stats(args: &ChequeArgs) -> anyhow::Result<()> {
    let (_, said) = of_host(args).await?;
    print::either(args.money.json, &said, |said| {
        let sum = |of| money::sum(of, args.money.rate.as_ref());
        let mut lines = vec![format!(
            "{} vaults: {} received, {} cashed, {} uncashed, {} bounced",
            said.vaults,
            sum(said.received),
            sum(said.cashed),
            sum(said.uncashed),
            sum(said.bounced)
        )];
        lines.extend(said.by_vault.iter().map(|one| {
            let renter = one.renter.map_or(String::new(), |of| format!(" of {of}"));
            format!(
                "{}{renter}: {} received, {} cashed, {} uncashed, {} bounced",
                one.vault, one.received, one.cashed, one.uncashed, one.bounced
            )
        }));
        lines.join("\n")
    })
}

#[cfg(not(feature = "renter"))]
async fn renter_stats(_: &MoneyArgs) -> anyhow::Result<()> {
    std::future::ready(Err(anyhow::anyhow!("name a host with --dir"))).await
}

#[cfg(feature = "renter")]
async fn renter_stats(args: &MoneyArgs) -> anyhow::Result<()> {
    let home = crate::renter::home::Home::open()?;
    let chain = home.chain()?;
    let own = home.key().address();
    let (vault, _) = chain.vault_place(own, host_core::Digest32([0; 32])).await?;
    let token = chain.contracts("cheques")?.token;
    let mut said = RenterSaid {
        issued: Amount::ZERO,
        received: Amount::ZERO,
        cashed: Amount::ZERO,
        uncashed: Amount::ZERO,
        bounced: Amount::ZERO,
        by_peer: Vec::new(),
    };
    for (peer, issued) in home.promises(vault)? {
        let cashed = chain.vault_facts(vault, peer).await?.paid_out;
        let uncashed = Amount(issued.0.saturating_sub(cashed.0));
        let cover = chain.cover_of(vault, peer).await?;
        let bounced = Amount(uncashed.0.saturating_sub(cover.0));
        said.issued = said.issued.plus(issued)?;
        said.cashed = said.cashed.plus(cashed)?;
        said.uncashed = said.uncashed.plus(uncashed)?;
        said.bounced = said.bounced.plus(bounced)?;
        said.by_peer.push(IssuedSaid {
            peer,
            vault,
            token,
            issued,
            cashed,
            uncashed,
            bounced,
        });
    }
    print::either(args.json, &said, |said| {
        let sum = |of| money::sum(of, args.rate.as_ref());
        let mut lines = vec![format!(
            "{} hosts: {} issued, {} cashed, {} uncashed, {} not covered",
            said.by_peer.len(),
            sum(said.issued),
            sum(said.cashed),
            sum(said.uncashed),
            sum(said.bounced)
        )];
        lines.extend(said.by_peer.iter().map(|one| {
            format!(
                "{}: {} issued, {} cashed, {} uncashed, {} not covered",
                one.peer, one.issued, one.cashed, one.uncashed, one.bounced
            )
        }));
        lines.join("\n")
    })
}

async fn cash(args: ChequeArgs) -> anyhow::Result<()> {
    let (local, said) = of_host(&args).await?;
    if !args.money.dry_run {
        let text = local
            .ask(local.client.post(local.url("/api/v1/cash")))
            .await?;
        let begun: CashBegun = serde_json::from_str(&text)?;
        return print::either(args.money.json, &begun, |begun| {
            format!("{} transactions begun", begun.begun)
        });
    }
    let id = local.ask(local.client.get(local.url("/api/v1/id"))).await?;
    let id: IdSaid = serde_json::from_str(&id)?;
    let on = OnChain::of(&OnChainArgs {
        dir: args.dir.clone(),
        api: args.api,
        network: None,
        detach: false,
        money: args.money.clone(),
    })?;
    let dry = weigh(&on, id.address, &said.by_vault, &args.money).await?;
    print::either(args.money.json, &dry, |dry| words(dry, &args.money))
}

async fn weigh(
    on: &OnChain,
    host: Address,
    vaults: &[VaultSaid],
    args: &MoneyArgs,
) -> anyhow::Result<CashDry> {
    let mut by_vault = Vec::new();
    let (mut due, mut moves, mut count) = (Amount::ZERO, Amount::ZERO, 0_u64);
    for one in vaults.iter().filter(|one| one.uncashed > Amount::ZERO) {
        let cover = on.chain.cover_of(one.vault, host).await?;
        let covers = cover.min(one.uncashed);
        due = due.plus(one.uncashed)?;
        moves = moves.plus(covers)?;
        count += u64::from(covers > Amount::ZERO);
        by_vault.push(CashSaid {
            vault: one.vault,
            due: one.uncashed,
            covers,
        });
    }
    let price = on.chain.gas_price_now().await?;
    let gas = count.saturating_mul(CASH_GAS);
    let gas_cost = price.times(gas)?;
    let native = on.chain.native_balance(host).await?;
    let short = native < gas_cost;
    let (have, need) = (Tokens(native), Tokens(gas_cost));
    Ok(CashDry {
        dry_run: true,
        due,
        moves,
        gas,
        gas_cost,
        moves_fiat: args.rate.as_ref().map(|rate| rate.of(moves)),
        gas_fiat: args.rate.as_ref().map(|rate| rate.of(gas_cost)),
        refused: short.then(|| format!("the account holds {have} of {need} tokens for gas")),
        by_vault,
    })
}

fn words(dry: &CashDry, args: &MoneyArgs) -> String {
    let sum = |of| money::sum(of, args.rate.as_ref());
    let mut lines = vec!["dry run: nothing was sent".to_owned()];
    lines.extend(dry.by_vault.iter().map(|one| {
        let (covers, due) = (Tokens(one.covers), Tokens(one.due));
        format!("  {}: this vault covers {covers} of {due}", one.vault)
    }));
    lines.push(format!("  brings {} of {}", sum(dry.moves), sum(dry.due)));
    lines.push(format!(
        "  gas at most {} for {} gas",
        sum(dry.gas_cost),
        dry.gas
    ));
    lines.extend(dry.refused.clone());
    lines.join("\n")
}
