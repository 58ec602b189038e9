//! The chain seam of host-core over `EvmChain`: what rooms below the roots may ask.
//!
//! Enters and leaves: host-core types only. Does not: add anything to what it calls.

use crate::chain::EvmChain;
use crate::money::cash_intent;
use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, Head, SignedTx, TxReceipt, VaultFacts,
};
use host_core::{Address, Digest32};

impl Chain for EvmChain {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        Box::pin(async move { Ok(self.newest_block().await?.into()) })
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
            let ChainCall::CashCheque { cheque, recipient } = call;
            Ok(self
                .prepare_intent(&cash_intent(&cheque, recipient), nonce_floor)
                .await?)
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
                success: receipt.success,
                gas_used: receipt.gas_used,
            }))
        })
    }
}
