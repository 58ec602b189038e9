//! Claiming a box that is nobody's: until `owner.pem` stands in the data directory, the remote
//! door answers one question, and binds the authority of whoever shows the code on the console.
//!
//! The code has 80 bits, works once, for fifteen minutes and five tries; then it is over until the
//! host starts again, which takes somebody at the box or its owner. Invariants: the owner's
//! authority is on the disk before the answer leaves; an owner is never replaced here; the code
//! stands in one file of mode 0600, for whoever shows it on the console, and in no log.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use host_api::Problem;
use host_core::seams::{Clock, Entropy};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::api::door::RemoteDoor;
use crate::supervise::Stopping;

/// The owner's authority, in the data directory.
pub const OWNER_FILE: &str = "owner.pem";
/// What the console shows while there is no owner, in the data directory.
pub const SHOWN_FILE: &str = "run/claim.json";
/// Bytes of an authority at most.
pub const AUTHORITY_MAX: usize = 64 << 10;
/// How long a code works.
const CODE_LIFE: Duration = Duration::from_secs(15 * 60);
/// Wrong codes that are borne.
const TRIES: u32 = 5;
/// Digits of a code: letters and digits that nobody takes for one another.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What is shown on the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The code, in groups.
    pub code: String,
    /// SHA-256 of the certificate that the client pins.
    pub fingerprint: String,
    /// The port that answers.
    pub port: u16,
}

/// What somebody shows who claims a box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The code on the console.
    pub code: String,
    /// The authority whose certificates the box obeys from now on, PEM.
    pub authority: String,
}

/// What is answered to a claim that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// The box.
    pub peer: String,
}

/// Why a claim was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Another code is shown.
    Wrong {
        /// Tries that are left.
        left: u32,
    },
    /// Too late, too many tries, or claimed meanwhile.
    Over,
}

/// The code of this run.
#[derive(Debug)]
pub struct Code {
    digits: String,
    born: Duration,
    tries: u32,
}

impl Code {
    /// A code of eighty fresh bits, born at `now` of a clock that never jumps.
    #[must_use]
    pub fn draw(entropy: &dyn Entropy, now: Duration) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        let digit = |byte: &u8| char::from(DIGITS[usize::from(byte % 32)]);
        Self {
            digits: bytes.iter().map(digit).collect(),
            born: now,
            tries: 0,
        }
    }

    /// The code as the console shows it.
    #[must_use]
    pub fn shown(&self) -> String {
        let groups: Vec<&str> = [0..4, 4..8, 8..12, 12..16]
            .into_iter()
            .filter_map(|range| self.digits.get(range))
            .collect();
        groups.join("-")
    }

    /// Judges what somebody typed; spaces, dashes and case do not matter. A code that was right is
    /// over.
    ///
    /// # Errors
    /// Why it does not open.
    pub fn judge(&mut self, typed: &str, now: Duration) -> Result<(), Refused> {
        if self.is_over(now) {
            return Err(Refused::Over);
        }
        let plain: String = typed
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_uppercase())
            .collect();
        let digest = |text: &str| ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        if digest(&plain).as_ref() == digest(&self.digits).as_ref() {
            self.tries = TRIES;
            return Ok(());
        }
        self.tries += 1;
        Err(Refused::Wrong {
            left: TRIES.saturating_sub(self.tries),
        })
    }

    /// Whether it opens nothing any more.
    #[must_use]
    pub fn is_over(&self, now: Duration) -> bool {
        self.tries >= TRIES || now.saturating_sub(self.born) >= CODE_LIFE
    }
}

/// The owner's authority, when there is one.
#[must_use]
pub fn owner(dir: &Path) -> Option<PathBuf> {
    let path = dir.join(OWNER_FILE);
    path.exists().then_some(path)
}

/// Binds an authority, durably, unless there is one. Errors when it does not read or one is bound.
pub fn bind(dir: &Path, authority: &str) -> anyhow::Result<()> {
    use std::io::Write;
    if authority.len() > AUTHORITY_MAX {
        bail!("an authority has at most {AUTHORITY_MAX} bytes");
    }
    let mut read = 0;
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        certificate.context("the authority does not read")?;
        read += 1;
    }
    if read == 0 {
        bail!("the authority holds no certificate");
    }
    let half = dir.join("owner.pem.half");
    let _ = std::fs::remove_file(&half);
    let mut file = std::fs::File::create_new(&half)?;
    file.write_all(authority.as_bytes())?;
    file.sync_all()?;
    // A link fails where there is an owner already, whoever was faster.
    let linked = std::fs::hard_link(&half, dir.join(OWNER_FILE));
    std::fs::remove_file(&half)?;
    linked.context("the box has an owner")?;
    Ok(std::fs::File::open(dir)?.sync_all()?)
}

