//! A policy with a cap: wraps native tokens and deposits what the vault lacks, never more in one
//! command than the cap, however often the vault turns out short.

use anyhow::Context;
use host_core::{Amount, Digest32};
use host_renter::Code;

use super::home::Home;
use crate::trouble::Coded;

/// What may still be moved.
pub(crate) struct TopUp {
    cap: Option<Amount>,
    moved: Amount,
}

impl TopUp {
    /// Without a cap nothing is ever moved.
    pub(crate) const fn new(cap: Option<Amount>) -> Self {
        Self {
            cap,
            moved: Amount::ZERO,
        }
    }

    /// Whether there is a policy. Errors when it does not reach for `missing`.
    pub(crate) fn has(&self, missing: Amount) -> anyhow::Result<bool> {
        let Some(cap) = self.cap else {
            return Ok(false);
        };
        if self.moved.plus(missing)? <= cap {
            return Ok(true);
        }
        let words = format!(
            "{missing} is missing; {} of the cap of {cap} was moved already",
            self.moved
        );
        Err(Coded::new(Code::TopUpCap, words).into())
    }

    /// Wraps what is missing in the account.
    pub(crate) async fn wrap(&mut self, home: &Home, missing: Amount) -> anyhow::Result<()> {
        let chain = home.chain()?;
        chain.wrap(missing).await.context("wrapping")?;
        self.moved = self.moved.plus(missing)?;
        Ok(())
    }

    /// Moves what is missing into the vault.
    pub(crate) async fn deposit(&mut self, home: &Home, missing: Amount) -> anyhow::Result<()> {
        let chain = home.chain()?;
        let filling = chain.fill_vault(Digest32([0; 32]), missing);
        filling.await.context("filling the vault")?;
        self.moved = self.moved.plus(missing)?;
        Ok(())
    }
}
