//! Placeholder head of host-daemon.
