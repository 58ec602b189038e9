//! Goal: a host nobody can dial is spoken with through a relay, and a relay carries no more than it
//! was told to and for nobody else. Method: three nodes on loopback; the caller knows nothing of the
//! host but its address at the relay.

use std::time::Duration;

use bytes::Bytes;
use host_core::identity::SecretKey;
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::Protocol;

use super::{Relaying, Ways};
use crate::{Bounds, Inbound, Inlet, Net, Options, Reach, Standpoint, SwarmKey};

const TCP: &str = "/ip4/127.0.0.1/tcp/0";
/// Longest wait for a place at a relay.
const LIMIT: Duration = Duration::from_secs(60);

async fn node(seed: u8, listen: &[&str], ways: Ways) -> (Net, Inlet) {
    let options = Options {
        key: SecretKey::from_bytes(&[seed; 32]).expect("a scalar"),
        listen: listen.iter().map(ToString::to_string).collect(),
        announce: Vec::new(),
        private_network: true,
        protocols: vec![Protocol::Info],
        agent: "holdfast/test".to_owned(),
        bounds: Bounds::house(),
    };
    Net::start_in(options, ways).await.expect("a node")
}

async fn echo(mut inlet: Inlet) {
    while let Some(Inbound { mut frames, .. }) = inlet.next().await {
        tokio::spawn(async move {
            while let Ok(Some(frame)) = frames.recv().await {
                if frames.send(frame).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// A relay for the hosts of these seeds.
async fn relay(hosts: &[u8], bytes: u64, key: Option<&SwarmKey>) -> (Net, Inlet, String) {
    let peers = hosts.iter().map(|seed| {
        let key = SecretKey::from_bytes(&[*seed; 32]).expect("a scalar");
        key.peer_id()
    });
    let ways = Ways {
        swarm_key: key.cloned(),
        relaying: Some(Relaying {
            peers: key.is_none().then(|| peers.collect()),
            circuits: 4,
            circuit_bytes: bytes,
            circuit_time: Duration::from_secs(60),
        }),
        ..Ways::default()
    };
    let (net, inlet) = node(1, &[TCP], ways).await;
    let at = format!("{}/p2p/{}", net.addresses()[0], net.peer_id());
    (net, inlet, at)
}

/// Waits until the node's reach is as wanted.
async fn reaches(net: &Net, wanted: impl Fn(&Reach) -> bool) -> Reach {
    let waiting = async {
        loop {
            let reach = net.reach();
            if wanted(&reach) {
                return reach;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(LIMIT, waiting).await;
    waited.unwrap_or_else(|_| panic!("reach is {:?}", net.reach()))
}

/// A host that holds a place at the relay, and its address there.
async fn host(seed: u8, at: &str, key: Option<&SwarmKey>) -> (Net, PeerAddr) {
    let ways = Ways {
        swarm_key: key.cloned(),
        relays: vec![at.to_owned()],
        ..Ways::default()
    };
    // A host behind a router: nobody knows a port of it.
    let (net, inlet) = node(seed, &[], ways).await;
    tokio::spawn(echo(inlet));
    let reach = reaches(&net, |reach| !reach.relayed.is_empty()).await;
    let addr = PeerAddr {
        peer: net.peer_id(),
        addrs: reach.relayed,
    };
    (net, addr)
}

async fn speaks(key: Option<&SwarmKey>) {
    let (_relay, _inlet, at) = relay(&[2], 1 << 30, key).await;
    let (net, to) = host(2, &at, key).await;
    assert_eq!(net.reach().standpoint(&[]), Standpoint::Relayed);
    assert_eq!(net.addresses(), to.addrs, "that is what it tells others");
    let ways = Ways {
        swarm_key: key.cloned(),
        ..Ways::default()
    };
    let (caller, _) = node(3, &[], ways).await;
    let mut frames = caller.open(&to, Protocol::Info).await.expect("a way");
    let frame = Bytes::from(vec![0x80; 100_000]);
    for _ in 0..20 {
        frames.send(frame.clone()).await.expect("sent");
        assert_eq!(frames.recv().await.expect("a frame"), Some(frame.clone()));
    }
    assert!(net.links().relayed > 0, "{:?}", net.links());
}

#[tokio::test]
async fn a_host_nobody_can_dial_is_spoken_with_through_a_relay() {
    speaks(None).await;
}

#[tokio::test]
async fn a_relay_works_under_a_swarm_key() {
    speaks(Some(&SwarmKey::of_bytes([7; 32]))).await;
}

#[tokio::test]
async fn a_relay_holds_no_place_for_a_host_that_is_not_listed() {
    let (_relay, _inlet, at) = relay(&[2], 1 << 30, None).await;
    let ways = Ways {
        relays: vec![at.clone()],
        ..Ways::default()
    };
    let (stranger, _inlet) = node(9, &[], ways).await;
    // The listed one asked later and has its place: the stranger was answered before.
    let (_host, _) = host(2, &at, None).await;
    let standpoint = stranger.reach().standpoint(&[]);
    assert_eq!(standpoint, Standpoint::Inside);
    let (caller, _) = node(3, &[], Ways::default()).await;
    let to = PeerAddr {
        peer: stranger.peer_id(),
        addrs: vec![format!("{at}/p2p-circuit")],
    };
    assert!(caller.open(&to, Protocol::Info).await.is_err());
}

#[tokio::test]
async fn a_circuit_ends_with_its_bytes() {
    let (_relay, _inlet, at) = relay(&[2], 200_000, None).await;
    let (_host, to) = host(2, &at, None).await;
    let (caller, _) = node(3, &[], Ways::default()).await;
    let mut frames = caller.open(&to, Protocol::Info).await.expect("a way");
    let frame = Bytes::from(vec![0x80; 50_000]);
    let mut passed = 0;
    while frames.send(frame.clone()).await.is_ok() && matches!(frames.recv().await, Ok(Some(_))) {
        passed += 1;
        assert!(passed < 4, "400 kB passed where 200 kB may");
    }
}

#[tokio::test]
async fn a_relay_tells_a_host_at_which_address_it_was_dialled() {
    let (_relay, _inlet, at) = relay(&[2], 1 << 30, None).await;
    let ways = Ways {
        relays: vec![at],
        ..Ways::default()
    };
    let (host, _inlet) = node(2, &[TCP], ways).await;
    let whole = |reach: &Reach| !reach.direct.is_empty() && !reach.relayed.is_empty();
    let reach = reaches(&host, whole).await;
    assert_eq!(reach.standpoint(&host.listening()), Standpoint::Public);
    let said = host.addresses();
    assert_eq!(said.first(), reach.direct.first());
    assert_eq!(
        said.last(),
        reach.relayed.last(),
        "one way stays where a proof grows old"
    );
}
