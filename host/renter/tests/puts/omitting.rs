//! Hosts that keep an agreement out of the dataset their stake answers for.

use std::sync::{Arc, Mutex};

use host_core::seams::{
    BoxFuture, ChainError, ContractCall, Head, ProofChain, ProofLook, ProofRules, ProofVerb, Seal,
};
use host_core::{Address, Amount, Digest32};
use host_renter::Code;

use crate::town::{Town, VAULT, lock};
use crate::{file, request, work};

/// What the chain knows of every host: the name of its newest list.
#[derive(Clone)]
struct Datasets(Arc<Mutex<Digest32>>);

impl ProofChain for Datasets {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        Box::pin(async { Err(ChainError::Disagreement { what: "unused" }) })
    }
    fn rules(&self) -> BoxFuture<'_, Result<ProofRules, ChainError>> {
        Box::pin(async { Err(ChainError::Disagreement { what: "unused" }) })
    }
    fn look(&self, _: Address, period: u64) -> BoxFuture<'_, Result<ProofLook, ChainError>> {
        let current = *lock(&self.0);
        Box::pin(async move {
            Ok(ProofLook {
                period,
                seal: Seal::None,
                proven: true,
                missed: false,
                current,
                previous: Digest32([0; 32]),
                committed_next: period,
                duty_from: 0,
                duty_until: u64::MAX,
                misses: 0,
                jailed_until: 0,
                paused: false,
                stake: Amount(1),
                stake_per_gib: Amount(1),
            })
        })
    }
    fn tokens(&self, _: Address) -> BoxFuture<'_, Result<Amount, ChainError>> {
        Box::pin(async { Ok(Amount::ZERO) })
    }
    fn call(&self, _: &ProofVerb) -> Result<ContractCall, ChainError> {
        Err(ChainError::Disagreement { what: "unused" })
    }
    fn try_call<'a>(
        &'a self,
        _: Address,
        _: &'a ProofVerb,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Goal: no cheque for what a host does not answer for. Method: the chain knows a dataset of every
/// host, and none of them shows where an agreement stands in it. The second epoch is paid, as the
/// commitment may still come; the third is not, each agreement told of with its code, and every
/// host counts on what it had. Where the chain knows no dataset at all, hosts of a private network
/// are paid again, for both epochs.
#[tokio::test]
async fn who_leaves_an_agreement_out_of_its_dataset_gets_no_cheque_for_the_third_epoch() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let known = Datasets(Arc::new(Mutex::new(Digest32([7; 32]))));
    renter.set_proofs(Arc::new(known.clone()));
    let done = work(&renter, &request(file(dir.path(), 300_000), false, 30)).await;
    done.expect("put");
    town.pass(1);
    let paid = renter.pay_due().await.expect("paid");
    assert_eq!((paid.due, paid.paid), (6, 6), "{:?}", paid.missed);
    let before = town.counted(VAULT);
    town.pass(1);
    let paid = renter.pay_due().await.expect("looked at");
    assert_eq!((paid.due, paid.paid), (6, 0));
    let omitted = paid.missed.iter();
    assert!(
        omitted
            .clone()
            .all(|one| one.code == Code::AgreementOmitted),
        "{:?}",
        paid.missed
    );
    assert_eq!(omitted.count(), 6);
    assert_eq!(town.counted(VAULT), before);
    *lock(&known.0) = Digest32([0; 32]);
    town.pass(1);
    let paid = renter.pay_due().await.expect("paid");
    assert_eq!((paid.due, paid.paid), (6, 6), "{:?}", paid.missed);
}
