//! The renter's money: native tokens, wrapped tokens and the vault cheques are drawn on.
//!
//! Enters: sums as people type them. Leaves: transactions of the renter's account, or with
//! `--dry-run` what they would cost. Invariant: what the account cannot pay is refused here, with
//! what is there and what is asked, before anything is sent. Does not: go through an outbox; a
//! command that is cut off is run again, and the chain's nonce keeps the first from counting twice.

use clap::{Args, Subcommand};
use host_chain::codec::{factory, token, vault as vault_codec};
use host_chain::{EvmChain, Intent, Step};
use host_core::{Address, Amount, Digest32};
use host_renter::Code;
use serde::Serialize;

use crate::money::{self, MoneyArgs, Plan, Tokens};
use crate::print;
use crate::renter::home::Home;
use crate::trouble::Coded;

pub(crate) mod vault;

/// Gas of a deposit that rests on an approval which is not in a block yet.
const DEPOSIT_GAS: u64 = 160_000;

/// The renter's money.
#[derive(Debug, Args)]
pub(crate) struct WalletArgs {
    #[command(flatten)]
    money: MoneyArgs,
    #[command(subcommand)]
    what: WalletCommand,
}

/// Sums are smallest units, or tokens with `t` behind them (`1.5t`).
#[derive(Debug, Subcommand)]
enum WalletCommand {
    /// What the account and its vault hold
    Balance,
    /// Move wrapped tokens into the vault
    Deposit {
        /// How much
        #[arg(value_parser = money::typed)]
        amount: Amount,
    },
    /// Take tokens out of the vault; announces first, pays out after the vault's delay
    Withdraw {
        /// How much
        #[arg(value_parser = money::typed)]
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
        #[arg(value_parser = money::typed)]
        amount: Amount,
        /// Native tokens instead, as gas is paid in
        #[arg(long)]
        native: bool,
    },
    /// Turn native tokens into wrapped ones
    Wrap {
        /// How much
        #[arg(value_parser = money::typed)]
        amount: Amount,
    },
    /// Turn wrapped tokens into native ones
    Unwrap {
        /// How much
        #[arg(value_parser = money::typed)]
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
    /// Native and wrapped tokens and what is free in the vault, in fiat.
    #[serde(skip_serializing_if = "Option::is_none")]
    fiat: Option<String>,
}

/// The vault of the account that signs, made when it is not there.
pub(crate) async fn vault(chain: &EvmChain) -> anyhow::Result<Address> {
    Ok(chain.deploy_vault(Digest32([0; 32]), "").await?)
}

/// Refuses in the words of this command, with figures.
fn refused(words: String) -> anyhow::Error {
    Coded::new(Code::ValueInvalid, words).into()
}

/// Errors with both figures when `have` is below `need`.
pub(crate) fn enough(what: &str, have: Amount, need: Amount, hint: &str) -> anyhow::Result<()> {
    if have >= need {
        return Ok(());
    }
    let missing = Tokens(Amount(need.0 - have.0));
    let (have, need) = (Tokens(have), Tokens(need));
    Err(refused(format!(
        "{what} {have} of {need} tokens; {missing} is missing{hint}"
    )))
}

/// Runs one wallet command.
pub(crate) async fn run(args: WalletArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let chain = home.chain()?;
    let own = home.key().address();
    let (plan, asked) = match args.what {
        WalletCommand::Balance => return balance(&home, &chain, &args.money).await,
        WalletCommand::Deposit { amount } => (deposit(&chain, own, amount).await?, amount),
        WalletCommand::Withdraw { amount, request } => {
            let plan = withdraw(&home, &chain, own, amount, request).await?;
            (plan, amount)
        }
        WalletCommand::Send { to, amount, native } => {
            (vec![send(&chain, own, to, amount, native).await?], amount)
        }
        WalletCommand::Wrap { amount } => {
            let have = chain.native_balance(own).await?;
            enough("the account holds", have, amount, "; gas comes on top")?;
            let mut wrap = Intent::call("wrap", chain.contracts("wrap")?.token, token::deposit());
            wrap.value = amount;
            (vec![Step::now(wrap)], amount)
        }
        WalletCommand::Unwrap { amount } => {
            let have = chain.token_balance(own).await?;
            enough("the account holds", have, amount, "")?;
            let data = token::withdraw(amount);
            let unwrap = Intent::call("unwrap", chain.contracts("unwrap")?.token, data);
            (vec![Step::now(unwrap)], amount)
        }
    };
    let plan = Plan {
        steps: plan,
        moves: asked,
    };
    money::run(&chain, &plan, &args.money).await
}

async fn send(
    chain: &EvmChain,
    own: Address,
    to: Address,
    amount: Amount,
    native: bool,
) -> anyhow::Result<Step> {
    if native {
        let have = chain.native_balance(own).await?;
        enough("the account holds", have, amount, "; gas comes on top")?;
        let mut send = Intent::call("native transfer", to, Vec::new());
        send.value = amount;
        return Ok(Step::now(send));
    }
    let have = chain.token_balance(own).await?;
    let hint = "; `holdfast wallet wrap` makes wrapped tokens of native ones";
    enough("the account holds", have, amount, hint)?;
    let of_token = chain.contracts("token transfer")?.token;
    let data = token::transfer(to, amount);
    Ok(Step::now(Intent::call("token transfer", of_token, data)))
}

/// The steps of a deposit, with the vault's own making where there is none.
async fn deposit(chain: &EvmChain, own: Address, amount: Amount) -> anyhow::Result<Vec<Step>> {
    let have = chain.token_balance(own).await?;
    let hint = "; `holdfast wallet wrap` makes wrapped tokens of native ones";
    enough("the account holds", have, amount, hint)?;
    let contracts = chain.contracts("vault deposit")?;
    let (vault, stands) = chain.vault_place(own, Digest32([0; 32])).await?;
    let mut steps = Vec::new();
    if !stands {
        let data = factory::deploy_vault(own, Digest32([0; 32]), "");
        let make = Intent::call("vault deployment", contracts.vault_factory, data);
        steps.push(Step::now(make));
    }
    let approve = token::approve(vault, amount);
    steps.push(Step::now(Intent::call("approve", contracts.token, approve)));
    let deposit = Intent::call("vault deposit", vault, vault_codec::deposit(amount));
    steps.push(Step::after(deposit, DEPOSIT_GAS));
    Ok(steps)
}

async fn withdraw(
    home: &Home,
    chain: &EvmChain,
    own: Address,
    amount: Amount,
    request: bool,
) -> anyhow::Result<Vec<Step>> {
    let (vault, stands) = chain.vault_place(own, Digest32([0; 32])).await?;
    if !stands {
        return Err(refused("this wallet has no vault yet".into()));
    }
    let intent = if request {
        let free = free_of(home, chain, vault, own).await?;
        enough("the vault has free", free, amount, "; the rest is promised")?;
        let data = vault_codec::request_withdraw(amount);
        Intent::call("withdrawal request", vault, data)
    } else {
        announced(chain, vault, amount).await?;
        Intent::call("vault withdrawal", vault, vault_codec::withdraw(amount))
    };
    Ok(vec![Step::now(intent)])
}

/// Errors with the block a withdrawal may leave in when it may not leave now.
async fn announced(chain: &EvmChain, vault: Address, amount: Amount) -> anyhow::Result<()> {
    let head = chain.newest_block().await?.number;
    let Some(request) = chain.withdraw_request(vault).await? else {
        let words = "nothing is announced; run it with --request first, then after the delay";
        return Err(refused(words.into()));
    };
    enough("announced are", request.sum, amount, "")?;
    if head < request.ready_at {
        let (ready, left) = (request.ready_at, request.ready_at - head);
        return Err(refused(format!(
            "the withdrawal may leave from block {ready} on; the head is {head}, {left} to go"
        )));
    }
    Ok(())
}

/// What a vault holds beyond what it promised.
pub(crate) async fn free_of(
    home: &Home,
    chain: &EvmChain,
    vault: Address,
    own: Address,
) -> anyhow::Result<Amount> {
    let facts = chain.vault_facts(vault, own).await?;
    let paid_out = chain.total_paid_out(vault).await?;
    let owed = home.issued(vault)?.0.saturating_sub(paid_out.0);
    Ok(Amount(facts.balance.0.saturating_sub(owed)))
}

async fn balance(home: &Home, chain: &EvmChain, args: &MoneyArgs) -> anyhow::Result<()> {
    let address = home.key().address();
    let vault = vault(chain).await?;
    let facts = chain.vault_facts(vault, address).await?;
    let paid_out = chain.total_paid_out(vault).await?;
    let issued = home.issued(vault)?;
    let owed = issued.0.saturating_sub(paid_out.0);
    let native = chain.native_balance(address).await?;
    let token = chain.token_balance(address).await?;
    let available = Amount(facts.balance.0.saturating_sub(owed));
    let all = native.plus(token)?.plus(available)?;
    let balance = Balance {
        address,
        vault,
        native,
        token,
        vault_balance: facts.balance,
        vault_paid_out: paid_out,
        issued,
        available,
        fiat: args.rate.as_ref().map(|rate| rate.of(all)),
    };
    print::either(args.json, &balance, |b| {
        let fiat = b
            .fiat
            .as_ref()
            .map_or(String::new(), |fiat| format!("\nworth    {fiat}"));
        format!(
            "account {}\n  native  {}\n  token   {}\nvault   {}\n  holds   {}\n  paid    {}\n  \
             issued  {}\n  free    {}{fiat}",
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
