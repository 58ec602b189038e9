//! What the person who runs a gateway asks of it: one line of JSON each way over a socket in the
//! renter's home, which only its owner reaches.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use host_core::ObjectId;
use host_ledger::catalogue::counters;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::bill::Payer;
use crate::error::{Error, file};
use crate::gateway::Gateway;
use crate::keys::NewKey;
use crate::rows::{self, Shared};
use crate::shown::Opened;

/// Longest question.
const LINE_LEN: u64 = 64 << 10;
/// Longest answer.
const ANSWER_LEN: u64 = 64 << 20;
/// Longest wait for a question.
const ASK_WITHIN: Duration = Duration::from_secs(10);

/// A question.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum Ask {
    /// A new access key.
    NewKey(NewKey),
    /// Every access key.
    ListKeys,
    /// Pack shared objects anew that are sparse, or small and closed this long.
    Compact {
        /// Milliseconds.
        small_after_ms: u64,
    },
    /// What every bucket holds.
    Usage,
    /// What every bucket costs.
    Costs {
        /// Days ahead that are counted, every term extended.
        days: u64,
    },
    /// Show a release over HTTP.
    Show {
        /// Its object.
        release: ObjectId,
        /// Only with a token.
        private: bool,
    },
    /// Move a channel.
    Point {
        /// The signed pointer.
        text: String,
        /// Its signature.
        signature: String,
    },
    /// Open a bucket or an object over HTTP, or close it.
    Open {
        /// A bucket's name, or an object.
        what: String,
        /// Only with a token.
        private: bool,
        /// No longer.
        closed: bool,
    },
    /// A token that opens private releases.
    NewToken {
        /// Who it is for.
        label: String,
    },
    /// Refuse a CID or `name/version/path`; without a reason, no longer.
    Block {
        /// Which.
        what: String,
        /// Why.
        why: Option<String>,
    },
    /// Take a key back.
    RevokeKey {
        /// Which.
        id: String,
    },
}

/// An answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Well(Value),
    Badly(String),
}

impl Ask {
    /// What changes something, as the log names it: action, subject, what else belongs to it.
    fn to_note(&self) -> Option<(&'static str, String, Value)> {
        Some(match self {
            Self::ListKeys | Self::Usage | Self::Costs { .. } | Self::Compact { .. } => {
                return None;
            }
            Self::NewKey(wanted) => {
                let rights = json!({
                    "buckets": wanted.buckets, "read_only": wanted.read_only,
                    "quota": wanted.quota, "rate": wanted.rate,
                });
                ("make-key", wanted.name.clone(), rights)
            }
            Self::Show { release, private } => {
                let detail = json!({ "private": private });
                ("show", release.to_string(), detail)
            }
            Self::Point { text, .. } => {
                let pointer = serde_json::from_str(text).unwrap_or(Value::Null);
                ("point", "channel".to_owned(), pointer)
            }
            Self::Open {
                what,
                private,
                closed,
            } => match closed {
                true => ("close", what.clone(), Value::Null),
                false => ("open", what.clone(), json!({ "private": private })),
            },
            Self::NewToken { label } => ("make-token", label.clone(), Value::Null),
            Self::Block { what, why } => match why {
                Some(why) => ("block", what.clone(), json!({ "why": why })),
                None => ("unblock", what.clone(), Value::Null),
            },
            Self::RevokeKey { id } => ("revoke-key", id.clone(), Value::Null),
        })
    }
}

/// What the log keeps of an answer: where and which, never a secret.
fn said(answer: &Value) -> Value {
    let kept = ["access_key", "path"].iter().filter_map(|name| {
        let value = answer.get(*name)?;
        Some(((*name).to_owned(), value.clone()))
    });
    Value::Object(kept.collect())
}

impl Gateway {
    /// Answers one question; what changes something is written down first.
    async fn answer(&self, ask: Ask) -> Result<Value, Error> {
        let Some((action, subject, detail)) = ask.to_note() else {
            return self.obey(ask).await;
        };
        let noted = self.asked(action, "gateway", &subject, vec![detail]);
        let noted = noted.await?;
        let ended = self.obey(ask).await;
        let how = ended.as_ref().map(said).map_err(ToString::to_string);
        self.ended(noted, how).await?;
        ended
    }

