//! `holdfast vault`: what a vault holds and covers, and what its owner does with it.
//!
//! Enters: a vault, one's own unless another is named. Leaves: figures, or transactions of the
//! renter's account. Invariant: what the vault promised and cannot cover is told with both figures.

use clap::{Args, Subcommand};
use host_chain::codec::vault as codec;
use host_chain::{EvmChain, Intent, Step};
use host_core::{Address, Amount, Digest32};
use serde::Serialize;

use super::{enough, free_of};
use crate::money::{self, MoneyArgs, Plan, Tokens};
use crate::print;
use crate::renter::home::Home;

/// A vault.
#[derive(Debug, Args)]
pub(crate) struct VaultArgs {
    #[command(flatten)]
    money: MoneyArgs,
    #[command(subcommand)]
    what: VaultCommand,
}

/// Sums are smallest units, or tokens with `t` behind them (`1.5t`).
#[derive(Debug, Subcommand)]
enum VaultCommand {
    /// What a vault holds, has paid, promised and covers
    Show {
        /// Another vault than this wallet's
        #[arg(long)]
        vault: Option<Address>,
        /// Whose cover: a host's account
        #[arg(long = "for")]
        beneficiary: Option<Address>,
    },
    /// The address of this wallet's vault
    Address,
    /// Move wrapped tokens in, as `wallet deposit`
    Deposit {
        /// How much
        #[arg(value_parser = money::typed)]
        amount: Amount,
    },
    /// Take tokens out, as `wallet withdraw`
    Withdraw {
        /// How much
        #[arg(value_parser = money::typed)]
        amount: Amount,
        /// Only announce; run again without this after the delay
        #[arg(long)]
        request: bool,
    },
    /// Set a part aside for one host: nobody else is paid from it, and it cannot be withdrawn
    Lock {
        /// The host's account
        host: Address,
        /// How much
        #[arg(value_parser = money::typed)]
        amount: Amount,
        /// The block the lock ends at
        #[arg(long)]
        until: u64,
    },
}

/// What a vault covers for one beneficiary.
#[derive(Debug, Serialize)]
struct CoverSaid {
    beneficiary: Address,
    /// Promised and not paid.
    owed: Amount,
    /// Of that the vault could pay now.
    covered: Amount,
}

/// What `vault show` says; sums in smallest units.
#[derive(Debug, Serialize)]
struct VaultSaid {
    vault: Address,
    issuer: Address,
    /// Whether the network's factory made it.
    known: bool,
    balance: Amount,
    paid_out: Amount,
    /// Promised by this wallet; absent for another's vault.
    issued: Option<Amount>,
    /// Announced to be taken out, and the block it may leave in.
    leaving: Option<(Amount, u64)>,
    covers: Vec<CoverSaid>,
}

/// Runs one vault command.
pub(crate) async fn run(args: VaultArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let chain = home.chain()?;
    let own = home.key().address();
    let (steps, moves) = match args.what {
        VaultCommand::Show { vault, beneficiary } => {
            return show(&home, &chain, vault, beneficiary, &args.money).await;
        }
        VaultCommand::Address => {
            let (vault, stands) = chain.vault_place(own, Digest32([0; 32])).await?;
            let said = serde_json::json!({ "vault": vault, "made": stands });
            return print::either(args.money.json, &said, |_| {
                let hint = if stands {
                    ""
                } else {
                    " (made by the first deposit)"
                };
                format!("{vault}{hint}")
            });
        }
        VaultCommand::Deposit { amount } => (super::deposit(&chain, own, amount).await?, amount),
        VaultCommand::Withdraw { amount, request } => {
            let steps = super::withdraw(&home, &chain, own, amount, request).await?;
            (steps, amount)
        }
        VaultCommand::Lock {
            host,
            amount,
            until,
        } => (
            vec![lock(&home, &chain, host, amount, until).await?],
            amount,
        ),
    };
    money::run(&chain, &Plan { steps, moves }, &args.money).await
}

async fn lock(
    home: &Home,
    chain: &EvmChain,
    host: Address,
    amount: Amount,
    until: u64,
) -> anyhow::Result<Step> {
    let own = home.key().address();
    let (vault, _) = chain.vault_place(own, Digest32([0; 32])).await?;
    let free = free_of(home, chain, vault, own).await?;
    enough("the vault has free", free, amount, "; deposit more first")?;
    let data = codec::lock_deposit(host, amount, until);
    Ok(Step::now(Intent::call("vault lock", vault, data)))
}

async fn show(
    home: &Home,
    chain: &EvmChain,
    vault: Option<Address>,
    beneficiary: Option<Address>,
    args: &MoneyArgs,
) -> anyhow::Result<()> {
    let own = home.key().address();
    let (mine, _) = chain.vault_place(own, Digest32([0; 32])).await?;
    let vault = vault.unwrap_or(mine);
    let facts = chain.vault_facts(vault, own).await?;
    let mut said = VaultSaid {
        vault,
        issuer: facts.issuer,
        known: facts.known,
        balance: facts.balance,
        paid_out: Amount::ZERO,
        issued: None,
        leaving: None,
        covers: Vec::new(),
    };
    if facts.known {
        said.paid_out = chain.total_paid_out(vault).await?;
        let request = chain.withdraw_request(vault).await?;
        said.leaving = request.map(|request| (request.sum, request.ready_at));
    }
    let mut promised = Vec::new();
    if vault == mine {
        said.issued = Some(home.issued(vault)?);
        promised = home.promises(vault)?;
    }
    promised.retain(|(to, _)| beneficiary.is_none_or(|wanted| wanted == *to));
    if let (Some(to), true) = (beneficiary, promised.is_empty() && facts.known) {
        promised.push((to, Amount::ZERO));
    }
    for (to, sum) in promised {
        let facts = chain.vault_facts(vault, to).await?;
        let owed = Amount(sum.0.saturating_sub(facts.paid_out.0));
        let cover = chain.cover_of(vault, to).await?;
        said.covers.push(CoverSaid {
            beneficiary: to,
            owed,
            covered: if owed == Amount::ZERO {
                cover
            } else {
                cover.min(owed)
            },
        });
    }
    print::either(args.json, &said, |said| words(said, args))
}

fn words(said: &VaultSaid, args: &MoneyArgs) -> String {
    let sum = |of| money::sum(of, args.rate.as_ref());
    let mut lines = vec![format!("vault   {}", said.vault)];
    if !said.known {
        lines.push("  the network's factory did not make it; hosts refuse its cheques".into());
        return lines.join("\n");
    }
    lines.push(format!("issuer  {}", said.issuer));
    lines.push(format!("  holds  {}", sum(said.balance)));
    lines.push(format!("  paid   {}", sum(said.paid_out)));
    lines.extend(
        said.issued
            .map(|issued| format!("  issued {}", sum(issued))),
    );
    let leaves = |(of, at): (Amount, u64)| format!("  leaving {} from block {at} on", sum(of));
    lines.extend(said.leaving.map(leaves));
    lines.extend(said.covers.iter().map(|one| {
        let (covered, owed) = (Tokens(one.covered), Tokens(one.owed));
        format!(
            "  this vault covers {covered} of {owed} for {}",
            one.beneficiary
        )
    }));
    lines.join("\n")
}
