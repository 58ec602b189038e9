//! Small bodies share a stored object: each is sealed with a key of its own that only its entry
//! holds, so that removing the entry destroys it, and then laid end to end. A shared object is
//! closed 50 ms after its first body or at 1 MiB; the answer waits for its receipts.

use std::time::Duration;

use bytes::Bytes;
use futures::channel::oneshot;
use host_core::ObjectId;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows::Piece;

/// Bytes of the tag behind each body.
pub(crate) const TAG_LEN: u64 = 16;
/// A shared object is closed when it holds this much.
pub(crate) const SHARED_LEN: usize = 1 << 20;
/// A shared object is closed this long after its first body.
const CLOSE_AFTER: Duration = Duration::from_millis(50);
/// Bodies that may wait to be packed.
const LOADS: usize = 256;

/// A sealed body and who waits for its place.
pub(crate) struct Load {
    sealed: Vec<u8>,
    placed: oneshot::Sender<Result<(ObjectId, u64), String>>,
}

/// The way to the packer.
pub(crate) struct Packer {
    loads: mpsc::Sender<Load>,
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, Error> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Error::Worker)?;
    Ok(LessSafeKey::new(key))
}

/// A key seals one body once, so that its nonce may be fixed.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// Seals a body with a fresh key.
pub(crate) fn seal(key: &[u8; 32], bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut sealed = bytes.to_vec();
    cipher(key)?
        .seal_in_place_append_tag(nonce(), Aad::empty(), &mut sealed)
        .map_err(|_| Error::Worker)?;
    Ok(sealed)
}

/// Opens a body. Errors: Sealed.
pub(crate) fn open(piece: &Piece, mut sealed: Vec<u8>) -> Result<Bytes, Error> {
    let broken = || Error::Sealed {
        object: piece.object,
        offset: piece.offset,
    };
    let mut key = [0; 32];
    let hex_key = piece.key.as_deref().ok_or_else(broken)?;
    hex::decode_to_slice(hex_key, &mut key).map_err(|_| broken())?;
    let opened = cipher(&key)?.open_in_place(nonce(), Aad::empty(), &mut sealed);
    let len = opened.map_err(|_| broken())?.len();
    sealed.truncate(len);
    Ok(Bytes::from(sealed))
}

impl Packer {
    /// The way in, and what `run` is to work on.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Load>) {
        let (loads, received) = mpsc::channel(LOADS);
        (Self { loads }, received)
    }

    /// Packs a body; answers when its shared object is stored and paid.
    pub(crate) async fn pack(&self, gateway: &Gateway, bytes: Bytes) -> Result<Piece, Error> {
        let mut key = [0; 32];
        gateway.inner.entropy.fill(&mut key);
        let sealed = seal(&key, &bytes)?;
        let (placed, place) = oneshot::channel();
        let load = Load { sealed, placed };
        self.loads.send(load).await.map_err(|_| Error::Worker)?;
        let place = place.await.map_err(|_| Error::Worker)?;
        let (object, offset) = place.map_err(|why| Error::NotStored { why })?;
        gateway.inner.cache.keep((object, offset), bytes.clone());
        Ok(Piece {
            object,
            offset,
            len: bytes.len() as u64,
            key: Some(hex::encode(key)),
        })
    }
}

/// Packs until the gateway is gone.
pub(crate) async fn run(gateway: Gateway, mut loads: mpsc::Receiver<Load>) {
    while let Some(first) = loads.recv().await {
        let close = Instant::now() + CLOSE_AFTER;
        let mut len = first.sealed.len();
        let mut batch = vec![first];
        while len < SHARED_LEN {
            match timeout_at(close, loads.recv()).await {
                Ok(Some(load)) => {
                    len += load.sealed.len();
                    batch.push(load);
                }
                Ok(None) | Err(_) => break,
            }
        }
        tokio::spawn(close_batch(gateway.clone(), batch));
    }
}

async fn close_batch(gateway: Gateway, batch: Vec<Load>) {
    let mut bytes = Vec::with_capacity(batch.iter().map(|load| load.sealed.len()).sum());
    let mut offsets = Vec::with_capacity(batch.len());
    for load in &batch {
        offsets.push(bytes.len() as u64);
        bytes.extend_from_slice(&load.sealed);
    }
    let stored = gateway.store_shared(Bytes::from(bytes)).await;
    let stored = stored.map_err(|error| error.to_string());
    for (load, offset) in batch.into_iter().zip(offsets) {
        // Whoever asked may be gone; the sweep finds what nobody uses.
        let _gone = load
            .placed
            .send(stored.clone().map(|object| (object, offset)));
    }
}
