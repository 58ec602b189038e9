//! Placeholder head of host-agreement.
