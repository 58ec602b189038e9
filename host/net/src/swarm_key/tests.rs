//! Members of one network understand each other and nobody else; a key file reads as written.

use std::time::Duration;

use host_core::identity::SecretKey;
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::Protocol;

use super::SwarmKey;
use crate::{Bounds, Inlet, Net, Options, Ways};

async fn node(seed: u8, listen: &[&str], swarm: Option<&SwarmKey>) -> (Net, Inlet) {
    let options = Options {
        key: SecretKey::from_bytes(&[seed; 32]).expect("a scalar"),
        listen: listen.iter().map(ToString::to_string).collect(),
        announce: Vec::new(),
        private_network: true,
        protocols: vec![Protocol::Info],
        agent: "holdfast/test".to_owned(),
        bounds: Bounds {
            dial_timeout: Duration::from_secs(4),
            ..Bounds::house()
        },
    };
    let ways = Ways {
        swarm_key: swarm.cloned(),
        ..Ways::default()
    };
    Net::start_in(options, ways).await.expect("a node")
}

#[tokio::test]
async fn only_who_has_the_key_is_understood() {
    let key = SwarmKey::of_bytes([7; 32]);
    let (host, _inlet) = node(1, &["/ip4/127.0.0.1/tcp/0"], Some(&key)).await;
    let to = PeerAddr {
        peer: host.peer_id(),
        addrs: host.addresses(),
    };
    let (member, _) = node(2, &[], Some(&key)).await;
    assert!(member.open(&to, Protocol::Info).await.is_ok());
    let other = SwarmKey::of_bytes([8; 32]);
    let (stranger, _) = node(3, &[], Some(&other)).await;
    let (open, _) = node(4, &[], None).await;
    for outside in [stranger, open] {
        let told = outside.open(&to, Protocol::Info).await.err();
        let told = told.expect("not understood").to_string();
        assert!(told.contains("under another swarm key"), "{told}");
    }
}

#[tokio::test]
async fn with_a_key_nothing_listens_on_quic() {
    let key = SwarmKey::of_bytes([7; 32]);
    let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];
    let (host, _inlet) = node(1, &listen, Some(&key)).await;
    let addrs = host.addresses();
    assert_eq!(addrs.len(), 1, "{addrs:?}");
    assert!(addrs.iter().all(|addr| addr.contains("/tcp/")));
}

#[test]
fn a_key_file_reads_as_it_was_written_and_nothing_else_does() {
    let text = SwarmKey::file_of(&[0xab; 32]);
    let key = SwarmKey::parse(&text).expect("reads");
    assert_eq!(key.shared(), SwarmKey::of_bytes([0xab; 32]).shared());
    assert!(SwarmKey::parse(&text.replace("ab", "a")).is_err());
    assert!(SwarmKey::parse("").is_err());
    assert!(!format!("{key:?}").contains("ab"), "it does not print");
}
