//! Goal: a hub served over the network lists, pages and refuses as the directory says. Method:
//! real nodes on loopback, the real clock.

use super::*;
use crate::clock::SystemClock;
use bytes::Bytes;
use host_core::announce::{Announcement, HostOffer};
use host_core::identity::SecretKey;
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::Protocol;
use host_core::{Address, Amount, NetworkId};
use host_net::{Bounds, Net, Options, Policy};

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32]).expect("a scalar")
}

fn network() -> NetworkId {
    NetworkId::of_name("test")
}

fn word(seed: u8, clock: &dyn Clock) -> Announcement {
    let key = key(seed);
    let offer = HostOffer {
        peer: key.peer_id(),
        addrs: vec!["/ip4/127.0.0.1/tcp/4001".to_owned()],
        price: Amount(7),
        egress_price: Amount::ZERO,
        free: 1,
        used: 2,
        payout: Address::ZERO,
        version: "v".to_owned(),
        epochs_max: 3,
        at_ms: clock.wall_ms(),
        instance: [7; 16],
        generation: 0,
        leaving: false,
        claims: None,
    };
    Announcement::sign(offer, &network(), &key)
}

async fn node(seed: u8, listen: &[&str], protocols: &[Protocol]) -> (Net, Inlet) {
    Net::start(Options {
        key: key(seed),
        listen: listen.iter().map(ToString::to_string).collect(),
        announce: Vec::new(),
        private_network: true,
        protocols: protocols.to_vec(),
        agent: "holdfast/test".to_owned(),
        bounds: Bounds::house(),
    })
    .await
    .expect("a node")
}

fn hub(file: Option<PathBuf>) -> Arc<Hub> {
    let directory = Directory::new(network(), Policy { private: true }, 100);
    Arc::new(Hub::new(directory, file))
}

async fn ask(net: &Net, to: &PeerAddr, request: &HubRequest) -> HubReply {
    let mut frames = net.open(to, Protocol::Hub).await.expect("a conversation");
    frames.send(wire::message(request)).await.expect("sent");
    let frame = frames.recv().await.expect("a frame").expect("a reply");
    frames.close().await.expect("closed");
    codec::from_bytes("reply", &frame).expect("a hub reply")
}

#[tokio::test]
async fn a_host_that_announced_itself_is_found_and_kept_over_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("directory");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let (server, inlet) = node(1, &["/ip4/127.0.0.1/tcp/0"], &[Protocol::Hub]).await;
    let to = PeerAddr {
        peer: server.peer_id(),
        addrs: server.addresses(),
    };
    let (tell, told) = watch::channel(false);
    let serving = tokio::spawn(serve(
        hub(Some(file.clone())),
        inlet,
        Arc::clone(&clock),
        told,
    ));
    let (host, _) = node(2, &[], &[]).await;
    let word = word(2, &*clock);
    let reply = ask(&host, &to, &HubRequest::Announce(word.clone())).await;
    assert_eq!(reply, HubReply::Listed);
    let all = HubRequest::Query {
        after: None,
        limit: 100,
    };
    let (renter, _) = node(3, &[], &[]).await;
    let page = HubReply::Page {
        hosts: vec![word],
        more: false,
    };
    assert_eq!(ask(&renter, &to, &all).await, page);
    tell.send_replace(true);
    serving.await.expect("joined").expect("saved");
    server.stop().await;

    let mut directory = Directory::new(network(), Policy { private: true }, 100);
    snapshot::load(&file, &mut directory, clock.wall_ms()).expect("loaded");
    let restarted = Hub::new(directory, None);
    let again = restarted
        .answer(key(3).peer_id(), all, clock.wall_ms())
        .expect("a page");
    assert_eq!(again, page);
}

#[tokio::test]
async fn forged_foreign_and_malformed_requests_are_refused_by_code() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let (server, inlet) = node(1, &["/ip4/127.0.0.1/tcp/0"], &[Protocol::Hub]).await;
    let to = PeerAddr {
        peer: server.peer_id(),
        addrs: server.addresses(),
    };
    let (_tell, told) = watch::channel(false);
    let hub = hub(None);
    let serving = tokio::spawn(serve(Arc::clone(&hub), inlet, Arc::clone(&clock), told));
    let (host, _) = node(2, &[], &[]).await;
    let mut forged = word(2, &*clock);
    forged.offer.free = u64::MAX;
    let foreign = word(3, &*clock);
    for request in [forged, foreign] {
        let reply = ask(&host, &to, &HubRequest::Announce(request)).await;
        let HubReply::Refused(refusal) = reply else {
            panic!("{reply:?}");
        };
        assert_eq!(refusal.code, RefusalCode::Signature);
    }
    for noise in [&b"\x80"[..], b"\x5a\0\0\0\x01a", b"\xff\xff"] {
        let mut frames = host.open(&to, Protocol::Hub).await.expect("open");
        frames
            .send(Bytes::copy_from_slice(noise))
            .await
            .expect("sent");
        let frame = frames.recv().await.expect("a frame").expect("a reply");
        let reply: HubReply = codec::from_bytes("reply", &frame).expect("a reply");
        assert!(
            matches!(reply, HubReply::Refused(r) if r.code == RefusalCode::Malformed),
            "{noise:?}"
        );
        assert_eq!(frames.recv().await.expect("the end"), None);
    }
    assert!(hub.is_empty());
    serving.abort();
}

#[tokio::test]
async fn one_conversation_serves_many_requests() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let (server, inlet) = node(1, &["/ip4/127.0.0.1/tcp/0"], &[Protocol::Hub]).await;
    let to = PeerAddr {
        peer: server.peer_id(),
        addrs: server.addresses(),
    };
    let (_tell, told) = watch::channel(false);
    let serving = tokio::spawn(serve(hub(None), inlet, clock, told));
    let (renter, _) = node(3, &[], &[]).await;
    let mut frames = renter.open(&to, Protocol::Hub).await.expect("open");
    for _ in 0..20 {
        let query = HubRequest::Query {
            after: None,
            limit: 1,
        };
        frames.send(wire::message(&query)).await.expect("sent");
        assert!(frames.recv().await.expect("a frame").is_some());
    }
    frames.close().await.expect("closed");
    assert_eq!(frames.recv().await.expect("the end"), None);
    serving.abort();
}
