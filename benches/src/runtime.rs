//! The runtime that measurements of devices run on: built as the daemon builds its own, so that a
//! device is driven as the product drives it.

use tokio::runtime::{Builder, Runtime};

/// Two workers that lull before they park. Errors when threads cannot be had.
pub fn like_the_daemons() -> anyhow::Result<Runtime> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .on_thread_park(host_uring::lull)
        .build()?;
    Ok(runtime)
}
