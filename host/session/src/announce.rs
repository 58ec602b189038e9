//! What this host says of itself, signed now from the facts of now.

use host_core::announce::{Announcement, HostOffer};
use host_core::keeper::Signable;
use host_core::seams::Device;

use crate::desk::Desk;
use crate::error::Error;

/// The announcement of this moment.
pub async fn make<D: Device>(desk: &Desk<D>) -> Result<Announcement, Error> {
    signed(desk, false).await
}

/// The last announcement before a stop: it says that this copy is not alive any more.
pub async fn leaving<D: Device>(desk: &Desk<D>) -> Result<Announcement, Error> {
    signed(desk, true).await
}

async fn signed<D: Device>(desk: &Desk<D>, leaving: bool) -> Result<Announcement, Error> {
    let copy = desk.copy();
    let policy = desk.policy();
    let (free, used) = desk.store().space()?;
    let offer = HostOffer {
        peer: desk.key().peer_id(),
        addrs: desk.addrs(),
        price: policy.price,
        egress_price: policy.egress_price,
        free: if desk.is_open() { free } else { 0 },
        used,
        payout: policy.payout,
        version: concat!("holdfast/", env!("CARGO_PKG_VERSION")).to_owned(),
        epochs_max: policy.epochs_max,
        at_ms: desk.clock().wall_ms(),
        instance: copy.instance,
        generation: copy.generation,
        leaving,
        claims: desk.claims(),
    };
    let what = Signable::Announcement {
        offer: Box::new(offer.clone()),
        network: policy.network,
    };
    let signature = desk.key().sign(&what).await?;
    Ok(Announcement { offer, signature })
}
