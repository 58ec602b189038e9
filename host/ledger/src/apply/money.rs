//! Cheques and transactions: sums only rise, one transaction of a vault is under way at a time.

use host_core::cheque::SignedCheque;
use host_core::{Address, AgreementDigest, Amount, Digest32};

use super::standing;
use crate::error::Error;
use crate::row::{AgreementState, ChequeRow, OutboxRow, OutboxState};
use crate::tables::{Place, Tables};

/// Key of a cheque: vault, token (zeroes for the vault's own).
pub(crate) fn cheque_key(vault: &Address, token: Option<&Address>) -> Vec<u8> {
    [vault.0, token.map_or([0; 20], |token| token.0)].concat()
}

pub(super) fn accept(
    tables: &mut Tables<'_>,
    cheque: &SignedCheque,
    agreement: &AgreementDigest,
    through_epoch: u64,
    increment: Amount,
) -> Result<(), Error> {
    let mut row = standing(tables, agreement, AgreementState::Active)?;
    let key = cheque_key(&cheque.cheque.vault, cheque.cheque.token.as_ref());
    let got = cheque.cheque.cumulative;
    let known: Option<ChequeRow> = tables.read(Place::Cheques, &key)?;
    let have = known
        .as_ref()
        .map_or(Amount::ZERO, |row| row.cheque.cheque.cumulative);
    if got <= have {
        return Err(Error::ChequeNotRising { have, got });
    }
    row.paid = row.paid.plus(increment)?;
    row.paid_through = row.paid_through.max(through_epoch);
    tables.write(Place::Agreements, &agreement.0, &row)?;
    let fresh = known.is_none();
    let cashed = known.map_or(Amount::ZERO, |row| row.cashed);
    tables.write(
        Place::Cheques,
        &key,
        &ChequeRow {
            cheque: cheque.clone(),
            cashed,
        },
    )?;
    let totals = tables.totals();
    totals.received = totals.received.plus(got.minus(have)?)?;
    totals.cheques += u64::from(fresh);
    Ok(())
}

pub(super) fn cashed(
    tables: &mut Tables<'_>,
    vault: &Address,
    cumulative: Amount,
) -> Result<(), Error> {
    let key = cheque_key(vault, None);
    let unknown = Error::NoCheque { vault: *vault };
    let mut row: ChequeRow = tables.read(Place::Cheques, &key)?.ok_or(unknown)?;
    if cumulative <= row.cashed {
        return Ok(());
    }
    let rise = cumulative.minus(row.cashed)?;
    row.cashed = cumulative;
    tables.write(Place::Cheques, &key, &row)?;
    let totals = tables.totals();
    totals.cashed = totals.cashed.plus(rise)?;
    Ok(())
}

pub(super) fn begin(tables: &mut Tables<'_>, row: &OutboxRow) -> Result<(), Error> {
    if let Some(hash) = tables.get(Place::OutboxVaults, &row.vault.0)? {
        let hash = Digest32::from_slice(&hash)?;
        return Err(Error::OutboxBusy {
            vault: row.vault,
            hash,
        });
    }
    tables.put(Place::OutboxVaults, &row.vault.0, &row.hash.0, None)?;
    tables.write(Place::Outbox, &row.hash.0, row)
}

pub(super) fn finish(tables: &mut Tables<'_>, hash: &Digest32, success: bool) -> Result<(), Error> {
    let unknown = Error::NoOutbox { hash: *hash };
    let mut row: OutboxRow = tables.read(Place::Outbox, &hash.0)?.ok_or(unknown)?;
    row.state = if success {
        OutboxState::Done
    } else {
        OutboxState::Failed
    };
    tables.remove(Place::Outbox, &hash.0, None)?;
    tables.remove(Place::OutboxVaults, &row.vault.0, None)?;
    tables.write(Place::OutboxDone, &hash.0, &row)
}
