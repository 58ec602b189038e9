//! One round a route: take the oldest notice that waits, hand it over, try again later when that
//! fails. A route that is down delays no other; order is kept within a route.
//!
//! Waits between tries double up to `PAUSE_MAX`. A notice is given up when the receiver has refused
//! it `REFUSALS_MAX` times, or when it is older than the operator keeps notices: what could not be
//! told for days is told better by health.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tracing::{info, warn};

use super::journal::Waiting;
use super::routes::Route;
use super::trouble::Trouble;
use super::{Alerts, told_word};
use crate::supervise::Stopping;
use crate::vitals;

/// First wait after a failure, and the longest.
const PAUSE: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// Refusals after which a notice is given up.
const REFUSALS_MAX: u32 = 8;

/// Delivers over one route until the host ends.
pub(crate) async fn deliver(alerts: Arc<Alerts>, route: Route, mut stopping: Stopping) {
    let (mut pause, mut refusals) = (PAUSE, 0);
    while !stopping.now() {
        let Some(waiting) = alerts.next_for(route) else {
            tokio::select! {
                () = alerts.rang(route) => continue,
                () = stopping.wait() => return,
            }
        };
        let tried = tokio::select! {
            tried = one(&alerts, route, &waiting) => tried,
            () = stopping.wait() => return,
        };
        let refused = tried.as_ref().is_err_and(Trouble::is_refusal);
        refusals = if refused { refusals + 1 } else { 0 };
        let over = refusals >= REFUSALS_MAX || is_old(&alerts, &waiting);
        match tried {
            Ok(()) => {
                alerts.delivered(route, waiting.number);
                (pause, refusals) = (PAUSE, 0);
            }
            Err(trouble) if over => {
                let (route, number) = (route.label(), waiting.number);
                warn!(route, number, err = %trouble, "an alert could not be told and is given up");
                alerts.given_up(waiting.number, &trouble, route);
                (pause, refusals) = (PAUSE, 0);
            }
            Err(trouble) => {
                alerts.troubled(route, &trouble);
                if !stopping.sleep(pause).await {
                    return;
                }
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

async fn one(alerts: &Alerts, route: Route, waiting: &Waiting) -> Result<(), Trouble> {
    let id = alerts.name_of(waiting);
    alerts.sender.send(route, &id, &waiting.notice).await?;
    let (route, number) = (route.label(), waiting.number);
    info!(
        route,
        number,
        rule = waiting.notice.alert.rule,
        "{}",
        told_word(&waiting.notice)
    );
    Ok(())
}

fn is_old(alerts: &Alerts, waiting: &Waiting) -> bool {
    let age = vitals::seconds(SystemTime::now()).saturating_sub(waiting.notice.at);
    age > alerts.config.keep.as_secs()
}
