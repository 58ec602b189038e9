//! Placeholder head of host-core.
