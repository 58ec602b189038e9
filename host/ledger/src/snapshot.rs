//! Reading: the rows of one moment. Every read is a look-up or a bounded page; nothing here walks
//! a table.

use host_core::records::SignedRecord;
use host_core::{Address, AgreementDigest, ObjectId, PeerId, ShardId, VolumeId};
use minicbor::Decode;
use redb::{ReadTransaction, ReadableTable};

use crate::apply::dataset::leaves_key;
use crate::apply::events::{CURSOR, event_key};
use crate::apply::money::cheque_key;
use crate::apply::record::record_key;
use crate::backup::Dump;
use crate::dataset::{BatchRow, LeafRow, PeriodRow, ReleaseRow};
use crate::error::Error;
use crate::journal::RingPlace;
use crate::outbox::{IntentKey, OutboxRow};
use crate::rings::RingRow;
use crate::row::{
    AgreementRow, ChequeRow, Cursor, EventRow, FencedRow, PeerRow, PlacementRow, Totals, VolumeRow,
};
use crate::space;
use crate::tables::{Place, SCHEMA, SEQUENCE, TOTALS, decode};

/// Transactions under way that one read returns: far more than a host ever has.
const OUTBOX_MAX: usize = 4096;
/// Volumes that one read returns.
const VOLUMES_MAX: usize = 1024;
/// Leases of one shard that one read returns.
const LEASES_MAX: usize = 65_536;
/// Free extents looked at for one allocation before the volume counts as full.
const FIT_TRIES: usize = 4096;

type Table = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The rows of one moment.
pub struct Snapshot {
    txn: ReadTransaction,
}

impl Snapshot {
    pub(crate) const fn new(txn: ReadTransaction) -> Self {
        Self { txn }
    }

    pub(crate) fn table(&self, place: Place) -> Result<Table, Error> {
        self.txn
            .open_table(place.definition())
            .map_err(Error::database)
    }

    fn get<T>(&self, place: Place, key: &[u8]) -> Result<Option<T>, Error>
    where
        T: for<'b> Decode<'b, ()>,
    {
        let row = self.table(place)?.get(key).map_err(Error::database)?;
        row.map(|guard| decode(place, guard.value())).transpose()
    }

    /// Rows after `after` (or from the first) that begin with `prefix`, at most `limit`, turned
    /// by `turn`; those it turns to none are passed over and do not count.
    fn page<T>(
        &self,
        place: Place,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
        mut turn: impl FnMut(&[u8], &[u8]) -> Result<Option<T>, Error>,
    ) -> Result<Vec<T>, Error> {
        let table = self.table(place)?;
        // The successor of a key in byte order is the key with a zero byte behind it.
        let from = after.map_or_else(|| prefix.to_vec(), |key| [key, &[0]].concat());
        let rows = table.range(from.as_slice()..).map_err(Error::database)?;
        let mut page = Vec::new();
        for row in rows {
            let (key, value) = row.map_err(Error::database)?;
            if page.len() >= limit || !key.value().starts_with(prefix) {
                break;
            }
            page.extend(turn(key.value(), value.value())?);
        }
        Ok(page)
    }

    /// Every row, batch after batch, for a backup.
    #[must_use]
    pub const fn dump(self) -> Dump {
        Dump::new(self)
    }

    /// One agreement, open or ended.
    pub fn agreement(&self, digest: &AgreementDigest) -> Result<Option<AgreementRow>, Error> {
        match self.get(Place::Agreements, &digest.0)? {
            Some(row) => Ok(Some(row)),
            None => self.get(Place::Closed, &digest.0),
        }
    }

    /// Open agreements by digest, those after `after`.
    pub fn agreements(
        &self,
        after: Option<&AgreementDigest>,
        limit: usize,
    ) -> Result<Vec<AgreementRow>, Error> {
        let after = after.map(|digest| digest.0.as_slice());
        let place = Place::Agreements;
        self.page(place, &[], after, limit, |_, row| {
            decode(place, row).map(Some)
        })
    }

    /// Ended agreements by digest, those after `after`.
    pub fn ended_agreements(
        &self,
        after: Option<&AgreementDigest>,
        limit: usize,
    ) -> Result<Vec<AgreementRow>, Error> {
        let after = after.map(|digest| digest.0.as_slice());
        let place = Place::Closed;
        self.page(place, &[], after, limit, |_, row| {
            decode(place, row).map(Some)
        })
    }

