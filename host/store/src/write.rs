//! Writing: a shard enters a reserved extent.

use std::marker::PhantomData;

use host_core::AgreementDigest;
use host_core::seams::Device;
use host_ledger::Fact;

use crate::error::Error;

/// A shard under way.
pub struct Writer<D: Device> {
    device: PhantomData<D>,
}

/// A shard whose bytes are durable and whose commit is still to come.
pub struct Sealed {
    fact: Fact,
}

impl<D: Device> Writer<D> {
    /// Appends the shard's next bytes.
    pub async fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let _ = self.device;
        let have = bytes.len() as u64;
        std::future::ready(Err(Error::BodyLen { need: 0, have })).await
    }

    /// Checks the name, writes footer and header, flushes.
    pub async fn seal(self, agreement: AgreementDigest, end_epoch: u64) -> Result<Sealed, Error> {
        let _ = (agreement, end_epoch);
        std::future::ready(Err(Error::BodyLen { need: 0, have: 0 })).await
    }
}

impl Sealed {
    /// The fact to commit.
    #[must_use]
    pub fn fact(&self, agreement: AgreementDigest) -> Fact {
        let _ = agreement;
        self.fact.clone()
    }

    /// Says that the fact was committed.
    pub fn committed(self) {}
}
