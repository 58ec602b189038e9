//! Goal: two nodes on loopback exchange frames over both transports, and every bound and refusal
//! shows as its own error. Method: real sockets on ports the kernel chooses; no sleeps, each wait
//! is for an event.

use super::*;
use bytes::Bytes;
use futures::future::join_all;
use host_core::identity::SecretKey;
use host_core::limits;
use std::time::Instant as Stopwatch;

const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

fn options(seed: u8, listen: &[&str]) -> Options {
    Options {
        key: SecretKey::from_bytes(&[seed; 32]).expect("a scalar"),
        listen: listen.iter().map(ToString::to_string).collect(),
        announce: Vec::new(),
        private_network: true,
        protocols: vec![Protocol::Info, Protocol::Upload],
        agent: "holdfast/test".to_owned(),
        bounds: Bounds::house(),
    }
}

async fn node(seed: u8, listen: &[&str]) -> (Net, Inlet) {
    Net::start(options(seed, listen)).await.expect("a node")
}

fn whereabouts(net: &Net) -> PeerAddr {
    PeerAddr {
        peer: net.peer_id(),
        addrs: net.addresses(),
    }
}

/// Answers every frame of every conversation with itself until the other side is done.
async fn echo(mut inlet: Inlet) {
    while let Some(Inbound { mut frames, .. }) = inlet.next().await {
        tokio::spawn(async move {
            while let Ok(Some(frame)) = frames.recv().await {
                if frames.send(frame).await.is_err() {
                    return;
                }
            }
            let _ = frames.close().await;
        });
    }
}

fn message(len: usize) -> Bytes {
    let mut bytes = vec![7; len];
    bytes[0] = 0x80;
    bytes.into()
}

async fn round_trips(listen: &str) {
    let (server, inlet) = node(1, &[listen]).await;
    tokio::spawn(echo(inlet));
    let (client, _) = node(2, &[]).await;
    let mut frames = client
        .open(&whereabouts(&server), Protocol::Upload)
        .await
        .expect("a conversation");
    assert_eq!(frames.peer(), server.peer_id());
    for len in [1, 1000, 70_000, limits::FRAME_LEN_MAX] {
        frames.send(message(len)).await.expect("sent");
        let got = frames.recv().await.expect("a frame").expect("no end");
        assert_eq!(got, message(len));
    }
    frames.close().await.expect("closed");
    assert!(frames.recv().await.expect("a clean end").is_none());
    client.stop().await;
    server.stop().await;
}

/// A node whose key is asked through its keeper, as if it were in another process.
async fn kept(seed: u8, listen: &[&str]) -> (Net, Inlet) {
    let Options {
        key,
        listen,
        announce,
        private_network,
        protocols,
        agent,
        bounds,
    } = options(seed, listen);
    Net::start(Options {
        key: host_core::keeper::Identity::from(key),
        listen,
        announce,
        private_network,
        protocols,
        agent,
        bounds,
    })
    .await
    .expect("a node")
}

#[tokio::test]
async fn a_kept_key_speaks_with_an_ordinary_node_in_both_directions() {
    let (ordinary, inlet) = node(1, &[TCP]).await;
    tokio::spawn(echo(inlet));
    let (asking, inlet) = kept(2, &[TCP, QUIC]).await;
    tokio::spawn(echo(inlet));
    assert_eq!(asking.addresses().len(), 1, "TCP alone");
    for (from, to) in [(&asking, &ordinary), (&ordinary, &asking)] {
        let opened = from.open(&whereabouts(to), Protocol::Upload).await;
        let mut frames = opened.expect("a conversation");
        assert_eq!(frames.peer(), to.peer_id());
        for len in [1, 1000, 70_000, limits::FRAME_LEN_MAX] {
            for _ in 0..3 {
                frames.send(message(len)).await.expect("sent");
                let got = frames.recv().await.expect("a frame").expect("no end");
                assert_eq!(got, message(len));
            }
        }
        frames.close().await.expect("closed");
        assert!(frames.recv().await.expect("a clean end").is_none());
    }
    asking.stop().await;
    ordinary.stop().await;
}

#[tokio::test]
async fn two_nodes_exchange_frames_over_tcp() {
    round_trips(TCP).await;
}

#[tokio::test]
async fn two_nodes_exchange_frames_over_quic() {
    round_trips(QUIC).await;
}

