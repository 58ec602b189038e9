//! The registry of the network's contracts: calldata and results.

use super::{calldata, creation, result};
use crate::bindings::registry::registry as abi;
use crate::error::Error;
use crate::translate::{address, digest, h160};
use ethers_core::types::U256;
use host_core::{Address, Digest32};

/// Enters a contract under a name that is not taken. Owner only.
#[must_use]
pub fn register(name: &str, contract: Address) -> Vec<u8> {
    calldata(abi::RegisterCall {
        name: name.to_owned(),
        addr: h160(contract),
    })
}

/// Proposes another contract for a name, after the owner's notice. Owner only.
#[must_use]
pub fn propose(name: &str, contract: Address) -> Vec<u8> {
    calldata(abi::ProposeCall {
        name: name.to_owned(),
        addr: h160(contract),
    })
}

/// Asks for a name; read with `read_entry`.
#[must_use]
pub fn get(name: &str) -> Vec<u8> {
    calldata(abi::GetCall {
        name: name.to_owned(),
    })
}

/// One entry of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The contract.
    pub contract: Address,
    /// Its version, from 1.
    pub version: u64,
    /// Keccak-256 of its code when it was entered.
    pub code_hash: Digest32,
}

/// The entry a question returned.
pub fn read_entry(bytes: &[u8]) -> Result<Entry, Error> {
    let entry: abi::GetReturn = result("registry get", bytes)?;
    Ok(Entry {
        contract: address(entry.addr),
        version: entry.version,
        code_hash: digest(entry.codehash.into()),
    })
}

/// Asks for everything the registry names; read with `read_all`.
#[must_use]
pub fn all() -> Vec<u8> {
    calldata(abi::AllCall {})
}

/// Asks what a name would become; read with `read_entry`.
#[must_use]
pub fn proposed(name: &str) -> Vec<u8> {
    calldata(abi::ProposedCall {
        name: name.to_owned(),
    })
}

/// One row of everything the registry names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub entry: Entry,
    /// The block from which a queued change may be done; 0 while there is none.
    pub change_at: u64,
}

/// The rows a question returned.
pub fn read_all(bytes: &[u8]) -> Result<Vec<Row>, Error> {
    let all: abi::AllReturn = result("registry all", bytes)?;
    let rows = all.rows.into_iter().map(|row| Row {
        name: row.name,
        entry: Entry {
            contract: address(row.addr),
            version: row.version,
            code_hash: digest(row.codehash.into()),
        },
        change_at: row.change_at,
    });
    Ok(rows.collect())
}

/// Creation code for `owner` with `delay` blocks of notice for changes.
#[must_use]
pub fn create(owner: Address, delay: u64) -> Vec<u8> {
    creation(&abi::REGISTRY_BYTECODE, (h160(owner), U256::from(delay)))
}
