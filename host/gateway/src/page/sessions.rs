//! Sessions of the page: which cookie stands for which access key, in memory only.
//!
//! Invariants: a token is 256 random bits and only its SHA-256 is kept, so that looking it up tells
//! nothing by its time; a session ends four hours after its last request, a day after its first,
//! and with the gateway; sessions and tries at a sign-in are bounded. What a session may do is the
//! key's row, read for every request: a key that is revoked ends its sessions at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

/// After the last request.
const IDLE: Duration = Duration::from_secs(4 * 3600);
/// After the first one.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// Sessions of all keys, and of one: of one key the session unused longest makes place, so that
/// nobody with a small key turns others out.
const SESSIONS: usize = 512;
const SESSIONS_OF_KEY: usize = 16;
/// Tries in a minute, for one key and in all. A secret has 240 bits: this bounds work, not luck.
const TRIES_OF_KEY: u32 = 10;
const TRIES: u32 = 60;
const MINUTE_S: u64 = 60;

/// What a browser holds.
pub(super) type Token = [u8; 32];

struct Session {
    key: String,
    begun: Duration,
    used: Duration,
}

impl Session {
    fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.used) >= IDLE || now.saturating_sub(self.begun) >= LIFE
    }
}

/// Tries of one minute.
#[derive(Default)]
struct Tries {
    minute: u64,
    all: u32,
    by_key: HashMap<String, u32>,
}

#[derive(Default)]
struct Held {
    sessions: HashMap<[u8; 32], Session>,
    tries: Tries,
}

/// Every session of a page.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Held>);

fn digest(token: &Token) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl Sessions {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a try at a key; false when there were too many in this minute. What is counted is
    /// bounded by the tries in all.
    pub(super) fn may_try(&self, key: &str, now: Duration) -> bool {
        let tries = &mut self.held().tries;
        let minute = now.as_secs() / MINUTE_S;
        if tries.minute != minute {
            *tries = Tries {
                minute,
                ..Tries::default()
            };
        }
        tries.all = tries.all.saturating_add(1);
        if tries.all > TRIES {
            return false;
        }
        let own = tries.by_key.entry(key.to_owned()).or_default();
        *own = own.saturating_add(1);
        *own <= TRIES_OF_KEY
    }

    /// Opens a session; false when there are too many.
    pub(super) fn begin(&self, token: &Token, key: &str, now: Duration) -> bool {
        let sessions = &mut self.held().sessions;
        sessions.retain(|_, session| !session.is_over(now));
        let own = sessions.iter().filter(|(_, session)| session.key == key);
        let mut own: Vec<_> = own.map(|(name, one)| (one.used, *name)).collect();
        if own.len() >= SESSIONS_OF_KEY {
            own.sort_unstable();
            if let Some((_, oldest)) = own.first() {
                sessions.remove(oldest);
            }
        }
        if sessions.len() >= SESSIONS {
            return false;
        }
        let session = Session {
            key: key.to_owned(),
            begun: now,
            used: now,
        };
        sessions.insert(digest(token), session);
        true
    }

    /// The key of a session, which counts as used now.
    pub(super) fn key_of(&self, token: &Token, now: Duration) -> Option<String> {
        let name = digest(token);
        let sessions = &mut self.held().sessions;
        let session = sessions.get_mut(&name)?;
        if session.is_over(now) {
            sessions.remove(&name);
            return None;
        }
        session.used = now;
        Some(session.key.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, token: &Token) {
        self.held().sessions.remove(&digest(token));
    }
}

#[cfg(test)]
mod tests;