#[tokio::test]
async fn the_acceptor_learns_who_opened_and_why() {
    let (server, mut inlet) = node(1, &[TCP]).await;
    let (client, _) = node(2, &[]).await;
    let to = whereabouts(&server);
    let (opened, inbound) = futures::join!(client.open(&to, Protocol::Info), inlet.next());
    let _opened = opened.expect("a conversation");
    let inbound = inbound.expect("inbound");
    assert_eq!(inbound.protocol, Protocol::Info);
    assert_eq!(inbound.frames.peer(), client.peer_id());
}

#[tokio::test]
async fn unknown_protocol_is_unsupported() {
    let (server, _inlet) = node(1, &[TCP]).await;
    let (client, _) = node(2, &[]).await;
    let error = client.open(&whereabouts(&server), Protocol::Hub).await;
    assert!(matches!(
        error.err(),
        Some(LinkError::Unsupported {
            protocol: "/holdfast/hub/1",
            ..
        })
    ));
}

#[tokio::test]
async fn public_network_refuses_to_dial_a_private_address() {
    let (server, _inlet) = node(1, &[TCP]).await;
    let public = Options {
        private_network: false,
        ..options(2, &[TCP])
    };
    let (client, _) = Net::start(public).await.expect("a node");
    let error = client.open(&whereabouts(&server), Protocol::Info).await;
    assert!(matches!(error.err(), Some(LinkError::Refused { .. })));
    assert!(client.addresses().is_empty(), "loopback is not announced");
    let named = PeerAddr {
        peer: server.peer_id(),
        addrs: vec![server.addresses()[0].replace("/ip4/127.0.0.1", "/dns4/localhost")],
    };
    assert!(
        client.open(&named, Protocol::Info).await.is_err(),
        "nor through a name"
    );
}

#[tokio::test]
async fn all_of_64_concurrent_streams_arrive_though_the_acceptor_is_late() {
    let (server, inlet) = node(1, &[TCP]).await;
    let (client, _) = node(2, &[]).await;
    let to = whereabouts(&server);
    let opened = join_all((0..64).map(|_| client.open(&to, Protocol::Upload))).await;
    // Every stream is open before the first is taken.
    tokio::spawn(echo(inlet));
    let talks = opened
        .into_iter()
        .enumerate()
        .map(|(index, frames)| async move {
            let mut frames = frames.expect("a conversation");
            let sent = message(1 + index * 100);
            frames.send(sent.clone()).await.expect("sent");
            assert_eq!(frames.recv().await.expect("a frame"), Some(sent));
            frames.close().await.expect("closed");
        });
    join_all(talks).await;
    assert_eq!(client.connections(), 1, "one dial was shared");
}

#[tokio::test]
async fn of_200_streams_at_once_those_over_the_bound_are_reset_and_none_hangs() {
    let (server, inlet) = node(1, &[TCP]).await;
    let (client, _) = node(2, &[]).await;
    let to = whereabouts(&server);
    let talks = (0..200).map(|_| async {
        let mut frames = client.open(&to, Protocol::Upload).await?;
        frames.send(message(100_000)).await?;
        frames.recv().await
    });
    tokio::spawn(echo(inlet));
    let ends = join_all(talks).await;
    let served = ends.iter().filter(|end| matches!(end, Ok(Some(_)))).count();
    assert!(served >= limits::STREAMS_PER_PEER_MAX, "{served}");
    let silent = |end: &&Result<_, LinkError>| matches!(end, Err(LinkError::Silent { .. }));
    assert_eq!(ends.iter().filter(silent).count(), 0);
    // The connection itself has suffered nothing.
    let mut frames = client.open(&to, Protocol::Upload).await.expect("open");
    frames.send(message(10)).await.expect("sent");
    assert!(frames.recv().await.expect("a frame").is_some());
    assert_eq!(client.connections(), 1);
}

