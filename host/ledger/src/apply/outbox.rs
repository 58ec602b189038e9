//! Transactions: one of an intent is under way at a time, and one that ended is history.

use crate::error::Error;
use crate::outbox::{FormRow, IntentKey, OutboxRow, OutboxState};
use crate::tables::{Place, Tables, decode};

pub(super) fn begin(tables: &mut Tables<'_>, row: &OutboxRow) -> Result<(), Error> {
    let intent = row.intent();
    if tables.get(Place::Outbox, intent.0.as_bytes())?.is_some() {
        return Err(Error::IntentBusy { intent });
    }
    own_nonce(tables, row)?;
    tables.write(Place::Outbox, intent.0.as_bytes(), row)
}

pub(super) fn change(tables: &mut Tables<'_>, row: &OutboxRow) -> Result<(), Error> {
    let intent = row.intent();
    let known: Option<OutboxRow> = tables.read(Place::Outbox, intent.0.as_bytes())?;
    let Some(known) = known else {
        return Err(Error::NoIntent { intent });
    };
    // Whoever changes a row has read it: a form signed meanwhile may be in the network, and no
    // form may ever be forgotten.
    let kept = |form: &FormRow| row.forms().iter().any(|one| one.hash == form.hash);
    if !known.forms().iter().all(kept) {
        let nonce = known.nonce;
        return Err(Error::NonceBusy { nonce, intent });
    }
    if known.newest() != row.newest() {
        own_nonce(tables, row)?;
    }
    tables.write(Place::Outbox, intent.0.as_bytes(), row)
}

/// Refuses a nonce that another transaction under way holds. Rows under way are few.
fn own_nonce(tables: &Tables<'_>, row: &OutboxRow) -> Result<(), Error> {
    let Some(newest) = row.newest() else {
        return Ok(());
    };
    let own = row.intent();
    let mut after = None;
    loop {
        let page = tables.page(Place::Outbox, after.as_deref())?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        for (_, value) in page {
            let other: OutboxRow = decode(Place::Outbox, &value)?;
            let holds = other.forms().iter().any(|form| form.nonce == newest.nonce);
            if holds && other.intent() != own {
                return Err(Error::NonceBusy {
                    nonce: newest.nonce,
                    intent: other.intent(),
                });
            }
        }
    }
}

pub(super) fn finish(
    tables: &mut Tables<'_>,
    intent: &IntentKey,
    state: OutboxState,
    reason: &str,
) -> Result<(), Error> {
    let intent = intent.clone();
    if state.is_open() {
        return Err(Error::IntentOpen { intent, state });
    }
    let key = intent.0.as_bytes();
    let unknown = Error::NoIntent {
        intent: intent.clone(),
    };
    let mut row: OutboxRow = tables.read(Place::Outbox, key)?.ok_or(unknown)?;
    tables.remove(Place::Outbox, key, None)?;
    (row.state, row.reason) = (state, reason.to_owned());
    // What was never signed has no hash: its last end stands under its intent.
    let signed = row.newest().map(|form| form.hash.0.to_vec());
    let name = signed.unwrap_or_else(|| key.to_vec());
    tables.write(Place::OutboxDone, &name, &row)
}

/// Rows of the first schema stood under their transaction's hash, with an index by vault beside
/// them; they move under their intent.
pub(crate) fn name_by_intent(tables: &mut Tables<'_>) -> Result<(), Error> {
    loop {
        let page = tables.page(Place::OutboxVaults, None)?;
        if page.is_empty() {
            return Ok(());
        }
        for (vault, hash) in page {
            tables.remove(Place::OutboxVaults, &vault, None)?;
            if let Some(row) = tables.get(Place::Outbox, &hash)? {
                tables.remove(Place::Outbox, &hash, None)?;
                put_by_intent(tables, &row)?;
            }
        }
    }
}

/// Writes a row as bytes, of whatever schema, under its intent.
pub(crate) fn put_by_intent(tables: &mut Tables<'_>, value: &[u8]) -> Result<(), Error> {
    let row: OutboxRow = decode(Place::Outbox, value)?;
    tables.write(Place::Outbox, row.intent().0.as_bytes(), &row)
}
