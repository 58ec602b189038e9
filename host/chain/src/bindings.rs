//! What abigen makes of the committed contract artefacts: one private module a contract.
//!
//! Enters: host/solidity/abi/*.json at build time. Leaves: call, return and event types, and the
//! creation code, for `codec` and `deploy` only. Nothing here is written by hand, so the lints
//! about shape and docs are off. Does not: leave this crate.

#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    unused_imports,
    clippy::all,
    clippy::wildcard_imports,
    clippy::unwrap_used
)]

pub(crate) mod token {
    ethers_contract::abigen!(Token, "../solidity/abi/Token.json");
}

pub(crate) mod vault {
    ethers_contract::abigen!(Vault, "../solidity/abi/Vault.json");
}

pub(crate) mod factory {
    ethers_contract::abigen!(VaultFactory, "../solidity/abi/VaultFactory.json");
}

pub(crate) mod oracle {
    ethers_contract::abigen!(PriceOracle, "../solidity/abi/PriceOracle.json");
}

pub(crate) mod registry {
    ethers_contract::abigen!(Registry, "../solidity/abi/Registry.json");
}

pub(crate) mod staking {
    ethers_contract::abigen!(Staking, "../solidity/abi/Staking.json");
}

pub(crate) mod proofs {
    ethers_contract::abigen!(ProofOfStorage, "../solidity/abi/ProofOfStorage.json");
}

pub(crate) mod disputes {
    ethers_contract::abigen!(Disputes, "../solidity/abi/Disputes.json");
}

pub(crate) mod escrow {
    ethers_contract::abigen!(Escrow, "../solidity/abi/Escrow.json");
}

pub(crate) mod governor {
    // OpenZeppelin's faces; networks bring their own governor, so there is no artefact.
    ethers_contract::abigen!(Governor, "src/bindings/governor.json");
}

pub(crate) mod airdrop {
    ethers_contract::abigen!(Airdrop, "../solidity/abi/Airdrop.json");
}
