//! Cheques: what is promised only rises; what is paid falls only when the chain takes blocks back.

use host_core::cheque::SignedCheque;
use host_core::{Address, AgreementDigest, Amount};

use super::standing;
use crate::error::Error;
use crate::row::{AgreementState, ChequeRow};
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
    let newest = rise(tables, cheque)?;
    row.paid = row.paid.plus(increment)?;
    row.paid_through = row.paid_through.max(through_epoch);
    tables.write(Place::Agreements, &agreement.0, &row)?;
    tables.write(Place::Cheques, &key_of(cheque), &newest)
}

/// A cheque pays for reads on its vault's account.
pub(super) fn reads_paid(
    tables: &mut Tables<'_>,
    cheque: &SignedCheque,
    increment: Amount,
) -> Result<(), Error> {
    let mut newest = rise(tables, cheque)?;
    newest.reads_paid = newest.reads_paid.plus(increment)?;
    tables.write(Place::Cheques, &key_of(cheque), &newest)?;
    let totals = tables.totals();
    totals.reads_paid = totals.reads_paid.plus(increment)?;
    Ok(())
}

/// What was read on a vault's account so far: sums only rise.
pub(super) fn reads_served(
    tables: &mut Tables<'_>,
    vault: &Address,
    bytes: u64,
    cost: Amount,
) -> Result<(), Error> {
    let (key, mut row) = kept(tables, vault)?;
    let more = bytes.saturating_sub(row.read_bytes);
    row.read_bytes = row.read_bytes.max(bytes);
    row.reads_cost = row.reads_cost.max(cost);
    tables.write(Place::Cheques, &key, &row)?;
    let totals = tables.totals();
    totals.read_bytes = totals.read_bytes.saturating_add(more);
    Ok(())
}

fn key_of(cheque: &SignedCheque) -> Vec<u8> {
    cheque_key(&cheque.cheque.vault, cheque.cheque.token.as_ref())
}

/// The vault's row with a newer cheque, counted in the totals but not written yet. Errors:
/// ChequeNotRising.
fn rise(tables: &mut Tables<'_>, cheque: &SignedCheque) -> Result<ChequeRow, Error> {
    let got = cheque.cheque.cumulative;
    let known: Option<ChequeRow> = tables.read(Place::Cheques, &key_of(cheque))?;
    let have = known
        .as_ref()
        .map_or(Amount::ZERO, |row| row.cheque.cheque.cumulative);
    if got <= have {
        return Err(Error::ChequeNotRising { have, got });
    }
    let totals = tables.totals();
    totals.received = totals.received.plus(got.minus(have)?)?;
    totals.cheques += u64::from(known.is_none());
    Ok(match known {
        Some(row) => ChequeRow {
            cheque: cheque.clone(),
            ..row
        },
        None => ChequeRow::first(cheque.clone()),
    })
}

/// The cheque of a vault in its own token, with its key.
fn kept(tables: &Tables<'_>, vault: &Address) -> Result<(Vec<u8>, ChequeRow), Error> {
    let key = cheque_key(vault, None);
    let unknown = Error::NoCheque { vault: *vault };
    let row = tables.read(Place::Cheques, &key)?.ok_or(unknown)?;
    Ok((key, row))
}

/// The vault has paid up to `cumulative`; less than known changes nothing.
pub(super) fn cashed(
    tables: &mut Tables<'_>,
    vault: &Address,
    cumulative: Amount,
) -> Result<(), Error> {
    let (_, row) = kept(tables, vault)?;
    if cumulative <= row.cashed {
        return Ok(());
    }
    set_paid(tables, vault, cumulative)
}

/// The vault has paid exactly `paid_out`, more or less than known.
pub(super) fn set_paid(
    tables: &mut Tables<'_>,
    vault: &Address,
    paid_out: Amount,
) -> Result<(), Error> {
    let (key, mut row) = kept(tables, vault)?;
    let before = row.cashed;
    row.cashed = paid_out;
    if row.due() == Amount::ZERO {
        (row.due_since, row.bounced) = (None, Amount::ZERO);
    }
    tables.write(Place::Cheques, &key, &row)?;
    let totals = tables.totals();
    let others = Amount(totals.cashed.0.saturating_sub(before.0));
    totals.cashed = others.plus(paid_out)?;
    Ok(())
}

/// Something stands uncashed since `block`, unless an older block is known.
pub(super) fn due(tables: &mut Tables<'_>, vault: &Address, block: u64) -> Result<(), Error> {
    let (key, mut row) = kept(tables, vault)?;
    row.due_since = row.due_since.or(Some(block));
    tables.write(Place::Cheques, &key, &row)
}

/// The vault could not pay `missing` of the cheque presented last.
pub(super) fn bounced(
    tables: &mut Tables<'_>,
    vault: &Address,
    missing: Amount,
) -> Result<(), Error> {
    let (key, mut row) = kept(tables, vault)?;
    row.bounced = missing;
    tables.write(Place::Cheques, &key, &row)
}
