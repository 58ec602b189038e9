//! Spans cut agreements without losing or doubling a unit.

use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::identity::Signature;
use host_core::{AgreementId, NetworkId};

use super::*;

fn row(state: AgreementState, paid_through: u64) -> AgreementRow {
    let terms = Agreement {
        network: NetworkId([1; 32]),
        id: AgreementId([2; 32]),
        renter: Address([3; 20]),
        host: Address([4; 20]),
        payout: Address([4; 20]),
        shard: ShardId([5; 32]),
        shard_len: 1_000,
        codec: 1,
        price: Amount(1 << 22),
        start_epoch: 10,
        end_epoch: 20,
        egress_price: Amount::ZERO,
        pay_mode: PayMode::Cheque,
        nonce: 0,
    };
    let signed = SignedAgreement {
        terms,
        renter_signature: Signature([0; 65]),
        host_signature: Signature([0; 65]),
    };
    let mut row = AgreementRow::new(AgreementDigest([6; 32]), signed, 1);
    (row.state, row.paid_through) = (state, paid_through);
    row
}

#[test]
fn spans_side_by_side_add_up_to_the_whole() {
    let row = row(AgreementState::Active, 17);
    let whole = row_of(&row, 0, 100).expect("sums").expect("it touches");
    let (mut due, mut promised, mut bytes) = (0, 0, 0);
    for from in 0..25 {
        if let Some(part) = row_of(&row, from, from + 1).expect("sums") {
            assert_eq!(part.epochs, 1);
            due += part.due.0;
            promised += part.promised.0;
            bytes += part.byte_epochs.0;
        }
    }
    assert_eq!(
        (due, promised, bytes),
        (whole.due.0, whole.promised.0, whole.byte_epochs.0)
    );
    assert_eq!(bytes, 10_000);
    assert_eq!(due, row.signed.terms.cost_of(10).expect("a sum").0);
    assert_eq!(promised, row.signed.terms.cost_of(7).expect("a sum").0);
}

#[test]
fn what_was_never_kept_counts_no_bytes() {
    let offered = row_of(&row(AgreementState::Offered, 0), 12, 14);
    let offered = offered.expect("sums").expect("it touches");
    assert_eq!(
        (offered.byte_epochs, offered.promised),
        (Amount::ZERO, Amount::ZERO)
    );
    assert!(!offered.receipt);
    let outside = row_of(&row(AgreementState::Active, 11), 20, 30);
    assert_eq!(outside.expect("sums"), None);
}
