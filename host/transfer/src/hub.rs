//! A hub's directory: announce oneself, read it page by page. A hub's list is a claim: every
//! announcement is checked here before it is handed on.

use host_core::announce::Announcement;
use host_core::limits;
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::{HubReply, HubRequest, Protocol};
use host_core::witness::{DayProof, SpeedWord, Statement};
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
        _ => Err(link.turn("announcing")),
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
        _ => Err(link.turn("asking for a peer")),
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
            _ => return Err(link.turn("reading the directory")),
        }
    }
    link.done().await;
    Ok(taken)
}

/// Reads what `hub` counted of every host, one page at a time, each page checked to be its own
/// and signed, and hands it to `take`. A page that does not verify ends the reading with the hub
/// named.
pub async fn counts(
    peers: &dyn Peers,
    hub: &PeerAddr,
    network: &NetworkId,
    mut take: impl FnMut(Statement) + Send,
) -> Result<usize, Error> {
    let mut link = Link::open(peers, hub, Protocol::Hub).await?;
    let limit = u32::try_from(limits::HUB_PAGE_MAX).unwrap_or(u32::MAX);
    let mut after = None;
    let mut read = 0;
    while read < limits::HUB_HOSTS_MAX {
        link.say(&HubRequest::Counts { after, limit }).await?;
        let HubReply::Counts(page) = own(&mut link).await? else {
            return Err(link.turn("reading counts"));
        };
        checked(&link, &page, hub, network)?;
        let (more, last) = (page.body.more, page.body.hosts.last().map(|host| host.host));
        read += page.body.hosts.len();
        take(page);
        if !more || last <= after {
            break;
        }
        after = last;
    }
    link.done().await;
    Ok(read)
}

/// What `hub` counted of one host and the measurements it holds, both checked; beside each the
/// number of the neighbourhood it was told from, 0 for the host's own.
pub async fn look(
    peers: &dyn Peers,
    hub: &PeerAddr,
    network: &NetworkId,
    chain_id: u64,
    peer: PeerId,
) -> Result<(Statement, Vec<(SpeedWord, u32)>), Error> {
    let mut link = Link::open(peers, hub, Protocol::Hub).await?;
    link.say(&HubRequest::Look { peer }).await?;
    let HubReply::Looked {
        statement,
        speeds,
        groups,
    } = own(&mut link).await?
    else {
        return Err(link.turn("asking for counts"));
    };
    checked(&link, &statement, hub, network)?;
    let groups = groups.into_iter().chain(std::iter::repeat(0));
    let speeds = speeds
        .into_iter()
        .zip(groups)
        .filter(|(word, _)| word.body.host == peer && word.check(network, chain_id).is_ok());
    let speeds = speeds.collect();
    link.done().await;
    Ok((statement, speeds))
}

/// Tells `hub` several speeds; returns how many it took. A word that it refuses costs the
/// conversation, and the rest is told in the next one.
pub async fn speeds(peers: &dyn Peers, hub: &PeerAddr, words: &[SpeedWord]) -> usize {
    let (mut taken, mut rest) = (0, words);
    while !rest.is_empty() {
        let Ok(mut link) = Link::open(peers, hub, Protocol::Hub).await else {
            return taken;
        };
        let mut is_open = true;
        while let Some((word, others)) = rest.split_first().filter(|_| is_open) {
            rest = others;
            if link
                .say(&HubRequest::Speed(Box::new(word.clone())))
                .await
                .is_err()
            {
                return taken;
            }
            is_open = matches!(own(&mut link).await, Ok(HubReply::Listed));
            taken += usize::from(is_open);
        }
        if is_open {
            link.done().await;
        }
    }
    taken
}

/// Tells `hub` how fast a host was.
pub async fn speed(peers: &dyn Peers, hub: &PeerAddr, word: SpeedWord) -> Result<(), Error> {
    let mut link = Link::open(peers, hub, Protocol::Hub).await?;
    link.say(&HubRequest::Speed(Box::new(word))).await?;
    match own(&mut link).await? {
        HubReply::Listed => {
            link.done().await;
            Ok(())
        }
        _ => Err(link.turn("telling a speed")),
    }
}

/// Asks a status server for the asking host's place in the root of a day; checked.
pub async fn day(
    peers: &dyn Peers,
    status: &PeerAddr,
    network: &NetworkId,
    day: u64,
) -> Result<DayProof, Error> {
    let mut link = Link::open(peers, status, Protocol::Hub).await?;
    link.say(&HubRequest::Day { day }).await?;
    let HubReply::Day(proof) = own(&mut link).await? else {
        return Err(link.turn("asking for a day"));
    };
    if proof.root.body.observer != status.peer || proof.check(network).is_err() {
        return Err(link.turn("proving a day"));
    }
    link.done().await;
    Ok(proof)
}

/// The next reply; a refusal is an error.
async fn own(link: &mut Link) -> Result<HubReply, Error> {
    match link.hear("asking a hub").await? {
        HubReply::Refused(refusal) => Err(link.refused(refusal)),
        reply => Ok(reply),
    }
}

/// A statement counts only as the word of the hub that was asked.
fn checked(
    link: &Link,
    said: &Statement,
    hub: &PeerAddr,
    network: &NetworkId,
) -> Result<(), Error> {
    if said.body.observer == hub.peer && said.check(network).is_ok() {
        return Ok(());
    }
    Err(link.turn("stating counts"))
}
