//! `holdfast escrow`: the money of one agreement that waits for proofs: look, lock, release, give
//! back, settle.
//!
//! Enters: a signed agreement as a file of hexadecimal CBOR (docs/formats/wire.md), or a host and
//! the agreement's name. Leaves: figures, an order to the host, or transactions of the renter.
//! Invariant: what the contract would refuse is refused first, with the epoch or the figures.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use host_chain::codec::escrow::{self, Lease, LeaseState};
use host_chain::codec::token;
use host_chain::{EvmChain, Intent, Step};
use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::network::Contracts;
use host_core::{AgreementDigest, Amount, codec};
use host_daemon::api::Order;
use serde::Serialize;

use super::onchain::{OnChain, OnChainArgs};
use crate::money::{self, Plan, Tokens};
use crate::print;

/// Gas of opening that rests on an approval which is not in a block yet.
const OPEN_GAS: u64 = 260_000;

/// Money that waits for proofs.
#[derive(Debug, Args)]
pub(crate) struct EscrowArgs {
    #[command(flatten)]
    on: OnChainArgs,
    #[command(subcommand)]
    what: EscrowCommand,
}

#[derive(Debug, Subcommand)]
enum EscrowCommand {
    /// What is locked, paid and given back of an agreement
    Show {
        /// Its name
        agreement: AgreementDigest,
    },
    /// Lock the whole price of a signed agreement, as its renter
    #[cfg(feature = "renter")]
    Lock {
        /// The signed agreement
        file: PathBuf,
        /// The most to lock; the agreement's own price unless given
        #[arg(long, value_parser = money::typed)]
        most: Option<Amount>,
    },
    /// Have a proven epoch paid, as its host
    Release {
        /// The agreement's name
        agreement: AgreementDigest,
        /// Which epoch
        epoch: u64,
    },
    /// Take the price of missed epochs back, as the renter
    #[cfg(feature = "renter")]
    Refund {
        /// Its name, or a file of the signed agreement
        agreement: String,
        /// Which epochs
        #[arg(required = true)]
        epochs: Vec<u64>,
    },
    /// End an agreement whose last epoch can no longer be claimed
    #[cfg(feature = "renter")]
    Settle {
        /// Its name, or a file of the signed agreement
        agreement: String,
    },
}

/// What `escrow show` says; sums in smallest units.
#[derive(Debug, Serialize)]
struct LeaseSaid {
    agreement: AgreementDigest,
    /// none, open or settled.
    state: &'static str,
    left: Amount,
    released: u32,
    refunded: u32,
}

/// Runs one escrow command.
pub(crate) async fn escrow(args: EscrowArgs) -> anyhow::Result<()> {
    match args.what {
        EscrowCommand::Show { agreement } => {
            let on = reading(&args.on)?;
            let lease = on.lease(&agreement).await?;
            show(agreement, &lease, &args.on)
        }
        EscrowCommand::Release { agreement, epoch } => release(agreement, epoch, &args.on).await,
        #[cfg(feature = "renter")]
        EscrowCommand::Lock { file, most } => lock(&read(&file)?, most, &args.on).await,
        #[cfg(feature = "renter")]
        EscrowCommand::Refund { agreement, epochs } => {
            refund(&terms_of(&agreement)?, &epochs, &args.on).await
        }
        #[cfg(feature = "renter")]
        EscrowCommand::Settle { agreement } => settle(&terms_of(&agreement)?, &args.on).await,
    }
}

/// The chain of whatever names one: a host, a network file, or the renter's home.
fn reading(args: &OnChainArgs) -> anyhow::Result<EvmChain> {
    #[cfg(feature = "renter")]
    if args.dir.is_none() && args.network.is_none() {
        return crate::renter::home::Home::open()?.chain();
    }
    Ok(OnChain::of(args)?.chain)
}

/// The terms of an agreement that this home made, by its name, or of the file that is named.
#[cfg(feature = "renter")]
pub(super) fn terms_of(text: &str) -> anyhow::Result<Agreement> {
    match text.parse::<AgreementDigest>() {
        Ok(agreement) => crate::renter::home::Home::open()?.terms(&agreement),
        Err(_) => Ok(read(Path::new(text))?.terms),
    }
}

/// Reads a signed agreement: the CBOR of the wire in hexadecimal digits.
pub(super) fn read(path: &Path) -> anyhow::Result<SignedAgreement> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let bytes = digits(&text).with_context(|| path.display().to_string())?;
    codec::from_bytes("signed agreement", &bytes).with_context(|| path.display().to_string())
}

fn digits(text: &str) -> anyhow::Result<Vec<u8>> {
    let text = text.trim();
    let text = text.strip_prefix("0x").unwrap_or(text);
    let pairs = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16)
            .ok()
            .filter(|_| pair.len() == 2)
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    bytes.context("not an even number of hexadecimal digits")
}

const fn label(state: LeaseState) -> &'static str {
    match state {
        LeaseState::None => "none",
        LeaseState::Open => "open",
        LeaseState::Settled => "settled",
    }
}

