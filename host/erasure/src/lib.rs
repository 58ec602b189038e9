//! Placeholder head of host-erasure.
