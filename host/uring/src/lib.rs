//! Placeholder head of host-uring.
