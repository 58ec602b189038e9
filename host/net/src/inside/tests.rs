//! Goal: with prefixes declared nothing but words with hubs passes outside them, whoever dials.
//! Method: loopback cut in two; 127.128.0.0/9 is outside.

use host_core::PeerId;
use host_core::identity::SecretKey;
use host_core::seams::{LinkError, PeerAddr, Peers};
use host_core::wire::Protocol;

use super::Inside;
use crate::{Bounds, Inlet, Net, Options, Ways};

const IN: &str = "/ip4/127.0.0.1/tcp/0";
const OUT: &str = "/ip4/127.128.0.1/tcp/0";
const PREFIX: &str = "127.0.0.0/9";

fn inside(prefixes: &[&str]) -> Inside {
    let texts: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
    Inside::read(&texts).expect("prefixes")
}

async fn node(seed: u8, listen: &[&str], prefixes: &[&str]) -> (Net, Inlet) {
    let options = Options {
        key: SecretKey::from_bytes(&[seed; 32]).expect("a scalar"),
        listen: listen.iter().map(ToString::to_string).collect(),
        announce: Vec::new(),
        private_network: true,
        protocols: vec![Protocol::Hub, Protocol::Download],
        agent: "holdfast/test".to_owned(),
        bounds: Bounds::house(),
    };
    let ways = Ways {
        inside: inside(prefixes),
        ..Ways::default()
    };
    Net::start_in(options, ways).await.expect("a node")
}

fn at(peer: PeerId, addrs: Vec<String>) -> PeerAddr {
    PeerAddr { peer, addrs }
}

#[test]
fn prefixes_are_read_and_hold_their_addresses() {
    let two = inside(&["10.0.0.0/8", "fd00::/8"]);
    for ip in ["10.255.0.1", "fd12::1", "::ffff:10.0.0.1"] {
        assert!(two.contains(ip.parse().expect("an address")), "{ip}");
    }
    for ip in ["11.0.0.1", "fe80::1", "::ffff:11.0.0.1", "127.0.0.1"] {
        assert!(!two.contains(ip.parse().expect("an address")), "{ip}");
    }
    assert!(inside(&["0.0.0.0/0"]).contains("8.8.8.8".parse().expect("an address")));
    assert!(inside(&[]).contains("8.8.8.8".parse().expect("an address")));
    for wrong in [
        "10.0.0.1/8",
        "10.0.0.0",
        "10.0.0.0/33",
        "fd00::/129",
        "",
        "/",
        "a/8",
    ] {
        let read = Inside::read(&[wrong.to_owned()]);
        assert!(
            read.is_err_and(|err| err.to_string().contains("10.0.0.0/8")),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_peer_that_is_outside_alone_is_refused_and_the_prefixes_are_named() {
    let (host, _inlet) = node(1, &[OUT], &[]).await;
    let (caller, _) = node(2, &[], &[PREFIX]).await;
    let to = at(host.peer_id(), host.listening());
    let said = caller
        .open(&to, Protocol::Download)
        .await
        .err()
        .expect("refused");
    assert!(matches!(said, LinkError::Refused { .. }), "{said}");
    assert!(said.to_string().contains(PREFIX), "{said}");
    assert!(said.to_string().contains("127.128.0.1"), "{said}");
}

#[tokio::test]
async fn a_connection_made_for_a_hub_outside_carries_no_shard() {
    let (host, _inlet) = node(1, &[OUT, IN], &[]).await;
    let (caller, _) = node(2, &[], &[PREFIX]).await;
    let (out, within): (Vec<_>, Vec<_>) = host
        .listening()
        .into_iter()
        .partition(|address| address.contains("127.128"));
    let hub = at(host.peer_id(), out.clone());
    let _words = caller
        .open(&hub, Protocol::Hub)
        .await
        .expect("a hub is heard");
    let said = caller
        .open(&hub, Protocol::Download)
        .await
        .err()
        .expect("refused");
    assert!(said.to_string().contains(PREFIX), "{said}");
    let both = at(host.peer_id(), [out, within].concat());
    let _shard = caller
        .open(&both, Protocol::Download)
        .await
        .expect("inside");
    assert!(caller.connections() >= 2, "each over its own connection");
}

#[tokio::test]
async fn who_comes_from_outside_gets_no_shard_though_it_asks() {
    let (host, _inlet) = node(1, &[OUT, IN], &[PREFIX]).await;
    let (caller, _) = node(2, &[], &[]).await;
    let (out, within): (Vec<_>, Vec<_>) = host
        .listening()
        .into_iter()
        .partition(|address| address.contains("127.128"));
    let outside = at(host.peer_id(), out);
    let said = caller
        .open(&outside, Protocol::Download)
        .await
        .err()
        .expect("refused");
    assert!(matches!(said, LinkError::Unsupported { .. }), "{said}");
    let _words = caller
        .open(&outside, Protocol::Hub)
        .await
        .expect("a hub is heard");
    let (other, _) = node(3, &[], &[]).await;
    let inner = at(host.peer_id(), within);
    let _shard = other
        .open(&inner, Protocol::Download)
        .await
        .expect("inside");
}

#[tokio::test]
async fn inside_addresses_alone_are_told_to_others() {
    let (host, _inlet) = node(1, &[OUT, IN], &[PREFIX]).await;
    let said = host.addresses();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("/ip4/127.0.0.1/"), "{said:?}");
}
