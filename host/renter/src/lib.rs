//! Placeholder head of host-renter.
