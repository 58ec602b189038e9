//! A hub's directory: announce oneself, read it page by page. A hub's list is a claim: every
//! announcement is checked here before it is handed on.

use host_core::announce::Announcement;
use host_core::limits;
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::{HubReply, HubRequest, Protocol};
use host_core::{NetworkId, PeerId};

use crate::error::Error;
use crate::link::Link;

/// Lists an announcement at `hub`.
pub async fn announce(
    peers: &dyn Peers,
    hub: &PeerAddr,
    announcement: Announcement,
) -> Result<(), Error> {
    let mut link = Link::open(peers, hub, Protocol::Hub).await?;
    link.say(&HubRequest::Announce(announcement)).await?;
    match link.hear("announcing").await? {
        HubReply::Listed => {
            link.done().await;
            Ok(())
        }
        HubReply::Refused(refusal) => Err(link.refused(refusal)),
        HubReply::Page { .. } => Err(link.turn("announcing")),
    }
}

/// Asks `hub` for the newest word of one peer; none when it knows none or what it gives is not
/// that peer's own word.
pub async fn find(
    peers: &dyn Peers,
    hub: &PeerAddr,
    network: &NetworkId,
    peer: PeerId,
) -> Result<Option<Announcement>, Error> {
    let mut link = Link::open(peers, hub, Protocol::Hub).await?;
    link.say(&HubRequest::Find { peer }).await?;
    match link.hear("asking for a peer").await? {
        HubReply::Page { hosts, .. } => {
            link.done().await;
            let own = |host: &Announcement| host.offer.peer == peer && host.check(network).is_ok();
            Ok(hosts.into_iter().find(own))
        }
        HubReply::Refused(refusal) => Err(link.refused(refusal)),
        HubReply::Listed => Err(link.turn("asking for a peer")),
    }
}

/// Asks `hub` for the newest words of several peers over one conversation; gives those it knows,
/// as far as it answers.
pub async fn find_all(
    peers: &dyn Peers,
    hub: &PeerAddr,
    network: &NetworkId,
    wanted: &[PeerId],
) -> Vec<Announcement> {
    let mut found = Vec::new();
    let Ok(mut link) = Link::open(peers, hub, Protocol::Hub).await else {
        return found;
    };
    for &peer in wanted {
        if link.say(&HubRequest::Find { peer }).await.is_err() {
            return found;
        }
        let Ok(HubReply::Page { hosts, .. }) = link.hear("asking for a peer").await else {
            return found;
        };
        let own = |host: &Announcement| host.offer.peer == peer && host.check(network).is_ok();
        found.extend(hosts.into_iter().find(own));
    }
    link.done().await;
    found
}

/// Reads the whole directory of `hub` like `read`, everything being news.
pub async fn query(
    peers: &dyn Peers,
    hub: &PeerAddr,
    network: &NetworkId,
    take: impl FnMut(Announcement) + Send,
) -> Result<usize, Error> {
    read(peers, hub, network, |_| true, take).await
}

/// Reads the whole directory of `hub`, one page in memory at a time, and hands every announcement
/// that is news to the caller and verifies to `take`. `news` is asked first, because a signature
/// costs a tenth of a millisecond and several hubs say the same. Returns how many were handed on.
/// A hub that repeats itself or never ends is cut off at the directory's bound.
pub async fn read(
    peers: &dyn Peers,
    hub: &PeerAddr,
    network: &NetworkId,
    news: impl Fn(&Announcement) -> bool + Send,
    mut take: impl FnMut(Announcement) + Send,
) -> Result<usize, Error> {
    let mut link = Link::open(peers, hub, Protocol::Hub).await?;
    let limit = u32::try_from(limits::HUB_PAGE_MAX).unwrap_or(u32::MAX);
    let mut after = None;
    let (mut read, mut taken) = (0, 0);
    while read < limits::HUB_HOSTS_MAX {
        link.say(&HubRequest::Query { after, limit }).await?;
        match link.hear("reading the directory").await? {
            HubReply::Page { hosts, more } => {
                let last = hosts.last().map(|host| host.offer.peer);
                read += hosts.len();
                for host in hosts {
                    let fresh = Some(host.offer.peer) > after && news(&host);
                    if fresh && host.check(network).is_ok() {
                        take(host);
                        taken += 1;
                    }
                }
                if !more || last <= after {
                    break;
                }
                after = last;
            }
            HubReply::Refused(refusal) => return Err(link.refused(refusal)),
            HubReply::Listed => return Err(link.turn("reading the directory")),
        }
    }
    link.done().await;
    Ok(taken)
}
