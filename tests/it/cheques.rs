//! Forged cheques and frames against a real host: each refused with its code, none recorded.

use host_core::cheque::SignedCheque;
use host_core::seams::Peers;
use host_core::wire::{self, ChequeRequest, Protocol, RefusalCode};
use host_core::{Address, Amount, limits};
use host_transfer::upload::StoredShard;
use host_transfer::{Error, pay};

use crate::stage::{CHAIN_ID, Caller, Host, block_on, noise, shard_of, shared};

/// A renter with a shard on a host of the shared town, and what it owes for the first epoch.
struct Debt {
    caller: Caller,
    host: &'static Host,
    stored: StoredShard,
    first_epoch: u64,
    due: Amount,
    digest: host_core::AgreementDigest,
}

/// Stores a shard and stops before the cheque.
fn debt(name: &str, deposit: Amount, host: usize) -> Debt {
    let town = shared();
    let host = &town.hosts[host];
    let caller = Caller::with_vault(&town.network, name, deposit);
    let bytes = noise(name, 200_000);
    let terms = caller.terms(host, shard_of(&bytes), bytes.len() as u64);
    let due = terms.cost_of(1).expect("a small sum");
    assert!(
        due > Amount(1),
        "the sum leaves room for one that is too small"
    );
    let stored = block_on(caller.store(host, &terms, &bytes)).expect("stored");
    let digest = terms.digest(CHAIN_ID);
    Debt {
        caller,
        host,
        stored,
        first_epoch: terms.start_epoch + 1,
        due,
        digest,
    }
}

impl Debt {
    /// Gives a cheque; the code of the refusal when there is one.
    fn give(&self, cheque: SignedCheque) -> Result<Amount, RefusalCode> {
        let (net, to) = (&self.caller.net, self.host.addr());
        let given = block_on(pay::pay(net, &to, self.digest, self.first_epoch, cheque));
        given.map_err(|error| match error {
            Error::Refused { refusal, .. } => refusal.code,
            other => panic!("no refusal but {other}"),
        })
    }

    /// What the host counts on from this vault.
    fn counted(&self) -> Option<SignedCheque> {
        let (net, to) = (&self.caller.net, self.host.addr());
        block_on(pay::last(net, &to, self.caller.vault)).expect("the host answers")
    }
}

#[test]
fn a_forged_cheque_is_refused_with_its_code_and_never_recorded() {
    // Goal: nothing but the issuer's rising promise on a covered vault counts. Method: one debt,
    // every forgery, after each the host must count on nothing; then the good cheque is taken,
    // and its repetition neither harms nor pays twice.
    let rich = Amount(1_000_000_000_000_000_000);
    let debt = debt("forger", rich, 0);
    let (caller, host) = (&debt.caller, debt.host);
    let promise = caller.promise(host, debt.due);
    let stranger = Caller::stranger(&caller.network);
    let other = Caller::with_vault(&caller.network, "forger's neighbour", Amount::ZERO);
    let mut elsewhere = promise.clone();
    elsewhere.vault = Address([9; 20]);
    let mut neighbours = promise.clone();
    neighbours.vault = other.vault;
    let mut for_another = promise.clone();
    for_another.beneficiary = stranger.key.address();
    let mut in_token = promise.clone();
    in_token.token = Some(Address([8; 20]));
    let forged = [
        (
            "another's signature",
            promise.clone().sign(CHAIN_ID, &stranger.key),
            { RefusalCode::Signature },
        ),
        (
            "another chain",
            promise.clone().sign(CHAIN_ID + 1, &caller.key),
            RefusalCode::Signature,
        ),
        (
            "no vault of the factory",
            elsewhere.sign(CHAIN_ID, &caller.key),
            RefusalCode::Vault,
        ),
        (
            "another's vault",
            neighbours.clone().sign(CHAIN_ID, &other.key),
            RefusalCode::Vault,
        ),
        (
            "another's vault, own hand",
            neighbours.sign(CHAIN_ID, &caller.key),
            { RefusalCode::Signature },
        ),
        (
            "for another host",
            for_another.sign(CHAIN_ID, &caller.key),
            RefusalCode::Payment,
        ),
        (
            "another token",
            in_token.sign(CHAIN_ID, &caller.key),
            RefusalCode::Payment,
        ),
        (
            "too little",
            caller.cheque(host, Amount(debt.due.0 - 1)),
            RefusalCode::Increment,
        ),
        (
            "nothing",
            caller.cheque(host, Amount::ZERO),
            RefusalCode::Increment,
        ),
        (
            "more than the vault holds",
            caller.cheque(host, Amount(rich.0 + 1)),
            RefusalCode::Cover,
        ),
    ];
    for (what, cheque, code) in forged {
        assert_eq!(debt.give(cheque), Err(code), "{what}");
        assert_eq!(debt.counted(), None, "{what}");
    }
    let good = caller.cheque(host, debt.due);
    assert_eq!(debt.give(good.clone()), Ok(debt.due));
    assert_eq!(debt.counted(), Some(good.clone()));
    assert_eq!(
        debt.give(good.clone()),
        Ok(debt.due),
        "the same answer when it was lost"
    );
    assert_eq!(debt.counted(), Some(good));
}

