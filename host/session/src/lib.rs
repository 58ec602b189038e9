//! Placeholder head of host-session.
