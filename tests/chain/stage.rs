//! What the tests stand on: keys, and a ledger that holds one cheque.

use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::cheque::Cheque;
use host_core::identity::SecretKey;
use host_core::{Address, AgreementId, Amount, NetworkId, ShardId, VolumeId};
use host_ledger::{AgreementRow, Fact, Ledger, Options, PlacementRow};

pub(crate) const CHAIN: u64 = 31_337;
pub(crate) const SUM: Amount = Amount(1_000_000);

pub(crate) fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32]).expect("a scalar")
}

/// A ledger that holds one paid agreement whose cheque promises `SUM` on `vault`.
pub(crate) async fn ledger_with_cheque(dir: &std::path::Path, vault: Address) -> Ledger {
    let ledger = Ledger::open(dir, Options::default()).expect("opens");
    let (renter, host) = (key(2), key(3));
    let shard = ShardId([5; 32]);
    let terms = Agreement {
        network: NetworkId::of_name("test"),
        id: AgreementId([4; 32]),
        renter: renter.address(),
        host: host.address(),
        payout: host.address(),
        shard,
        shard_len: 4096,
        codec: 1,
        price: Amount(1),
        start_epoch: 0,
        end_epoch: 9,
        egress_price: Amount(0),
        pay_mode: PayMode::Cheque,
        nonce: 0,
    };
    let agreement = terms.digest(CHAIN);
    let signed = SignedAgreement {
        renter_signature: terms.sign(CHAIN, &renter),
        host_signature: terms.sign(CHAIN, &host),
        terms,
    };
    let cheque = Cheque {
        vault,
        beneficiary: host.address(),
        cumulative: SUM,
        token: None,
    }
    .sign(CHAIN, &renter);
    let volume = VolumeId([1; 16]);
    let row = PlacementRow {
        volume,
        offset: 8192,
        size: 8192,
        len: 4096,
    };
    let facts = vec![
        Fact::VolumeAdded {
            volume,
            start: 8192,
            size: 1 << 20,
        },
        Fact::AgreementOpened(AgreementRow::new(agreement, signed, 0)),
        Fact::ShardPlaced {
            shard,
            row,
            agreement,
        },
        Fact::ChequeAccepted {
            cheque,
            agreement,
            through_epoch: 1,
            increment: SUM,
        },
    ];
    ledger.commit(facts).await.expect("committed");
    ledger
}
