//! Reads that are paid ahead.

use host_core::Amount;

use crate::town::{Mood, Town, VAULT};
use crate::{content, file, get, request, work};

const LEN: usize = 100_000;
/// A unit a byte.
const PRICE: Amount = Amount(1 << 30);

/// Goal: a cheque for reads whose answer was lost is found to be counted, and not paid again.
/// Method: every host takes the cheque for a read and the answer is lost with the link; then the
/// same reads again, in this process or in another one of the same home.
async fn lost_answers(another_process: bool) {
    let (town, dir) = (
        Town::selling(6, PRICE).await,
        tempfile::tempdir().expect("made"),
    );
    let home = dir.path().join("home");
    let renter = town.renter(&home);
    let done = work(&renter, &request(file(dir.path(), LEN), false, 30))
        .await
        .expect("put");
    let stored = town.counted_each(VAULT);
    town.mood(6, Mood::LosesAnswer);
    let cut = get(&renter, done.id).await;
    let paid = town.counted_each(VAULT);
    assert!(paid != stored, "some host took a cheque: {cut:?}");
    town.mood(6, Mood::Good);
    let renter = match another_process {
        false => renter,
        true => {
            drop(renter);
            town.renter(&home)
        }
    };
    assert_eq!(get(&renter, done.id).await.expect("got"), content(LEN));
    let issued = host_renter::issued_total(&home, VAULT).expect("reads");
    let counted = town.counted(VAULT);
    assert_eq!(issued, counted, "nothing is promised that no host counts");
    // At a unit a byte, reads of one shard are worth its bytes, once.
    let shard = (LEN as u128).div_ceil(3) + 4096;
    let counted = town.counted_each(VAULT);
    let reads: Vec<u128> = counted.iter().zip(&stored).map(|(a, b)| a - b).collect();
    assert!(
        reads.iter().all(|one| *one <= shard),
        "{reads:?} for {shard}"
    );
}

#[tokio::test]
async fn a_prepayment_whose_answer_was_lost_counts_once() {
    lost_answers(false).await;
}

#[tokio::test]
async fn a_prepayment_whose_answer_was_lost_counts_once_for_the_next_process() {
    lost_answers(true).await;
}