    /// The first epoch after the open agreement that ends last; none when none is open.
    pub fn last_end(&self) -> Result<Option<u64>, Error> {
        let table = self.table(Place::Expiry)?;
        let Some((key, _)) = table.last().map_err(Error::database)? else {
            return Ok(None);
        };
        let epoch = key.value().first_chunk::<8>().copied();
        let epoch = epoch.ok_or(Error::Row {
            table: Place::Expiry.name(),
        })?;
        Ok(Some(u64::from_be_bytes(epoch)))
    }

    /// Open agreements whose end epoch lies before `before_epoch`, oldest end first.
    pub fn expiring(&self, before_epoch: u64, limit: usize) -> Result<Vec<AgreementDigest>, Error> {
        let place = Place::Expiry;
        let wrong = || Error::Row {
            table: place.name(),
        };
        let rows = self.page(place, &[], None, limit, |key, _| {
            let (end, digest) = key.split_first_chunk::<8>().ok_or_else(wrong)?;
            let digest = AgreementDigest::from_slice(digest).map_err(|_| wrong())?;
            Ok(Some((u64::from_be_bytes(*end), digest)))
        })?;
        let past = rows.into_iter().take_while(|(end, _)| *end < before_epoch);
        Ok(past.map(|(_, digest)| digest).collect())
    }

    /// Where a shard lies.
    pub fn placement(&self, shard: &ShardId) -> Result<Option<PlacementRow>, Error> {
        self.get(Place::Placements, &shard.0)
    }

    /// Shards and where they lie by shard, those after `after`.
    pub fn placements(
        &self,
        after: Option<&ShardId>,
        limit: usize,
    ) -> Result<Vec<(ShardId, PlacementRow)>, Error> {
        let place = Place::Placements;
        let after = after.map(|shard| shard.0.as_slice());
        self.page(place, &[], after, limit, |key, row| {
            Ok(Some((shard_key(place, key)?, decode(place, row)?)))
        })
    }

    /// Why a shard is never served from where it lies; none when nothing is wrong with it.
    pub fn fenced(&self, shard: &ShardId) -> Result<Option<FencedRow>, Error> {
        self.get(Place::Fenced, &shard.0)
    }

    /// Fenced shards by shard, those after `after`.
    pub fn fences(
        &self,
        after: Option<&ShardId>,
        limit: usize,
    ) -> Result<Vec<(ShardId, FencedRow)>, Error> {
        let place = Place::Fenced;
        let after = after.map(|shard| shard.0.as_slice());
        self.page(place, &[], after, limit, |key, row| {
            Ok(Some((shard_key(place, key)?, decode(place, row)?)))
        })
    }

    /// The agreements that keep a shard, in digest order, at most 65,536.
    pub fn leases(&self, shard: &ShardId) -> Result<Vec<AgreementDigest>, Error> {
        let place = Place::Leases;
        self.page(place, &shard.0, None, LEASES_MAX, |key, _| {
            let digest = key.get(32..).unwrap_or_default();
            let digest = AgreementDigest::from_slice(digest);
            digest.map(Some).map_err(|_| Error::Row {
                table: place.name(),
            })
        })
    }

    /// Whether an account has an active agreement here.
    pub fn is_renter(&self, account: &Address) -> Result<bool, Error> {
        let row = self
            .table(Place::Renters)?
            .get(account.0.as_slice())
            .map_err(Error::database)?;
        Ok(row.is_some())
    }

    /// The newest cheque of a vault in the vault's own token.
    pub fn cheque(&self, vault: &Address) -> Result<Option<ChequeRow>, Error> {
        self.get(Place::Cheques, &cheque_key(vault, None))
    }

    /// The newest cheque of a vault in another token.
    pub fn cheque_in(&self, vault: &Address, token: &Address) -> Result<Option<ChequeRow>, Error> {
        self.get(Place::Cheques, &cheque_key(vault, Some(token)))
    }

    /// Newest cheques in the vaults' own token by vault, those of vaults after `after`.
    pub fn cheques(&self, after: Option<&Address>, limit: usize) -> Result<Vec<ChequeRow>, Error> {
        let place = Place::Cheques;
        let after = after.map(|vault| cheque_key(vault, None));
        self.page(place, &[], after.as_deref(), limit, |_, row| {
            let row: ChequeRow = decode(place, row)?;
            Ok(row.cheque.cheque.token.is_none().then_some(row))
        })
    }

