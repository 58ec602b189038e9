//! Goal: a reorganisation under a cashed cheque or a stake, on a node others made, is noticed; the
//! transaction is sent again with its own bytes or signed anew, and money moves once. Method: anvil
//! where HOLDFAST_ANVIL names the program (else skipped, and said); real contracts; `anvil_reorg` of
//! several depths.

use std::sync::Arc;
use std::time::Duration;

use host_chain::{DeployParams, EvmChain, Guard, Intent, PATIENCE, Proofs, Timing};
use host_core::seams::{Chain, ProofChain, ProofVerb};
use host_core::{Amount, Digest32};
use host_ledger::{CallRow, IntentKey, Ledger, OutboxRow};
use host_settle::{Bounds, Cashier, Outbox, Purse, Reader};
use serde_json::{Value, json};

use crate::stage::{CHAIN, SUM, key, ledger_with_cheque, rpc};

const DEPTH: u64 = 3;
/// Reorganisations: within the outbox's depth, at it, and far beyond.
const DEPTHS: [u64; 7] = [1, 2, 3, 5, 8, 21, 64];

/// The program under test's foil; ends with the test.
pub(crate) struct Anvil {
    child: std::process::Child,
    pub(crate) address: String,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Anvil {
    pub(crate) async fn start(program: std::ffi::OsString) -> Self {
        let port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port().to_string()
        };
        let mut command = std::process::Command::new(program);
        command.args(["--quiet", "--hardfork", "shanghai", "--port", &port]);
        command.args(["--chain-id", &CHAIN.to_string()]);
        let child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        let anvil = Self {
            child,
            address: format!("127.0.0.1:{port}"),
        };
        let mut tick = tokio::time::interval(Duration::from_millis(25));
        let up = async {
            while rpc(&anvil.address, "eth_chainId", json!([]))
                .await
                .is_none()
            {
                tick.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), up)
            .await
            .unwrap();
        for byte in [1, 2, 3] {
            let account = key(byte).address().to_string();
            let wei = format!("{:#x}", 10_u128.pow(21));
            anvil.ask("anvil_setBalance", json!([account, wei])).await;
        }
        anvil
    }

    pub(crate) async fn ask(&self, method: &str, params: Value) {
        let answer = rpc(&self.address, method, params).await.unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
    }

