//! The same shard under several agreements: stored once, counted for each, gone with the last.

use host_core::agreement::Agreement;
use host_core::wire::RefusalCode;
use host_core::{AgreementDigest, Amount, ShardId};
use host_transfer::delete::{self, DeleteReceipt};
use host_transfer::{Error, download};

use crate::stage::{CHAIN_ID, Caller, Host, Shape, Town, block_on, noise, refusal, shard_of};

const LEN: usize = 180_000;

fn town(name: &str) -> Town {
    Town::start(
        name,
        Shape {
            hosts: 1,
            ..Shape::default()
        },
    )
}

fn renter(town: &Town, name: &str) -> Caller {
    Caller::with_vault(&town.network, name, Amount::ZERO)
}

/// Stores and returns the terms; the receipt was checked on the way.
fn store(caller: &Caller, host: &Host, bytes: &[u8]) -> Agreement {
    let terms = caller.terms(host, shard_of(bytes), bytes.len() as u64);
    block_on(caller.store(host, &terms, bytes)).expect("stored");
    terms
}

fn remove(caller: &Caller, host: &Host, agreement: AgreementDigest) -> DeleteReceipt {
    let (id, to) = (caller.network.id(), host.addr());
    let removed = delete::close(&caller.net, &to, &id, agreement, &caller.key);
    block_on(removed).expect("removed")
}

fn serves(caller: &Caller, host: &Host, shard: &ShardId) -> bool {
    let (to, len) = (host.addr(), LEN as u64);
    block_on(download::open(&caller.net, &to, shard, len, 0, len)).is_ok()
}

#[test]
fn one_shard_under_two_agreements_is_stored_once_and_goes_with_the_last() {
    // Goal: a second lease costs no byte and depends on no other. Method: two renters store the
    // same bytes, one leaves, the other still reads; then it leaves too and the space is back.
    let town = town("two-leases");
    let host = &town.hosts[0];
    let bytes = noise("two leases", LEN);
    let shard = shard_of(&bytes);
    let empty = host.status();
    let (first, second) = (
        renter(&town, "first tenant"),
        renter(&town, "second tenant"),
    );
    let one = store(&first, host, &bytes).digest(CHAIN_ID);
    let single = host.status();
    assert_eq!((single.shards, single.agreements), (1, 1));
    assert!(single.used > empty.used);
    let two = store(&second, host, &bytes).digest(CHAIN_ID);
    let both = host.status();
    assert_eq!(
        (both.shards, both.agreements, both.used),
        (1, 2, single.used)
    );
    assert!(!remove(&first, host, one).freed);
    assert_eq!((host.status().shards, host.status().agreements), (1, 1));
    assert!(serves(&second, host, &shard));
    assert!(remove(&second, host, two).freed);
    let gone = host.status();
    assert_eq!((gone.shards, gone.agreements), (0, 0));
    assert_eq!((gone.used, gone.free), (empty.used, empty.free));
    assert!(!serves(&second, host, &shard));
}

#[test]
fn the_same_renter_leases_the_same_shard_again_later() {
    // Goal: putting again is a new lease, never an error. Method: the same renter, other terms;
    // the very same terms again give the same receipt and no second agreement.
    let town = town("same-renter");
    let host = &town.hosts[0];
    let caller = renter(&town, "putting twice");
    let bytes = noise("putting twice", LEN);
    let first = store(&caller, host, &bytes);
    let second = store(&caller, host, &bytes);
    assert_ne!(first.digest(CHAIN_ID), second.digest(CHAIN_ID));
    assert_eq!((host.status().shards, host.status().agreements), (1, 2));
    let again = block_on(caller.store(host, &first, &bytes)).expect("stored");
    assert_eq!(again.receipt.body.agreement, first.digest(CHAIN_ID));
    assert_eq!(host.status().agreements, 2);
}

#[test]
fn ten_renters_storing_the_same_shard_at_once_all_succeed_and_one_copy_stays() {
    // Goal: the race for the first copy hurts nobody. Method: ten uploads of the same bytes run
    // together; all get receipts, the host keeps one copy and ten agreements.
    let town = town("at-once");
    let host = &town.hosts[0];
    let bytes = noise("at once", LEN);
    let callers: Vec<Caller> = (0..10).map(|_| Caller::stranger(&town.network)).collect();
    let terms: Vec<Agreement> = callers
        .iter()
        .map(|one| one.terms(host, shard_of(&bytes), LEN as u64))
        .collect();
    let single = {
        let other = noise("at once, alone", LEN);
        store(&callers[0], host, &other);
        host.status()
    };
    block_on(async {
        let uploads = callers
            .iter()
            .zip(&terms)
            .map(|(one, terms)| one.store(host, terms, &bytes));
        for stored in futures::future::join_all(uploads).await {
            stored.expect("stored").close().await;
        }
    });
    let status = host.status();
    assert_eq!((status.shards, status.agreements), (2, 11));
    assert_eq!(
        status.used,
        2 * single.used,
        "copies that lost the race keep no space"
    );
}

#[test]
fn nobody_but_its_renter_ends_an_agreement() {
    // Goal: a stranger who knows the digest can do nothing with it. Method: another key signs.
    let town = town("strangers-delete");
    let host = &town.hosts[0];
    let caller = renter(&town, "owner");
    let bytes = noise("owner", LEN);
    let digest = store(&caller, host, &bytes).digest(CHAIN_ID);
    let stranger = Caller::stranger(&town.network);
    let (id, to) = (town.network.id(), host.addr());
    let tried = block_on(delete::close(
        &stranger.net,
        &to,
        &id,
        digest,
        &stranger.key,
    ));
    assert_eq!(
        tried.as_ref().err().and_then(refusal),
        Some(RefusalCode::Signature)
    );
    assert_eq!((host.status().shards, host.status().agreements), (1, 1));
    assert!(remove(&caller, host, digest).freed);
    assert!(
        remove(&caller, host, digest).freed,
        "saying it again is no error"
    );
    let unknown = AgreementDigest([5; 32]);
    let tried = block_on(delete::close(&caller.net, &to, &id, unknown, &caller.key));
    assert!(matches!(tried, Err(Error::Refused { .. })));
}

#[test]
fn an_agreement_past_its_end_and_grace_frees_its_space_by_chain_time() {
    // Goal: what is no longer paid for is given back, by blocks and not by the clock. Method: a
    // town with short epochs, terms of two of them, and no further word of ours.
    let mut epoch = crate::stage::ground().rule();
    (epoch.epoch_blocks, epoch.grace_epochs) = (8, 0);
    let town = Town::start(
        "expiry",
        Shape {
            hosts: 1,
            epoch: Some(epoch),
            ..Shape::default()
        },
    );
    let host = &town.hosts[0];
    let empty = host.status();
    let caller = renter(&town, "short stay");
    let bytes = noise("short stay", LEN);
    let mut terms = caller.terms(host, shard_of(&bytes), LEN as u64);
    terms.end_epoch = terms.start_epoch + 2;
    block_on(caller.store(host, &terms, &bytes)).expect("stored");
    assert_eq!(host.status().shards, 1);
    let end = epoch.genesis_block + terms.end_epoch * epoch.epoch_blocks;
    let after = host.status_when("the agreement ends", |status| status.agreements == 0);
    assert!(
        after.block >= end,
        "ended at block {} before {end}",
        after.block
    );
    assert_eq!(
        (after.shards, after.used, after.free),
        (0, empty.used, empty.free)
    );
}
