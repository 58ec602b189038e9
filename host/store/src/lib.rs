//! Placeholder head of host-store.
