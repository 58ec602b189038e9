//! Asks a host for its own announcement, fresh.

use host_core::NetworkId;
use host_core::announce::Announcement;
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::{InfoReply, InfoRequest, Protocol};

use crate::error::Error;
use crate::link::Link;

/// The announcement `to` gives of itself, checked to be its own.
pub async fn ask(
    peers: &dyn Peers,
    to: &PeerAddr,
    network: &NetworkId,
) -> Result<Announcement, Error> {
    let mut link = Link::open(peers, to, Protocol::Info).await?;
    link.say(&InfoRequest {}).await?;
    let InfoReply { announcement } = link.hear("asking for the offer").await?;
    announcement
        .check(network)
        .map_err(|source| link.word("announcement", source))?;
    if announcement.offer.peer != to.peer {
        return Err(link.turn("asking for the offer"));
    }
    link.done().await;
    Ok(announcement)
}
