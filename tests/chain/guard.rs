//! The guard of a host against real contracts: an owner changes what hosts rely on, first with
//! notice, then for real; the host is told, takes no new agreements, also after a restart, and goes
//! on when its operator says so.

use crate::stage::{CHAIN, key, rpc};
use host_chain::{DeployParams, EvmChain, Guard, Intent, PATIENCE, expected_of};
use host_core::epoch::EpochRule;
use host_core::network::{Contracts, Network, NetworkGuard};
use host_core::{Address, NetworkId};
use host_daemon::guard::ChainGuard;
use sha3::{Digest, Keccak256};

/// Blocks of notice the owner must give.
const NOTICE: u64 = 5;

struct Ground {
    running: host_devchain::Running,
    owner: EvmChain,
    network: Network,
    dir: tempfile::TempDir,
}

async fn ground() -> Ground {
    let dir = tempfile::tempdir().unwrap();
    let running = host_devchain::start(host_devchain::Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        data: dir.path().join("chain"),
        chain_id: CHAIN,
        block_every: std::time::Duration::ZERO,
        automine: true,
        fund: vec![(key(1).address().0, 1 << 90)],
    })
    .await
    .unwrap();
    let owner = EvmChain::new(host_chain::Options {
        endpoints: vec![running.rpc()],
        guard: Guard {
            chain_id: CHAIN,
            anchor: None,
            code: Vec::new(),
        },
        contracts: None,
        fee_cap: 10_000_000_000_000,
        depth: 0,
    })
    .unwrap()
    .with_key(key(1));
    let params = DeployParams {
        owner_delay: NOTICE,
        ..DeployParams::demo(NetworkId::of_name("guarded"), 20)
    };
    let deployed = owner.deploy_network(&params).await.unwrap();
    let mut network = Network {
        name: "guarded".into(),
        private: true,
        chain_id: CHAIN,
        endpoints: vec![running.rpc()],
        hubs: Vec::new(),
        score_bar: 0,
        epoch: EpochRule {
            genesis_block: 0,
            epoch_blocks: 20,
            block_seconds: 1,
            grace_epochs: 2,
            depth: 0,
        },
        contracts: Contracts::of_vaults(Address::ZERO, Address::ZERO, Address::ZERO),
        guard: NetworkGuard::default(),
        services: Default::default(),
    };
    deployed.into_file(&mut network);
    let owner = owner.with_contracts(network.contracts.clone());
    Ground {
        running,
        owner,
        network,
        dir,
    }
}

impl Ground {
    fn guard(&self) -> ChainGuard {
        ChainGuard::open(self.dir.path(), expected_of(&self.network)).unwrap()
    }

    async fn look(&self, guard: &ChainGuard) -> bool {
        let readings = self.owner.readings(&self.network).await.unwrap();
        guard.look(&readings).unwrap()
    }

    /// The owner calls `signature` of `to` with these words.
    async fn call(&self, to: Address, signature: &str, words: &[[u8; 32]]) {
        let mut data = Keccak256::digest(signature.as_bytes())[..4].to_vec();
        data.extend(words.concat());
        let intent = Intent::call("a change by the owner", to, data);
        self.owner.run(&intent, PATIENCE).await.unwrap();
    }

    async fn mine(&self, count: u64) {
        for _ in 0..count {
            let address = self.running.address().to_string();
            rpc(&address, "evm_mine", serde_json::json!([]))
                .await
                .unwrap();
        }
    }
}

fn number(of: u128) -> [u8; 32] {
    let mut word = [0; 32];
    word[16..].copy_from_slice(&of.to_be_bytes());
    word
}

fn place(of: Address) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(&of.0);
    word
}

#[tokio::test]
async fn a_changed_stake_rule_is_told_when_queued_and_stops_when_it_holds_until_acknowledged() {
    let ground = ground().await;
    let guard = ground.guard();
    assert!(
        ground.look(&guard).await,
        "a fresh network is as its file says"
    );
    let staking = ground.network.contracts.staking().unwrap();
    let params = [7_000_000, 900, 2_000].map(number);
    let propose = "proposeParams((uint128,uint16,uint16))";
    ground.call(staking, propose, &params).await;
    let readings = ground.owner.readings(&ground.network).await.unwrap();
    let queued = readings.queued.first().unwrap();
    assert_eq!(queued.key, "staking.params");
    assert_eq!(queued.next, "7000000 900 2000");
    assert!(queued.ready_block >= readings.block + NOTICE - 1);
    assert!(ground.look(&guard).await, "what is queued stops nothing");

    ground.mine(NOTICE).await;
    ground.call(staking, "applyParams()", &[]).await;
    assert!(!ground.look(&guard).await);
    drop(guard);
    let again = ground.guard();
    let stopped = again.stopped();
    assert_eq!(stopped.len(), 1, "{stopped:?}");
    let one = stopped.first().unwrap();
    assert_eq!(
        (one.what.as_str(), one.found.as_str()),
        ("staking.params", "7000000 900 2000")
    );
    assert_eq!(again.acknowledge("tests").unwrap(), stopped);
    assert!(ground.look(&again).await);
    assert!(
        ground.look(&ground.guard()).await,
        "the word lasts over a restart"
    );
}

#[tokio::test]
async fn a_price_within_half_and_double_is_no_difference_and_its_clamps_are() {
    let ground = ground().await;
    let guard = ground.guard();
    assert!(ground.look(&guard).await);
    let oracle = ground.network.contracts.price_oracle;
    let token = ground.network.contracts.token;
    let rate = 1_000_000_000_000;
    let mut words = vec![place(token)];
    words.extend([1, 1 << 100, rate, rate, 5_000, 1].map(number));
    let propose = "proposeLimits(address,(uint128,uint128,uint128,uint128,uint16,uint64))";
    ground.call(oracle, propose, &words).await;
    ground.mine(NOTICE).await;
    ground
        .call(oracle, "applyLimits(address)", &[place(token)])
        .await;
    assert!(!ground.look(&guard).await);
    let stopped = guard.stopped();
    let names: Vec<&str> = stopped.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(names, ["price_oracle.limits"]);
}

#[tokio::test]
async fn what_stops_is_an_event_that_names_it() {
    use tracing_subscriber::layer::SubscriberExt;
    let ground = ground().await;
    let guard = ground.guard();
    let events = host_daemon::events::Events::default();
    let subscriber = tracing_subscriber::registry().with(events.clone());
    let _heard = tracing::subscriber::set_default(subscriber);
    let mut readings = ground.owner.readings(&ground.network).await.unwrap();
    for fact in &mut readings.facts {
        if fact.key == "airdrop.fees" {
            fact.value = "9 9 9 9 9 9 9".into();
        }
    }
    assert!(!guard.look(&readings).unwrap());
    assert!(!guard.look(&readings).unwrap());
    let (told, _) = events.after(0);
    let told: Vec<_> = told
        .iter()
        .filter(|event| event.message.contains("airdrop.fees"))
        .collect();
    assert_eq!(told.len(), 1, "told once: {told:?}");
    assert!(
        told.iter()
            .all(|event| event.message.contains("no new agreements"))
    );
}
