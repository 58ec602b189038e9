//! Off-chain signatures. Every one covers `"holdfast" || type || version || network_id || body`,
//! so that bytes signed for one purpose, version or network can never pass for another.

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::identity::{SecretKey, Signature};
use crate::ids::{Address, AgreementDigest, Digest32, NetworkId, ObjectId, PeerId};

/// A kind of signed body: its type word and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The type word, for example `receipt`.
    pub name: &'static str,
    /// The version of the body's layout.
    pub version: u8,
}

/// A renter gives an agreement up: covers its digest.
pub const DELETE: Kind = Kind {
    name: "delete",
    version: 1,
};
/// A host says that it closed an agreement: covers `deleted_body`.
pub const DELETED: Kind = Kind {
    name: "deleted",
    version: 1,
};
/// An owner lists its records: covers `list_body`.
pub const LIST: Kind = Kind {
    name: "list-records",
    version: 1,
};

/// A vault's issuer lets a peer read on its account with one host: covers `read_body`.
pub const READ: Kind = Kind {
    name: "read",
    version: 1,
};

/// What a vault's issuer signs to let `reader` read on its account with `host`.
#[must_use]
pub fn read_body(host: &PeerId, reader: &PeerId, vault: &Address) -> Vec<u8> {
    [host.0.as_slice(), &reader.0, &vault.0].concat()
}

/// An owner asks a guard to repair at once: covers `repair_now_body`.
pub const REPAIR_NOW: Kind = Kind {
    name: "repair-now",
    version: 1,
};

/// What an owner signs to have an object repaired at once: the object and the time.
#[must_use]
pub fn repair_now_body(object: &ObjectId, at_ms: u64) -> Vec<u8> {
    [object.0.as_slice(), &at_ms.to_be_bytes()].concat()
}

/// What a host signs on closing: the agreement's digest and one byte, 1 when the bytes went too.
#[must_use]
pub fn deleted_body(agreement: &AgreementDigest, freed: bool) -> Vec<u8> {
    [agreement.0.as_slice(), &[u8::from(freed)]].concat()
}

/// What an owner signs to list its records: account, the object to go on after, and the time.
#[must_use]
pub fn list_body(owner: &Address, after: Option<&ObjectId>, at_ms: u64) -> Vec<u8> {
    let after = after.map_or(&[][..], |object| object.0.as_slice());
    [owner.0.as_slice(), after, &at_ms.to_be_bytes()].concat()
}

/// SHA-256("holdfast" || len(name) as u8 || name || version as u8 || network_id || body).
#[must_use]
pub fn digest(kind: Kind, network: &NetworkId, body: &[u8]) -> Digest32 {
    let mut hash = Sha256::new();
    hash.update(b"holdfast");
    hash.update([u8::try_from(kind.name.len()).unwrap_or(u8::MAX)]);
    hash.update(kind.name.as_bytes());
    hash.update([kind.version]);
    hash.update(network.0);
    hash.update(body);
    Digest32(hash.finalize().into())
}

/// Signs a body of `kind` on `network`.
#[must_use]
pub fn sign(key: &SecretKey, kind: Kind, network: &NetworkId, body: &[u8]) -> Signature {
    key.sign(&digest(kind, network, body))
}

/// Checks that `peer` signed the body. Errors with the kind's name and the expected signer.
pub fn check_peer(
    signature: &Signature,
    kind: Kind,
    network: &NetworkId,
    body: &[u8],
    peer: &PeerId,
) -> Result<(), Error> {
    signature.check_peer(kind.name, &digest(kind, network, body), peer)
}

/// Checks that `account` signed the body. Errors with the kind's name and the expected signer.
pub fn check_address(
    signature: &Signature,
    kind: Kind,
    network: &NetworkId,
    body: &[u8],
    account: &Address,
) -> Result<(), Error> {
    signature.check_address(kind.name, &digest(kind, network, body), account)
}
