//! The demo's proofs: the treasury stakes for every host, and the chain is asked whose proof it
//! accepted.
//!
//! Enters: the running network. Leaves: how many hosts committed and how many were proven, read
//! over JSON-RPC. The chain of a demo makes a block a second; so that nobody waits for an epoch to
//! pass, its last blocks are made at once, which is said. Does not: send a proof.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use host_chain::{Intent, PATIENCE, Proofs};
use host_core::seams::{Chain, ChainCall, ProofChain, ProofLook, ProofVerb, SignedTx};
use host_core::{Address, Amount};
use serde_json::json;

use super::network::DemoNetwork;
use super::report::ProofsReport;

/// One token: stake for a GiB, which is more than a demo gives any host.
const STAKE: Amount = Amount(1_000_000_000_000_000_000);
/// Longest wait until every host has committed.
const COMMIT_MAX: Duration = Duration::from_secs(20);
/// Longest wait for the proofs of one period, should the chain stand: twice a period of a demo.
const PROVE_MAX: Duration = Duration::from_secs(40);
/// Periods that are looked at: a machine that is busy may be late for one.
const PERIODS: usize = 3;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Puts one token at stake for every host, from the account that deployed the contracts.
pub(super) async fn stake(network: &DemoNetwork) -> anyhow::Result<()> {
    let chain = &network.chain;
    let proofs = Proofs::of(chain)?;
    let count = u128::try_from(network.hosts.len())?;
    let sum = Amount(STAKE.0.saturating_mul(count));
    chain.wrap(sum).await?;
    let approval = ProofVerb::Approve { sum };
    let call = proofs.call(&approval)?;
    let intent = Intent::call(approval.what(), call.to, call.data);
    chain.run(&intent, PATIENCE).await?;
    let mut sent: Vec<SignedTx> = Vec::new();
    for host in &network.hosts {
        let (host, sum) = (host.address, STAKE);
        let verb = ProofVerb::StakeFor { host, sum };
        let call = proofs.call(&verb)?;
        let call = ChainCall::Contract {
            what: verb.what(),
            to: call.to,
            value: Amount::ZERO,
            data: call.data,
        };
        let floor = sent.last().map_or(0, |tx| tx.nonce + 1);
        let tx = chain.prepare(call, floor).await?;
        chain.broadcast(&tx).await?;
        sent.push(tx);
    }
    if let Some(last) = sent.last() {
        chain.confirm(last, 0, PATIENCE).await?;
    }
    Ok(())
}

/// Waits for commitments and proofs of the hosts; what the chain says of both.
pub(super) async fn watch(network: &DemoNetwork) -> anyhow::Result<ProofsReport> {
    let started = Instant::now();
    let proofs = Proofs::of(&network.chain)?;
    let running = network.hosts.iter().filter(|host| host.program.is_some());
    let all: Vec<Address> = running.map(|host| host.address).collect();
    let committed = committed(&proofs, &all).await?;
    let mut accepted = BTreeSet::new();
    let rules = proofs.rules().await?;
    for _ in 0..PERIODS {
        if accepted.len() >= committed.len() {
            break;
        }
        let block = ProofChain::head(&proofs).await?.block;
        let next = rules.period_of(block) + 1;
        // To the first block in which the period that runs now can be sealed.
        let wanted = rules.seal_from(next - 1);
        mine(network, wanted.saturating_sub(block)).await?;
        let until = Instant::now() + PROVE_MAX;
        while accepted.len() < committed.len() && Instant::now() < until {
            for host in &committed {
                let open = !accepted.contains(host);
                if open && look(&proofs, *host).await?.proven {
                    accepted.insert(*host);
                }
            }
            // Blocks made ahead would take the rest of its window from who is late.
            let block = ProofChain::head(&proofs).await?.block;
            if rules.period_of(block) > next {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    Ok(ProofsReport {
        hosts: all.len(),
        committed: committed.len(),
        accepted: accepted.len(),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// The hosts that have a dataset on the chain, once all have or the wait is over.
async fn committed(proofs: &Proofs, all: &[Address]) -> anyhow::Result<BTreeSet<Address>> {
    let until = Instant::now() + COMMIT_MAX;
    let mut committed = BTreeSet::new();
    loop {
        for host in all {
            let open = !committed.contains(host);
            if open && look(proofs, *host).await?.committed_next > 0 {
                committed.insert(*host);
            }
        }
        if committed.len() == all.len() || Instant::now() >= until {
            return Ok(committed);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A host and the period that is being proven.
async fn look(proofs: &Proofs, host: Address) -> anyhow::Result<ProofLook> {
    let block = ProofChain::head(proofs).await?.block;
    let now = proofs.rules().await?.period_of(block);
    Ok(proofs.look(host, now.saturating_sub(1)).await?)
}

/// Makes blocks at once.
async fn mine(network: &DemoNetwork, count: u64) -> anyhow::Result<()> {
    let endpoint = network.network.endpoints.first();
    let endpoint = endpoint.context("the network has no endpoint")?;
    let client = reqwest::Client::new();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "evm_mine", "params": []});
    for _ in 0..count {
        let request = client.post(endpoint.as_str()).body(body.to_string());
        let request = request.header("content-type", "application/json");
        let answer = request.send().await?;
        if !answer.status().is_success() {
            bail!("the chain answered {} to evm_mine", answer.status());
        }
    }
    Ok(())
}
