//! A bench of one chain, and a proxy in front of it that can die, lie, be busy or babble.
//! Everything
//! on loopback. With HOLDFAST_ANVIL=PROGRAM the same tests run on anvil.

use host_chain::{DeployParams, EvmChain, Guard, NetworkContracts, Options};
use host_core::epoch::EpochRule;
use host_core::identity::SecretKey;
use host_core::network::{Network, NetworkGuard};
use host_core::{Address, Amount};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const CHAIN: u64 = 31337;
/// One whole token.
pub(crate) const ONE: u128 = 1_000_000_000_000_000_000;

/// A marked test key: 32 times the same byte.
pub(crate) fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32]).unwrap()
}

/// The node behind a bench: the development chain in this process, or, when HOLDFAST_ANVIL names
/// the program, anvil, a node that others made.
enum Node {
    Devchain(host_devchain::Running),
    Anvil {
        child: std::process::Child,
        address: String,
    },
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Self::Anvil { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(crate) struct Bench {
    node: Node,
    _dir: tempfile::TempDir,
}

impl Bench {
    /// A chain where keys 1, 2 and 3 hold a thousand tokens each.
    pub(crate) async fn start(chain_id: u64, block_ms: u64, automine: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rich = [1, 2, 3].map(|byte| key(byte).address());
        if let Some(program) = std::env::var_os("HOLDFAST_ANVIL") {
            let node = anvil(program, chain_id, block_ms, automine, &rich).await;
            return Self { node, _dir: dir };
        }
        let running = host_devchain::start(host_devchain::Options {
            listen: "127.0.0.1:0".parse().unwrap(),
            data: dir.path().into(),
            chain_id,
            block_every: Duration::from_millis(block_ms),
            automine,
            fund: rich.map(|account| (account.0, 1_000 * ONE)).to_vec(),
        });
        Self {
            node: Node::Devchain(running.await.unwrap()),
            _dir: dir,
        }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        match &self.node {
            Node::Devchain(running) => running.address().to_string(),
            Node::Anvil { address, .. } => address.clone(),
        }
    }

    pub(crate) fn rpc(&self) -> String {
        format!("http://{}", self.address())
    }

    pub(crate) fn options(&self, endpoints: Vec<String>) -> Options {
        Options {
            endpoints,
            guard: Guard {
                chain_id: CHAIN,
                anchor: None,
                code: vec![],
            },
            contracts: None,
            fee_cap: 500_000_000_000,
            depth: 0,
        }
    }

    /// The chain with key 1, straight to the development chain.
    pub(crate) fn chain(&self) -> EvmChain {
        EvmChain::new(self.options(vec![self.rpc()]))
            .unwrap()
            .with_key(key(1))
    }

    /// The same with all contracts deployed.
    pub(crate) async fn network(&self) -> (EvmChain, NetworkContracts) {
        let chain = self.chain();
        let network = chain
            .deploy_network(&DeployParams::default())
            .await
            .unwrap();
        (chain.with_contracts(network.contracts.clone()), network)
    }

    /// A network file over this bench, without guard.
    pub(crate) fn file(&self, deployed: &NetworkContracts) -> Network {
        Network {
            name: "bench".into(),
            private: true,
            chain_id: CHAIN,
            endpoints: vec![self.rpc()],
            hubs: Vec::new(),
            score_bar: 0,
            epoch: EpochRule {
                genesis_block: 0,
                epoch_blocks: 20,
                block_seconds: 1,
                grace_epochs: 2,
                depth: 0,
            },
            contracts: deployed.contracts.clone(),
            guard: NetworkGuard::default(),
            services: Default::default(),
        }
    }

    /// Makes `count` blocks.
    pub(crate) async fn mine(&self, count: usize) {
        for _ in 0..count {
            let body = r#"{"jsonrpc":"2.0","id":1,"method":"evm_mine","params":[]}"#;
            post(&self.address(), body.as_bytes()).await.unwrap();
        }
    }
}

async fn anvil(
    program: std::ffi::OsString,
    chain_id: u64,
    block_ms: u64,
    automine: bool,
    rich: &[Address],
) -> Node {
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port().to_string()
    };
    let mut command = std::process::Command::new(program);
    command.args(["--quiet", "--hardfork", "shanghai", "--port", &port]);
    command.args(["--chain-id", &chain_id.to_string()]);
    if block_ms > 0 {
        // Exact in binary only for some values, which no test depends on.
        command.args(["--block-time", &(block_ms as f64 / 1000.0).to_string()]);
        if automine {
            command.arg("--mixed-mining");
        }
    }
    let child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    let address = format!("127.0.0.1:{port}");
    let node = Node::Anvil {
        child,
        address: address.clone(),
    };
    let mut tick = tokio::time::interval(Duration::from_millis(25));
    let up = async {
        while TcpStream::connect(&address).await.is_err() {
            tick.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), up)
        .await
        .unwrap();
    for account in rich {
        let wei = 1_000 * ONE;
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"anvil_setBalance","params":["{account}","{wei:#x}"]}}"#
        );
        post(&address, body.as_bytes()).await.unwrap();
    }
    node
}

