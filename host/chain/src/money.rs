//! Commands that move money: native value, the wrapped token, the vault.
//!
//! Enters: accounts and amounts. Leaves: the receipt at the chain's depth. Every command here is
//! one or two transactions of the account that signs; whoever needs them to survive a kill uses
//! `prepare` and an outbox instead. Does not: decide how much or whether.

use crate::batch::Step;
use crate::chain::EvmChain;
use crate::codec::{factory, token, vault};
use crate::error::Error;
use crate::reads::Receipt;
use crate::send::Intent;
use host_core::cheque::SignedCheque;
use host_core::{Address, Amount, Digest32};
use std::time::Duration;

/// Gas of a deposit that cannot be estimated yet, because what it spends is not approved in a
/// block; about twice what it uses.
const DEPOSIT_GAS: u64 = 160_000;

/// How long a command waits for its transaction.
pub const PATIENCE: Duration = Duration::from_secs(120);

impl EvmChain {
    /// Sends native value.
    pub async fn send_native(&self, to: Address, sum: Amount) -> Result<Receipt, Error> {
        let intent = Intent {
            what: "transfer of native value",
            to: Some(to),
            value: sum,
            data: vec![],
        };
        self.run(&intent, PATIENCE).await
    }

    /// Wraps native value into the network's token.
    pub async fn wrap(&self, sum: Amount) -> Result<Receipt, Error> {
        let what = "wrap";
        let to = Some(self.contracts(what)?.token);
        self.run(
            &Intent {
                what,
                to,
                value: sum,
                data: token::deposit(),
            },
            PATIENCE,
        )
        .await
    }

    /// Unwraps tokens into native value.
    pub async fn unwrap(&self, sum: Amount) -> Result<Receipt, Error> {
        let to = self.contracts("unwrap")?.token;
        self.run(&Intent::call("unwrap", to, token::withdraw(sum)), PATIENCE)
            .await
    }

    /// Sends tokens.
    pub async fn send_token(&self, to: Address, sum: Amount) -> Result<Receipt, Error> {
        let of_token = self.contracts("token transfer")?.token;
        let data = token::transfer(to, sum);
        self.run(&Intent::call("token transfer", of_token, data), PATIENCE)
            .await
    }

    /// Lets `spender` take up to `sum` tokens.
    pub async fn approve(&self, spender: Address, sum: Amount) -> Result<Receipt, Error> {
        let of_token = self.contracts("approve")?.token;
        self.run(
            &Intent::call("approve", of_token, token::approve(spender, sum)),
            PATIENCE,
        )
        .await
    }

    /// Makes the vault of the account that signs. `peer` is its own peer id, or empty; `salt`
    /// tells several vaults of one account apart. A vault that stands there already is returned.
    pub async fn deploy_vault(&self, salt: Digest32, peer: &str) -> Result<Address, Error> {
        let what = "vault deployment";
        let issuer = self.address().ok_or(Error::NoKey { what })?;
        let made_by = self.contracts(what)?.vault_factory;
        let place = factory::vault_address(issuer, salt);
        let place = self.agreed_call(what, made_by, place).await?;
        let place = vault::read_address(what, &place)?;
        let known = self
            .agreed_call(what, made_by, factory::deployed_contracts(place))
            .await?;
        if factory::read_flag(what, &known)? {
            return Ok(place);
        }
        let data = factory::deploy_vault(issuer, salt, peer);
        let receipt = self
            .run(&Intent::call(what, made_by, data), PATIENCE)
            .await?;
        let made = receipt.logs.iter().filter(|log| log.address == made_by);
        let made = made
            .filter_map(factory::read_event)
            .map(|event| event.vault)
            .next();
        made.ok_or(Error::Malformed {
            what,
            why: "no VaultDeployed in the receipt".into(),
        })
    }

