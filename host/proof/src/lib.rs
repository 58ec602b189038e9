//! Placeholder head of host-proof.