#[tokio::test]
async fn stream_over_the_bound_is_reset_and_a_freed_place_serves_again() {
    let mut few = options(1, &[TCP]);
    few.bounds.streams_per_peer = 2;
    let (server, mut inlet) = Net::start(few).await.expect("a node");
    let (client, _) = node(2, &[]).await;
    let to = whereabouts(&server);
    let _one = client.open(&to, Protocol::Upload).await.expect("first");
    let kept = inlet.next().await.expect("first");
    let _two = client.open(&to, Protocol::Upload).await.expect("second");
    let _second = inlet.next().await.expect("second");
    let mut three = client
        .open(&to, Protocol::Upload)
        .await
        .expect("negotiated");
    assert!(matches!(three.recv().await, Err(LinkError::Broken { .. })));
    drop(kept);
    let _four = client.open(&to, Protocol::Upload).await.expect("fourth");
    assert!(inlet.next().await.is_some());
}

#[tokio::test]
async fn another_peer_at_the_address_is_unreachable() {
    let (server, _inlet) = node(1, &[TCP]).await;
    let (client, _) = node(2, &[]).await;
    let wrong = PeerAddr {
        peer: SecretKey::from_bytes(&[9; 32]).expect("a scalar").peer_id(),
        addrs: server.addresses(),
    };
    let error = client.open(&wrong, Protocol::Info).await.err();
    let Some(LinkError::Unreachable { why, .. }) = error else {
        panic!("{error:?}");
    };
    assert!(why.contains(&server.peer_id().to_string()), "{why}");
}

#[tokio::test]
async fn a_stranger_at_one_address_does_not_hide_the_peer_at_another() {
    let (server, _inlet) = node(1, &[TCP]).await;
    let (stranger, _strange) = node(3, &[TCP]).await;
    let (client, _) = node(2, &[]).await;
    let to = PeerAddr {
        peer: server.peer_id(),
        addrs: [stranger.addresses(), server.addresses()].concat(),
    };
    client.open(&to, Protocol::Info).await.expect("found");
}

#[tokio::test]
async fn stopped_peer_is_unreachable_at_once_and_reachable_after_its_return() {
    let (server, inlet) = node(1, &[TCP]).await;
    tokio::spawn(echo(inlet));
    let (client, _) = node(2, &[]).await;
    let to = whereabouts(&server);
    let mut frames = client.open(&to, Protocol::Info).await.expect("open");
    server.stop().await;
    assert!(matches!(frames.recv().await, Err(LinkError::Broken { .. })));
    let started = Stopwatch::now();
    let error = client.open(&to, Protocol::Info).await.err();
    assert!(
        matches!(error, Some(LinkError::Unreachable { .. })),
        "{error:?}"
    );
    assert!(started.elapsed() < limits::DIAL_TIMEOUT);
    let (_again, inlet) = node(1, &[to.addrs[0].as_str()]).await;
    tokio::spawn(echo(inlet));
    let mut frames = client.open(&to, Protocol::Info).await.expect("back");
    frames.send(message(10)).await.expect("sent");
    assert!(frames.recv().await.expect("a frame").is_some());
}

