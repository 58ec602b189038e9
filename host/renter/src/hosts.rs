//! Hosts: every hub asked in parallel, the newest word of each host kept, a list remembered for
//! the day all hubs are dead.

use std::collections::BTreeMap;
use std::path::Path;

use futures::future::join_all;
use host_core::announce::Announcement;
use host_core::codec;
use host_core::seams::{PeerAddr, Peers};
use host_core::{Amount, NetworkId, PeerId};
use host_transfer::hub;

use crate::error::Error;

/// The hub addresses of a network file as peers; one that does not read is left out.
pub(crate) fn hub_peers(hubs: &[String]) -> Vec<PeerAddr> {
    let parse = |text: &String| {
        let (addr, peer) = text.rsplit_once("/p2p/")?;
        Some(PeerAddr {
            peer: peer.parse().ok()?,
            addrs: vec![addr.to_owned()],
        })
    };
    hubs.iter().filter_map(parse).collect()
}

/// Every announced host, newest word each.
pub(crate) async fn find(
    peers: &dyn Peers,
    hubs: &[PeerAddr],
    network: &NetworkId,
    cache: &Path,
) -> Result<Vec<Announcement>, Error> {
    let asked = hubs.iter().map(|to| async move {
        let mut found = Vec::new();
        hub::query(peers, to, network, |host| found.push(host))
            .await
            .map(|_| found)
    });
    let mut known: BTreeMap<PeerId, Announcement> = BTreeMap::new();
    for found in join_all(asked).await.into_iter().flatten().flatten() {
        let newest = known
            .get(&found.offer.peer)
            .is_none_or(|k| k.offer.at_ms < found.offer.at_ms);
        if newest {
            known.insert(found.offer.peer, found);
        }
    }
    if known.is_empty() {
        let bytes = std::fs::read(cache).map_err(|_| Error::NoHubs)?;
        let list: Vec<Announcement> =
            codec::from_bytes("host list", &bytes).map_err(|_| Error::NoHubs)?;
        return Ok(list
            .into_iter()
            .filter(|host| host.check(network).is_ok())
            .collect());
    }
    let list: Vec<Announcement> = known.into_values().collect();
    let fresh = cache.with_extension("new");
    let kept = std::fs::write(&fresh, codec::to_bytes(&list));
    let _ = kept.and_then(|()| std::fs::rename(&fresh, cache));
    Ok(list)
}

/// Hosts that can take `shard_len` bytes a segment for `epochs` at no more than `price_max`.
pub(crate) fn fit(
    hosts: Vec<Announcement>,
    bytes: u64,
    epochs: u64,
    price_max: Option<Amount>,
) -> Vec<Announcement> {
    let fits = |host: &Announcement| {
        host.offer.free >= bytes
            && host.offer.epochs_max >= epochs
            && price_max.is_none_or(|max| host.offer.price <= max)
    };
    hosts.into_iter().filter(fits).collect()
}
