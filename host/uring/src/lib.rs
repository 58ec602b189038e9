//! Volumes' devices: files and block devices moved directly, and the lock of a data directory.
//!
//! Enters: a path and options. Leaves: a `Device`. Invariants: a buffer belongs to the driver
//! while an operation is in flight; offsets and lengths are checked before the kernel sees them;
//! nothing is durable before a flush has completed.

mod buffer;
mod lock;
mod open;
mod plain;

pub use buffer::Buffer;
pub use lock::{DirLock, LockError};
pub use open::{AnyDevice, Driver, OpenError, OpenOptions, open};
