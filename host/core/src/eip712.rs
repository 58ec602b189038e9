//! Typed-data hashing (EIP-712) with runtime domains: what the chain reads is hashed here and
//! nowhere else. Domains are values because chain ids and networks are configuration.
//! Source: EIP-712, "Typed structured data hashing and signing".

use sha3::{Digest, Keccak256};

use crate::ids::{Address, Digest32};

/// keccak256 of some bytes.
#[must_use]
pub fn keccak(bytes: &[u8]) -> Digest32 {
    Digest32(Keccak256::digest(bytes).into())
}

/// A domain of name, version and chain id (no verifying contract: the signed struct itself names
/// the contract where one matters).
#[derive(Debug, Clone, Copy)]
pub struct Domain {
    /// What signs: "Vault" for cheques (as BTFS), "Holdfast" for agreements.
    pub name: &'static str,
    /// The version text.
    pub version: &'static str,
    /// The chain whose contracts read the signature.
    pub chain_id: u64,
}

impl Domain {
    /// The domain separator.
    #[must_use]
    pub fn separator(&self) -> Digest32 {
        StructHash::new("EIP712Domain(string name,string version,uint256 chainId)")
            .digest(&keccak(self.name.as_bytes()))
            .digest(&keccak(self.version.as_bytes()))
            .number(u128::from(self.chain_id))
            .finish()
    }

    /// The digest that is signed for a struct of hash `body`.
    #[must_use]
    pub fn digest(&self, body: &Digest32) -> Digest32 {
        let mut hash = Keccak256::new();
        hash.update([0x19, 0x01]);
        hash.update(self.separator().0);
        hash.update(body.0);
        Digest32(hash.finalize().into())
    }
}

/// Builds the hash of one struct, field by field in the order of its type text.
#[derive(Debug)]
pub struct StructHash(Keccak256);

impl StructHash {
    /// Starts with the struct's type text, for example `Cheque(address vault,...)`.
    #[must_use]
    pub fn new(type_text: &str) -> Self {
        let mut hash = Keccak256::new();
        hash.update(keccak(type_text.as_bytes()).0);
        Self(hash)
    }

    /// Adds a bytes32 field (or the hash of a dynamic one).
    #[must_use]
    pub fn digest(self, value: &Digest32) -> Self {
        self.word(value.0)
    }

    /// Adds a bytes32 field.
    #[must_use]
    pub fn word(mut self, value: [u8; 32]) -> Self {
        self.0.update(value);
        self
    }

    /// Adds an address field.
    #[must_use]
    pub fn address(self, value: &Address) -> Self {
        let mut word = [0; 32];
        if let Some((_, tail)) = word.split_first_chunk_mut::<12>() {
            tail.copy_from_slice(&value.0);
        }
        self.word(word)
    }

    /// Adds an unsigned integer field of any width up to 256 bits.
    #[must_use]
    pub fn number(self, value: u128) -> Self {
        let mut word = [0; 32];
        if let Some((_, tail)) = word.split_first_chunk_mut::<16>() {
            tail.copy_from_slice(&value.to_be_bytes());
        }
        self.word(word)
    }

    /// The struct's hash.
    #[must_use]
    pub fn finish(self) -> Digest32 {
        Digest32(self.0.finalize().into())
    }
}
