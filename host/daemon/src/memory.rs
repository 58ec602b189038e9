//! What the host gives back when memory presses: the heap's free pages, and from shed on the
//! connections of idle peers; at once when the level rises and every ten seconds while it stands.
//!
//! Enters: pressure. Leaves: pages, closed connections. Admission, repair and the scrub read the
//! level themselves, and `machine` restarts. Proofs and reads that were paid for are not touched
//! here. Trimming walks the heap for some milliseconds on a thread that may block. Deliberately
//! never `drop_caches`: that is the whole machine's, and needs root.

use std::time::Duration;

use host_core::pressure::Pressure;
use host_net::Net;
use tokio::sync::watch;
use tracing::{debug, info};

use crate::supervise::Stopping;

/// Between two trims while memory presses.
const TRIM_EVERY: Duration = Duration::from_secs(10);

/// Gives memory back whenever it presses, until told to end.
pub(crate) async fn keep(
    mut pressure: watch::Receiver<Pressure>,
    net: Net,
    mut stopping: Stopping,
) {
    loop {
        let level = *pressure.borrow_and_update();
        if level >= Pressure::Shed {
            let peers = net.close_idle().await;
            if peers > 0 {
                info!(peers, "idle peers are let go");
            }
        }
        if level >= Pressure::Trim {
            // A trim that could not run is tried again with the next.
            let _ = tokio::task::spawn_blocking(host_uring::trim_heap).await;
            debug!(
                level = level.label(),
                "the heap's free pages are given back"
            );
        }
        let pressed = level >= Pressure::Trim;
        tokio::select! {
            changed = pressure.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(TRIM_EVERY), if pressed => (),
            () = stopping.wait() => return,
        }
    }
}

#[cfg(test)]
mod tests;
