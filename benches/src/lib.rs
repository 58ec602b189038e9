//! Placeholder head of benches.
