//! The chain seam of host-core over `EvmChain`: what rooms below the roots may ask.
//!
//! Enters and leaves: host-core types only. Does not: add anything to what it calls.

use crate::chain::EvmChain;
use crate::codec::factory;
use crate::money::cash_intent;
use crate::send::Intent;
use crate::sign::{cost_of, intent_of};
use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, ChequePaid, Head, SignedTx, TxReceipt, VaultFacts,
    VaultRisk,
};
use host_core::{Address, Amount, Digest32};

impl Chain for EvmChain {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        Box::pin(async move { Ok(self.agreed_head().await?) })
    }

    fn vault(
        &self,
        vault: Address,
        beneficiary: Address,
    ) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        Box::pin(async move { Ok(self.vault_facts(vault, beneficiary).await?) })
    }

    fn prepare(
        &self,
        call: ChainCall,
        nonce_floor: u64,
    ) -> BoxFuture<'_, Result<SignedTx, ChainError>> {
        Box::pin(async move {
            let intent = match call {
                ChainCall::CashCheque { cheque, recipient } => cash_intent(&cheque, recipient),
                ChainCall::CashMany { cheques, recipient } => {
                    let contracts = self.contracts("cash many")?;
                    let data = factory::cash_many(contracts.token, &cheques, recipient);
                    Intent::call("cash many", contracts.vault_factory, data)
                }
                ChainCall::Contract {
                    what,
                    to,
                    value,
                    data,
                } => Intent {
                    what,
                    to: Some(to),
                    value,
                    data,
                },
            };
            Ok(self.prepare_intent(&intent, nonce_floor).await?)
        })
    }

    fn broadcast<'a>(&'a self, tx: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>> {
        Box::pin(async move { Ok(self.broadcast_raw(tx).await?) })
    }

    fn receipt(&self, hash: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>> {
        Box::pin(async move {
            let receipt = self.tx_receipt(hash).await?;
            Ok(receipt.map(|receipt| TxReceipt {
                block: receipt.block,
                block_hash: receipt.block_hash,
                success: receipt.success,
                gas_used: receipt.gas_used,
            }))
        })
    }

    fn bump<'a>(
        &'a self,
        tx: &'a SignedTx,
        cost_max: Amount,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        Box::pin(async move { Ok(self.bump_within(tx, cost_max).await?) })
    }

    fn clear<'a>(
        &'a self,
        tx: &'a SignedTx,
        cost_max: Amount,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        Box::pin(async move { Ok(self.clear_within(tx, cost_max).await?) })
    }

    fn cost_of(&self, tx: &SignedTx) -> Amount {
        cost_of(tx).unwrap_or(Amount::ZERO)
    }

    fn again<'a>(
        &'a self,
        tx: &'a SignedTx,
        nonce_floor: u64,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        Box::pin(async move {
            let intent = intent_of(tx)?;
            Ok(self.prepare_intent(&intent, nonce_floor).await?)
        })
    }

    fn nonce(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        Box::pin(async move { Ok(self.agreed_nonce().await?) })
    }

    fn block_hash(&self, number: u64) -> BoxFuture<'_, Result<Option<Digest32>, ChainError>> {
        Box::pin(async move { Ok(self.block(number).await?.map(|block| block.hash)) })
    }

    fn revert_reason<'a>(
        &'a self,
        tx: &'a SignedTx,
        block: u64,
    ) -> BoxFuture<'a, Result<String, ChainError>> {
        Box::pin(async move { Ok(self.reason_of(tx, block).await?) })
    }

    fn cheques_paid(
        &self,
        beneficiary: Address,
        from: u64,
        to: u64,
    ) -> BoxFuture<'_, Result<Vec<ChequePaid>, ChainError>> {
        Box::pin(async move { Ok(self.paid_in(beneficiary, from, to).await?) })
    }

    fn vault_risk(
        &self,
        vault: Address,
        beneficiary: Address,
    ) -> BoxFuture<'_, Result<Option<VaultRisk>, ChainError>> {
        Box::pin(async move { Ok(self.risk_of(vault, beneficiary).await?) })
    }

    fn stake_of(&self, host: Address) -> BoxFuture<'_, Result<Option<Amount>, ChainError>> {
        Box::pin(async move { Ok(self.live_stake(host).await?) })
    }
}
