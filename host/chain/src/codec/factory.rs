//! The factory that makes and knows vaults: calldata, results, events.

use super::{Log, calldata, creation, event, result};
use crate::bindings::factory::vault_factory as abi;
use crate::error::Error;
use crate::translate::{address, h160, h256, u256};
use ethers_core::types::{H160, U256};
use host_core::cheque::SignedCheque;
use host_core::{Address, Digest32};

/// Makes the vault of `issuer`, who must be the sender. `id` is the issuer's own peer id, or empty.
#[must_use]
pub fn deploy_vault(issuer: Address, salt: Digest32, id: &str) -> Vec<u8> {
    calldata(abi::DeployVaultCall {
        issuer: h160(issuer),
        logic: H160::zero(),
        salt: h256(salt).0,
        id: id.to_owned(),
        data: Vec::new().into(),
    })
}

/// Asks whether the factory made `vault`; read with `read_flag`.
#[must_use]
pub fn deployed_contracts(vault: Address) -> Vec<u8> {
    calldata(abi::DeployedContractsCall { vault: h160(vault) })
}

/// Asks where the vault of `issuer` and `salt` is or will be; read with `vault::read_address`.
#[must_use]
pub fn vault_address(issuer: Address, salt: Digest32) -> Vec<u8> {
    calldata(abi::VaultAddressCall {
        issuer: h160(issuer),
        salt: h256(salt).0,
    })
}

/// Asks for the vault of a peer id (zero: none); read with `vault::read_address`.
#[must_use]
pub fn peer_vault_address(id: &str) -> Vec<u8> {
    calldata(abi::PeerVaultAddressCall { id: id.to_owned() })
}

/// Asks where the money of `beneficiary` must go (zero: anywhere); read with
/// `vault::read_address`.
#[must_use]
pub fn payout_of(beneficiary: Address) -> Vec<u8> {
    calldata(abi::PayoutOfCall {
        beneficiary: h160(beneficiary),
    })
}

/// Registers the cold address that alone may receive the sender's money.
#[must_use]
pub fn set_payout(payout: Address) -> Vec<u8> {
    calldata(abi::SetPayoutCall {
        payout: h160(payout),
    })
}

/// Cashes cheques of many vaults of `token`, all paid to `recipient`.
#[must_use]
pub fn cash_many(token: Address, cheques: &[SignedCheque], recipient: Address) -> Vec<u8> {
    let order = |cheque: &SignedCheque| abi::CashOrder {
        vault: h160(cheque.cheque.vault),
        token: h160(token),
        recipient: h160(recipient),
        cumulative_payout: u256(cheque.cheque.cumulative),
        issuer_sig: cheque.signature.0.to_vec().into(),
    };
    let orders = cheques.iter().map(order).collect();
    calldata(abi::CashManyCall { orders })
}

/// Asks for the vault code every vault runs; read with `vault::read_address`.
#[must_use]
pub fn master() -> Vec<u8> {
    calldata(abi::MasterCall {})
}

/// The word yes or no that a question returned.
pub fn read_flag(what: &'static str, bytes: &[u8]) -> Result<bool, Error> {
    result(what, bytes)
}

/// Creation code for `token`, with `delay` blocks between a request and its effect.
#[must_use]
pub fn create(token: Address, delay: u64) -> Vec<u8> {
    creation(
        &abi::VAULTFACTORY_BYTECODE,
        (h160(token), U256::from(delay)),
    )
}

/// A vault was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultDeployed {
    /// Who signs its cheques.
    pub issuer: Address,
    /// The vault.
    pub vault: Address,
    /// The issuer's peer id, or empty.
    pub id: String,
}

/// Reads a factory's log; nothing when it is another event.
#[must_use]
pub fn read_event(log: &Log) -> Option<VaultDeployed> {
    event::<abi::VaultDeployedFilter>(log).map(|one| VaultDeployed {
        issuer: address(one.issuer),
        vault: address(one.contract_address),
        id: one.id,
    })
}
