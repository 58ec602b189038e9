//! What all towns stand on: one directory, one chain with the network's contracts, one purse that
//! pays newcomers. Made once a test program.

use std::future::Future;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use host_chain::{DeployParams, EvmChain, Guard, Options};
use host_core::epoch::EpochRule;
use host_core::identity::SecretKey;
use host_core::network::{Contracts, Network};
use host_core::{Address, Amount, NetworkId};
use serde::Deserialize;
use tokio::runtime::Runtime;

use super::broom::Broom;
use super::child::Child;
use crate::EPOCH_BLOCKS;

/// The chain id that development chains use.
pub(crate) const CHAIN_ID: u64 = 31_337;
/// Native value a newcomer gets: a thousand tokens.
const GIFT: Amount = Amount(1_000_000_000_000_000_000_000);
/// Native value of the purse.
const PURSE: u128 = 1_000_000 * GIFT.0;

/// Short epochs, for tests that see a term end.
const QUICK_BLOCKS: u64 = 24;
/// Milliseconds of a block there: a proof's window must be wide enough for a busy machine.
const QUICK_MS: u64 = 800;
/// Milliseconds of a block on the common ground.
const BLOCK_MS: u64 = 400;

/// The common ground.
pub(crate) struct Ground {
    dir: PathBuf,
    rpc: String,
    purse: Mutex<EvmChain>,
    rule: EpochRule,
    contracts: Contracts,
    _broom: Broom,
    _chain: Mutex<Child>,
}

#[derive(Debug, Deserialize)]
struct ChainReady {
    rpc: String,
}

/// Completes a future on the tests' runtime.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME
        .get_or_init(|| Runtime::new().expect("a runtime"))
        .block_on(work)
}

/// The ground of this test program.
pub(crate) fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(|| Ground::make("chain", EPOCH_BLOCKS, BLOCK_MS, |_| ()))
}

/// A ground of its own for tests that see terms end: epochs of twenty seconds.
#[allow(dead_code, reason = "not every tier sees a term end")]
pub(crate) fn quick_ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(|| Ground::make("quick", QUICK_BLOCKS, QUICK_MS, |_| ()))
}

/// A ground whose price follows little space: a mebibyte of all hosts is enough to move it.
#[allow(dead_code, reason = "not every tier moves a price")]
pub(crate) fn priced_ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(|| {
        Ground::make("priced", QUICK_BLOCKS, QUICK_MS, |params| {
            params.demand.min_capacity = 1 << 20;
        })
    })
}

impl std::fmt::Debug for Ground {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground")
            .field("rpc", &self.rpc)
            .finish_non_exhaustive()
    }
}

impl Ground {
    fn make(
        name: &str,
        epoch_blocks: u64,
        block_ms: u64,
        change: impl FnOnce(&mut DeployParams),
    ) -> Self {
        let dir = tempfile::Builder::new().prefix("holdfast-it-").tempdir();
        let dir = dir.expect("a directory").keep();
        let broom = Broom::behind(&dir);
        let key = SecretKey::from_bytes(&[7; 32]).expect("a scalar");
        let words = [
            "--listen",
            "127.0.0.1:0",
            "--data",
            &dir.join(name).to_string_lossy(),
            "--chain-id",
            &CHAIN_ID.to_string(),
            "--block-ms",
            &block_ms.to_string(),
            "--fund",
            &format!("{}={PURSE}", key.address()),
        ]
        .map(str::to_owned);
        let child = Child::start("holdfast-devchain", &words, &dir.join("chain.log"));
        let ready: ChainReady = child.ready();
        let chain = client(&ready.rpc, None).with_key(key);
        let id = NetworkId::of_name("holdfast-it");
        let mut params = DeployParams::demo(id, epoch_blocks);
        change(&mut params);
        let deployed = block_on(chain.deploy_network(&params)).expect("deployed");
        let rule = EpochRule {
            genesis_block: deployed.genesis_block,
            epoch_blocks,
            block_seconds: 1,
            grace_epochs: 2,
            depth: 0,
        };
        Self {
            dir,
            rpc: ready.rpc,
            purse: Mutex::new(chain.with_contracts(deployed.contracts.clone())),
            rule,
            contracts: deployed.contracts,
            _broom: broom,
            _chain: Mutex::new(child),
        }
    }

    /// A directory of this name; not made yet.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The chain's endpoint.
    pub(crate) fn rpc(&self) -> &str {
        &self.rpc
    }

    /// How blocks become epochs here.
    pub(crate) fn rule(&self) -> EpochRule {
        self.rule
    }

    /// Makes this many blocks at once.
    #[allow(dead_code, reason = "not every tier sees a term end")]
    pub(crate) fn mine(&self, blocks: u64) {
        let at = self.rpc.trim_start_matches("http://").trim_end_matches('/');
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"evm_mine","params":[]}"#;
        for _ in 0..blocks {
            let mut stream = TcpStream::connect(at).expect("the chain listens");
            write!(
                stream,
                "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .expect("the chain listens");
            let mut answer = String::new();
            stream
                .read_to_string(&mut answer)
                .expect("the chain answers");
        }
    }

    /// A client of the chain without an account.
    pub(crate) fn chain(&self) -> EvmChain {
        client(&self.rpc, Some(self.contracts.clone()))
    }

    /// Gives an account native value for gas and deposits.
    pub(crate) fn fund(&self, account: Address) {
        let purse = self.purse.lock().expect("no test panics while paying");
        block_on(purse.send_native(account, GIFT)).expect("the purse pays");
    }

    /// A network file's content for a town: its hubs, its endpoints, our contracts.
    pub(crate) fn network(&self, hubs: Vec<String>, endpoints: Vec<String>) -> Network {
        Network {
            guard: Default::default(),
            services: Default::default(),
            name: "holdfast-it".into(),
            private: true,
            chain_id: CHAIN_ID,
            endpoints,
            hubs,
            score_bar: 0,
            epoch: self.rule,
            contracts: self.contracts.clone(),
        }
    }
}

fn client(rpc: &str, contracts: Option<Contracts>) -> EvmChain {
    let options = Options {
        endpoints: vec![rpc.to_owned()],
        guard: Guard {
            chain_id: CHAIN_ID,
            anchor: None,
            code: Vec::new(),
        },
        contracts,
        fee_cap: 10_000_000_000_000,
        depth: 0,
    };
    EvmChain::new(options).expect("an endpoint")
}

/// Writes a network file.
pub(crate) fn write_network(path: &Path, network: &Network) {
    let text = toml::to_string_pretty(network).expect("a network is TOML");
    std::fs::write(path, text).expect("the file is written");
}
