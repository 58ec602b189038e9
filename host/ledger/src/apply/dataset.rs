//! The dataset's rows: active agreements wait, enter a draft row by row, the draft is sealed with
//! its root, and the chain's word about it follows. A leaf never moves and is never changed: the
//! chain has its hash.

use host_core::AgreementDigest;
use host_core::identity::Signature;

use super::expiry_key;
use crate::dataset::{BatchRow, LEAVES_PER_ROW, LeafRow, PeriodRow, ReleaseRow};
use crate::error::Error;
use crate::row::{AgreementRow, AgreementState};
use crate::space::tail_number;
use crate::tables::{Place, Tables, decode};

/// Periods remembered.
const PERIODS_KEPT: u64 = 4096;
/// Periods dropped with one that is added.
const DROPPED_MAX: usize = 8;

/// Key of a row of leaves: batch, its number within the batch.
pub(crate) fn leaves_key(batch: u64, row: u32) -> [u8; 12] {
    let mut key = [0; 12];
    let (head, tail) = key.split_at_mut(8);
    head.copy_from_slice(&batch.to_be_bytes());
    tail.copy_from_slice(&row.to_be_bytes());
    key
}

/// The agreement runs from now on and waits for a batch.
pub(crate) fn wait(tables: &mut Tables<'_>, row: &AgreementRow) -> Result<(), Error> {
    let key = expiry_key(row.signed.terms.end_epoch, &row.digest);
    tables.totals().uncommitted += 1;
    tables.put(Place::Uncommitted, &key, &[], None)
}

/// The agreement waits no more; whether it did.
pub(crate) fn unwait(
    tables: &mut Tables<'_>,
    end_epoch: u64,
    agreement: &AgreementDigest,
) -> Result<bool, Error> {
    let key = expiry_key(end_epoch, agreement);
    if tables.get(Place::Uncommitted, &key)?.is_none() {
        return Ok(false);
    }
    let totals = tables.totals();
    totals.uncommitted = totals.uncommitted.saturating_sub(1);
    tables.remove(Place::Uncommitted, &key, None)?;
    Ok(true)
}

/// The number of the batch after the last sealed one.
fn next_batch(tables: &Tables<'_>) -> Result<u64, Error> {
    let last = tables.last(Place::Batches, &[0; 8], &[0xff; 8])?;
    Ok(last.map_or(0, |(key, _)| tail_number(&key).saturating_add(1)))
}

fn check_next(tables: &Tables<'_>, batch: u64) -> Result<(), Error> {
    let need = next_batch(tables)?;
    if batch == need {
        Ok(())
    } else {
        Err(Error::BatchOrder { batch, need })
    }
}

/// Agreements enter the draft of `batch`; those that wait no more are passed over.
pub(super) fn draft(
    tables: &mut Tables<'_>,
    batch: u64,
    agreements: &[AgreementDigest],
) -> Result<(), Error> {
    check_next(tables, batch)?;
    let mut leaves = Vec::new();
    for digest in agreements.iter().take(LEAVES_PER_ROW) {
        let row: Option<AgreementRow> = tables.read(Place::Agreements, &digest.0)?;
        let Some(row) = row.filter(|row| row.state == AgreementState::Active) else {
            continue;
        };
        let leaf = LeafRow::of(digest, &row.signed.terms);
        if unwait(tables, leaf.end_epoch, digest)? {
            leaf.put(&mut leaves);
            tables.put(Place::LeafPlaces, &digest.0, &batch.to_be_bytes(), None)?;
        }
    }
    if leaves.is_empty() {
        return Ok(());
    }
    let (from, to) = (leaves_key(batch, 0), leaves_key(batch, u32::MAX));
    let last = tables.last(Place::Leaves, &from, &to)?;
    let row = last.map_or(0, |(key, _)| row_of(&key).saturating_add(1));
    tables.put(Place::Leaves, &leaves_key(batch, row), &leaves, None)
}

fn row_of(key: &[u8]) -> u32 {
    key.last_chunk::<4>()
        .map_or(0, |tail| u32::from_be_bytes(*tail))
}

/// The draft is whole; nothing enters it any more.
pub(super) fn seal(tables: &mut Tables<'_>, batch: u64, row: &BatchRow) -> Result<(), Error> {
    check_next(tables, batch)?;
    tables.write(Place::Batches, &batch.to_be_bytes(), row)
}

/// The chain took the batch in this period, or has it no more.
pub(super) fn seen(tables: &mut Tables<'_>, batch: u64, period: Option<u64>) -> Result<(), Error> {
    let key = batch.to_be_bytes();
    let need = next_batch(tables)?;
    let unknown = Error::BatchOrder { batch, need };
    let row: BatchRow = tables.read(Place::Batches, &key)?.ok_or(unknown)?;
    tables.write(Place::Batches, &key, &BatchRow { period, ..row })
}

/// A renter gave up an agreement that stands in the dataset.
pub(super) fn release(
    tables: &mut Tables<'_>,
    agreement: &AgreementDigest,
    signature: &Signature,
) -> Result<(), Error> {
    if tables.get(Place::LeafPlaces, &agreement.0)?.is_none() {
        return Ok(());
    }
    let unknown = Error::NoAgreement {
        agreement: *agreement,
    };
    let open: Option<AgreementRow> = tables.read(Place::Agreements, &agreement.0)?;
    let row = match open {
        Some(row) => row,
        None => tables.read(Place::Closed, &agreement.0)?.ok_or(unknown)?,
    };
    let kept = ReleaseRow {
        terms: row.signed.terms,
        signature: *signature,
    };
    tables.write(Place::Releases, &agreement.0, &kept)
}

pub(super) fn period(tables: &mut Tables<'_>, period: u64, row: &PeriodRow) -> Result<(), Error> {
    tables.write(Place::Periods, &period.to_be_bytes(), row)?;
    let oldest = period.saturating_sub(PERIODS_KEPT).to_be_bytes();
    for _ in 0..DROPPED_MAX {
        match tables.first(Place::Periods, &[0; 8], &oldest)? {
            Some((key, _)) if key != period.to_be_bytes() => {
                tables.remove(Place::Periods, &key, None)?;
            }
            _ => break,
        }
    }
    Ok(())
}

/// Writes what follows from a row of a backup or ring: which agreements wait, and which batch each
/// leaf is in. Rows come in the order of the tables, agreements first.
pub(crate) fn derive(
    tables: &mut Tables<'_>,
    place: Place,
    key: &[u8],
    value: &[u8],
) -> Result<(), Error> {
    match place {
        Place::Agreements => {
            let row: AgreementRow = decode(place, value)?;
            let (end, waits) = (
                row.signed.terms.end_epoch,
                row.state == AgreementState::Active,
            );
            if waits
                && tables
                    .get(Place::Uncommitted, &expiry_key(end, &row.digest))?
                    .is_none()
            {
                wait(tables, &row)?;
            }
            Ok(())
        }
        Place::Leaves => {
            let leaves = LeafRow::read_all(value).ok_or(Error::Row {
                table: place.name(),
            })?;
            let batch = key.get(..8).unwrap_or_default().to_vec();
            for leaf in leaves {
                unwait(tables, leaf.end_epoch, &leaf.agreement)?;
                tables.put(Place::LeafPlaces, &leaf.agreement.0, &batch, None)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Agreements of an earlier schema all wait: none was ever committed.
pub(crate) fn all_wait(tables: &mut Tables<'_>) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = tables.page(Place::Agreements, after.as_deref())?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        for (key, value) in page {
            derive(tables, Place::Agreements, &key, &value)?;
        }
        tables.keep();
    }
}

#[cfg(test)]
mod tests;
