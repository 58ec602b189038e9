//! Ended rows go when their time is over, once, and what they counted for stays.

use host_core::{AgreementDigest, PeerId};

use crate::row::PeerRow;
use crate::tests::{closed, commit, id, in_memory, opened, placed};
use crate::{Fact, Ledger};

const START: u64 = 1 << 20;

fn digest(n: u64) -> AgreementDigest {
    AgreementDigest(id(n))
}

fn forget(ledger: &Ledger, n: u64, before: u64) {
    let ended = vec![digest(n)];
    commit(ledger, vec![Fact::AgreementsForgotten { ended, before }]).unwrap();
}

#[test]
fn an_ended_agreement_goes_after_its_term_and_its_count_stays() {
    let ledger = in_memory();
    for n in 1..=2 {
        let at = placed(n, n, START + n * 8192, 8192);
        commit(&ledger, vec![opened(n, n), at]).unwrap();
    }
    commit(&ledger, vec![closed(1)]).unwrap();
    let row = ledger.read().unwrap().agreement(&digest(1)).unwrap();
    let end = row.unwrap().signed.terms.end_epoch;
    // Its term still runs (it was given up early), or it still binds: both stay.
    forget(&ledger, 1, end);
    forget(&ledger, 2, u64::MAX);
    let view = ledger.read().unwrap();
    assert!(view.agreement(&digest(1)).unwrap().is_some());
    assert!(view.agreement(&digest(2)).unwrap().is_some());
    drop(view);
    for _ in 0..2 {
        forget(&ledger, 1, end + 1);
    }
    let view = ledger.read().unwrap();
    assert!(view.agreement(&digest(1)).unwrap().is_none());
    let totals = view.totals().unwrap();
    assert_eq!((totals.released, totals.forgotten), (1, 1));
}

#[test]
fn a_peer_goes_when_it_was_not_seen_for_long() {
    let ledger = in_memory();
    let row = |n: u8, seen_ms| PeerRow {
        peer: PeerId([n; 33]),
        addrs: Vec::new(),
        seen_ms,
    };
    let (old, new) = (row(1, 99), row(2, 100));
    let seen = [old.clone(), new.clone()].map(Fact::PeerSeen);
    commit(&ledger, seen.to_vec()).unwrap();
    let peers = vec![old.peer, new.peer];
    let before_ms = 100;
    let fact = Fact::PeersForgotten { peers, before_ms };
    commit(&ledger, vec![fact.clone(), fact]).unwrap();
    assert_eq!(ledger.read().unwrap().peers(None, 9).unwrap(), vec![new]);
}
