//! Placeholder head of host-services.
