//! Placeholder head of tests.