    /// Transactions under way.
    pub fn outbox_pending(&self) -> Result<Vec<OutboxRow>, Error> {
        let place = Place::Outbox;
        self.page(place, &[], None, OUTBOX_MAX, |_, row| {
            decode(place, row).map(Some)
        })
    }

    /// The transaction of an intent, while it is under way.
    pub fn outbox(&self, intent: &IntentKey) -> Result<Option<OutboxRow>, Error> {
        self.get(Place::Outbox, intent.0.as_bytes())
    }

    /// Transactions that ended, in no order that means anything, those after `after` (a key as
    /// this returns it).
    pub fn outbox_ended(
        &self,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, OutboxRow)>, Error> {
        let place = Place::OutboxDone;
        self.page(place, &[], after, limit, |key, row| {
            Ok(Some((key.to_vec(), decode(place, row)?)))
        })
    }

    /// Where the reading of blocks stands; none before the first.
    pub fn cursor(&self) -> Result<Option<Cursor>, Error> {
        self.get(Place::Notes, CURSOR)
    }

    /// Payments read from blocks above `block`, oldest first: block and what was read.
    pub fn events_above(&self, block: u64, limit: usize) -> Result<Vec<(u64, EventRow)>, Error> {
        let place = Place::Events;
        let after = event_key(block, u64::MAX);
        self.page(place, &[], Some(&after), limit, |key, row| {
            let block = key.get(..8).map_or(0, space::tail_number);
            Ok(Some((block, decode(place, row)?)))
        })
    }

    /// Active agreements that stand in no batch yet, those that end first coming first.
    pub fn uncommitted(&self, limit: usize) -> Result<Vec<AgreementDigest>, Error> {
        let place = Place::Uncommitted;
        self.page(place, &[], None, limit, |key, _| {
            let digest = AgreementDigest::from_slice(key.get(8..).unwrap_or_default());
            digest.map(Some).map_err(|_| Error::Row {
                table: place.name(),
            })
        })
    }

    /// Sealed batches of the dataset from number `from` on, in order.
    pub fn batches(&self, from: u64, limit: usize) -> Result<Vec<BatchRow>, Error> {
        let place = Place::Batches;
        let after = from.checked_sub(1).map(u64::to_be_bytes);
        let after = after.as_ref().map(<[u8; 8]>::as_slice);
        self.page(place, &[], after, limit, |_, row| {
            decode(place, row).map(Some)
        })
    }

    /// A run of a batch's leaves, sealed or drafted: its row `row`, counted from 0; none behind
    /// the last one.
    pub fn leaves(&self, batch: u64, row: u32) -> Result<Option<Vec<LeafRow>>, Error> {
        let place = Place::Leaves;
        let key = leaves_key(batch, row);
        let found = self
            .table(place)?
            .get(key.as_slice())
            .map_err(Error::database)?;
        let Some(found) = found else {
            return Ok(None);
        };
        let leaves = LeafRow::read_all(found.value());
        leaves.map(Some).ok_or(Error::Row {
            table: place.name(),
        })
    }

    /// The batch, sealed or drafted, that an agreement stands in.
    pub fn batch_of(&self, agreement: &AgreementDigest) -> Result<Option<u64>, Error> {
        let row = self
            .table(Place::LeafPlaces)?
            .get(agreement.0.as_slice())
            .map_err(Error::database)?;
        Ok(row.map(|guard| space::tail_number(guard.value())))
    }

    /// What shows that a renter gave an agreement of the dataset up.
    pub fn release(&self, agreement: &AgreementDigest) -> Result<Option<ReleaseRow>, Error> {
        self.get(Place::Releases, &agreement.0)
    }

    /// How a period ended; none while it has not, or where there was no duty.
    pub fn period(&self, period: u64) -> Result<Option<PeriodRow>, Error> {
        self.get(Place::Periods, &period.to_be_bytes())
    }

    /// Periods and how they ended, those after `after`.
    pub fn periods(
        &self,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, PeriodRow)>, Error> {
        let place = Place::Periods;
        let after = after.map(u64::to_be_bytes);
        let after = after.as_ref().map(<[u8; 8]>::as_slice);
        self.page(place, &[], after, limit, |key, row| {
            Ok(Some((space::tail_number(key), decode(place, row)?)))
        })
    }

