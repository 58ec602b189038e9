//! The whole set of contracts on a chain: where it stands, what it costs, how it is bound.

use crate::support::{Bench, CHAIN, key};
use host_chain::codec::registry;
use host_chain::{DeployParams, Intent, PATIENCE, Plan, Step, expected_of, judge};
use host_core::epoch::EpochRule;
use host_core::{Address, NetworkId};

#[tokio::test]
async fn each_transaction_of_a_deployment_makes_what_is_planned_at_the_gas_planned() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let chain = bench.chain();
    let params = DeployParams::default();
    let plan = chain.plan_deployment(&params).await.unwrap();
    let steps: Vec<Step> = plan.steps.iter().map(|one| one.step.clone()).collect();
    let receipts = chain.run_all(&steps, PATIENCE).await.unwrap();
    let mut sum = 0;
    for (receipt, planned) in receipts.iter().zip(&plan.steps) {
        let (what, used) = (planned.step.intent.what, receipt.gas_used);
        println!("{what}: {used} gas, {} planned", planned.gas);
        assert_eq!(receipt.created, planned.creates, "{what}");
        assert!(
            used.abs_diff(planned.gas) * 4 <= planned.gas,
            "{what}: {used}"
        );
        sum += used;
    }
    println!("deployment: {sum} gas, {} planned", plan.gas());
    assert!(plan.gas().abs_diff(sum) * 20 <= sum, "{sum} used");
}

#[tokio::test]
async fn a_deployed_network_has_nine_contracts_that_its_registry_knows() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let chain = bench.chain();
    let before = chain.newest_block().await.unwrap().number;
    let network = chain
        .deploy_network(&DeployParams::default())
        .await
        .unwrap();
    assert_eq!(network.genesis_block, before);
    assert_eq!(network.contracts.named().len(), 9);
    assert_eq!(network.guard.code.len(), 9);
    let names = network.contracts.registry().unwrap();
    for (name, of) in [
        ("ProofOfStorage", network.contracts.proofs),
        ("Airdrop", network.contracts.airdrop),
    ] {
        let bytes = chain.call("get", None, names, &registry::get(name)).await;
        let entry = registry::read_entry(&bytes.unwrap()).unwrap();
        assert_eq!(Some(entry.contract), of);
    }
}

#[tokio::test]
async fn the_values_for_the_public_deploy_on_epochs_of_a_day() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let chain = bench.chain();
    let rule = EpochRule {
        genesis_block: 0,
        epoch_blocks: 43_200,
        block_seconds: 2,
        grace_epochs: 2,
        depth: 12,
    };
    let params = DeployParams::public(NetworkId::of_name("public"), &rule);
    assert_eq!(params.epoch_blocks, rule.epoch_blocks);
    let network = chain.deploy_network(&params).await.unwrap();
    assert!(network.contracts.airdrop().is_ok());
}

#[test]
fn a_network_with_its_own_token_gets_no_other() {
    let token = Address([7; 20]);
    let params = DeployParams {
        token: Some(token),
        ..DeployParams::default()
    };
    let owner = key(1).address();
    let with = Plan::new(owner, 0, 0, &params);
    let without = Plan::new(owner, 0, 0, &DeployParams::default());
    assert_eq!(with.contracts.token, token);
    assert_eq!(with.steps.len() + 1, without.steps.len());
    let first = without.steps.first().unwrap();
    assert_eq!(first.creates, Some(without.contracts.token));
}

#[tokio::test]
async fn a_fresh_network_is_all_its_file_relies_on_and_a_queued_change_has_its_block() {
    let bench = Bench::start(CHAIN, 0, true).await;
    let (owner, deployed) = bench.network().await;
    let mut network = bench.file(&deployed);
    let listed = deployed.facts.len();
    assert!(listed > 50, "{listed} facts");
    deployed.into_file(&mut network);
    let readings = owner.readings(&network).await.unwrap();
    let judged = judge(&readings, &expected_of(&network));
    let broken: Vec<_> = judged.iter().filter(|one| !one.holds()).collect();
    assert!(broken.is_empty(), "{broken:?}");
    assert!(
        judged.iter().all(|one| !one.expected.is_empty()),
        "{judged:?}"
    );
    assert!(readings.queued.is_empty());

    let names = network.contracts.registry().unwrap();
    let next = network.contracts.token;
    let intent = Intent::call("proposal", names, registry::propose("Escrow", next));
    let receipt = owner.run(&intent, PATIENCE).await.unwrap();
    let readings = owner.readings(&network).await.unwrap();
    let queued = readings.queued.first().unwrap();
    assert_eq!(queued.key, "registry.Escrow");
    assert!(queued.next.starts_with(&next.to_string()), "{queued:?}");
    assert!(queued.ready_block > receipt.block);
}
