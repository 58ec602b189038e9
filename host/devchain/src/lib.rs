//! Placeholder head of host-devchain.
