//! Pressure that rises is heard, idle peers go at shed, and the task ends when it is told to.

use super::*;
use crate::supervise::Tasks;
use host_core::identity::SecretKey;
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::Protocol;
use host_net::{Bounds, Inlet, Options};

async fn node(seed: u8) -> (Net, Inlet) {
    let options = Options {
        key: SecretKey::from_bytes(&[seed; 32]).expect("a scalar"),
        listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
        announce: Vec::new(),
        private_network: true,
        protocols: vec![Protocol::Info],
        agent: "holdfast/test".to_owned(),
        bounds: Bounds::house(),
    };
    Net::start(options).await.expect("a node")
}

/// Waits for a fact; a minute is the bound.
async fn until(fact: impl Fn() -> bool) {
    let looking = async {
        while !fact() {
            tokio::task::yield_now().await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(60), looking).await;
    assert!(seen.is_ok(), "not within a minute");
}

#[tokio::test]
async fn shedding_lets_idle_peers_go_and_keeps_those_that_talk() {
    let ((host, mut inlet), (idle, _), (busy, _)) = (node(1).await, node(2).await, node(3).await);
    let to = PeerAddr {
        peer: host.peer_id(),
        addrs: host.addresses(),
    };
    let went = idle.open(&to, Protocol::Info).await.expect("a stream");
    drop((went, inlet.next().await));
    let _talks = busy.open(&to, Protocol::Info).await.expect("a stream");
    let _heard = inlet.next().await.expect("it arrives");
    let mut tasks = Tasks::default();
    let (sender, level) = watch::channel(Pressure::Pause);
    tasks.spawn("memory", keep(level, host.clone(), tasks.stopping()));
    until(|| host.connections() == 2).await;
    sender.send(Pressure::Shed).expect("heard");
    until(|| host.connections() == 1 && idle.connections() == 0).await;
    assert_eq!(busy.connections(), 1);
    tasks.stop().await;
}

#[tokio::test]
async fn the_task_hears_pressure_and_ends_when_told() {
    let mut tasks = Tasks::default();
    let (sender, level) = watch::channel(Pressure::Calm);
    let (net, _inlet) = node(4).await;
    tasks.spawn("memory", keep(level, net, tasks.stopping()));
    for level in [Pressure::Trim, Pressure::Shed, Pressure::Calm] {
        sender.send(level).expect("heard");
    }
    let ended = tokio::time::timeout(Duration::from_secs(60), tasks.stop()).await;
    assert!(ended.is_ok());
}

#[tokio::test]
async fn the_task_ends_when_nobody_tells_of_pressure_any_more() {
    let tasks = Tasks::default();
    let (sender, level) = watch::channel(Pressure::Calm);
    drop(sender);
    let (net, _inlet) = node(5).await;
    let task = keep(level, net, tasks.stopping());
    let ended = tokio::time::timeout(Duration::from_secs(60), task).await;
    assert!(ended.is_ok());
}