#[tokio::test]
async fn an_address_that_never_answers_ends_within_the_dial_timeout() {
    let mut hasty = options(2, &[]);
    hasty.bounds.dial_timeout = Duration::from_millis(400);
    let (client, _) = Net::start(hasty).await.expect("a node");
    // Takes the connection and says nothing.
    let mute = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = mute.local_addr().expect("an address").port();
    let to = PeerAddr {
        peer: SecretKey::from_bytes(&[9; 32]).expect("a scalar").peer_id(),
        addrs: vec![format!("/ip4/127.0.0.1/tcp/{port}")],
    };
    let started = Stopwatch::now();
    let error = client.open(&to, Protocol::Info).await.err();
    assert!(
        matches!(error, Some(LinkError::Unreachable { .. })),
        "{error:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let (server, _inlet) = node(1, &[TCP, QUIC]).await;
    for address in server.addresses() {
        let error = Net::start(options(2, &[address.as_str()])).await.err();
        let Some(Error::PortInUse {
            address: named,
            port,
        }) = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(named, address);
        assert!(address.contains(&format!("/{port}")));
    }
}

#[tokio::test]
async fn announced_addresses_are_the_configured_ones_or_those_bound() {
    let mut mapped = options(1, &[TCP]);
    mapped.announce = vec!["/dns4/box.example/tcp/4001".to_owned()];
    let (server, _inlet) = Net::start(mapped.clone()).await.expect("a node");
    assert_eq!(server.addresses(), mapped.announce);
    assert_eq!(server.listening().len(), 1);
    let (plain, _inlet) = node(2, &[TCP]).await;
    assert_eq!(plain.addresses(), plain.listening());
    assert!(!plain.addresses()[0].ends_with("/0"));
    mapped.private_network = false;
    mapped.announce = vec!["/ip4/192.168.1.5/tcp/4001".to_owned()];
    let error = Net::start(mapped).await.err();
    assert!(matches!(error, Some(Error::Address { .. })), "{error:?}");
}

#[tokio::test]
async fn a_peer_without_addresses_is_unreachable() {
    let (client, _) = node(2, &[]).await;
    let to = PeerAddr {
        peer: SecretKey::from_bytes(&[9; 32]).expect("a scalar").peer_id(),
        addrs: Vec::new(),
    };
    let error = client.open(&to, Protocol::Info).await.err();
    assert!(matches!(error, Some(LinkError::Unreachable { .. })));
    let own = whereabouts(&client);
    assert!(client.open(&own, Protocol::Info).await.is_err());
}

#[tokio::test]
async fn what_was_closed_before_a_stop_is_delivered_over_tcp() {
    closed_then_stopped(TCP).await;
}

#[tokio::test]
async fn what_was_closed_before_a_stop_is_delivered_over_quic() {
    closed_then_stopped(QUIC).await;
}

async fn closed_then_stopped(listen: &str) {
    let (server, mut inlet) = node(1, &[listen]).await;
    let (client, _) = node(2, &[]).await;
    let to = whereabouts(&server);
    let mut frames = client.open(&to, Protocol::Upload).await.expect("open");
    for _ in 0..3 {
        frames.send(message(50_000)).await.expect("sent");
    }
    frames.close().await.expect("closed");
    client.stop().await;
    let mut inbound = inlet.next().await.expect("inbound").frames;
    for _ in 0..3 {
        assert!(inbound.recv().await.expect("a frame").is_some());
    }
    assert!(inbound.recv().await.expect("a clean end").is_none());
}

/// A node whose task stands still unless `serve` runs it: its kernel sockets stay open, nothing
/// answers, as when a machine freezes or loses power.
struct Freezable {
    runtime: tokio::runtime::Runtime,
    net: Net,
}

impl Freezable {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let net = runtime.block_on(async {
            let (net, inlet) = node(1, &[TCP]).await;
            tokio::spawn(echo(inlet));
            net
        });
        Self { runtime, net }
    }

    /// Runs both until `work` is done, then stands still again.
    fn serve<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        let (done, over) = tokio::sync::oneshot::channel::<()>();
        std::thread::scope(|threads| {
            threads.spawn(|| self.runtime.block_on(over));
            let result = client_runtime().block_on(work);
            let _ = done.send(());
            result
        })
    }
}

fn client_runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime")
    })
}

#[test]
fn a_frozen_peer_ends_an_open_in_time_and_a_thawed_one_serves_again() {
    let frozen = Freezable::start();
    let to = whereabouts(&frozen.net);
    let client = client_runtime().block_on(async {
        let mut hasty = options(2, &[]);
        hasty.bounds.dial_timeout = Duration::from_millis(600);
        Net::start(hasty).await.expect("a node").0
    });
    frozen.serve(async {
        let mut frames = client.open(&to, Protocol::Info).await.expect("open");
        frames.close().await.expect("closed");
        assert!(frames.recv().await.expect("a clean end").is_none());
    });
    let started = Stopwatch::now();
    let error = client_runtime()
        .block_on(client.open(&to, Protocol::Info))
        .err();
    assert!(
        matches!(error, Some(LinkError::Unreachable { .. })),
        "{error:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(3));
    frozen.serve(async {
        client.open(&to, Protocol::Info).await.expect("thawed");
    });
}

#[tokio::test]
async fn a_full_node_refuses_its_own_dial_by_the_bounds_name() {
    let (server, _inlet) = node(1, &[TCP]).await;
    let (other, _other) = node(3, &[TCP]).await;
    let mut small = options(2, &[]);
    small.bounds.connections = 1;
    let (client, _) = Net::start(small).await.expect("a node");
    let _first = client
        .open(&whereabouts(&server), Protocol::Info)
        .await
        .expect("open");
    let error = client
        .open(&whereabouts(&other), Protocol::Info)
        .await
        .err();
    let Some(LinkError::Refused { why, .. }) = error else {
        panic!("{error:?}");
    };
    assert!(why.contains("at most 1 established"), "{why}");
}