    /// Waits for a block behind `before`: anvil mines a transaction by itself, a moment after it
    /// took it.
    async fn until_after(&self, chain: &EvmChain, before: u64) {
        let mut looks = 0;
        while chain.newest_block().await.unwrap().number == before {
            looks += 1;
            assert!(looks < 500, "the transaction was not mined");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A client of the node, nothing deployed and no key.
fn client(anvil: &Anvil) -> EvmChain {
    let options = host_chain::Options {
        endpoints: vec![format!("http://{}", anvil.address)],
        guard: Guard {
            chain_id: CHAIN,
            anchor: None,
            code: Vec::new(),
        },
        contracts: None,
        fee_cap: 10_000_000_000_000,
        depth: 0,
    };
    EvmChain::with_timing(options, Timing::default(), &[]).unwrap()
}

#[tokio::test]
async fn a_reorganisation_on_anvil_under_a_cashed_cheque_pays_it_once() {
    let Some(program) = std::env::var_os("HOLDFAST_ANVIL") else {
        println!("skipped: HOLDFAST_ANVIL names no anvil");
        return;
    };
    let anvil = Anvil::start(program).await;
    let open = client(&anvil);
    let deployer = open.with_key(key(1));
    let deployed = deployer
        .deploy_network(&DeployParams::default())
        .await
        .unwrap();
    let chain = open.with_contracts(deployed.contracts);
    let renter = chain.with_key(key(2));
    // One vault for each depth: each round begins with nothing paid.
    for (round, depth) in DEPTHS.into_iter().enumerate() {
        renter.wrap(SUM).await.unwrap();
        let salt = Digest32([u8::try_from(round).unwrap(); 32]);
        let vault = renter.deploy_vault(salt, "").await.unwrap();
        renter.deposit(vault, SUM).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let ledger = ledger_with_cheque(dir.path(), vault).await;
        let host = key(3).address();
        let seam: Arc<dyn Chain> = Arc::new(chain.with_key(key(3)));
        let purse = Purse {
            beneficiary: host,
            recipient: host,
        };
        let bounds = Bounds {
            depth: DEPTH,
            cost_max: Amount(u128::MAX),
        };
        let cashier = Cashier::with_bounds(ledger.clone(), Arc::clone(&seam), purse, bounds);
        let start = chain.newest_block().await.unwrap().number;
        // The vault itself must stand below what is reorganised.
        anvil.ask("anvil_mine", json!(["0x4"])).await;
        let reader = Reader::new(ledger.clone(), seam, host, start);
        let cashed = || {
            ledger
                .read()
                .unwrap()
                .cheque(&vault)
                .unwrap()
                .unwrap()
                .cashed
        };

        let before = chain.newest_block().await.unwrap().number;
        assert_eq!(cashier.begin(Amount::ZERO).await.unwrap(), 1);
        anvil.until_after(&chain, before).await;
        for _ in 1..depth {
            reader.read().await.unwrap();
            cashier.follow().await.unwrap();
            anvil.ask("anvil_mine", json!(["0x1"])).await;
        }
        reader.read().await.unwrap();
        cashier.follow().await.unwrap();
        assert_eq!(cashed(), SUM, "depth {depth}");
        anvil.ask("anvil_reorg", json!([depth, []])).await;
        let back = chain.total_paid_out(vault).await.unwrap();
        assert_eq!(back, Amount::ZERO, "depth {depth}: the payment is gone");
        let read = reader.read().await.unwrap();
        assert!(read.rewound, "depth {depth}");
        assert_eq!(cashed(), Amount::ZERO, "depth {depth}");
        cashier.begin(Amount::ZERO).await.unwrap();
        for _ in 0..20 {
            cashier.follow().await.unwrap();
            anvil.ask("anvil_mine", json!(["0x1"])).await;
            reader.read().await.unwrap();
        }
        assert_eq!(cashed(), SUM, "depth {depth}: {:?}", cashier.waiting());
        assert_eq!(chain.total_paid_out(vault).await.unwrap(), SUM);
        assert!(cashier.waiting().unwrap().is_empty(), "depth {depth}");
    }
    let sum = chain.token_balance(key(3).address()).await.unwrap();
    let all = SUM.0 * u128::try_from(DEPTHS.len()).unwrap();
    assert_eq!(sum, Amount(all), "each cheque was paid once");
}

#[tokio::test]
async fn a_reorganisation_on_anvil_under_a_stake_stakes_the_sum_once() {
    let Some(program) = std::env::var_os("HOLDFAST_ANVIL") else {
        println!("skipped: HOLDFAST_ANVIL names no anvil");
        return;
    };
    let anvil = Anvil::start(program).await;
    let open = client(&anvil);
    let deployer = open.with_key(key(1));
    let params = DeployParams::default();
    let deployed = deployer.deploy_network(&params).await.unwrap();
    let chain = open.with_contracts(deployed.contracts);
    let host = chain.with_key(key(3));
    let sum = Amount(SUM.0 * u128::try_from(DEPTHS.len()).unwrap());
    host.wrap(sum).await.unwrap();
    let proofs = Proofs::of(&chain).unwrap();
    let approve = proofs.call(&ProofVerb::Approve { sum }).unwrap();
    let approve = Intent::call("approve", approve.to, approve.data);
    host.run(&approve, PATIENCE).await.unwrap();
    for (round, depth) in DEPTHS.into_iter().enumerate() {
        let staked = Amount(SUM.0 * u128::try_from(round).unwrap());
        // What was approved must stand below what is reorganised.
        anvil.ask("anvil_mine", json!(["0x4"])).await;
        stake_through(&anvil, &host, staked, depth).await;
    }
}

/// Stakes `SUM` on top of `staked` by an outbox, with a reorganisation of `depth` under it; from
/// `DEPTH` on the transaction was final before it was taken away.
async fn stake_through(anvil: &Anvil, host: &EvmChain, staked: Amount, depth: u64) {
    let account = host.address().unwrap();
    let live = || async { host.stake_facts(account).await.unwrap().live };
    let proofs = Proofs::of(host).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), Default::default()).unwrap();
    let purse = Purse {
        beneficiary: account,
        recipient: account,
    };
    let bounds = Bounds {
        depth: DEPTH,
        cost_max: Amount(u128::MAX),
    };
    let outbox = Outbox::new(ledger, Arc::new(host.clone()), purse, bounds);
    let call = proofs.call(&ProofVerb::Stake { sum: SUM }).unwrap();
    let call = CallRow {
        to: call.to,
        value: Amount::ZERO,
        data: call.data,
    };
    let row = OutboxRow::wanted_call(IntentKey("stake/test".into()), call);
    assert!(outbox.want(row).await.unwrap());
    let before = host.newest_block().await.unwrap().number;
    outbox.follow().await.unwrap();
    anvil.until_after(host, before).await;
    for _ in 1..depth {
        outbox.follow().await.unwrap();
        anvil.ask("anvil_mine", json!(["0x1"])).await;
    }
    outbox.follow().await.unwrap();
    assert_eq!(live().await, Amount(staked.0 + SUM.0), "depth {depth}");
    anvil.ask("anvil_reorg", json!([depth, []])).await;
    assert_eq!(live().await, staked, "depth {depth}: the stake is gone");
    for _ in 0..30 {
        outbox.follow().await.unwrap();
        anvil.ask("anvil_mine", json!(["0x1"])).await;
    }
    let waits = outbox.waiting().unwrap();
    assert!(waits.is_empty(), "depth {depth}: {waits:?}");
    assert_eq!(
        live().await,
        Amount(staked.0 + SUM.0),
        "depth {depth}: once"
    );
}