/// The one question that a box without owner answers.
pub struct Desk {
    dir: PathBuf,
    peer: String,
    code: Mutex<Code>,
    clock: Arc<dyn Clock>,
    restart: Arc<Notify>,
}

impl Desk {
    /// Draws the code and shows it. `restart` is rung when the box was claimed.
    pub fn open(
        dir: &Path,
        peer: String,
        shown: (String, u16),
        clock: Arc<dyn Clock>,
        restart: Arc<Notify>,
    ) -> anyhow::Result<Self> {
        let code = Code::draw(&crate::clock::SystemEntropy, clock.monotonic());
        let (fingerprint, port) = shown;
        show(
            dir,
            &Shown {
                code: code.shown(),
                fingerprint,
                port,
            },
        )?;
        Ok(Self {
            dir: dir.to_owned(),
            peer,
            code: Mutex::new(code),
            clock,
            restart,
        })
    }

    /// Takes a claim: judged, bound, then said.
    fn take(&self, claim: &Claim) -> Result<Claimed, Box<Problem>> {
        let problem = |code: &'static str, detail: String| {
            let status = StatusCode::FORBIDDEN.as_u16();
            Box::new(Problem::new(status, code, "claim refused", detail))
        };
        let mut code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = code.judge(&claim.code, self.clock.monotonic());
        if code.is_over(self.clock.monotonic()) {
            let _ = std::fs::remove_file(self.dir.join(SHOWN_FILE));
        }
        match judged {
            Ok(()) => {}
            Err(Refused::Wrong { left }) => {
                tracing::warn!(left, "wrong claim code");
                let why = format!("another code stands on the console; {left} tries are left");
                return Err(problem("wrong-code", why));
            }
            Err(Refused::Over) => {
                let why = "the code is over; restart the box for another one";
                return Err(problem("code-over", why.to_owned()));
            }
        }
        bind(&self.dir, &claim.authority)
            .map_err(|why| problem("authority-refused", format!("{why:#}; restart the box")))?;
        tracing::info!("claimed; the owner's certificates are obeyed from now on");
        Ok(Claimed {
            peer: self.peer.clone(),
        })
    }
}

/// Writes what the console shows, readable by its owner alone.
fn show(dir: &Path, shown: &Shown) -> anyhow::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let path = dir.join(SHOWN_FILE);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let _ = std::fs::remove_file(&path);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(file.write_all(serde_json::to_string(shown)?.as_bytes())?)
}

/// Serves the one question until the box was claimed or the host ends.
pub(crate) async fn serve(desk: Arc<Desk>, listener: RemoteDoor, mut stopping: Stopping) {
    let routes = Router::new()
        .route("/claim", post(claim))
        .layer(DefaultBodyLimit::max(AUTHORITY_MAX + 4096))
        .with_state(desk);
    let ended = axum::serve(listener, routes)
        .with_graceful_shutdown(async move { stopping.wait().await })
        .await;
    if let Err(err) = ended {
        tracing::error!(err = %err, "the door of an unclaimed box ended");
    }
}

async fn claim(
    State(desk): State<Arc<Desk>>,
    Json(claim): Json<Claim>,
) -> Result<Json<Claimed>, (StatusCode, Json<Problem>)> {
    let taking = Arc::clone(&desk);
    let taken = tokio::task::spawn_blocking(move || taking.take(&claim)).await;
    let taken = taken.map_err(|err| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let problem = Problem::new(status.as_u16(), "internal", "claim failed", err.to_string());
        (status, Json(problem))
    })?;
    let claimed = taken.map_err(|problem| (StatusCode::FORBIDDEN, Json(*problem)))?;
    // The answer first: the restart closes this door.
    let restart = Arc::clone(&desk.restart);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        restart.notify_one();
    });
    Ok(Json(claimed))
}

#[cfg(test)]
mod tests;
