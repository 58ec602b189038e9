//! What the updater asks of the host on this box, over the host's own socket: how it is doing, and
//! to take no new work before a restart. Answers are read under bounds and nothing in them is
//! trusted beyond what a start is judged by.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

/// Healthy looks in a row that count as health.
const IN_A_ROW: u32 = 3;
const BETWEEN: Duration = Duration::from_millis(500);
const ANSWER: Duration = Duration::from_secs(10);
/// Most bytes of an answer.
const ANSWER_MOST: u64 = 1 << 20;
/// A drained host ends its uploads within this time, or they are cut and go on elsewhere.
const DRAIN_MOST: Duration = Duration::from_secs(120);
/// The host serves again by itself after this many seconds, should nobody tell it to.
const DRAIN_ENDS: u64 = 1800;
/// The reason by which our own draining is known again.
const DRAIN_REASON: &str = "upgrade of the system";
/// Checks of the host that a version must not have broken. What they stand for is said in
/// docs/operating/health.md; a warning in one of them was there before, or the start fails.
const JUDGED: [&str; 4] = [
    "storage:volumes",
    "proofs:self",
    "clock:skew",
    "network:peers",
];

/// What a host can do, as far as the start of a version is judged by it. What worked before the
/// trial must work in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, Deserialize)]
pub(crate) struct Fitness {
    /// Volumes that serve.
    #[serde(default)]
    pub(crate) volumes: u64,
    /// Judged checks that were not as they should be.
    #[serde(default)]
    pub(crate) warned: Vec<String>,
}

/// The host of this box.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    socket: PathBuf,
}

impl Host {
    /// The host behind `socket`.
    pub(crate) fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// Waits until the host was healthy several times in a row, and as fit as `before`.
    ///
    /// # Errors
    /// What the last look said, once `patience` is over.
    pub(crate) fn wait(
        &self,
        patience: Duration,
        before: Option<&Fitness>,
    ) -> Result<Duration, String> {
        let begun = Instant::now();
        let mut row = 0;
        loop {
            let said = match self.fitness().and_then(|now| worse(before, &now)) {
                Ok(()) => {
                    row += 1;
                    if row >= IN_A_ROW {
                        return Ok(begun.elapsed());
                    }
                    String::from("healthy, not long enough")
                }
                Err(said) => {
                    row = 0;
                    said
                }
            };
            if begun.elapsed() > patience {
                return Err(said);
            }
            std::thread::sleep(BETWEEN);
        }
    }

    /// How fit the host is now.
    ///
    /// # Errors
    /// Why it is not ready.
    pub(crate) fn fitness(&self) -> Result<Fitness, String> {
        let (status, body) = self.ask("GET", "/readyz", "")?;
        if status != 200 {
            return Err(body.trim().chars().take(200).collect());
        }
        let (_, body) = self.ask("GET", "/health", "")?;
        judge(&body)
    }

    /// Has the host take no new work and waits, under a bound, for what is under way. A host that
    /// does not answer has nothing to drain.
    pub(crate) fn drain(&self) -> String {
        let order = format!(
            "{{\"mode\":\"draining\",\"reason\":\"{DRAIN_REASON}\",\"seconds\":{DRAIN_ENDS}}}"
        );
        if let Err(why) = self.ask("PUT", "/api/v1/mode", &order) {
            return format!("not drained: {why}");
        }
        let begun = Instant::now();
        loop {
            let uploads = self.mode().map_or(0, |mode| mode.uploads);
            if uploads == 0 {
                return format!("drained after {:.1} s", begun.elapsed().as_secs_f64());
            }
            if begun.elapsed() > DRAIN_MOST {
                return format!("{uploads} uploads are cut after {DRAIN_MOST:?}");
            }
            std::thread::sleep(BETWEEN);
        }
    }

    /// Ends a draining that was ours; an operator's own stays.
    pub(crate) fn serve(&self) {
        let ours = self
            .mode()
            .is_some_and(|mode| mode.mode == "draining" && mode.reason == DRAIN_REASON);
        if ours {
            let _ = self.ask("PUT", "/api/v1/mode", "{\"mode\":\"serving\"}");
        }
    }

    /// Has the host start again, to take what it reads at its start.
    pub(crate) fn restart(&self) {
        let _ = self.ask("POST", "/api/v1/restart", "");
    }

    fn mode(&self) -> Option<Mode> {
        let (_, body) = self.ask("GET", "/api/v1/mode", "").ok()?;
        serde_json::from_str(&body).ok()
    }

    /// One question; status and body of the answer.
    fn ask(&self, verb: &str, path: &str, body: &str) -> Result<(u16, String), String> {
        let said = |why: std::io::Error| why.to_string();
        let mut stream = UnixStream::connect(&self.socket).map_err(said)?;
        stream.set_read_timeout(Some(ANSWER)).map_err(said)?;
        stream.set_write_timeout(Some(ANSWER)).map_err(said)?;
        // The older protocol ends an answer with its connection, so that no lengths need reading.
        let head = format!(
            "{verb} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).map_err(said)?;
        let mut answer = Vec::new();
        let mut bounded = stream.take(ANSWER_MOST);
        bounded.read_to_end(&mut answer).map_err(said)?;
        parse(&String::from_utf8_lossy(&answer))
    }
}

#[derive(Debug, Deserialize)]
struct Mode {
    mode: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    uploads: u64,
}

/// An HTTP answer.
fn parse(answer: &str) -> Result<(u16, String), String> {
    let status = answer.lines().next().unwrap_or_default();
    let number = status.split(' ').nth(1).and_then(|word| word.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    match (number, body) {
        (Some(number), Some(body)) => Ok((number, body.to_owned())),
        _ => Err(format!("no answer: {status:?}")),
    }
}

/// A health answer as fitness.
fn judge(body: &str) -> Result<Fitness, String> {
    let health: Value = serde_json::from_str(body).map_err(|why| why.to_string())?;
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").to_owned();
    if text(health.get("status")) == "fail" {
        return Err(text(health.get("output")).chars().take(200).collect());
    }
    let mut fitness = Fitness::default();
    for (name, checks) in health
        .get("checks")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        for check in checks.as_array().into_iter().flatten() {
            if name == "storage:volumes" {
                let seen = check.get("observedValue").and_then(Value::as_u64);
                fitness.volumes = seen.unwrap_or(0);
            }
            if JUDGED.contains(&name.as_str()) && text(check.get("status")) != "pass" {
                let line = format!("{name}: {}", text(check.get("output")));
                fitness.warned.push(line.chars().take(200).collect());
            }
        }
    }
    Ok(fitness)
}

/// Whether a start lacks what there was before. Without a before, every start that is ready is fit.
fn worse(before: Option<&Fitness>, now: &Fitness) -> Result<(), String> {
    let Some(before) = before else {
        return Ok(());
    };
    if now.volumes < before.volumes {
        return Err(format!(
            "{} volumes serve, {} did before",
            now.volumes, before.volumes
        ));
    }
    let name = |line: &str| {
        line.split_once(": ")
            .map_or(String::new(), |(name, _)| name.to_owned())
    };
    let known: Vec<String> = before.warned.iter().map(|line| name(line)).collect();
    match now.warned.iter().find(|line| !known.contains(&name(line))) {
        Some(line) => Err(line.clone()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
