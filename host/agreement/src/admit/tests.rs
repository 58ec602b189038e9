//! Admission: each rule refused with its own code.

use host_core::agreement::{Agreement, PayMode};
use host_core::identity::SecretKey;
use host_core::wire::RefusalCode;
use host_core::{Address, AgreementId, Amount, NetworkId, ShardId};

use super::{Policy, check_terms};

fn renter() -> SecretKey {
    SecretKey::from_bytes(&[1; 32]).expect("a scalar")
}

fn policy() -> Policy {
    let host = SecretKey::from_bytes(&[2; 32]).expect("a scalar");
    Policy {
        network: NetworkId::of_name("test"),
        chain_id: 31_337,
        host: host.address(),
        payout: Address([9; 20]),
        price: Amount(100),
        egress_price: Amount(0),
        epochs_max: 40,
        escrow: false,
    }
}

fn terms() -> Agreement {
    let policy = policy();
    Agreement {
        network: policy.network,
        id: AgreementId([4; 32]),
        renter: renter().address(),
        host: policy.host,
        payout: policy.payout,
        shard: ShardId([5; 32]),
        shard_len: 1000,
        codec: 1,
        price: Amount(100),
        start_epoch: 7,
        end_epoch: 37,
        egress_price: Amount(0),
        pay_mode: PayMode::Cheque,
        nonce: 0,
    }
}

fn code_of(change: impl FnOnce(&mut Agreement)) -> Option<RefusalCode> {
    let mut terms = terms();
    change(&mut terms);
    let signature = terms.sign(31_337, &renter());
    check_terms(&policy(), &terms, &signature, 7)
        .err()
        .map(|error| error.refusal().code)
}

/// Goal: each broken rule is refused with its own code. Method: one change at a time, re-signed.
#[test]
fn each_broken_rule_has_its_code() {
    assert_eq!(code_of(|_| ()), None);
    assert_eq!(
        code_of(|t| t.network = NetworkId([0; 32])),
        Some(RefusalCode::Network)
    );
    assert_eq!(
        code_of(|t| t.host = Address([0; 20])),
        Some(RefusalCode::Network)
    );
    assert_eq!(
        code_of(|t| t.payout = Address([0; 20])),
        Some(RefusalCode::Price)
    );
    assert_eq!(code_of(|t| t.price = Amount(99)), Some(RefusalCode::Price));
    assert_eq!(
        code_of(|t| t.pay_mode = PayMode::Escrow),
        Some(RefusalCode::Price)
    );
    assert_eq!(code_of(|t| t.start_epoch = 9), Some(RefusalCode::Term));
    assert_eq!(code_of(|t| t.end_epoch = 7), Some(RefusalCode::Term));
    assert_eq!(code_of(|t| t.end_epoch = 48), Some(RefusalCode::Term));
    assert_eq!(code_of(|t| t.shard_len = 0), Some(RefusalCode::Malformed));
    assert_eq!(
        code_of(|t| t.shard_len = 1 << 40),
        Some(RefusalCode::Malformed)
    );
    assert_eq!(code_of(|t| t.codec = 77), Some(RefusalCode::Malformed));
    assert_eq!(
        code_of(|t| t.renter = Address([7; 20])),
        Some(RefusalCode::Signature)
    );
}

/// Goal: money in the escrow is taken where the host says so. Method: the same terms, two policies.
#[test]
fn escrow_terms_are_admitted_where_the_host_takes_them() {
    let mut terms = terms();
    terms.pay_mode = PayMode::Escrow;
    let signature = terms.sign(31_337, &renter());
    let takes = Policy {
        escrow: true,
        ..policy()
    };
    assert!(check_terms(&takes, &terms, &signature, 7).is_ok());
    assert!(check_terms(&policy(), &terms, &signature, 7).is_err());
}

/// Goal: a signature over other terms does not admit these. Method: sign, then change.
#[test]
fn a_signature_over_other_terms_is_refused() {
    let mut changed = terms();
    let signature = changed.sign(31_337, &renter());
    changed.nonce = 1;
    let refused = check_terms(&policy(), &changed, &signature, 7);
    assert_eq!(
        refused.err().map(|error| error.refusal().code),
        Some(RefusalCode::Signature)
    );
}
