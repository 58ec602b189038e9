//! Everything a host must remember, in one redb file: agreements, placements, leases, free
//! extents, cheques, transactions, owner records, volumes, peers.
//!
//! Sets of facts enter through `Ledger::commit`, rows leave through `Snapshot`. Invariants: a set
//! is recorded whole or not at all; when `commit` answers, the set is durable on the state device
//! and in the fact rings it reaches; free space and facts change in the same transaction; counts
//! and sums are kept with each commit, and nothing is scanned when the ledger opens. This is the
//! only room that names redb. What it does not do: judge (agreement, settle), move bytes (store),
//! or know the time.
#![deny(missing_docs)]

mod apply;
mod backup;
#[cfg(feature = "catalogue")]
pub mod catalogue;
mod commit;
mod dataset;
mod error;
mod fact;
mod journal;
mod ledger;
mod outbox;
mod queue;
mod restore;
mod rings;
mod row;
mod snapshot;
mod space;
mod storage;
mod tables;

pub use backup::{Dump, Loading};
pub use dataset::{BatchRow, LEAVES_PER_ROW, LeafRow, PeriodEnd, PeriodRow, ReleaseRow};
pub use error::Error;
pub use fact::Fact;
pub use journal::{Change, FoundRing, Journal, JournalError, RecordKind, RingPlace};
pub use ledger::{Commits, Ledger, Options};
pub use outbox::{CallRow, FormRow, IntentKey, MinedRow, OrderRow, OutboxRow, OutboxState};
pub use restore::Restored;
pub use row::{
    AgreementRow, AgreementState, ChequeRow, Cursor, EventRow, FencedRow, PeerRow, PlacementRow,
    Totals, VolumeRow, VolumeState,
};
pub use snapshot::Snapshot;
pub use storage::{MemoryStorage, Storage};

#[cfg(test)]
mod tests;
