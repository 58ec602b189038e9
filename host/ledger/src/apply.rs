//! How each fact changes the rows: agreements and the shards they keep. Money and records stand
//! in their own files. A function that errors may have written something: the caller takes the
//! whole set back (see `commit`).

use host_core::{AgreementDigest, ShardId};

use crate::error::Error;
use crate::fact::Fact;
use crate::row::{AgreementRow, AgreementState, PlacementRow, Totals, VolumeRow, VolumeState};
use crate::space;
use crate::tables::{Place, Tables};

pub(crate) mod dataset;
pub(crate) mod events;
mod forget;
pub(crate) mod money;
pub(crate) mod outbox;
pub(crate) mod record;
mod volume;

/// Key of a lease: shard, agreement.
pub(crate) fn lease_key(shard: &ShardId, agreement: &AgreementDigest) -> Vec<u8> {
    [shard.0, agreement.0].concat()
}

/// Key of an expiry: end epoch, agreement.
pub(crate) fn expiry_key(end_epoch: u64, agreement: &AgreementDigest) -> Vec<u8> {
    [end_epoch.to_be_bytes().as_slice(), &agreement.0].concat()
}

/// Applies one fact. Errors name the fact it contradicts.
pub(crate) fn apply(tables: &mut Tables<'_>, fact: &Fact) -> Result<(), Error> {
    match fact {
        Fact::AgreementOpened(row) => open(tables, row),
        Fact::ShardPlaced {
            shard,
            row,
            agreement,
        } => place(tables, shard, row, agreement),
        Fact::LeaseAdded { shard, agreement } => {
            let gone = Error::NoShard { shard: *shard };
            let kept: PlacementRow = tables.read(Place::Placements, &shard.0)?.ok_or(gone)?;
            lease(tables, shard, kept.len, agreement)
        }
        Fact::AgreementClosed { agreement, state } => close(tables, agreement, *state),
        Fact::ChequeAccepted {
            cheque,
            agreement,
            through_epoch,
            increment,
        } => money::accept(tables, cheque, agreement, *through_epoch, *increment),
        Fact::ReadsPaid { cheque, increment } => money::reads_paid(tables, cheque, *increment),
        Fact::ReadsServed { vault, bytes, cost } => {
            money::reads_served(tables, vault, *bytes, *cost)
        }
        Fact::ChequeCashed { vault, cumulative } => money::cashed(tables, vault, *cumulative),
        Fact::ChequeDue { vault, block } => money::due(tables, vault, *block),
        Fact::ChequeBounced { vault, missing } => money::bounced(tables, vault, *missing),
        Fact::BlocksRead { cursor, paid } => events::read(tables, cursor, paid),
        Fact::BlocksLost { cursor, paid_out } => events::lost(tables, cursor, paid_out),
        Fact::OutboxPut(row) => outbox::begin(tables, row),
        Fact::OutboxChanged(row) => outbox::change(tables, row),
        Fact::OutboxDone {
            intent,
            state,
            reason,
        } => outbox::finish(tables, intent, *state, reason),
        Fact::RecordKept(record) => record::keep(tables, record),
        Fact::LeavesDrafted { batch, agreements } => dataset::draft(tables, *batch, agreements),
        Fact::BatchSealed { batch, row } => dataset::seal(tables, *batch, row),
        Fact::BatchSeen { batch, period } => dataset::seen(tables, *batch, *period),
        Fact::ReleaseKept {
            agreement,
            signature,
        } => dataset::release(tables, agreement, signature),
        Fact::PeriodEnded { period, row } => dataset::period(tables, *period, row),
        Fact::AgreementsForgotten { ended, before } => forget::agreements(tables, ended, *before),
        Fact::PeersForgotten { peers, before_ms } => forget::peers(tables, peers, *before_ms),
        Fact::PeerSeen(row) => tables.write(Place::Peers, &row.peer.0, row),
        Fact::VolumeAdded {
            volume,
            start,
            size,
        } => {
            let (volume, start, size) = (*volume, *start, *size);
            let state = VolumeState::Healthy;
            space::add_volume(
                tables,
                &VolumeRow {
                    volume,
                    start,
                    size,
                    used: 0,
                    state,
                },
            )
        }
        Fact::VolumeChanged { volume, state } => {
            let unknown = Error::NoVolume { volume: *volume };
            let row: VolumeRow = tables.read(Place::Volumes, &volume.0)?.ok_or(unknown)?;
            tables.write(
                Place::Volumes,
                &volume.0,
                &VolumeRow {
                    state: *state,
                    ..row
                },
            )
        }
        Fact::ShardMoved { shard, from, to } => volume::moved(tables, shard, from, to),
        Fact::ShardFenced { shard, why } => volume::fence(tables, shard, why),
        Fact::VolumeGrown { volume, size } => space::grow(tables, *volume, *size),
        Fact::VolumeRemoved { volume } => space::remove_volume(tables, *volume),
        Fact::MetaSet { key, bytes } => tables.put(Place::Notes, key.as_bytes(), bytes, None),
    }
}

