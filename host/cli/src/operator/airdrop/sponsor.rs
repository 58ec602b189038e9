//! The renter's half of the rewards: the protocol's fee of an agreement, paid ahead for its whole
//! term, and what never counted taken back.
//!
//! Invariant: the fee is told before it is paid, and refused with the figures when it is above what
//! the renter allows or the account holds.

use std::path::Path;

use anyhow::{Context, bail};
use host_chain::codec::{sponsor as abi, token};
use host_chain::{Intent, Step};
use host_core::AgreementDigest;
use host_core::Amount;
use host_core::agreement::{Agreement, SignedAgreement};
use host_core::network::Contracts;

use crate::money::{self, Plan, Tokens};
use crate::operator::escrow;
use crate::operator::onchain::OnChainArgs;
use crate::renter::home::Home;

/// Gas of a call that rests on an approval which is not in a block yet.
const SPONSOR_GAS: u64 = 260_000;

/// The agreement with both signatures: of a file, or asked of its host.
async fn signed(home: &Home, text: &str) -> anyhow::Result<SignedAgreement> {
    let Ok(agreement) = text.parse::<AgreementDigest>() else {
        return escrow::read(Path::new(text));
    };
    let (renter, net) = home.renter().await?;
    let found = renter.signed(&agreement).await;
    net.stop().await;
    let found = found.context("asking the host for its signature")?;
    found.with_context(|| format!("no session of this home made agreement {agreement}"))
}

/// Pays the fee.
pub(super) async fn sponsor(
    text: &str,
    most: Option<Amount>,
    args: &OnChainArgs,
) -> anyhow::Result<()> {
    let home = Home::open()?;
    let chain = home.chain()?;
    let signed = signed(&home, text).await?;
    let terms = &signed.terms;
    let digest = terms.digest(chain.chain_id());
    if chain.sponsorship(&digest).await?.is_some() {
        bail!("the fee of {digest} is paid already");
    }
    let rules = chain.airdrop_facts().await?.rules;
    let fee = fee_of(terms, rules.fee_of(terms.shard_len)?)?;
    if let Some(most) = most.filter(|most| *most < fee) {
        bail!(
            "the fee is {} tokens, at most {} are allowed",
            Tokens(fee),
            Tokens(most)
        );
    }
    let have = chain.token_balance(home.key().address()).await?;
    crate::wallet::enough("the account holds", have, fee, "; `holdfast wallet wrap`")?;
    let at = chain.contract("rewards", Contracts::airdrop)?;
    let of_token = chain.contracts("rewards")?.token;
    let approve = Intent::call("approve", of_token, token::approve(at, fee));
    let pay = Intent::call("sponsorship", at, abi::sponsor(&signed, fee));
    let steps = vec![Step::now(approve), Step::after(pay, SPONSOR_GAS)];
    let plan = Plan { steps, moves: fee };
    money::run(&chain, &plan, &args.money).await
}

/// The fee of the whole term. Errors when it leaves 128 bits.
fn fee_of(terms: &Agreement, epoch: Amount) -> anyhow::Result<Amount> {
    let fee = epoch.0.checked_mul(u128::from(terms.epochs()));
    Ok(Amount(fee.context("the fee leaves 128 bits")?))
}

/// Takes back what never counted.
pub(super) async fn reclaim(text: &str, args: &OnChainArgs) -> anyhow::Result<()> {
    let chain = Home::open()?.chain()?;
    let terms = escrow::terms_of(text)?;
    let digest = terms.digest(chain.chain_id());
    let known = chain.sponsorship(&digest).await?;
    let known = known.with_context(|| format!("nobody paid the fee of {digest}"))?;
    if known.closed {
        bail!(
            "the rest of the fee of {digest} went back to {}",
            known.payer
        );
    }
    let epoch = chain.airdrop_facts().await?.rules.fee_of(terms.shard_len)?;
    let left = known.epochs.saturating_sub(known.counted);
    let back = Amount(epoch.0.saturating_mul(left.into()));
    let at = chain.contract("rewards", Contracts::airdrop)?;
    let call = Intent::call("end of a sponsorship", at, abi::close_sponsorship(&terms));
    let plan = Plan {
        steps: vec![Step::now(call)],
        moves: back,
    };
    money::run(&chain, &plan, &args.money).await
}
