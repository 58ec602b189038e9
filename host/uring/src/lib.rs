//! Volumes' devices: files and block devices moved directly, and the lock of a data directory.
//!
//! Enters: a path and options. Leaves: a `Device`. Invariants: a buffer belongs to the driver
//! while an operation is in flight; offsets and lengths are checked before the kernel sees them;
//! nothing is durable before a flush has completed. Unsafe code lives here and nowhere else in the
//! host: in `arena` (memory) and `ring` (submission); each file heads its invariants.

mod arena;
mod lock;
mod open;
mod plain;
mod ring;

pub use arena::Buffer;
pub use lock::{DirLock, LockError};
pub use open::{AnyDevice, Driver, OpenError, OpenOptions, open};