    async fn obey(&self, ask: Ask) -> Result<Value, Error> {
        Ok(match ask {
            Ask::NewKey(wanted) => json!(self.new_key(wanted).await?),
            Ask::ListKeys => {
                let keys = self.list_keys()?.into_iter().map(|(id, key)| {
                    json!({
                        "access_key": id, "name": key.name, "buckets": key.buckets,
                        "read_only": key.read_only, "quota": key.quota, "rate": key.rate,
                        "created_ms": key.created_ms,
                    })
                });
                Value::Array(keys.collect())
            }
            Ask::Compact { small_after_ms } => {
                json!({ "emptied": self.compact(small_after_ms).await? })
            }
            Ask::Usage => self.usage()?,
            Ask::Costs { days } => self.costs(days).await?,
            Ask::Show { release, private } => {
                json!({ "path": self.show(release, private).await? })
            }
            Ask::Point { text, signature } => {
                json!({ "path": self.point(&text, &signature).await? })
            }
            Ask::Open {
                what,
                private,
                closed,
            } => {
                let how = (!closed).then_some(Opened { private });
                json!({ "path": self.open_to_http(&what, how).await?, "open": !closed })
            }
            Ask::NewToken { label } => json!({ "token": self.make_token(&label).await? }),
            Ask::Block { what, why } => {
                self.block(&what, why.as_deref()).await?;
                json!({ "what": what, "blocked": why.is_some() })
            }
            Ask::RevokeKey { id } => {
                self.revoke_key(&id).await?;
                json!({ "revoked": id })
            }
        })
    }

    /// What every bucket costs, and what all of them do.
    async fn costs(&self, days: u64) -> Result<Value, Error> {
        let costs = self.inner.renter.costs(days).await?;
        let lines = self.bill(&costs)?.into_iter().map(|(payer, line)| {
            let mut said = json!(line);
            said["for"] = match &payer {
                Payer::Bucket(name) => json!({ "bucket": name }),
                other => json!(other),
            };
            said
        });
        let lines: Vec<Value> = lines.collect();
        Ok(json!({
            "days": days, "epoch": costs.epoch, "epoch_seconds": costs.epoch_seconds,
            "lines": lines, "missing": costs.missing,
        }))
    }

    /// Objects and bytes of every bucket, and what the shared objects hold.
    fn usage(&self) -> Result<Value, Error> {
        let rows = &self.inner.rows;
        let end = rows::after(b"c");
        let buckets = rows
            .scan(b"c", &end, usize::MAX)?
            .into_iter()
            .map(|(key, value)| {
                let (objects, bytes) = counters(&value);
                let name = String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned();
                json!({ "bucket": name, "objects": objects, "bytes": bytes })
            });
        let buckets: Vec<Value> = buckets.collect();
        let end = rows::after(rows::SHARED);
        let shared = rows.scan(rows::SHARED, &end, usize::MAX)?;
        let (count, mut held) = (shared.len(), 0);
        for (key, value) in shared {
            held += rows::of_bytes::<Shared>(&key, &value)?.len;
        }
        let end = rows::after(rows::GARBAGE);
        let waiting = rows.scan(rows::GARBAGE, &end, usize::MAX)?.len();
        Ok(json!({
            "buckets": buckets, "shared": { "objects": count, "bytes": held },
            "to_look_at": waiting,
        }))
    }

    async fn converse(&self, stream: UnixStream) -> std::io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut line = String::new();
        let mut read = BufReader::new(read.take(LINE_LEN));
        tokio::time::timeout(ASK_WITHIN, read.read_line(&mut line)).await??;
        let answer = match serde_json::from_str(&line) {
            Ok(ask) => match self.answer(ask).await {
                Ok(value) => Answer::Well(value),
                Err(error) => Answer::Badly(error.to_string()),
            },
            Err(error) => Answer::Badly(format!("that is no question of ours: {error}")),
        };
        let mut said = serde_json::to_vec(&answer)?;
        said.push(b'\n');
        write.write_all(&said).await
    }
}

/// The socket on which questions are taken. It is there once this is made, so that whoever is told
/// that the gateway runs can ask it at once.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Takes the place at `path`, for its owner alone. Errors: File.
    pub fn bind(path: &Path) -> Result<Self, Error> {
        // The one of an earlier run: the catalogue's lock says that no other gateway runs.
        let _none_there = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).map_err(file(path))?;
        let owner_only = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path, owner_only).map_err(file(path))?;
        let path = path.to_owned();
        Ok(Self { listener, path })
    }

    /// Answers questions until the socket fails. Errors: File.
    pub async fn answer(self, gateway: Gateway) -> Result<(), Error> {
        loop {
            let (stream, _) = self.listener.accept().await.map_err(file(&self.path))?;
            let gateway = gateway.clone();
            tokio::spawn(async move {
                if let Err(error) = gateway.converse(stream).await {
                    tracing::debug!(err = %error, "question ends early");
                }
            });
        }
    }
}

/// Asks the gateway whose socket is at `path`. Errors: File when none runs there, Refused.
pub async fn ask(path: &Path, ask: &Ask) -> Result<Value, Error> {
    let mut stream = UnixStream::connect(path).await.map_err(file(path))?;
    let mut line = rows::to_bytes(ask);
    line.push(b'\n');
    stream.write_all(&line).await.map_err(file(path))?;
    let mut said = Vec::new();
    let mut read = stream.take(ANSWER_LEN);
    read.read_to_end(&mut said).await.map_err(file(path))?;
    let answer = serde_json::from_slice(&said).unwrap_or_else(|error| {
        Answer::Badly(format!("the gateway's answer does not read: {error}"))
    });
    match answer {
        Answer::Well(value) => Ok(value),
        Answer::Badly(why) => Err(Error::Refused { why }),
    }
}
