//! Asks a host where an agreement stands in its dataset on chain.

use host_core::seams::{PeerAddr, Peers};
use host_core::wire::{InclusionReply, InclusionRequest, Protocol};
use host_core::{AgreementDigest, Digest32};
use host_proof::dataset::{Inclusion, Leaf};

use crate::error::Error;
use crate::link::Link;

/// What a host showed, checked to lead from the agreement's leaf to the list of peaks it names.
/// Whether that list is the one on the chain is for the caller to ask the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The name of the list.
    pub commitment: Digest32,
    /// The way from the leaf to it.
    pub inclusion: Inclusion,
}

/// The inclusion of `leaf` at the host `to`. Errors: Refused while the host has not committed the
/// agreement; a word that does not hold is the host's fault.
pub async fn ask(peers: &dyn Peers, to: &PeerAddr, leaf: &Leaf) -> Result<Shown, Error> {
    let mut link = Link::open(peers, to, Protocol::Inclusion).await?;
    let agreement: AgreementDigest = leaf.agreement;
    link.say(&InclusionRequest { agreement }).await?;
    let during = "asking for an inclusion";
    let (commitment, proof) = match link.hear(during).await? {
        InclusionReply::Shown { commitment, proof } => (commitment, proof),
        InclusionReply::Refused(refusal) => return Err(link.refused(refusal)),
    };
    let inclusion = Inclusion::from_bytes(&proof).map_err(|_| link.turn(during))?;
    let checked = inclusion.check(&commitment, leaf);
    checked.map_err(|_| link.turn(during))?;
    link.done().await;
    Ok(Shown {
        commitment,
        inclusion,
    })
}
