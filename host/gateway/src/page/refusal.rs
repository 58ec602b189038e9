//! Why the page says no: a status, a code for programs, words for people that say who must act.
//!
//! Invariant: words about this machine's files stay in the log.

use hyper::StatusCode;
use hyper::header::{ALLOW, CONNECTION, RETRY_AFTER};
use s3s::S3Error;
use serde_json::json;

use super::{Answer, assets, said};
use crate::entries::fault;
use crate::error::Error;

/// Seconds after which a busy page may be asked again.
const AGAIN_AFTER: &str = "2";

/// A no.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: String,
    words: String,
    /// Methods that there are instead.
    allow: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &str, words: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            words: words.into(),
            allow: None,
        }
    }

    /// A request that does not read.
    pub(super) fn odd(words: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequest", words)
    }

    /// Beyond the key's rights.
    pub(super) fn denied(words: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", words)
    }

    /// Too much at once.
    pub(super) fn busy(words: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", words)
    }

    /// Nothing of this name.
    pub(super) fn nothing(words: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NoSuchThing", words)
    }

    /// Another method is wanted.
    pub(super) fn method(allow: &'static str) -> Self {
        let words = format!("only {allow} is answered here");
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", words)
        }
    }

    /// What it says to people.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    pub(super) fn into_answer(self) -> Answer {
        let error = json!({ "code": self.code, "message": self.words });
        let mut answer = said(&json!({ "error": error }));
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        if let Some(allow) = self.allow {
            assets::put(headers, ALLOW, allow);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            assets::put(headers, RETRY_AFTER, AGAIN_AFTER);
        }
        // A body that was not read must not be taken for the next request.
        assets::put(headers, CONNECTION, "close");
        answer
    }
}

impl From<S3Error> for Refusal {
    fn from(error: S3Error) -> Self {
        let status = error.status_code();
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = error.code().as_str().to_owned();
        let words = match status {
            StatusCode::INTERNAL_SERVER_ERROR => {
                "the gateway could not do it; who runs it finds why in its log".to_owned()
            }
            _ => error.message().map_or(code.clone(), str::to_owned),
        };
        Self::new(status, &code, words)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused { why } => Self::new(StatusCode::CONFLICT, "Refused", why),
            other => Self::from(fault(other)),
        }
    }
}
