//! Reading: verified units of a stored shard.

use std::marker::PhantomData;

use host_core::Digest32;
use host_core::seams::Device;

use crate::error::Error;

/// An open shard; its extent is not used again while this lives.
pub struct ShardReader<D: Device> {
    device: PhantomData<D>,
}

/// Verified bytes.
pub struct Run {
    bytes: Vec<u8>,
}

impl AsRef<[u8]> for Run {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<D: Device> ShardReader<D> {
    /// Bytes of the shard.
    #[must_use]
    pub const fn len(&self) -> u64 {
        0
    }

    /// Never: a shard has at least one byte.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// The node of each 64 KiB unit, checked against the shard's name.
    #[must_use]
    pub fn units(&self) -> &[Digest32] {
        let _ = self.device;
        &[]
    }

    /// Verified bytes of the shard from `offset`.
    pub async fn read(&mut self, offset: u64, len: u64) -> Result<Run, Error> {
        std::future::ready(Err(Error::Run {
            offset,
            len,
            shard_len: 0,
        }))
        .await
    }
}
