//! What is over long enough is forgotten: ended agreements and peers not seen any more. Their sums
//! stay in the totals, so statistics do not change.
//!
//! Invariants: an agreement goes only when its own end lies before the bound (early ones could be
//! opened again otherwise) and no leaf of a dataset needs its terms; a row that no longer qualifies
//! is passed over, so that the same fact twice changes nothing.

use host_core::{AgreementDigest, PeerId};

use crate::error::Error;
use crate::row::{AgreementRow, PeerRow};
use crate::tables::{Place, Tables};

/// Forgets ended agreements whose term ended before epoch `before`.
pub(super) fn agreements(
    tables: &mut Tables<'_>,
    ended: &[AgreementDigest],
    before: u64,
) -> Result<(), Error> {
    for agreement in ended {
        let row: Option<AgreementRow> = tables.read(Place::Closed, &agreement.0)?;
        let over = row.is_some_and(|row| row.signed.terms.end_epoch < before);
        if !over || tables.get(Place::LeafPlaces, &agreement.0)?.is_some() {
            continue;
        }
        tables.remove(Place::Closed, &agreement.0, None)?;
        tables.totals().forgotten += 1;
    }
    Ok(())
}

/// Forgets peers last seen before `before_ms`.
pub(super) fn peers(
    tables: &mut Tables<'_>,
    peers: &[PeerId],
    before_ms: u64,
) -> Result<(), Error> {
    for peer in peers {
        let row: Option<PeerRow> = tables.read(Place::Peers, &peer.0)?;
        if row.is_some_and(|row| row.seen_ms < before_ms) {
            tables.remove(Place::Peers, &peer.0, None)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
