//! What the policy signs and refuses, without a socket; the whole process is played against in
//! `tests/it`.

use super::Judge;
use crate::book::{Book, SystemTimes};
use crate::calls::selector;
use crate::policy::{Day, Places, Policy};
use crate::wire::Refusal;
use host_core::identity::SecretKey;
use host_core::keeper::Signable;
use host_core::tx::TxBody;
use host_core::{Address, Amount};

const CHAIN: u64 = 1337;

fn account(seed: u8) -> Address {
    Address([seed; 20])
}

fn judge(dir: &tempfile::TempDir) -> Judge {
    let places = Places {
        token: Some(account(1)),
        vault_factory: Some(account(2)),
        staking: Some(account(3)),
        proof_of_storage: Some(account(4)),
        ..Places::default()
    };
    let policy = Policy {
        day: Day {
            native: Amount(1_000_000),
            token: Amount(50),
            proofs: Amount(300_000),
            gas_price: Amount(10),
        },
        ..Policy::of(CHAIN, places, Some(account(9)))
    };
    let book = Book::open(&dir.path().join("book"), Box::<SystemTimes>::default());
    let key = SecretKey::from_bytes(&[3; 32]).expect("a scalar");
    Judge::new(key, policy, book.expect("opens")).expect("begins")
}

fn tx(nonce: u64, to: Address, data: Vec<u8>) -> TxBody {
    TxBody {
        chain_id: CHAIN,
        nonce,
        to: Some(to),
        value: Amount::ZERO,
        data,
        gas: 10_000,
        max_fee: Amount(10),
        tip: Some(Amount(1)),
    }
}

fn sign(judge: &mut Judge, body: TxBody) -> Result<(), Refusal> {
    let body = Box::new(body);
    judge.sign(&Signable::Transaction { body }).map(|_| ())
}

fn seal(nonce: u64) -> TxBody {
    let data = [selector("seal(uint64)").to_be_bytes().as_slice(), &[0; 32]].concat();
    tx(nonce, account(4), data)
}

fn stake(nonce: u64, sum: u8) -> TxBody {
    let head = selector("stake(uint256)").to_be_bytes();
    let data = [head.as_slice(), &[0; 31], &[sum]].concat();
    tx(nonce, account(3), data)
}

#[test]
fn proofs_have_a_budget_that_nothing_else_uses_up() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut judge = judge(&dir);
    for nonce in 0..10 {
        assert_eq!(sign(&mut judge, stake(nonce, 1)), Ok(()));
    }
    let refused = sign(&mut judge, stake(10, 1));
    assert!(matches!(refused, Err(Refusal::DayNative { .. })));
    for nonce in 10..13 {
        assert_eq!(sign(&mut judge, seal(nonce)), Ok(()));
    }
    let refused = sign(&mut judge, seal(13));
    assert!(matches!(refused, Err(Refusal::DayProofs { .. })));
    // A dearer form of a known nonce costs the difference alone, here nothing.
    assert_eq!(sign(&mut judge, seal(12)), Ok(()));
}

#[test]
fn tokens_of_a_day_are_bounded() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut judge = judge(&dir);
    assert_eq!(sign(&mut judge, stake(0, 30)), Ok(()));
    let refused = sign(&mut judge, stake(1, 21));
    let said = Refusal::DayToken {
        asked: Amount(21),
        spent: Amount(30),
        limit: Amount(50),
    };
    assert_eq!(refused, Err(said));
    assert_eq!(sign(&mut judge, stake(1, 20)), Ok(()));
}

#[test]
fn a_transaction_is_for_this_chain_at_a_bounded_price_without_stray_value() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut judge = judge(&dir);
    let wrong = |change: fn(&mut TxBody)| {
        let mut body = seal(0);
        change(&mut body);
        body
    };
    let refused = sign(&mut judge, wrong(|body| body.chain_id = 1));
    assert!(matches!(refused, Err(Refusal::Chain { have: 1, .. })));
    let refused = sign(&mut judge, wrong(|body| body.to = None));
    assert_eq!(refused, Err(Refusal::Creation));
    let refused = sign(&mut judge, wrong(|body| body.max_fee = Amount(11)));
    assert!(matches!(refused, Err(Refusal::GasPrice { .. })));
    let refused = sign(&mut judge, wrong(|body| body.value = Amount(1)));
    assert_eq!(refused, Err(Refusal::Value { value: Amount(1) }));
    let standing = judge.standing();
    assert_eq!((standing.native, standing.proofs), (Amount(0), Amount(0)));
}