    /// One owner's records by object, those after `after`.
    pub fn records(
        &self,
        owner: &Address,
        after: Option<&ObjectId>,
        limit: usize,
    ) -> Result<Vec<SignedRecord>, Error> {
        let place = Place::Records;
        let after = after.map(|object| record_key(owner, object));
        self.page(place, &owner.0, after.as_deref(), limit, |_, row| {
            decode(place, row).map(Some)
        })
    }

    /// What is remembered of a peer.
    pub fn peer(&self, peer: &PeerId) -> Result<Option<PeerRow>, Error> {
        self.get(Place::Peers, &peer.0)
    }

    /// Peers by id, those after `after`.
    pub fn peers(&self, after: Option<&PeerId>, limit: usize) -> Result<Vec<PeerRow>, Error> {
        let place = Place::Peers;
        let after = after.map(|peer| peer.0.as_slice());
        self.page(place, &[], after, limit, |_, row| {
            decode(place, row).map(Some)
        })
    }

    /// One volume.
    pub fn volume(&self, volume: &VolumeId) -> Result<Option<VolumeRow>, Error> {
        self.get(Place::Volumes, &volume.0)
    }

    /// Every volume, at most 1024.
    pub fn volumes(&self) -> Result<Vec<VolumeRow>, Error> {
        let place = Place::Volumes;
        self.page(place, &[], None, VOLUMES_MAX, |_, row| {
            decode(place, row).map(Some)
        })
    }

    /// Free extents of a volume (first byte, bytes) by offset, those after `after`.
    pub fn free_extents(
        &self,
        volume: &VolumeId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, Error> {
        let after = after.map(|offset| space::by_offset(*volume, offset));
        let after = after.as_ref().map(<[u8; 24]>::as_slice);
        self.page(
            Place::FreeByOffset,
            &volume.0,
            after,
            limit,
            |key, value| Ok(Some((space::tail_number(key), space::tail_number(value)))),
        )
    }

    /// The first byte of the best-fitting free run of `size` bytes on a volume, or none. `taken`
    /// is asked about a run (first byte, bytes) and says where the reservation that overlaps it
    /// ends, if one does. Cost: one look-up in the common case, bounded by the reservations in
    /// the way.
    pub fn find_free(
        &self,
        volume: &VolumeId,
        size: u64,
        taken: impl Fn(u64, u64) -> Option<u64>,
    ) -> Result<Option<u64>, Error> {
        let table = self.table(Place::FreeBySize)?;
        let from = space::by_size(*volume, size, 0);
        let rows = table.range(from.as_slice()..).map_err(Error::database)?;
        for row in rows.take(FIT_TRIES) {
            let (key, _) = row.map_err(Error::database)?;
            let Some(numbers) = key.value().strip_prefix(&volume.0) else {
                return Ok(None);
            };
            let len = numbers.get(..8).map_or(0, space::tail_number);
            let mut at = space::tail_number(numbers);
            let end = at.saturating_add(len);
            while at.checked_add(size).is_some_and(|run_end| run_end <= end) {
                match taken(at, size) {
                    None => return Ok(Some(at)),
                    Some(next) => at = next.max(at.saturating_add(1)),
                }
            }
        }
        Ok(None)
    }

    /// A value under a name.
    pub fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let row = self
            .table(Place::Notes)?
            .get(key.as_bytes())
            .map_err(Error::database)?;
        Ok(row.map(|guard| guard.value().to_vec()))
    }

    /// Counts and sums.
    pub fn totals(&self) -> Result<Totals, Error> {
        Ok(self.get(Place::Meta, TOTALS)?.unwrap_or_default())
    }

    /// Where the next record of a volume's ring goes; none when the ring has got no group yet.
    pub fn ring_place(&self, volume: &VolumeId) -> Result<Option<RingPlace>, Error> {
        let row: Option<RingRow> = self.get(Place::Rings, &volume.0)?;
        Ok(row.map(|row| row.place))
    }

    /// Whether nothing that a fact ring keeps was ever committed: a ledger that is new, or whose
    /// state device was lost.
    pub fn is_fresh(&self) -> Result<bool, Error> {
        Ok(self.get::<u64>(Place::Meta, SEQUENCE)?.is_none())
    }

    /// The schema the rows are written in.
    pub(crate) fn schema(&self) -> Result<Option<u32>, Error> {
        self.get(Place::Meta, SCHEMA)
    }
}

/// The shard that a key of `place` names.
fn shard_key(place: Place, key: &[u8]) -> Result<ShardId, Error> {
    ShardId::from_slice(key).map_err(|_| Error::Row {
        table: place.name(),
    })
}
