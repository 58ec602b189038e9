//! Placeholder head of host-net.