/// The open agreement of this digest, which must be in the state `need`.
fn standing(
    tables: &Tables<'_>,
    digest: &AgreementDigest,
    need: AgreementState,
) -> Result<AgreementRow, Error> {
    let agreement = *digest;
    if let Some(row) = tables.read::<AgreementRow>(Place::Agreements, &digest.0)? {
        if row.state == need {
            return Ok(row);
        }
        return Err(Error::AgreementState {
            agreement,
            state: row.state,
        });
    }
    match tables.read::<AgreementRow>(Place::Closed, &digest.0)? {
        Some(row) => Err(Error::AgreementState {
            agreement,
            state: row.state,
        }),
        None => Err(Error::NoAgreement { agreement }),
    }
}

/// Adds `by` to a counter row, which goes when it reaches zero; returns the new count.
pub(crate) fn count(tables: &mut Tables<'_>, at: Place, key: &[u8], by: i64) -> Result<u64, Error> {
    let now = tables
        .get(at, key)?
        .map_or(0, |bytes| space::tail_number(&bytes));
    let next = now.saturating_add_signed(by);
    if next == 0 {
        tables.remove(at, key, None)?;
    } else {
        tables.put(at, key, &next.to_be_bytes(), None)?;
    }
    Ok(next)
}

const fn counter(totals: &mut Totals, state: AgreementState) -> &mut u64 {
    match state {
        AgreementState::Offered => &mut totals.offered,
        AgreementState::Active => &mut totals.active,
        AgreementState::Expired => &mut totals.expired,
        AgreementState::Released => &mut totals.released,
        AgreementState::Failed => &mut totals.failed,
    }
}

/// One agreement more in `to`, one less in `from`.
pub(crate) const fn step(totals: &mut Totals, from: Option<AgreementState>, to: AgreementState) {
    if let Some(from) = from {
        let left = counter(totals, from);
        *left = left.saturating_sub(1);
    }
    *counter(totals, to) += 1;
}

fn open(tables: &mut Tables<'_>, row: &AgreementRow) -> Result<(), Error> {
    let agreement = row.digest;
    let known = tables.get(Place::Agreements, &agreement.0)?.is_some()
        || tables.get(Place::Closed, &agreement.0)?.is_some();
    if known {
        return Err(Error::AgreementKnown { agreement });
    }
    if row.state != AgreementState::Offered {
        return Err(Error::AgreementState {
            agreement,
            state: row.state,
        });
    }
    tables.write(Place::Agreements, &agreement.0, row)?;
    let end = row.signed.terms.end_epoch;
    tables.put(Place::Expiry, &expiry_key(end, &agreement), &[], None)?;
    step(tables.totals(), None, AgreementState::Offered);
    Ok(())
}

