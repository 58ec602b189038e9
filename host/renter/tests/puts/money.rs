//! Money: cover is looked at before and again, later epochs are paid for what is shown.

use host_core::{Address, Amount};
use host_renter::{Code, Error, Progress};
use tokio::sync::watch;

use crate::town::{Mood, Town, VAULT, lock};
use crate::{file, request, work};

const LEN: usize = 300_000;

#[tokio::test]
async fn a_vault_that_is_not_the_factorys_or_not_ours_is_refused_before_any_host_is_asked() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let request = request(file(dir.path(), LEN), false, 30);
    lock(&town.vault).known = false;
    let foreign = work(&renter, &request).await;
    assert!(matches!(foreign, Err(Error::VaultForeign { vault: VAULT })));
    lock(&town.vault).known = true;
    lock(&town.vault).issuer = Address([9; 20]);
    let other = work(&renter, &request).await.expect_err("refused");
    assert_eq!(other.code(), Code::VaultNotYours);
    assert_eq!(*lock(&town.dials), 0);
}

/// Goal: money that leaves between the look and the cheques is noticed. Method: the vault is
/// emptied once shards are stored; the put stops with the numbers, and goes on after a deposit
/// without sending anything again.
#[tokio::test]
async fn a_vault_emptied_on_the_way_stops_the_put_with_numbers_and_a_deposit_goes_on() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let session = renter
        .begin(&request(file(dir.path(), LEN), false, 30))
        .expect("begun");
    let (progress, mut watched) = watch::channel(Progress::default());
    let stopped = {
        let work = renter.resume(session, &progress);
        let empty = async {
            watched
                .wait_for(|at| at.cost > Amount::ZERO)
                .await
                .expect("goes on");
            lock(&town.vault).balance = Amount(5);
            std::future::pending::<()>().await;
        };
        tokio::select! { ended = work => ended, () = empty => unreachable!() }
    };
    let Err(Error::Shortfall {
        needed,
        available,
        missing,
    }) = stopped
    else {
        panic!("{stopped:?}")
    };
    assert_eq!((available, missing.0), (Amount(5), needed.0 - 5));
    let told = renter.session(session).expect("reads");
    assert_eq!(
        told.stopped_by().map(|(code, _)| code),
        Some(Code::VaultShort)
    );
    assert_eq!(town.counted(VAULT), Amount::ZERO);
    lock(&town.vault).balance = Amount(u128::from(u64::MAX));
    let done = renter.resume(session, &progress).await.expect("put");
    assert_eq!(town.agreements().len() as u64, done.shards);
    assert_eq!(town.counted(VAULT), done.issued);
}

/// Goal: each epoch is paid once, when it has begun, and never after the term. Method: epochs
/// pass; after each the hosts' ledgers say what they were paid.
#[tokio::test]
async fn every_epoch_is_paid_once_and_the_term_is_the_end() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    // Three days are six epochs here.
    let done = work(&renter, &request(file(dir.path(), LEN), false, 3)).await;
    let done = done.expect("put");
    let early = renter.pay_due().await.expect("looked at");
    assert_eq!((early.due, early.paid), (0, 0));
    for epoch in 6..14 {
        town.pass(1);
        let paid = renter.pay_due().await.expect("paid");
        let due = if epoch < done.end_epoch { 6 } else { 0 };
        assert_eq!((paid.epoch, paid.due, paid.paid), (epoch, due, due));
        assert_eq!(renter.pay_due().await.expect("again").due, 0);
        for (_, row) in town.agreements() {
            assert_eq!(row.paid_through, (epoch + 1).min(done.end_epoch));
            let spent = row.signed.terms.cost_of(row.paid_through - 5);
            assert_eq!(row.paid, spent.expect("a sum"));
        }
    }
    let total = town.agreements().iter().map(|(_, row)| row.paid.0).sum();
    assert_eq!(town.counted(VAULT), Amount(total));
}

/// Goal: no cheque for what is not shown. Method: one host forgets its shard, another is dead; the
/// others are paid, those two are told of with a code each, and the dead one is paid for both
/// epochs once it is back.
#[tokio::test]
async fn who_does_not_show_the_shard_is_not_paid() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let done = work(&renter, &request(file(dir.path(), LEN), false, 30)).await;
    done.expect("put");
    let before = town.counted(VAULT);
    town.mood(2, Mood::Drops);
    town.mood(1, Mood::Dead);
    town.pass(1);
    let paid = renter.pay_due().await.expect("paid");
    let mut codes: Vec<Code> = paid.missed.iter().map(|one| one.code).collect();
    codes.sort_unstable();
    assert_eq!((paid.due, paid.paid), (6, 4));
    assert_eq!(codes, [Code::HostUnreachable, Code::ShardAbsent]);
    assert_eq!(
        town.counted(VAULT),
        before.plus(paid.promised).expect("a sum")
    );
    town.mood(2, Mood::Good);
    town.pass(1);
    let paid = renter.pay_due().await.expect("paid");
    assert_eq!((paid.due, paid.paid, paid.missed.len()), (6, 6, 0));
    let behind = town.agreements();
    assert!(behind.iter().all(|(_, row)| row.paid_through == 8));
}

#[tokio::test]
async fn a_round_the_vault_does_not_cover_pays_nobody_and_names_what_is_missing() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let done = work(&renter, &request(file(dir.path(), LEN), false, 30)).await;
    let done = done.expect("put");
    town.pass(1);
    lock(&town.vault).balance = done.issued.plus(Amount(1)).expect("a sum");
    let short = renter.pay_due().await;
    let Err(Error::Shortfall { available, .. }) = short else {
        panic!("{short:?}")
    };
    assert_eq!(available, Amount(1));
    assert_eq!(town.counted(VAULT), done.issued);
}

/// Goal: a home rebuilt from the keys pays on, and nothing twice. Method: two epochs are paid, the
/// home is lost and recovered two epochs later; the new one pays what is owed, to the unit.
#[tokio::test]
async fn a_recovered_home_goes_on_paying_where_the_lost_one_ended() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let done = work(&renter, &request(file(dir.path(), LEN), false, 30)).await;
    done.expect("put");
    town.pass(1);
    assert_eq!(renter.pay_due().await.expect("paid").paid, 6);
    drop(renter);
    town.pass(3);
    let renter = town.renter(&dir.path().join("new"));
    assert_eq!(renter.recover().await.expect("recovered").objects, 1);
    let paid = renter.pay_due().await.expect("paid");
    assert_eq!((paid.due, paid.paid, &paid.missed[..]), (6, 6, &[][..]));
    let rows = town.agreements();
    for (_, row) in &rows {
        let owed = row.signed.terms.cost_of(5).expect("a sum");
        assert_eq!((row.paid, row.paid_through), (owed, 10));
    }
    let total = rows.iter().map(|(_, row)| row.paid.0).sum();
    assert_eq!(town.counted(VAULT), Amount(total));
    assert_eq!(renter.pay_due().await.expect("again").due, 0);
    town.pass(1);
    assert_eq!(renter.pay_due().await.expect("paid").paid, 6);
}
