//! Agreements no session of this home made: a home rebuilt from the phrase takes them up from the
//! terms in the objects' secrets, as a session that is complete, and goes on paying.
//!
//! Up to which epoch the lost home had paid is not known then. `unknown` trials are found out by
//! paying: see `pay_one`.

use std::collections::BTreeSet;

use host_core::AgreementDigest;

use crate::Renter;
use crate::error::Error;
use crate::lease;
use crate::put::noted::Noted;
use crate::record::{self, ObjectRecord};
use crate::session::{Begin, Entry, Journal, SessionId, ShardState, State};

/// Writes a session for those of the record's agreements that `known` does not hold; none when
/// there are none, or when their terms are not known.
pub(super) fn adopt(
    renter: &Renter,
    record: &ObjectRecord,
    known: &BTreeSet<AgreementDigest>,
) -> Result<Option<SessionId>, Error> {
    let inner = &*renter.inner;
    let placement = &record.placement.placement;
    let is_new = |agreement: &AgreementDigest| !known.contains(agreement);
    if !placement
        .places
        .iter()
        .any(|place| is_new(&place.agreement))
    {
        return Ok(None);
    }
    let mut terms = lease::read(inner, record)?;
    terms.retain(|agreement, _| is_new(agreement));
    if terms.is_empty() {
        return Ok(None);
    }
    let secret = record::secret(&inner.seal, &record.secret)?;
    let geometry = record.descriptor()?.geometry;
    let mut id = [0; 16];
    inner.entropy.fill(&mut id);
    let id = SessionId(id);
    let noted = Noted::new(inner, Journal::open(&inner.book.session(id))?);
    noted.mention(&Entry::Begun(Begin {
        path: secret.name,
        bytes: secret.len,
        modified_ms: secret.stored_ms,
        data: geometry.data,
        parity: geometry.parity,
        days: 0,
        public: record.descriptor()?.sha256.is_some(),
        price_max: None,
        sealed: Vec::new(),
        reuse: None,
        pieces: None,
        pay: None,
    }))?;
    let at_ms = inner.clock.wall_ms();
    for place in &placement.places {
        let Some(terms) = terms.remove(&place.agreement) else {
            continue;
        };
        noted.mention(&Entry::Proposed {
            place: place.clone(),
            terms,
            at_ms,
        })?;
        noted.step(place, ShardState::Paid)?;
    }
    let end_epoch = placement.end_epoch;
    noted.mention(&Entry::Term { end_epoch })?;
    noted.mention(&Entry::Done(placement.object))?;
    noted.state(State::Completed, None)?;
    Ok(Some(id))
}