fn show(agreement: AgreementDigest, lease: &Lease, args: &OnChainArgs) -> anyhow::Result<()> {
    let said = LeaseSaid {
        agreement,
        state: label(lease.state),
        left: lease.left,
        released: lease.released,
        refunded: lease.refunded,
    };
    print::either(args.money.json, &said, |said| {
        let left = money::sum(said.left, args.money.rate.as_ref());
        format!(
            "{}: {}, {left} left, {} epochs paid, {} given back",
            said.agreement, said.state, said.released, said.refunded
        )
    })
}

fn open_or_refuse(lease: &Lease, agreement: &AgreementDigest) -> anyhow::Result<()> {
    if lease.state != LeaseState::Open {
        bail!(
            "the escrow of {agreement} is {}, not open",
            label(lease.state)
        );
    }
    Ok(())
}

async fn release(agreement: AgreementDigest, epoch: u64, args: &OnChainArgs) -> anyhow::Result<()> {
    let on = OnChain::of(args)?;
    let lease = on.chain.lease(&agreement).await?;
    open_or_refuse(&lease, &agreement)?;
    let order = Order::Release { agreement, epoch };
    if args.money.dry_run {
        // The terms are the host's; it tells what the contract would say and sends nothing.
        bail!(
            "a release is judged by the contract when it is sent; `escrow show` tells what stands"
        );
    }
    on.give(&order, args).await
}

#[cfg(feature = "renter")]
async fn lock(
    signed: &SignedAgreement,
    most: Option<Amount>,
    args: &OnChainArgs,
) -> anyhow::Result<()> {
    let home = crate::renter::home::Home::open()?;
    let chain = home.chain()?;
    let terms = &signed.terms;
    let price = terms.cost_of(terms.epochs())?;
    if terms.pay_mode != PayMode::Escrow {
        bail!("the agreement is paid by cheque; its money needs no escrow");
    }
    let digest = terms.digest(chain.chain_id());
    let lease = chain.lease(&digest).await?;
    if lease.state != LeaseState::None {
        bail!("the escrow of {digest} is {} already", label(lease.state));
    }
    if let Some(most) = most.filter(|most| *most < price) {
        bail!(
            "at most {} of {} tokens may be locked",
            Tokens(most),
            Tokens(price)
        );
    }
    let own = home.key().address();
    let have = chain.token_balance(own).await?;
    crate::wallet::enough("the account holds", have, price, "; `holdfast wallet wrap`")?;
    let at = chain.contract("escrow", Contracts::escrow)?;
    let of_token = chain.contracts("escrow")?.token;
    let approve = Intent::call("approve", of_token, token::approve(at, price));
    let open = Intent::call("escrow lock", at, escrow::open(signed, price));
    let steps = vec![Step::now(approve), Step::after(open, OPEN_GAS)];
    let plan = Plan {
        steps,
        moves: price,
    };
    money::run(&chain, &plan, &args.money).await
}

#[cfg(feature = "renter")]
async fn refund(terms: &Agreement, epochs: &[u64], args: &OnChainArgs) -> anyhow::Result<()> {
    let chain = crate::renter::home::Home::open()?.chain()?;
    let digest = terms.digest(chain.chain_id());
    open_or_refuse(&chain.lease(&digest).await?, &digest)?;
    let (first, last) = (terms.start_epoch, terms.end_epoch);
    if let Some(wrong) = epochs.iter().find(|epoch| !(first..last).contains(epoch)) {
        bail!("epoch {wrong} is not in the term {first} to {last}");
    }
    let at = chain.contract("escrow", Contracts::escrow)?;
    let count = u64::try_from(epochs.len()).unwrap_or(u64::MAX);
    let call = Intent::call("escrow refund", at, escrow::refund(terms, epochs));
    let plan = Plan {
        steps: vec![Step::now(call)],
        moves: terms.cost_of(count)?,
    };
    money::run(&chain, &plan, &args.money).await
}

#[cfg(feature = "renter")]
async fn settle(terms: &Agreement, args: &OnChainArgs) -> anyhow::Result<()> {
    let home = crate::renter::home::Home::open()?;
    let chain = home.chain()?;
    let digest = terms.digest(chain.chain_id());
    let lease = chain.lease(&digest).await?;
    open_or_refuse(&lease, &digest)?;
    let rule = home.network()?.epoch;
    let epoch = rule.epoch_of(chain.newest_block().await?.number);
    let ripe = terms.end_epoch + chain.escrow_claim_epochs().await? + 1;
    if epoch < ripe {
        bail!("{digest} settles from epoch {ripe} on; this is epoch {epoch}");
    }
    let at = chain.contract("escrow", Contracts::escrow)?;
    let call = Intent::call("escrow settlement", at, escrow::settle(terms));
    let plan = Plan {
        steps: vec![Step::now(call)],
        moves: lease.left,
    };
    money::run(&chain, &plan, &args.money).await
}
