//! Placeholder head of host-transfer.
