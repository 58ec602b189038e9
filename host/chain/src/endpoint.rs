//! One JSON-RPC endpoint: a request over HTTP, its bounds, and the record of how it went.
//!
//! Enters: method and parameters. Leaves: the result, or a classed fault. Invariants: a request
//! takes at most its `Timing`, an answer at most `BODY_MAX` bytes; the URL never reaches a log or
//! an
//! error, since it may hold an access key: only host and port do. Does not: try again or choose.

use crate::fault::Fault;
use crate::health::Health;
use crate::json::Field;
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Largest answer: ten thousand logs fit.
const BODY_MAX: usize = 16 << 20;
/// Characters of a stranger's words that are kept.
const WORDS_MAX: usize = 300;

/// One endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    name: String,
    url: Url,
    http: Client,
    health: Mutex<Health>,
    next_id: AtomicU64,
}

impl Endpoint {
    /// An endpoint behind `url`, nothing is sent yet.
    pub(crate) fn new(url: Url, http: Client) -> Self {
        let port = url.port_or_known_default().unwrap_or_default();
        let name = format!("{}:{port}", url.host_str().unwrap_or("?"));
        let (health, next_id) = (Mutex::new(Health::new()), AtomicU64::new(1));
        Self {
            name,
            url,
            http,
            health,
            next_id,
        }
    }

    /// Host and port.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Host alone, as its address is looked up.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Its record. Never held over an await.
    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        // Plain numbers: a panic in between leaves nothing half written.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends one request and notes in the record how it went.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Result<Value, Fault> {
        let started = Instant::now();
        let outcome = self.exchange(method, params).await;
        let mut health = self.health();
        match &outcome {
            Err(fault) if fault.hurts() => {
                let first = health.failures() == 0;
                health.failed(Instant::now(), dice());
                let (endpoint, err) = (self.name.as_str(), fault.why());
                health.fault(err.clone());
                drop(health);
                if first {
                    tracing::warn!(
                        endpoint,
                        err,
                        "chain endpoint fails, trying others meanwhile"
                    );
                } else {
                    tracing::debug!(endpoint, err, "chain endpoint fails again");
                }
            }
            _ => {
                let failures = health.failures();
                health.answered(started.elapsed());
                drop(health);
                if failures > 0 {
                    tracing::info!(
                        endpoint = self.name,
                        failures,
                        "chain endpoint answers again"
                    );
                }
            }
        }
        outcome
    }

    async fn exchange(&self, method: &str, params: Value) -> Result<Value, Fault> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let sent = self.http.post(self.url.clone()).json(&body).send();
        let response = sent.await.map_err(transport)?;
        let status = response.status();
        let busy = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ];
        if busy.contains(&status) {
            return Err(Fault::Busy {
                why: format!("http status {}", status.as_u16()),
            });
        }
        let bytes = bounded(response).await?;
        let answer: Value = serde_json::from_slice(&bytes).map_err(|_| Fault::Transport {
            why: format!("http status {} without json", status.as_u16()),
        })?;
        result_of(answer, id)
    }
}

/// Reads a body of at most `BODY_MAX` bytes.
async fn bounded(mut response: Response) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if bytes.len() + chunk.len() > BODY_MAX {
            return Err(Fault::Transport {
                why: format!("answer over {BODY_MAX} bytes"),
            });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The result inside an answer to request `id`.
fn result_of(mut answer: Value, id: u64) -> Result<Value, Fault> {
    if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
        let code = error
            .get("code")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let words = error
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or("no message");
        let words: String = words.chars().take(WORDS_MAX).collect();
        // Some nodes put the revert data one level deeper.
        let data = error
            .get("data")
            .map(|data| data.get("data").unwrap_or(data));
        let data = data.and_then(|data| Field::whole("error", data).bytes().ok());
        return Err(Fault::of_rpc(code, words, data));
    }
    if answer.get("id").and_then(Value::as_u64) != Some(id) {
        return Err(Fault::Transport {
            why: "answer to another request".into(),
        });
    }
    match answer.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(Fault::Transport {
            why: "answer without a result".into(),
        }),
    }
}

/// A transport error without the URL.
fn transport(error: reqwest::Error) -> Fault {
    let error = error.without_url();
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        why = format!("{why}: {inner}");
        cause = inner.source();
    }
    Fault::Transport {
        why: why.chars().take(WORDS_MAX).collect(),
    }
}

/// A random byte; without randomness rests are merely not spread.
fn dice() -> u8 {
    let mut byte = [0];
    match getrandom::fill(&mut byte) {
        Ok(()) => byte[0],
        Err(_) => 128,
    }
}
