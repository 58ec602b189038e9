//! Reading: the rows of one moment.

use std::collections::BTreeMap;

use host_core::records::SignedRecord;
use host_core::{Address, AgreementDigest, ObjectId, PeerId, ShardId, VolumeId};

use crate::error::Error;
use crate::row::{AgreementRow, ChequeRow, OutboxRow, PeerRow, PlacementRow, Totals, VolumeRow};

/// The rows of one moment.
pub struct Snapshot {}

macro_rules! stub {
    () => {
        Err(Error::Closed)
    };
}

#[allow(unused_variables)]
impl Snapshot {
    /// One agreement.
    pub fn agreement(&self, digest: &AgreementDigest) -> Result<Option<AgreementRow>, Error> {
        stub!()
    }
    /// Agreements by digest, those after `after`.
    pub fn agreements(
        &self,
        after: Option<&AgreementDigest>,
        limit: usize,
    ) -> Result<Vec<AgreementRow>, Error> {
        stub!()
    }
    /// Where a shard lies.
    pub fn placement(&self, shard: &ShardId) -> Result<Option<PlacementRow>, Error> {
        stub!()
    }
    /// Placements by shard, those after `after`.
    pub fn placements(
        &self,
        after: Option<&ShardId>,
        limit: usize,
    ) -> Result<Vec<(ShardId, PlacementRow)>, Error> {
        stub!()
    }
    /// How many agreements keep a shard.
    pub fn lease_count(&self, shard: &ShardId) -> Result<u64, Error> {
        stub!()
    }
    /// The agreements that keep a shard.
    pub fn leases(&self, shard: &ShardId) -> Result<Vec<AgreementDigest>, Error> {
        stub!()
    }
    /// Open agreements whose end epoch lies before `before_epoch`, oldest end first.
    pub fn expiring(&self, before_epoch: u64, limit: usize) -> Result<Vec<AgreementDigest>, Error> {
        stub!()
    }
    /// Whether an open agreement of this renter is kept.
    pub fn is_renter(&self, renter: &Address) -> Result<bool, Error> {
        stub!()
    }
    /// The newest cheque of a vault in the vault's own token.
    pub fn cheque(&self, vault: &Address) -> Result<Option<ChequeRow>, Error> {
        stub!()
    }
    /// Newest cheques by vault, those of vaults after `after`.
    pub fn cheques(&self, after: Option<&Address>, limit: usize) -> Result<Vec<ChequeRow>, Error> {
        stub!()
    }
    /// Transactions under way.
    pub fn outbox_pending(&self) -> Result<Vec<OutboxRow>, Error> {
        stub!()
    }
    /// One owner's records by object, those after `after`.
    pub fn records(
        &self,
        owner: &Address,
        after: Option<&ObjectId>,
        limit: usize,
    ) -> Result<Vec<SignedRecord>, Error> {
        stub!()
    }
    /// What is remembered of a peer.
    pub fn peer(&self, peer: &PeerId) -> Result<Option<PeerRow>, Error> {
        stub!()
    }
    /// Every volume.
    pub fn volumes(&self) -> Result<Vec<VolumeRow>, Error> {
        stub!()
    }
    /// The smallest free run of at least `size` bytes on a volume, the runs in `busy` (first byte
    /// to bytes) left out; its first byte.
    pub fn find_free(
        &self,
        volume: &VolumeId,
        size: u64,
        busy: &BTreeMap<u64, u64>,
    ) -> Result<Option<u64>, Error> {
        stub!()
    }
    /// A value under a name.
    pub fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        stub!()
    }
    /// Counts and sums.
    pub fn totals(&self) -> Result<Totals, Error> {
        stub!()
    }
}