fn place(
    tables: &mut Tables<'_>,
    shard: &ShardId,
    row: &PlacementRow,
    agreement: &AgreementDigest,
) -> Result<(), Error> {
    standing(tables, agreement, AgreementState::Offered)?;
    if tables.get(Place::Placements, &shard.0)?.is_some() {
        return Err(Error::ShardKept { shard: *shard });
    }
    space::take(tables, row.volume, row.offset, row.size)?;
    let value = host_core::codec::to_bytes(row);
    tables.put(Place::Placements, &shard.0, &value, Some(row.volume))?;
    let totals = tables.totals();
    totals.shards += 1;
    totals.bytes += row.len;
    totals.used += row.size;
    lease(tables, shard, row.len, agreement)
}

/// The agreement keeps the shard from now on.
fn lease(
    tables: &mut Tables<'_>,
    shard: &ShardId,
    len: u64,
    agreement: &AgreementDigest,
) -> Result<(), Error> {
    let mut row = standing(tables, agreement, AgreementState::Offered)?;
    let terms = &row.signed.terms;
    if (terms.shard, terms.shard_len) != (*shard, len) {
        return Err(Error::OtherShard {
            agreement: *agreement,
            shard: *shard,
            len,
        });
    }
    row.state = AgreementState::Active;
    tables.write(Place::Agreements, &agreement.0, &row)?;
    tables.put(Place::Leases, &lease_key(shard, agreement), &[], None)?;
    dataset::wait(tables, &row)?;
    count(tables, Place::Renters, &row.signed.terms.renter.0, 1)?;
    let totals = tables.totals();
    totals.leases += 1;
    step(
        totals,
        Some(AgreementState::Offered),
        AgreementState::Active,
    );
    Ok(())
}

fn close(
    tables: &mut Tables<'_>,
    agreement: &AgreementDigest,
    state: AgreementState,
) -> Result<(), Error> {
    let agreement = *agreement;
    if state.is_open() {
        return Err(Error::AgreementState { agreement, state });
    }
    let Some(mut row) = tables.read::<AgreementRow>(Place::Agreements, &agreement.0)? else {
        let ended = tables.get(Place::Closed, &agreement.0)?.is_some();
        return if ended {
            Ok(())
        } else {
            Err(Error::NoAgreement { agreement })
        };
    };
    let before = row.state;
    row.state = state;
    tables.remove(Place::Agreements, &agreement.0, None)?;
    tables.write(Place::Closed, &agreement.0, &row)?;
    let terms = &row.signed.terms;
    tables.remove(
        Place::Expiry,
        &expiry_key(terms.end_epoch, &agreement),
        None,
    )?;
    step(tables.totals(), Some(before), state);
    if before != AgreementState::Active {
        return Ok(());
    }
    dataset::unwait(tables, terms.end_epoch, &agreement)?;
    count(tables, Place::Renters, &terms.renter.0, -1)?;
    tables.remove(Place::Leases, &lease_key(&terms.shard, &agreement), None)?;
    let totals = tables.totals();
    totals.leases = totals.leases.saturating_sub(1);
    let (from, to) = (
        [terms.shard.0, [0; 32]].concat(),
        [terms.shard.0, [0xff; 32]].concat(),
    );
    if tables.first(Place::Leases, &from, &to)?.is_none() {
        free(tables, &terms.shard)?;
    }
    Ok(())
}

/// The last lease is gone: placement and extent go in the same transaction.
pub(crate) fn free(tables: &mut Tables<'_>, shard: &ShardId) -> Result<(), Error> {
    let Some(kept) = tables.read::<PlacementRow>(Place::Placements, &shard.0)? else {
        return Ok(());
    };
    tables.remove(Place::Placements, &shard.0, Some(kept.volume))?;
    tables.remove(Place::Fenced, &shard.0, None)?;
    space::give(tables, kept.volume, kept.offset, kept.size)?;
    let totals = tables.totals();
    totals.shards = totals.shards.saturating_sub(1);
    totals.bytes = totals.bytes.saturating_sub(kept.len);
    totals.used = totals.used.saturating_sub(kept.size);
    Ok(())
}
