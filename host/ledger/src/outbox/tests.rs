//! Rows of transactions: unique while under way, whole through every form, readable from the first
//! schema.

use host_core::seams::SignedTx;
use host_core::{Amount, Digest32};

use crate::tests::{address, commit, id, in_memory};
use crate::{Error, Fact, IntentKey, OutboxRow, OutboxState};

/// A transaction of vault `n`, signed at nonce `n`.
fn sent(n: u64) -> OutboxRow {
    let tx = SignedTx {
        hash: Digest32(id(n)),
        nonce: n,
        raw: vec![1, 2, 3],
    };
    OutboxRow::wanted_cash(address(50)).signed(tx, 7)
}

#[test]
fn one_transaction_of_an_intent_is_under_way_at_a_time() {
    let ledger = in_memory();
    let intent = IntentKey::cash(&address(50));
    commit(&ledger, vec![Fact::OutboxPut(sent(1))]).unwrap();
    let busy = Error::IntentBusy {
        intent: intent.clone(),
    };
    assert_eq!(commit(&ledger, vec![Fact::OutboxPut(sent(2))]), Err(busy));
    let done = Fact::OutboxDone {
        intent: intent.clone(),
        state: OutboxState::Failed,
        reason: "too little".into(),
    };
    let again = vec![done.clone(), Fact::OutboxPut(sent(2))];
    commit(&ledger, again).unwrap();
    let view = ledger.read().unwrap();
    assert_eq!(view.outbox_pending().unwrap(), vec![sent(2)]);
    let ended = view.outbox_ended(None, 9).unwrap();
    let (state, reason) = (ended[0].1.state, ended[0].1.reason.as_str());
    assert_eq!((state, reason), (OutboxState::Failed, "too little"));
    let end = Fact::OutboxDone {
        intent: intent.clone(),
        state: OutboxState::Wanted,
        reason: String::new(),
    };
    let open = Error::IntentOpen {
        intent,
        state: OutboxState::Wanted,
    };
    assert_eq!(commit(&ledger, vec![end]), Err(open));
}

#[test]
fn every_form_of_a_transaction_stays_in_its_row() {
    let dearer = SignedTx {
        hash: Digest32(id(2)),
        nonce: 1,
        raw: vec![4],
    };
    let row = sent(1).signed(dearer, 9);
    let hashes: Vec<_> = row.forms().into_iter().map(|form| form.hash).collect();
    assert_eq!(hashes, vec![Digest32(id(2)), Digest32(id(1))]);
    let bytes = host_core::codec::to_bytes(&row);
    let back: OutboxRow = host_core::codec::from_bytes("outbox", &bytes).unwrap();
    assert_eq!(back, row);
}

#[test]
fn a_transaction_row_of_the_first_schema_still_reads() {
    // Array of six: hash, nonce, raw, vault, cumulative, state.
    let (hash, vault) = (Digest32(id(1)), address(50));
    let old = (
        hash,
        3_u64,
        minicbor::bytes::ByteVec::from(vec![9]),
        vault,
        Amount(5),
        0_u8,
    );
    let bytes = minicbor::to_vec(old).unwrap();
    let row: OutboxRow = host_core::codec::from_bytes("outbox", &bytes).unwrap();
    assert_eq!(row.intent(), IntentKey::cash(&vault));
    assert_eq!((row.nonce, row.state), (3, OutboxState::Pending));
    assert_eq!((row.earlier.len(), row.mined), (0, None));
}
