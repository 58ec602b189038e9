//! Placeholder head of host-ledger.
