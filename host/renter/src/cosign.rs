//! An agreement of this renter with both signatures on it, as contracts ask for it. The host's is
//! not kept here: the host is asked for it again, and the digest both signed proves the answer.

use host_core::AgreementDigest;
use host_core::agreement::SignedAgreement;
use host_core::seams::PeerAddr;
use host_transfer::upload::{self, Opened};

use crate::Inner;
use crate::error::Error;

/// The agreement some session of this home made; none when none did.
/// Errors: those of asking its host, which gives its signature while the agreement stands.
pub(crate) async fn signed(
    inner: &Inner,
    agreement: &AgreementDigest,
) -> Result<Option<SignedAgreement>, Error> {
    let mut journals = inner.book.journals()?;
    let found = journals.find_map(|(_, session)| session.trials.get(agreement).cloned());
    let known = found.and_then(|trial| Some((trial.place, trial.terms?)));
    let Some((place, terms)) = known else {
        return Ok(None);
    };
    let (chain_id, to) = (
        inner.network.chain_id,
        PeerAddr {
            peer: place.host,
            addrs: place.addrs,
        },
    );
    let renter_signature = terms.sign(chain_id, &inner.key);
    let peers = inner.peers.as_ref();
    let opened = upload::open(peers, &to, chain_id, &inner.id, &terms, renter_signature);
    let host_signature = match opened.await.map_err(|source| Error::Talk { source })? {
        Opened::Stored(stored) => {
            let signature = stored.host_signature;
            stored.close().await;
            signature
        }
        Opened::Send(stream) => {
            let signature = stream.host_signature();
            stream.leave().await;
            signature
        }
    };
    Ok(Some(SignedAgreement {
        terms,
        renter_signature,
        host_signature,
    }))
}
