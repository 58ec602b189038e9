//! When an agreement must stand in the dataset, and which lists the chain knows.

use host_core::agreement::PayMode;
use host_core::{AgreementId, Amount, NetworkId, ShardId};

use super::*;

const fn terms(start_epoch: u64, end_epoch: u64) -> Agreement {
    Agreement {
        network: NetworkId([0; 32]),
        id: AgreementId([1; 32]),
        renter: Address::ZERO,
        host: Address::ZERO,
        payout: Address::ZERO,
        shard: ShardId([2; 32]),
        shard_len: 1,
        codec: 1,
        price: Amount(1),
        start_epoch,
        end_epoch,
        egress_price: Amount::ZERO,
        pay_mode: PayMode::Cheque,
        nonce: 0,
    }
}

#[test]
fn an_agreement_must_stand_in_the_dataset_from_its_third_epoch_to_its_last() {
    let must: Vec<u64> = (0..12)
        .filter(|epoch| must_stand(&terms(5, 9), *epoch))
        .collect();
    assert_eq!(must, [7, 8]);
}

#[test]
fn only_the_two_newest_lists_of_the_chain_count_and_never_an_empty_one() {
    let list = |byte| Digest32([byte; 32]);
    let names = Names {
        current: list(2),
        previous: list(1),
    };
    assert!(names.hold(&list(2)) && names.hold(&list(1)));
    assert!(!names.hold(&list(3)));
    let first = Names {
        current: list(1),
        previous: NONE,
    };
    assert!(!first.hold(&NONE), "no list is no word");
}
