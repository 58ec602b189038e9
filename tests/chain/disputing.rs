//! Goal: a guard that finds a host without a shard makes the contract judge it, and nobody honest
//! pays. Method: the real contracts on the development chain; the host's prover and defender take
//! turns as in a daemon, the guard's accuser opens, follows and claims through its own account;
//! every sum is read from the chain.

use std::sync::Arc;

use host_chain::Disputes;
use host_core::agreement::Agreement;
use host_core::seams::{Chain, DatasetEntry, DisputeChain, ProofChain};
use host_core::{Amount, ObjectId};
use host_services::guard::{Accusation, Accuser, Ending};
use host_settle::prove::{Leaves, Phase};
use host_settle::{Bounds, Defender, DefenderParts, Prover};

use crate::proofs::{ONE, Town};
use crate::stage::{CHAIN, key};

/// The guard's account.
pub(crate) const GUARD: u8 = 5;

pub(crate) fn defender(town: &Town) -> Defender {
    let disputes = Disputes::of(&town.chain).expect("the contract");
    Defender::new(DefenderParts {
        ledger: town.promises.ledger.clone(),
        chain: Arc::new(town.chain.with_key(key(3))) as Arc<dyn Chain>,
        disputes: Arc::new(disputes) as Arc<dyn DisputeChain>,
        leaves: Arc::clone(&town.promises.shelf) as Arc<dyn Leaves>,
        host: key(3).address(),
        bounds: Bounds {
            depth: 2,
            cost_max: Amount(u128::MAX),
        },
    })
}

fn accuser(town: &Town) -> Accuser {
    let disputes = Disputes::of(&town.chain).expect("the contract");
    let home = town.dir.path().join("guard");
    let chain = Arc::new(town.chain.with_key(key(GUARD))) as Arc<dyn Chain>;
    let own = key(GUARD).address();
    Accuser::open(&home, chain, Arc::new(disputes), own).expect("opened")
}

pub(crate) fn about(terms: &Agreement) -> Accusation {
    Accusation {
        object: ObjectId::of_descriptor(b"an object"),
        host: key(3).peer_id(),
        entry: DatasetEntry {
            agreement: terms.digest(CHAIN),
            shard: terms.shard,
            len: terms.shard_len,
            end_epoch: terms.end_epoch,
        },
        index: 3,
    }
}

/// A host with a proven dataset of one shard, and a guard with tokens.
pub(crate) async fn begun() -> (Town, Prover, Agreement) {
    let mut town = Town::new(10).await;
    let terms = town.promises.add(5_000, 9_000).await;
    let prover = town.prover(Amount::ZERO);
    town.prove(&prover, 1).await;
    let guard = town.chain.with_key(key(GUARD));
    guard.wrap(Amount(20 * ONE)).await.expect("wrapped");
    (town, prover, terms)
}

pub(crate) async fn tokens(town: &Town, of: u8) -> u128 {
    let read = town.chain.token_balance(key(of).address()).await;
    read.expect("read").0
}

async fn stake(town: &Town) -> u128 {
    let look = town.proofs.look(key(3).address(), 0).await;
    look.expect("read").stake.0
}

/// Opens the challenge, with the approval that comes first; a crash of the guard in between.
async fn challenged(town: &Town, prover: &Prover, terms: &Agreement) -> Accuser {
    let about = about(terms);
    for _ in 0..5 {
        let accuser = accuser(town);
        let (_, inclusion) = prover.inclusion(&about.entry.agreement).expect("committed");
        let left = accuser.accuse(&about, inclusion.clone()).await;
        town.mine().await;
        if left.expect("asked") {
            // What was written down before it left keeps the guard from opening it twice.
            let again = self::accuser(town);
            assert!(!again.accuse(&about, inclusion).await.expect("asked"));
            return again;
        }
    }
    panic!("the challenge never left");
}

/// Blocks, turns of the host, looks of the guard, until the challenge has ended.
pub(crate) async fn ended(
    town: &Town,
    defender: &Defender,
    prover: &Prover,
    accuser: &Accuser,
) -> Ending {
    for _ in 0..200 {
        let _waits = prover.turn().await;
        let _waits = defender.turn().await;
        if let Some((_, _, ending)) = accuser.follow().await.expect("looked").pop() {
            return ending;
        }
        town.mine().await;
    }
    panic!("the challenge never ends");
}

#[tokio::test]
async fn a_host_that_has_the_shard_answers_on_chain_and_earns_the_bond() {
    let (town, prover, terms) = begun().await;
    let disputes = Disputes::of(&town.chain).expect("the contract");
    let (bond, _) = disputes.terms().await.expect("read");
    let before = (
        tokens(&town, 3).await,
        tokens(&town, GUARD).await,
        stake(&town).await,
    );
    let accuser = challenged(&town, &prover, &terms).await;
    assert_eq!(
        tokens(&town, GUARD).await,
        before.1 - bond.0,
        "the bond is held"
    );
    // Seen open once, so that its end is known for an answer.
    assert_eq!(accuser.follow().await.expect("looked"), []);
    let defender = defender(&town);
    let ending = ended(&town, &defender, &prover, &accuser).await;
    assert_eq!(ending, Ending::Answered);
    let after = (
        tokens(&town, 3).await,
        tokens(&town, GUARD).await,
        stake(&town).await,
    );
    assert_eq!(after, (before.0 + bond.0, before.1 - bond.0, before.2));
    assert_eq!(defender.turn().await.expect("looked"), 0, "nothing is open");
    assert_eq!(prover.report().missed, 0);
    town.stop().await;
}

#[tokio::test]
async fn a_host_that_lost_the_shard_is_slashed_and_the_guard_gets_bond_and_share() {
    let (town, prover, terms) = begun().await;
    let before = (tokens(&town, GUARD).await, stake(&town).await);
    let accuser = challenged(&town, &prover, &terms).await;
    assert_eq!(accuser.follow().await.expect("looked"), []);
    town.promises.shelf.forget(&terms.shard);
    let defender = defender(&town);
    let ending = ended(&town, &defender, &prover, &accuser).await;
    assert_eq!(ending, Ending::Slashed);
    let (guard, staked) = (tokens(&town, GUARD).await, stake(&town).await);
    let taken = before.1 - staked;
    let share = guard - before.0;
    assert!(taken > 0, "stake was taken");
    assert!(share > 0 && share <= taken / 2, "{share} of {taken} taken");
    assert_ne!(prover.report().phase, Phase::Foreign);
    town.stop().await;
}
