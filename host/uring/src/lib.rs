//! Volumes' devices: files and block devices moved directly, and the lock of a data directory.
//!
//! Enters: a path and options. Leaves: a `Device`. Invariants: a buffer belongs to the driver
//! while an operation is in flight; offsets and lengths are checked before the kernel sees them;
//! nothing is durable before a flush has completed. Unsafe code lives here and nowhere else in the
//! host: in `arena` (memory), `registered` and `ring` (submission), `lull`
//! (the reactor), `align` (statx) and `raw` (an ioctl).
//!
//! | invariant | kept in |
//! |---|---|
//! | a buffer in flight is the driver's; dropped futures free nothing | `queue`, `ring`, `plain` |
//! | a run of memory belongs to at most one buffer; the mapping outlives all of them | `arena` |
//! | memory is given back only where no buffer lies, and never stays registered | `arena`, `ring` |
//! | file and arena outlive every operation on them | `ring` owns both, `watch` ends last |

mod align;
mod arena;
mod lock;
mod lull;
mod open;
mod plain;
mod queue;
mod raw;
mod registered;
mod ring;
mod watch;

pub use arena::{Buffer, trim_heap};
pub use lock::{DirLock, LockError};
pub use lull::lull;
pub use open::{AnyDevice, Driver, OpenError, OpenOptions, lengthen, open};
pub use raw::clear;
