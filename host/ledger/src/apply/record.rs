//! Owner records: only a higher version replaces, and one owner keeps a bounded number.

use host_core::limits::RECORDS_PER_OWNER_MAX;
use host_core::records::SignedRecord;
use host_core::{Address, ObjectId};

use super::count;
use crate::error::Error;
use crate::tables::{Place, Tables};

/// Key of a record: owner, object.
pub(crate) fn record_key(owner: &Address, object: &ObjectId) -> Vec<u8> {
    [owner.0.as_slice(), &object.0].concat()
}

pub(super) fn keep(tables: &mut Tables<'_>, signed: &SignedRecord) -> Result<(), Error> {
    let record = &signed.record;
    let key = record_key(&record.owner, &record.object);
    match tables.read::<SignedRecord>(Place::Records, &key)? {
        Some(known) if known == *signed => return Ok(()),
        Some(known) if known.record.version >= record.version => {
            let (have, got) = (known.record.version, record.version);
            return Err(Error::RecordOld { have, got });
        }
        Some(_) => (),
        None => {
            let next = count(tables, Place::RecordCounts, &record.owner.0, 1)?;
            if next > RECORDS_PER_OWNER_MAX {
                return Err(Error::RecordsFull {
                    owner: record.owner,
                    count: next - 1,
                });
            }
            tables.totals().records += 1;
        }
    }
    tables.write(Place::Records, &key, signed)
}
