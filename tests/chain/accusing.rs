//! Goal: a guard that cannot reach the chain at the wrong moment, or is killed there, opens its
//! challenge later, and never two. Method: the real contracts; between the guard and its endpoint
//! a wire that is deaf at one broadcast, or silent for ever before or after the chain has heard
//! it; then the accuser goes on, or another one is opened on the same files.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use host_chain::{Disputes, EvmChain};
use host_core::agreement::Agreement;
use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, DisputeChain, Head, SignedTx, TxReceipt, VaultFacts,
};
use host_core::{Address, Digest32};
use host_services::guard::{Accuser, Ending};
use host_settle::Prover;

use crate::disputing::{GUARD, about, begun, defender, ended, tokens};
use crate::proofs::Town;
use crate::stage::key;

/// What happens to the next broadcasts.
const WHOLE: u8 = 0;
/// No endpoint answers, and nothing is heard.
const DEAD: u8 = 1;
/// The sender waits for ever; nothing was heard.
const SILENT: u8 = 2;
/// The sender waits for ever; the chain has heard.
const HEARD: u8 = 3;

/// A guard's wire to its endpoint.
struct Wire {
    chain: EvmChain,
    mood: AtomicU8,
}

impl Chain for Wire {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        Chain::head(&self.chain)
    }

    fn vault(&self, of: Address, to: Address) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        self.chain.vault(of, to)
    }

    fn prepare(&self, call: ChainCall, floor: u64) -> BoxFuture<'_, Result<SignedTx, ChainError>> {
        self.chain.prepare(call, floor)
    }

    fn broadcast<'a>(&'a self, tx: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>> {
        Box::pin(async move {
            match self.mood.load(Ordering::SeqCst) {
                WHOLE => self.chain.broadcast(tx).await,
                DEAD => Err(ChainError::Unreachable {
                    tried: 1,
                    why: "connection refused".into(),
                }),
                mood => {
                    if mood == HEARD {
                        self.chain.broadcast(tx).await?;
                    }
                    pending().await
                }
            }
        })
    }

    fn receipt(&self, hash: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>> {
        self.chain.receipt(hash)
    }

    fn nonce(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        self.chain.nonce()
    }
}

fn wire(town: &Town) -> Arc<Wire> {
    Arc::new(Wire {
        chain: town.chain.with_key(key(GUARD)),
        mood: AtomicU8::new(WHOLE),
    })
}

fn accuser(town: &Town, wire: &Arc<Wire>) -> Accuser {
    let disputes = Arc::new(Disputes::of(&town.chain).expect("the contract"));
    let home = town.dir.path().join("guard");
    let chain = Arc::clone(wire) as Arc<dyn Chain>;
    Accuser::open(&home, chain, disputes, key(GUARD).address()).expect("opened")
}

/// Lets the contract take bonds, so that the next accusation leaves.
async fn approved(town: &Town, prover: &Prover, terms: &Agreement, accuser: &Accuser) {
    let left = accuser
        .accuse(&about(terms), inclusion(prover, terms))
        .await;
    assert!(!left.expect("asked"), "the approval leaves first");
    town.mine().await;
}

/// Accuses while the endpoint is dead, which it stays; what the guard had before.
async fn unheard(
    town: &Town,
    wire: &Wire,
    (prover, terms): (&Prover, &Agreement),
    accuser: &Accuser,
) -> u128 {
    approved(town, prover, terms, accuser).await;
    let before = tokens(town, GUARD).await;
    wire.mood.store(DEAD, Ordering::SeqCst);
    let said = accuser
        .accuse(&about(terms), inclusion(prover, terms))
        .await;
    assert!(said.is_err(), "it was not heard");
    before
}

fn inclusion(prover: &Prover, terms: &Agreement) -> Vec<u8> {
    prover
        .inclusion(&about(terms).entry.agreement)
        .expect("committed")
        .1
}

/// Challenges of the guard that are open on the host.
async fn open(town: &Town) -> usize {
    let disputes = Disputes::of(&town.chain).expect("the contract");
    let open = disputes.open_on(key(3).address(), 0).await.expect("read");
    let own = key(GUARD).address();
    open.iter().filter(|one| one.challenger == own).count()
}

