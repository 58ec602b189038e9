//! Later cheques, and the question which one a host counts on (so that a renter whose book was
//! lost never signs a smaller sum than it already has).

use host_core::cheque::SignedCheque;
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::{ChequeReply, ChequeRequest, Protocol};
use host_core::{Address, AgreementDigest, Amount};

use crate::error::Error;
use crate::link::Link;

/// The newest cheque `to` keeps from `vault`, if any. The caller checks its signature before
/// trusting its sum.
pub async fn last(
    peers: &dyn Peers,
    to: &PeerAddr,
    vault: Address,
) -> Result<Option<SignedCheque>, Error> {
    let mut link = Link::open(peers, to, Protocol::Cheque).await?;
    link.say(&ChequeRequest::Last { vault }).await?;
    let reply = link.hear("asking for the last cheque").await?;
    match reply {
        ChequeReply::Last { cheque } => {
            link.done().await;
            Ok(cheque)
        }
        ChequeReply::Refused(refusal) => Err(link.refused(refusal)),
        ChequeReply::Paid { .. } => Err(link.turn("asking for the last cheque")),
    }
}

/// Pays `agreement` through an epoch; returns the sum the host now counts on.
pub async fn pay(
    peers: &dyn Peers,
    to: &PeerAddr,
    agreement: AgreementDigest,
    through_epoch: u64,
    cheque: SignedCheque,
) -> Result<Amount, Error> {
    let mut link = Link::open(peers, to, Protocol::Cheque).await?;
    link.say(&ChequeRequest::Pay {
        agreement,
        through_epoch,
        cheque,
    })
    .await?;
    match link.hear("paying").await? {
        ChequeReply::Paid { cumulative } => {
            link.done().await;
            Ok(cumulative)
        }
        ChequeReply::Refused(refusal) => Err(link.refused(refusal)),
        ChequeReply::Last { .. } => Err(link.turn("paying")),
    }
}

/// Pays for reads on the cheque's vault's account; returns the sum the host now counts on.
pub async fn reads(
    peers: &dyn Peers,
    to: &PeerAddr,
    cheque: SignedCheque,
) -> Result<Amount, Error> {
    let mut link = Link::open(peers, to, Protocol::Cheque).await?;
    link.say(&ChequeRequest::Reads { cheque }).await?;
    match link.hear("paying for reads").await? {
        ChequeReply::Paid { cumulative } => {
            link.done().await;
            Ok(cumulative)
        }
        ChequeReply::Refused(refusal) => Err(link.refused(refusal)),
        ChequeReply::Last { .. } => Err(link.turn("paying for reads")),
    }
}