#[test]
fn a_replayed_cheque_pays_for_nothing_new() {
    // Goal: one promise pays one debt. Method: pay the first agreement, show the same cheque for a
    // second one; only a larger sum is taken.
    let debt = debt("replayer", Amount(1_000_000_000_000_000_000), 1);
    let (caller, host) = (&debt.caller, debt.host);
    let first = caller.cheque(host, debt.due);
    assert_eq!(debt.give(first.clone()), Ok(debt.due));
    let bytes = noise("replayer's second", 200_000);
    let terms = caller.terms(host, shard_of(&bytes), bytes.len() as u64);
    let mut second = block_on(caller.store(host, &terms, &bytes)).expect("stored");
    let through = terms.start_epoch + 1;
    let refused = block_on(second.pay(through, first.clone()));
    let code = refused.err().and_then(|error| match error {
        Error::Refused { refusal, .. } => Some(refusal.code),
        _ => None,
    });
    assert_eq!(code, Some(RefusalCode::Increment));
    assert_eq!(debt.counted(), Some(first));
    let digest = terms.digest(CHAIN_ID);
    let sum = debt
        .due
        .plus(terms.cost_of(1).expect("a small sum"))
        .expect("a small sum");
    let larger = caller.cheque(host, sum);
    let paid = block_on(pay::pay(&caller.net, &host.addr(), digest, through, larger));
    assert_eq!(paid.expect("paid"), sum);
}

#[test]
fn a_vault_without_money_pays_for_nothing() {
    // Goal: a promise nobody can cash is no payment. Method: a vault of the factory, empty.
    let mut debt = debt("pauper", Amount::ZERO, 2);
    let cheque = debt.caller.cheque(debt.host, debt.due);
    let refused = block_on(debt.stored.pay(debt.first_epoch, cheque)).expect_err("not covered");
    assert!(
        matches!(refused, Error::Refused { refusal, .. } if refusal.code == RefusalCode::Cover)
    );
    assert_eq!(debt.counted(), None);
}

#[test]
fn a_frame_over_the_bound_closes_the_stream_and_the_host_serves_on() {
    // Goal: a peer that announces a giant frame gets no memory. Method: our own sender refuses
    // such a frame, so its length is written as the payload of none: the bound is asked of the
    // sender, then the host gets a frame at the bound that is no message, and is asked again.
    let town = shared();
    let host = &town.hosts[3];
    let caller = Caller::stranger(&town.network);
    block_on(async {
        let mut frames = caller
            .net
            .open(&host.addr(), Protocol::Cheque)
            .await
            .expect("open");
        let over = vec![0_u8; limits::FRAME_LEN_MAX + 1];
        assert!(frames.send(over.into()).await.is_err());
        let mut frames = caller
            .net
            .open(&host.addr(), Protocol::Cheque)
            .await
            .expect("open");
        let at = vec![0x80_u8; limits::FRAME_LEN_MAX];
        frames
            .send(at.into())
            .await
            .expect("a frame at the bound is sent");
        while let Ok(Some(_)) = frames.recv().await {}
        let mut frames = caller
            .net
            .open(&host.addr(), Protocol::Cheque)
            .await
            .expect("open");
        let ask = ChequeRequest::Last {
            vault: Address([1; 20]),
        };
        frames.send(wire::message(&ask)).await.expect("sent");
        assert!(frames.recv().await.expect("an answer").is_some());
    });
}