async fn bond(town: &Town) -> u128 {
    let disputes = Disputes::of(&town.chain).expect("the contract");
    disputes.terms().await.expect("read").0.0
}

#[tokio::test]
async fn what_a_dead_endpoint_did_not_hear_is_sent_when_it_is_back_and_once() {
    let (town, prover, terms) = begun().await;
    let wire = wire(&town);
    let accuser = accuser(&town, &wire);
    let before = unheard(&town, &wire, (&prover, &terms), &accuser).await;
    town.mine().await;
    // It stands in the files: nothing else is signed, and each look tries the same bytes.
    let again = accuser
        .accuse(&about(&terms), inclusion(&prover, &terms))
        .await;
    assert!(!again.expect("asked"), "one intent, one challenge");
    assert!(accuser.follow().await.is_err(), "still dead");
    assert_eq!(open(&town).await, 0);

    wire.mood.store(WHOLE, Ordering::SeqCst);
    for _ in 0..4 {
        assert_eq!(accuser.follow().await.expect("looked"), []);
        town.mine().await;
    }
    assert_eq!(open(&town).await, 1);
    assert_eq!(tokens(&town, GUARD).await, before - bond(&town).await);
    let ending = ended(&town, &defender(&town), &prover, &accuser).await;
    assert_eq!(ending, Ending::Answered);
    town.stop().await;
}

#[tokio::test]
async fn a_guard_killed_between_writing_and_sending_opens_one_challenge() {
    for mood in [SILENT, HEARD] {
        let (town, prover, terms) = begun().await;
        let wire = wire(&town);
        let first = accuser(&town, &wire);
        approved(&town, &prover, &terms, &first).await;
        let before = tokens(&town, GUARD).await;
        wire.mood.store(mood, Ordering::SeqCst);
        let path = town.dir.path().join("guard/accused");
        let about = about(&terms);
        let never = first.accuse(&about, inclusion(&prover, &terms));
        let nonce = wire.chain.nonce().await.expect("read");
        let killed = async {
            // Written, and where the chain hears it, heard.
            for _ in 0..10_000 {
                let written = std::fs::read_dir(&path).expect("read").next().is_some();
                let mined = wire.chain.nonce().await.expect("read") > nonce;
                if written && (mood == SILENT || mined) {
                    return;
                }
                tokio::task::yield_now().await;
            }
            panic!("never written");
        };
        tokio::select! {
            _ = never => panic!("it waits for ever"),
            () = killed => {}
        }
        drop(first);
        wire.mood.store(WHOLE, Ordering::SeqCst);
        let second = accuser(&town, &wire);
        for _ in 0..4 {
            assert_eq!(second.follow().await.expect("looked"), []);
            town.mine().await;
        }
        let left = second.accuse(&about, inclusion(&prover, &terms)).await;
        assert!(!left.expect("asked"), "mood {mood}");
        assert_eq!(open(&town).await, 1, "mood {mood}");
        assert_eq!(tokens(&town, GUARD).await, before - bond(&town).await);
        town.stop().await;
    }
}

#[tokio::test]
async fn what_never_got_there_in_its_window_is_opened_anew_at_the_same_nonce() {
    let (town, prover, terms) = begun().await;
    let wire = wire(&town);
    let accuser = accuser(&town, &wire);
    let before = unheard(&town, &wire, (&prover, &terms), &accuser).await;
    let mut endings = Vec::new();
    for _ in 0..200 {
        town.mine().await;
        let _turn = prover.turn().await;
        endings.extend(accuser.follow().await.unwrap_or_default());
        if !endings.is_empty() {
            break;
        }
    }
    let ending = endings.pop().expect("its window ends").2;
    assert_eq!(ending, Ending::Unseen);
    assert!(!accuser.knows(&about(&terms).entry.agreement).expect("read"));

    wire.mood.store(WHOLE, Ordering::SeqCst);
    let anew = accuser
        .accuse(&about(&terms), inclusion(&prover, &terms))
        .await;
    assert!(anew.expect("asked"), "the old bytes can never be mined");
    town.mine().await;
    assert_eq!(accuser.follow().await.expect("looked"), []);
    assert_eq!(open(&town).await, 1);
    assert_eq!(tokens(&town, GUARD).await, before - bond(&town).await);
    town.stop().await;
}