    /// Approves and deposits tokens into a vault.
    pub async fn deposit(&self, to_vault: Address, sum: Amount) -> Result<Receipt, Error> {
        self.approve(to_vault, sum).await?;
        self.run(
            &Intent::call("vault deposit", to_vault, vault::deposit(sum)),
            PATIENCE,
        )
        .await
    }

    /// Wraps `sum`, makes the account's vault where there is none, and deposits, all with
    /// consecutive nonces: one wait for blocks and depth instead of four.
    pub async fn fill_vault(&self, salt: Digest32, sum: Amount) -> Result<Address, Error> {
        let what = "vault deposit";
        let issuer = self.address().ok_or(Error::NoKey { what })?;
        let (place, stands) = self.vault_place(issuer, salt).await?;
        let contracts = self.contracts(what)?;
        let mut wrap = Intent::call("wrap", contracts.token, token::deposit());
        wrap.value = sum;
        let mut steps = vec![Step::now(wrap)];
        if !stands {
            let data = factory::deploy_vault(issuer, salt, "");
            let made_by = contracts.vault_factory;
            steps.push(Step::now(Intent::call("vault deployment", made_by, data)));
        }
        let data = token::approve(place, sum);
        steps.push(Step::now(Intent::call("approve", contracts.token, data)));
        let intent = Intent::call(what, place, vault::deposit(sum));
        steps.push(Step::after(intent, DEPOSIT_GAS));
        self.run_all(&steps, PATIENCE).await?;
        Ok(place)
    }

    /// Announces a withdrawal; it may follow after the vault's delay. Zero cancels.
    pub async fn request_withdraw(&self, of: Address, sum: Amount) -> Result<Receipt, Error> {
        let data = vault::request_withdraw(sum);
        self.run(&Intent::call("withdrawal request", of, data), PATIENCE)
            .await
    }

    /// Takes an announced withdrawal out.
    pub async fn withdraw(&self, of: Address, sum: Amount) -> Result<Receipt, Error> {
        self.run(
            &Intent::call("vault withdrawal", of, vault::withdraw(sum)),
            PATIENCE,
        )
        .await
    }

    /// Sets part of a vault aside for one beneficiary up to block `until`.
    pub async fn lock_deposit(
        &self,
        of: Address,
        beneficiary: Address,
        sum: Amount,
        until: u64,
    ) -> Result<Receipt, Error> {
        let data = vault::lock_deposit(beneficiary, sum, until);
        self.run(&Intent::call("vault lock", of, data), PATIENCE)
            .await
    }

    /// Cashes a cheque as its beneficiary and returns what was paid, which may be part of it.
    pub async fn cash(
        &self,
        cheque: &SignedCheque,
        recipient: Address,
    ) -> Result<(Amount, Receipt), Error> {
        let receipt = self.run(&cash_intent(cheque, recipient), PATIENCE).await?;
        let paid = paid_by(&receipt, cheque)?;
        Ok((paid, receipt))
    }

    /// Registers the cold address that alone may receive the money of the account that signs.
    pub async fn set_payout(&self, payout: Address) -> Result<Receipt, Error> {
        let to = self.contracts("payout")?.vault_factory;
        self.run(
            &Intent::call("payout", to, factory::set_payout(payout)),
            PATIENCE,
        )
        .await
    }
}

/// The transaction that cashes a cheque.
pub(crate) fn cash_intent(cheque: &SignedCheque, recipient: Address) -> Intent {
    Intent::call("cash", cheque.cheque.vault, vault::cash(cheque, recipient))
}

/// What a receipt says was paid on a cheque.
pub(crate) fn paid_by(receipt: &Receipt, cheque: &SignedCheque) -> Result<Amount, Error> {
    for log in receipt
        .logs
        .iter()
        .filter(|log| log.address == cheque.cheque.vault)
    {
        if let Some(vault::VaultEvent::Cashed {
            beneficiary, paid, ..
        }) = vault::read_event(log)?
            && beneficiary == cheque.cheque.beneficiary
        {
            return Ok(paid);
        }
    }
    Ok(Amount::ZERO)
}
