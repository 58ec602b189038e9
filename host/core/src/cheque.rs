//! The cheque: a signed promise of the renter's vault to pay one beneficiary a cumulative sum.
//! Byte-equal to BTFS's (EIP-712 domain "Vault" "1.0", no verifying contract), so a cheque of
//! either network is hashed and recovered by this one file.

use minicbor::{Decode, Encode};

use crate::amount::Amount;
use crate::eip712::{Domain, StructHash};
use crate::error::Error;
use crate::identity::{SecretKey, Signature};
use crate::ids::{Address, Digest32};

/// What a cheque promises. `cumulative` counts everything ever promised by this vault to this
/// beneficiary in this token; the newest cheque therefore replaces all before it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Cheque {
    /// The issuer's vault.
    #[n(0)]
    pub vault: Address,
    /// Who may cash it.
    #[n(1)]
    pub beneficiary: Address,
    /// Everything promised so far, in smallest units.
    #[n(2)]
    pub cumulative: Amount,
    /// The token, when it is not the vault's own one.
    #[n(3)]
    pub token: Option<Address>,
}

/// A cheque with its issuer's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedCheque {
    /// The promise.
    #[n(0)]
    pub cheque: Cheque,
    /// The issuer's signature.
    #[n(1)]
    pub signature: Signature,
}

impl Cheque {
    /// The digest the issuer signs on `chain_id`.
    #[must_use]
    pub fn digest(&self, chain_id: u64) -> Digest32 {
        let hash = match &self.token {
            None => StructHash::new(
                "Cheque(address vault,address beneficiary,uint256 cumulativePayout)",
            ),
            Some(token) => StructHash::new(
                "MultiTokenCheque(address token,address vault,address beneficiary,\
                 uint256 cumulativePayout)",
            )
            .address(token),
        };
        let body = hash
            .address(&self.vault)
            .address(&self.beneficiary)
            .number(self.cumulative.0)
            .finish();
        Domain {
            name: "Vault",
            version: "1.0",
            chain_id,
        }
        .digest(&body)
    }

    /// Signs the cheque with the issuer's key.
    #[must_use]
    pub fn sign(self, chain_id: u64, key: &SecretKey) -> SignedCheque {
        let signature = key.sign(&self.digest(chain_id));
        SignedCheque {
            cheque: self,
            signature,
        }
    }
}

impl SignedCheque {
    /// The account that signed. Errors when the signature is malformed.
    pub fn issuer(&self, chain_id: u64) -> Result<Address, Error> {
        self.signature
            .recover_address("cheque", &self.cheque.digest(chain_id))
    }
}

#[cfg(test)]
mod tests;
