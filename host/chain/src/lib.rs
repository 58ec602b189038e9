//! Placeholder head of host-chain.
