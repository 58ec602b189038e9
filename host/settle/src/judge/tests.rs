//! Judging: every forgery of a cheque with its code.

use host_core::agreement::{Agreement, PayMode};
use host_core::cheque::{Cheque, SignedCheque};
use host_core::identity::SecretKey;
use host_core::seams::VaultFacts;
use host_core::wire::RefusalCode;
use host_core::{Address, AgreementId, Amount, NetworkId, ShardId};

use super::{Accepted, Claim, judge};

const CHAIN: u64 = 31_337;
const HOST: Address = Address([8; 20]);
const VAULT: Address = Address([3; 20]);

fn renter() -> SecretKey {
    SecretKey::from_bytes(&[1; 32]).expect("a scalar")
}

/// One GiB at 10 an epoch, epochs 5..35: the first epoch costs 10.
fn terms() -> Agreement {
    Agreement {
        network: NetworkId::of_name("test"),
        id: AgreementId([4; 32]),
        renter: renter().address(),
        host: HOST,
        payout: Address([9; 20]),
        shard: ShardId([5; 32]),
        shard_len: 1 << 30,
        codec: 1,
        price: Amount(10),
        start_epoch: 5,
        end_epoch: 35,
        egress_price: Amount(0),
        pay_mode: PayMode::Cheque,
        nonce: 0,
    }
}

struct Case {
    cheque: Cheque,
    chain_id: u64,
    key: SecretKey,
    vault: VaultFacts,
    last: Amount,
    paid: Amount,
    through_epoch: u64,
}

fn good() -> Case {
    Case {
        cheque: Cheque {
            vault: VAULT,
            beneficiary: HOST,
            cumulative: Amount(110),
            token: None,
        },
        chain_id: CHAIN,
        key: renter(),
        vault: VaultFacts {
            issuer: renter().address(),
            known: true,
            balance: Amount(1000),
            paid_out: Amount(0),
            locked: Amount(0),
        },
        last: Amount(100),
        paid: Amount(0),
        through_epoch: 6,
    }
}

fn verdict(change: impl FnOnce(&mut Case)) -> Result<Accepted, RefusalCode> {
    let mut case = good();
    change(&mut case);
    let cheque: SignedCheque = case.cheque.sign(case.chain_id, &case.key);
    let terms = terms();
    judge(&Claim {
        cheque: &cheque,
        terms: &terms,
        through_epoch: case.through_epoch,
        paid: case.paid,
        last: case.last,
        vault: &case.vault,
        chain_id: CHAIN,
        beneficiary: HOST,
    })
    .map_err(|error| error.refusal().code)
}

#[test]
fn a_good_cheque_adds_what_it_promises() {
    assert_eq!(verdict(|_| ()), Ok(Accepted { added: Amount(10) }));
    assert_eq!(
        verdict(|c| c.cheque.cumulative = Amount(150)),
        Ok(Accepted { added: Amount(50) })
    );
}

/// Goal: every forgery of the cheque is refused with its own code. Method: one change at a time.
#[test]
fn each_forgery_has_its_code() {
    let other = || SecretKey::from_bytes(&[7; 32]).expect("a scalar");
    assert_eq!(verdict(|c| c.key = other()), Err(RefusalCode::Signature));
    assert_eq!(verdict(|c| c.chain_id = 1), Err(RefusalCode::Signature));
    assert_eq!(verdict(|c| c.vault.known = false), Err(RefusalCode::Vault));
    assert_eq!(
        verdict(|c| c.vault.issuer = Address([6; 20])),
        Err(RefusalCode::Signature)
    );
    assert_eq!(
        verdict(|c| c.cheque.beneficiary = VAULT),
        Err(RefusalCode::Payment)
    );
    assert_eq!(
        verdict(|c| c.cheque.token = Some(VAULT)),
        Err(RefusalCode::Payment)
    );
    assert_eq!(
        verdict(|c| c.cheque.cumulative = Amount(100)),
        Err(RefusalCode::Increment)
    );
    assert_eq!(
        verdict(|c| c.cheque.cumulative = Amount(109)),
        Err(RefusalCode::Increment)
    );
    assert_eq!(
        verdict(|c| c.through_epoch = 7),
        Err(RefusalCode::Increment)
    );
    assert_eq!(verdict(|c| c.through_epoch = 36), Err(RefusalCode::Term));
    assert_eq!(verdict(|c| c.through_epoch = 5), Err(RefusalCode::Term));
    assert_eq!(
        verdict(|c| c.vault.balance = Amount(109)),
        Err(RefusalCode::Cover)
    );
    assert_eq!(
        verdict(|c| c.vault.paid_out = Amount(110)),
        Err(RefusalCode::Increment)
    );
}

/// Goal: a vault of somebody else cannot pay this renter's agreement. Method: a valid cheque of
/// another issuer's vault.
#[test]
fn another_issuers_vault_is_refused() {
    let other = SecretKey::from_bytes(&[7; 32]).expect("a scalar");
    let refused = verdict(|c| {
        c.vault.issuer = other.address();
        c.key = other;
    });
    assert_eq!(refused, Err(RefusalCode::Vault));
}
