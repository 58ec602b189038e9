//! Events add up to the contract's own figures, and a false figure is found.

use host_core::{AgreementDigest, Digest32};

use super::*;

const HOST: Address = Address([1; 20]);

fn rules() -> Rules {
    Rules {
        fee_per_gib: Amount(2 << 30),
        reward_per_gib: Amount(1 << 30),
        epochs_per_round: 4,
        count_epochs: 2,
        band_epochs: 2,
        claim_epochs: 8,
    }
}

fn counted(bytes: u64, epoch: u64) -> AirdropEvent {
    AirdropEvent::Counted {
        host: HOST,
        round: 0,
        agreement: AgreementDigest([2; 32]),
        epoch,
        bytes,
    }
}

fn round() -> Round {
    Round {
        weight: 300,
        budget: Amount(300),
        claimed: Amount(150),
        bands_ready_at: 0,
        closed: true,
        swept: false,
        bands: Digest32([0; 32]),
        bands_input: Digest32([0; 32]),
    }
}

fn books() -> Books {
    let events = [
        AirdropEvent::Funded { sum: Amount(50) },
        counted(100, 0),
        counted(200, 1),
        AirdropEvent::Closed {
            round: 0,
            weight: 300,
            budget: Amount(300),
        },
        AirdropEvent::Claimed {
            host: HOST,
            round: 0,
            bps: 5_000,
            sum: Amount(150),
        },
    ];
    Books::of(&rules(), &events).expect("small sums")
}

#[test]
fn events_add_up_to_pot_promises_and_rewards() {
    let books = books();
    assert_eq!((books.pot, books.promised), (Amount(350), Amount(150)));
    let mut found = Vec::new();
    books.rounds[&0].compare(0, &round(), &mut found);
    assert_eq!(found, []);
}

#[test]
fn a_budget_a_weight_or_a_reward_that_is_not_the_events_is_found() {
    let books = books();
    let false_rounds = [
        Round {
            weight: 301,
            ..round()
        },
        Round {
            budget: Amount(299),
            ..round()
        },
        Round {
            claimed: Amount(151),
            ..round()
        },
    ];
    for one in false_rounds {
        let mut found = Vec::new();
        books.rounds[&0].compare(0, &one, &mut found);
        assert!(!found.is_empty(), "{one:?}");
    }
}
