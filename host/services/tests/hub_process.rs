//! Goal: the program itself starts, says where it is in one line, keeps its identity and stops
//! cleanly on SIGTERM. Method: the real binary on loopback in a temporary folder.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use host_core::identity::SecretKey;
use host_core::limits;
use host_core::seams::{LinkError, PeerAddr, Peers};
use host_core::wire::Protocol;
use host_net::{Bounds, Net, Options};

const NETWORK: &str = r#"
name = "test"
private = true
chain_id = 31337
endpoints = []
hubs = []
score_bar = 0
[epoch]
genesis_block = 0
epoch_blocks = 20
block_seconds = 1
grace_epochs = 1
depth = 2
[contracts]
token = "0x0000000000000000000000000000000000000001"
vault_factory = "0x0000000000000000000000000000000000000002"
price_oracle = "0x0000000000000000000000000000000000000003"
registry = "0x0000000000000000000000000000000000000004"
"#;

struct Hub {
    child: Child,
    ready: serde_json::Value,
}

impl Hub {
    fn start(folder: &Path) -> Self {
        Self::start_at(folder, "/ip4/127.0.0.1/tcp/0")
    }

    fn start_at(folder: &Path, listen: &str) -> Self {
        let mut child = command(folder, listen)
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let out = child.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).expect("a line");
        let ready = serde_json::from_str(&line).expect("json");
        Self { child, ready }
    }

    fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(told.expect("kill").success());
        self.child.wait().expect("ended")
    }
}

fn command(folder: &Path, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast-services"));
    command
        .arg("hub")
        .arg("--network")
        .arg(folder.join("network.toml"))
        .args(["--listen", listen])
        .arg("--data")
        .arg(folder.join("data"))
        .stderr(Stdio::piped());
    command
}

#[test]
fn hub_says_where_it_is_and_keeps_its_identity() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("network.toml"), NETWORK).expect("written");
    let first = Hub::start(folder.path());
    let peer = first.ready["peer"].as_str().expect("a peer").to_owned();
    let address = first.ready["addrs"][0].as_str().expect("an address");
    assert!(peer.starts_with("16U"), "{peer}");
    assert!(!address.ends_with("/0"), "{address}");
    assert_eq!(
        first.ready["hub"].as_str().expect("a hub"),
        format!("{address}/p2p/{peer}")
    );

    let second = command(folder.path(), "/ip4/127.0.0.1/tcp/0")
        .output()
        .expect("ran");
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains(&first.child.id().to_string()), "{said}");

    assert!(first.terminate().success());
    assert!(folder.path().join("data/directory").is_file());
    let again = Hub::start(folder.path());
    assert_eq!(again.ready["peer"].as_str(), Some(peer.as_str()));
    assert!(again.terminate().success());
}

#[test]
fn wrong_settings_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = command(folder.path(), "/ip4/127.0.0.1/tcp/0")
        .output()
        .expect("ran");
    let said = String::from_utf8_lossy(&missing.stderr);
    assert!(said.contains("network.toml"), "{said}");
    std::fs::write(folder.path().join("network.toml"), "name = 1").expect("written");
    let wrong = command(folder.path(), "/ip4/127.0.0.1/tcp/0")
        .output()
        .expect("ran");
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(said.contains("is no network file"), "{said}");
}

#[test]
fn a_killed_hub_is_unreachable_at_once_and_serves_again_after_its_return() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("network.toml"), NETWORK).expect("written");
    let mut hub = Hub::start(folder.path());
    let to = PeerAddr {
        peer: hub.ready["peer"]
            .as_str()
            .expect("a peer")
            .parse()
            .expect("a peer id"),
        addrs: vec![
            hub.ready["addrs"][0]
                .as_str()
                .expect("an address")
                .to_owned(),
        ],
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (net, _inlet) = Net::start(Options {
            key: SecretKey::from_bytes(&[2; 32]).expect("a scalar"),
            listen: Vec::new(),
            announce: Vec::new(),
            private_network: true,
            protocols: Vec::new(),
            agent: "holdfast/test".to_owned(),
            bounds: Bounds::house(),
        })
        .await
        .expect("a node");
        let mut frames = net.open(&to, Protocol::Hub).await.expect("open");
        hub.child.kill().expect("killed");
        hub.child.wait().expect("gone");
        assert!(frames.recv().await.is_err());
        let started = Instant::now();
        let error = net.open(&to, Protocol::Hub).await.err();
        assert!(
            matches!(error, Some(LinkError::Unreachable { .. })),
            "{error:?}"
        );
        assert!(started.elapsed() < limits::DIAL_TIMEOUT);
        let again = Hub::start_at(folder.path(), &to.addrs[0]);
        net.open(&to, Protocol::Hub)
            .await
            .expect("back at the same address");
        assert!(again.terminate().success());
    });
}
