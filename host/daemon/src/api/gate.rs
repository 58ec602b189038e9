//! What every door checks before a verb runs: the name it was called by, where a browser came
//! from, how often someone asks and how often in vain.
//!
//! Pure over the time it is given; every table is bounded. A `Host` that is not ours is refused
//! because a web page can point a name of its own at this machine (DNS rebinding); an `Origin` that
//! is not on the exact list is refused because a page then acts for its reader.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Requests one address may make a second, over time.
const RATE_PER_SECOND: u32 = 20;
/// Requests one address may make at once.
const BURST: u32 = 60;
/// Wrong credentials after which an address waits.
const STRIKES_MAX: u32 = 5;
/// How long it waits.
const LOCKOUT: Duration = Duration::from_secs(60);
/// Addresses remembered; beyond that the one unseen for longest is forgotten.
const ADDRESSES_MAX: usize = 1024;

/// Why someone must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Too many requests.
    Rate,
    /// Too many wrong credentials.
    Lockout,
}

#[derive(Debug, Clone, Copy)]
struct Visits {
    seen: Duration,
    /// Thousandths of a request left.
    left: u32,
    strikes: u32,
    locked_until: Duration,
}

/// Rates and strikes by address.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    visits: Mutex<HashMap<IpAddr, Visits>>,
}

impl Gate {
    /// Lets a request of `from` in at `now`, or says what it waits for.
    pub(crate) fn enter(&self, from: IpAddr, now: Duration) -> Result<(), Wait> {
        self.with(from, now, |visits| {
            if now < visits.locked_until {
                return Err(Wait::Lockout);
            }
            let passed = now.saturating_sub(visits.seen).as_millis();
            let gained = u32::try_from(passed).unwrap_or(u32::MAX);
            let gained = gained.saturating_mul(RATE_PER_SECOND);
            visits.left = visits.left.saturating_add(gained).min(BURST * 1000);
            visits.seen = now;
            match visits.left.checked_sub(1000) {
                Some(left) => {
                    visits.left = left;
                    Ok(())
                }
                None => Err(Wait::Rate),
            }
        })
    }

    /// Notes wrong credentials; after a few the address waits.
    pub(crate) fn strike(&self, from: IpAddr, now: Duration) {
        self.with(from, now, |visits| {
            visits.strikes += 1;
            if visits.strikes >= STRIKES_MAX {
                visits.strikes = 0;
                visits.locked_until = now + LOCKOUT;
            }
        });
    }

    /// Forgets the strikes of an address that showed good credentials.
    pub(crate) fn welcome(&self, from: IpAddr, now: Duration) {
        self.with(from, now, |visits| visits.strikes = 0);
    }

    fn with<T>(&self, from: IpAddr, now: Duration, act: impl FnOnce(&mut Visits) -> T) -> T {
        let mut all = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ADDRESSES_MAX && !all.contains_key(&from) {
            let oldest = all.iter().min_by_key(|(_, visits)| visits.seen);
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                all.remove(&oldest);
            }
        }
        let fresh = Visits {
            seen: now,
            left: BURST * 1000,
            strikes: 0,
            locked_until: Duration::ZERO,
        };
        act(all.entry(from).or_insert(fresh))
    }
}

/// Whether a `Host` header names this host: an address, `localhost`, or a configured name.
pub(crate) fn is_own_name(host: &str, names: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Whether an `Origin` is the page this door served itself: its own scheme and the very name it was
/// called by, which `is_own_name` has judged.
pub(crate) fn is_own_page(origin: &str, host: &str, secure: bool) -> bool {
    let scheme = if secure { "https://" } else { "http://" };
    origin.strip_prefix(scheme) == Some(host) && !host.is_empty()
}

/// Whether a request with this `Origin` may act: none, or one on the exact list.
pub(crate) fn is_welcome_origin(origin: Option<&str>, origins: &[String]) -> bool {
    origin.is_none_or(|origin| origins.iter().any(|own| own == origin))
}

#[cfg(test)]
mod tests;
