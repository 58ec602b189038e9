//! The renter's money: native tokens, wrapped tokens and the vault cheques are drawn on.

use clap::{Args, Subcommand};
use host_chain::EvmChain;
use host_core::{Address, Amount, Digest32};
use serde::Serialize;

use crate::print;
use crate::renter::home::Home;

/// The renter's money.
#[derive(Debug, Args)]
pub(crate) struct WalletArgs {
    /// Answer as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: WalletCommand,
}

#[derive(Debug, Subcommand)]
enum WalletCommand {
    /// What the account and its vault hold
    Balance,
    /// Move wrapped tokens into the vault (smallest units)
    Deposit {
        /// How much
        amount: Amount,
    },
    /// Take tokens out of the vault; announces first, pays out after the vault's delay
    Withdraw {
        /// How much
        amount: Amount,
        /// Only announce; run again without this after the delay
        #[arg(long)]
        request: bool,
    },
    /// Send wrapped tokens
    Send {
        /// To whom
        to: Address,
        /// How much
        amount: Amount,
    },
    /// Turn native tokens into wrapped ones
    Wrap {
        /// How much
        amount: Amount,
    },
    /// Turn wrapped tokens into native ones
    Unwrap {
        /// How much
        amount: Amount,
    },
}

/// What `wallet balance` says; amounts in smallest units.
#[derive(Debug, Serialize)]
struct Balance {
    address: Address,
    vault: Address,
    native: Amount,
    token: Amount,
    vault_balance: Amount,
    vault_paid_out: Amount,
    issued: Amount,
    available: Amount,
}

/// What a transaction came to.
#[derive(Debug, Serialize)]
struct Done {
    tx: Digest32,
    block: u64,
}

/// The vault of the account that signs, made when it is not there.
pub(crate) async fn vault(chain: &EvmChain) -> anyhow::Result<Address> {
    Ok(chain.deploy_vault(Digest32([0; 32]), "").await?)
}

/// Runs one wallet command.
pub(crate) async fn run(args: WalletArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let chain = home.chain()?;
    let receipt = match args.what {
        WalletCommand::Balance => return balance(&home, &chain, args.json).await,
        WalletCommand::Deposit { amount } => chain.deposit(vault(&chain).await?, amount).await?,
        WalletCommand::Withdraw { amount, request } => {
            let vault = vault(&chain).await?;
            if request {
                chain.request_withdraw(vault, amount).await?
            } else {
                chain.withdraw(vault, amount).await?
            }
        }
        WalletCommand::Send { to, amount } => chain.send_token(to, amount).await?,
        WalletCommand::Wrap { amount } => chain.wrap(amount).await?,
        WalletCommand::Unwrap { amount } => chain.unwrap(amount).await?,
    };
    let done = Done {
        tx: receipt.hash,
        block: receipt.block,
    };
    print::either(args.json, &done, |done| {
        format!("done in block {} ({})", done.block, done.tx)
    })
}

async fn balance(home: &Home, chain: &EvmChain, json: bool) -> anyhow::Result<()> {
    let address = home.key().address();
    let vault = vault(chain).await?;
    let facts = chain.vault_facts(vault, address).await?;
    let paid_out = chain.total_paid_out(vault).await?;
    let issued = home.issued(vault)?;
    let owed = issued.0.saturating_sub(paid_out.0);
    let balance = Balance {
        address,
        vault,
        native: chain.native_balance(address).await?,
        token: chain.token_balance(address).await?,
        vault_balance: facts.balance,
        vault_paid_out: paid_out,
        issued,
        available: Amount(facts.balance.0.saturating_sub(owed)),
    };
    print::either(json, &balance, |b| {
        format!(
            "account {}\n  native  {}\n  token   {}\nvault   {}\n  holds   {}\n  paid    {}\n  \
             issued  {}\n  free    {}",
            b.address,
            b.native,
            b.token,
            b.vault,
            b.vault_balance,
            b.vault_paid_out,
            b.issued,
            b.available
        )
    })
}
