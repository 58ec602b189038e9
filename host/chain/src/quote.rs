//! What transactions would cost, before anybody signs: for dry runs.
//!
//! Enters: who would send what. Leaves: gas, the price of a unit, the most it may cost. Invariant:
//! nothing is signed or sent, and no key is needed. A step that would revert is refused with the
//! contract's reason. Does not: promise that prices stay.

use crate::batch::Step;
use crate::chain::EvmChain;
use crate::error::Error;
use host_core::{Address, Amount};

/// What one transaction would cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Its gas limit: the endpoint's estimate and a fifth, or the step's own.
    pub gas: u64,
    /// The most a unit of gas may cost, wei.
    pub gas_price: Amount,
    /// The most the whole may cost, wei, without the value it moves.
    pub cost: Amount,
}

impl EvmChain {
    /// What each of `steps` would cost `from`, at today's prices.
    ///
    /// Errors: `Reverted` with the contract's reason, `Gas`, `FeeCap`, `Unreachable`.
    pub async fn quote(&self, from: Address, steps: &[Step]) -> Result<Vec<Quote>, Error> {
        let price = self.fees().await?.max;
        let mut quotes = Vec::with_capacity(steps.len());
        for step in steps {
            let gas = match step.gas {
                Some(gas) => gas,
                None => self.gas_for(from, &step.intent).await?,
            };
            quotes.push(Quote {
                gas,
                gas_price: Amount(price),
                cost: Amount(price.saturating_mul(gas.into())),
            });
        }
        Ok(quotes)
    }

    /// The most a unit of gas costs now, wei. Errors: `FeeCap`, `Unreachable`.
    pub async fn gas_price_now(&self) -> Result<Amount, Error> {
        Ok(Amount(self.fees().await?.max))
    }

    async fn gas_for(&self, from: Address, intent: &crate::send::Intent) -> Result<u64, Error> {
        let (to, value, data) = (intent.to, intent.value, intent.data.as_slice());
        let estimate = self.pool.any(intent.what, |endpoint| async move {
            endpoint.estimate(from, to, value, data).await
        });
        let gas = estimate
            .await
            .map_err(|error| crate::send::gas_error(error, from))?;
        Ok(gas.saturating_add(gas / 5))
    }
}