pub(crate) fn amount(tokens: u128) -> Amount {
    Amount(tokens * ONE)
}

/// Sends a body and returns the body of the answer.
pub(crate) async fn post(address: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let at = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    Ok(answer.split_off(at + 4))
}

/// What the proxy does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mood {
    Honest,
    Dead,
    Busy,
    Babble,
    Liar,
    /// Names a base fee of 1 wei, so that what is signed after it gets stuck.
    Cheap,
    /// Names no base fee, as chains before EIP-1559.
    Legacy,
}

const MOODS: [Mood; 7] = [
    Mood::Honest,
    Mood::Dead,
    Mood::Busy,
    Mood::Babble,
    Mood::Liar,
    Mood::Cheap,
    Mood::Legacy,
];

/// An endpoint whose mood a test sets.
pub(crate) struct Proxy {
    pub(crate) url: String,
    mood: Arc<AtomicU8>,
    pub(crate) requests: Arc<AtomicU64>,
    /// Mood to fall into when a request holds this word.
    trap: Arc<Mutex<Option<(&'static str, Mood)>>>,
}

impl Proxy {
    pub(crate) async fn start(bench: &Bench) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let behind = bench.address();
        let mood = Arc::new(AtomicU8::new(0));
        let requests = Arc::new(AtomicU64::new(0));
        let trap = Arc::new(Mutex::new(None));
        let proxy = Self {
            url,
            mood: mood.clone(),
            requests: requests.clone(),
            trap: trap.clone(),
        };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (behind, mood) = (behind.clone(), mood.clone());
                let (requests, trap) = (requests.clone(), trap.clone());
                tokio::spawn(async move {
                    let _ = serve(stream, &behind, &mood, &requests, &trap).await;
                });
            }
        });
        proxy
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    pub(crate) fn trap(&self, word: &'static str, mood: Mood) {
        *self.trap.lock().unwrap() = Some((word, mood));
    }

    pub(crate) fn count(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    behind: &str,
    mood: &AtomicU8,
    requests: &AtomicU64,
    trap: &Mutex<Option<(&'static str, Mood)>>,
) -> std::io::Result<()> {
    let body = read_request(&mut stream).await?;
    requests.fetch_add(1, Ordering::SeqCst);
    let text = String::from_utf8_lossy(&body).into_owned();
    if let Some((word, fall)) = *trap.lock().unwrap()
        && text.contains(word)
    {
        mood.store(fall as u8, Ordering::SeqCst);
    }
    let (status, answer) = match MOODS[usize::from(mood.load(Ordering::SeqCst))] {
        Mood::Dead => return Ok(()),
        Mood::Busy => ("503 Service Unavailable", b"come back later".to_vec()),
        Mood::Babble => ("200 OK", b"<html>hello</html>".to_vec()),
        Mood::Honest => ("200 OK", post(behind, &body).await?),
        Mood::Liar if text.contains("eth_call") => (
            "200 OK",
            with_result(&text, &format!("0x{}1", "0".repeat(63))),
        ),
        Mood::Liar => ("200 OK", post(behind, &body).await?),
        Mood::Cheap if text.contains("eth_maxPriorityFeePerGas") => {
            ("200 OK", with_result(&text, "0x1"))
        }
        Mood::Cheap => ("200 OK", with_cheap_base(post(behind, &body).await?)),
        Mood::Legacy => {
            let fee = ("\"baseFeePerGas\"", "\"unheardOf\"");
            ("200 OK", replaced(post(behind, &body).await?, fee))
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        answer.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&answer).await
}

/// An answer to the request `text`.
fn with_result(text: &str, result: &str) -> Vec<u8> {
    let request: serde_json::Value = serde_json::from_str(text).unwrap();
    let id = &request["id"];
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"{result}"}}"#).into_bytes()
}

/// A block answer whose base fee is 1 wei.
fn with_cheap_base(answer: Vec<u8>) -> Vec<u8> {
    let mut answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    if let Some(fee) = answer.pointer_mut("/result/baseFeePerGas") {
        *fee = "0x1".into();
    }
    answer.to_string().into_bytes()
}

fn replaced(answer: Vec<u8>, (old, new): (&str, &str)) -> Vec<u8> {
    String::from_utf8(answer)
        .unwrap()
        .replace(old, new)
        .into_bytes()
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..at]).to_lowercase();
            let len = head.split("content-length:").nth(1).unwrap();
            let len: usize = len.split_whitespace().next().unwrap().parse().unwrap();
            if bytes.len() >= at + 4 + len {
                return Ok(bytes[at + 4..at + 4 + len].to_vec());
            }
        }
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&part[..read]);
    }
}
