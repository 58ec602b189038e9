//! Placeholder head of host-settle.
