//! Detached Ed25519 signatures in OpenSSH's format, which `ssh-keygen -Y verify` checks.
//! Source: PROTOCOL.sshsig of OpenSSH; SHA-512 as the hash.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA512, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use crate::error::Error;

const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;
const ALGORITHM: &[u8] = b"ssh-ed25519";
const HASH: &[u8] = b"sha512";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
/// Characters of a line.
const LINE: usize = 70;
/// Parts the publisher's key from every other use of the renter's.
const LABEL: &[u8] = b"holdfast.publish.key.1";

/// A public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishKey([u8; 32]);

/// What signs publications.
pub struct Signer {
    pair: Ed25519KeyPair,
}

fn put(out: &mut Vec<u8>, run: &[u8]) {
    let len = u32::try_from(run.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(run);
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, tail) = rest.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let (run, tail) = tail.split_at_checked(len)?;
    *rest = tail;
    Some(run)
}

fn key_blob(key: &[u8; 32]) -> Vec<u8> {
    let mut blob = Vec::new();
    put(&mut blob, ALGORITHM);
    put(&mut blob, key);
    blob
}

/// What the key signs.
fn signed(namespace: &str, message: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    put(&mut bytes, namespace.as_bytes());
    put(&mut bytes, b"");
    put(&mut bytes, HASH);
    put(&mut bytes, digest(&SHA512, message).as_ref());
    bytes
}

impl Signer {
    /// The publisher of a renter: derived from its seal key, so that the phrase brings it back.
    /// Errors: Key, never for 32 bytes.
    pub fn of_seal_key(seal: &[u8; 32]) -> Result<Self, Error> {
        let seed = Sha256::new()
            .chain_update(LABEL)
            .chain_update(seal)
            .finalize();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| Error::Key)?;
        Ok(Self { pair })
    }

    /// Its public key.
    #[must_use]
    pub fn key(&self) -> PublishKey {
        let mut key = [0; 32];
        key.copy_from_slice(self.pair.public_key().as_ref());
        PublishKey(key)
    }

    /// A detached, armoured signature of a message in a namespace.
    #[must_use]
    pub fn sign(&self, namespace: &str, message: &[u8]) -> String {
        let signature = self.pair.sign(&signed(namespace, message));
        let mut inner = Vec::new();
        put(&mut inner, ALGORITHM);
        put(&mut inner, signature.as_ref());
        let mut blob = MAGIC.to_vec();
        blob.extend_from_slice(&VERSION.to_be_bytes());
        put(&mut blob, &key_blob(&self.key().0));
        put(&mut blob, namespace.as_bytes());
        put(&mut blob, b"");
        put(&mut blob, HASH);
        put(&mut blob, &inner);
        let text = STANDARD.encode(blob);
        let mut armoured = format!("{BEGIN}\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, tail) = rest.split_at(LINE.min(rest.len()));
            armoured.push_str(line);
            armoured.push('\n');
            rest = tail;
        }
        armoured + END + "\n"
    }

    /// The signature header of a webhook, over its id, its time and its body. Source: Standard
    /// Webhooks 1.0, asymmetric. No signature of a publication can stand for it: those are over
    /// bytes that begin with a magic word, this over bytes that begin with a hash in hex.
    #[must_use]
    pub fn sign_webhook(&self, id: &str, seconds: u64, body: &str) -> String {
        let message = format!("{id}.{seconds}.{body}");
        let signature = self.pair.sign(message.as_bytes());
        format!("v1a,{}", STANDARD.encode(signature.as_ref()))
    }
}

impl std::fmt::Display for PublishKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "ssh-ed25519 {} holdfast",
            STANDARD.encode(key_blob(&self.0))
        )
    }
}

impl PublishKey {
    /// Reads the first `ssh-ed25519` of a public key or `allowed_signers` file. Errors: Key.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        let mut found = lines.filter_map(|line| {
            let mut words = line.split_whitespace();
            words.find(|word| *word == "ssh-ed25519")?;
            let blob = STANDARD.decode(words.next()?).ok()?;
            let mut rest = blob.as_slice();
            let algorithm = take(&mut rest)?;
            let key: [u8; 32] = take(&mut rest)?.try_into().ok()?;
            (algorithm == ALGORITHM && rest.is_empty()).then_some(Self(key))
        });
        found.next().ok_or(Error::Key)
    }

    /// Holds a webhook's signature header to this key. Errors: Signature.
    pub fn verify_webhook(
        &self,
        (id, seconds, body): (&str, u64, &str),
        header: &str,
    ) -> Result<(), Error> {
        let wrong = |why| Error::Signature { why };
        let signature = header
            .strip_prefix("v1a,")
            .and_then(|text| STANDARD.decode(text).ok())
            .ok_or_else(|| wrong("it is no webhook signature"))?;
        let message = format!("{id}.{seconds}.{body}");
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message.as_bytes(), &signature)
            .map_err(|_| wrong("these are not the bytes that were signed"))
    }

    /// Holds a signature of a message to this key and namespace. Errors: Signature.
    pub fn verify(&self, namespace: &str, message: &[u8], armoured: &str) -> Result<(), Error> {
        let wrong = |why| Error::Signature { why };
        let text = armoured.trim();
        let text = text
            .strip_prefix(BEGIN)
            .and_then(|text| text.strip_suffix(END));
        let text = text.ok_or_else(|| wrong("it is not an SSH signature"))?;
        let text: String = text.split_whitespace().collect();
        let blob = STANDARD
            .decode(text)
            .map_err(|_| wrong("it is not base64"))?;
        let broken = || wrong("it is cut or overlong");
        let mut rest = blob.strip_prefix(MAGIC).ok_or_else(broken)?;
        let (version, tail) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
        if u32::from_be_bytes(*version) != VERSION {
            return Err(wrong("it is of another version"));
        }
        rest = tail;
        let key = take(&mut rest).ok_or_else(broken)?;
        if key != key_blob(&self.0) {
            return Err(wrong("it is of another key"));
        }
        if take(&mut rest).ok_or_else(broken)? != namespace.as_bytes() {
            return Err(wrong("it was made for something else"));
        }
        let _reserved = take(&mut rest).ok_or_else(broken)?;
        if take(&mut rest).ok_or_else(broken)? != HASH {
            return Err(wrong("it uses another hash"));
        }
        let mut inner = take(&mut rest).ok_or_else(broken)?;
        let algorithm = take(&mut inner).ok_or_else(broken)?;
        let signature = take(&mut inner).ok_or_else(broken)?;
        if algorithm != ALGORITHM || !inner.is_empty() || !rest.is_empty() {
            return Err(broken());
        }
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(&signed(namespace, message), signature)
            .map_err(|_| wrong("these are not the bytes that were signed"))
    }
}

#[cfg(test)]
mod tests;
