//! Uses of stored objects: rows that name an object say so, and an object without a use is given
//! back to its hosts.
//!
//! An object is on the list of what may be given back from its store to its first use and again
//! from its last: a row with the time it is due. Invariant: an object that a row names is never
//! given back. The commit that writes a use takes that row away and expects what it read of it, or
//! another use; the sweep condemns in a commit that expects the row as it was, and only then asks
//! the hosts. So one of the two fails, whatever the clock says and however late a writer comes.

use host_core::ObjectId;
use host_ledger::catalogue::{RowChange, RowPair};

use crate::catalogue::Rows;
use crate::error::Error;
use crate::rows;

/// What stands behind the due time of an object that is being given back.
const CONDEMNED: u8 = 1;

/// The value of a row of the list: due from `ms` on.
pub(crate) fn due(ms: u64) -> Vec<u8> {
    ms.to_be_bytes().to_vec()
}

/// The same, of an object that no row may name any more.
pub(crate) fn condemned(ms: u64) -> Vec<u8> {
    [&ms.to_be_bytes()[..], &[CONDEMNED]].concat()
}

/// When a row of the list is due; at once where it does not read.
pub(crate) fn due_ms(value: &[u8]) -> u64 {
    value.first_chunk().map_or(0, |ms| u64::from_be_bytes(*ms))
}

fn is_condemned(value: &[u8]) -> bool {
    value.get(8) == Some(&CONDEMNED)
}

/// Takes the use of an object by a row out in a change; without another one the object is given
/// back from `now_ms` on.
pub(crate) fn leave(change: &mut RowChange, object: &ObjectId, row: &[u8], now_ms: u64) {
    change.write.insert(rows::use_of(object, row), None);
    let value = Some(due(now_ms));
    change.write.insert(rows::garbage(object), value);
}

/// Some row that uses an object, with its value.
pub(crate) fn some_use(rows: &dyn Rows, object: &ObjectId) -> Result<Option<RowPair>, Error> {
    let uses = rows::use_of(object, &[]);
    let found = rows.scan(&uses, &rows::after(&uses), 1)?;
    Ok(found.into_iter().next())
}

/// Adds the use of an object by a row to a change. Errors: GivenBack when no host may hold it any
/// more.
pub(crate) fn take(
    rows: &dyn Rows,
    change: &mut RowChange,
    object: &ObjectId,
    row: &[u8],
) -> Result<(), Error> {
    let listed = rows::garbage(object);
    let gone = || Error::GivenBack { object: *object };
    match rows.get(&listed)? {
        Some(value) if is_condemned(&value) => return Err(gone()),
        Some(value) => change.expect.push((listed.clone(), Some(value))),
        None => {
            let (used, value) = some_use(rows, object)?.ok_or_else(gone)?;
            change.expect.push((used, Some(value)));
        }
    }
    change.write.insert(listed, None);
    let name = rows::use_of(object, row);
    change.write.insert(name, Some(Vec::new()));
    Ok(())
}

/// The sweep's word on a row of the list: off it where the object is used, condemned where not.
/// Returns the change and whether it condemns.
pub(crate) fn sentence(
    rows: &dyn Rows,
    object: &ObjectId,
    value: Vec<u8>,
    now_ms: u64,
) -> Result<(RowChange, bool), Error> {
    let listed = rows::garbage(object);
    let unused = some_use(rows, object)?.is_none();
    let mut change = RowChange::default();
    change.expect.push((listed.clone(), Some(value)));
    change
        .write
        .insert(listed, unused.then(|| condemned(now_ms)));
    Ok((change, unused))
}

#[cfg(test)]
mod tests;
