//! Why the API says no, in one shape: a stable code, who must act, words, the next step, and
//! whether asking the same again may help with nobody doing anything.
//!
//! Codes are the renter's (docs/operating/renter-errors.md) where the renter has one, else those of
//! `Own`, which docs/operating/applications.md lists; a test holds the two equal.

use host_core::Blame;
use host_renter::Code;
use hyper::StatusCode;
use hyper::header::{CONNECTION, RETRY_AFTER};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Answer, put, said};
use crate::error::Error;
use crate::page::refusal::Refusal;

/// Seconds after which what may be asked again may be asked again.
const AGAIN_AFTER: &str = "2";

macro_rules! own {
    ($(
        $name:ident = $word:literal, $status:ident, $who:ident, $retry:literal, $next:literal;
    )*) => {
        /// Faults that only this API has.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Own {
            $(#[doc = $next] $name,)*
        }

        impl Own {
            /// Every one, in the order of the table.
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word programs branch on.
            pub(super) const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            pub(super) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            pub(super) const fn blame(self) -> Blame {
                match self { $(Self::$name => Blame::$who,)* }
            }

            pub(super) const fn retry(self) -> bool {
                match self { $(Self::$name => $retry,)* }
            }

            pub(super) const fn next(self) -> &'static str {
                match self { $(Self::$name => $next,)* }
            }
        }
    };
}

own! {
    RequestWrong = "request-wrong", BAD_REQUEST, Operator, false,
        "change what the message names; /api/v1/openapi.json says what each route takes";
    TokenWrong = "token-wrong", UNAUTHORIZED, Operator, false,
        "send `authorization: Bearer TOKEN` with the token in gateway/api.token of the home";
    PageRefused = "page-refused", FORBIDDEN, Operator, false,
        "call the address that the gateway prints, from a program and not from a web page";
    RouteUnknown = "route-unknown", NOT_FOUND, Operator, false,
        "ask /api/v1/openapi.json for the routes there are";
    MethodWrong = "method-wrong", METHOD_NOT_ALLOWED, Operator, false,
        "use a method that the `allow` header names";
    PutUnknown = "put-unknown", NOT_FOUND, Operator, false,
        "begin a new put; an unfinished one is forgotten after two days without a byte";
    OffsetWrong = "offset-wrong", CONFLICT, Operator, false,
        "send the body from the offset that `received` names";
    BodyLong = "body-long", PAYLOAD_TOO_LARGE, Operator, false,
        "send no more bytes than the put's length, or begin a put of the right length";
    BodyShort = "body-short", CONFLICT, Operator, false,
        "send the rest of the body from the offset that `received` names, then ask again";
    BodyCut = "body-cut", BAD_REQUEST, Operator, false,
        "send the rest of the body from the offset that `received` names";
    BodyDiffers = "body-differs", UNPROCESSABLE_ENTITY, Operator, false,
        "delete the put and send the body again; its SHA-256 is not the one it began with";
    PutSettled = "put-settled", CONFLICT, Operator, false,
        "ask for the put's state; it takes no more bytes, and a stored object is deleted as one";
    OverCap = "over-cap", CONFLICT, Operator, false,
        "name a higher cap, fewer days or fewer shards; nothing was begun";
    ObjectInUse = "object-in-use", CONFLICT, Operator, false,
        "delete the S3 keys that use the object; the gateway gives it back then";
    TooManyPuts = "too-many-puts", SERVICE_UNAVAILABLE, Operator, true,
        "store or delete puts that are under way, then ask again";
    SpoolFull = "spool-full", INSUFFICIENT_STORAGE, Operator, true,
        "wait until other puts are stored, delete some, or raise --api-spool";
    Busy = "busy", SERVICE_UNAVAILABLE, Operator, true,
        "ask again in a few seconds";
    NotRead = "not-read", BAD_GATEWAY, Peer, true,
        "try again later; hosts that are away may come back";
    GatewayFailed = "gateway-failed", INTERNAL_SERVER_ERROR, Us, false,
        "read the gateway's log; report it when it does not say what to do";
}

/// What went wrong, as it is told and kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trouble {
    /// The stable word.
    pub(super) code: String,
    /// Who must act.
    pub(super) who: String,
    /// What happened.
    pub(super) message: String,
    /// What to do.
    pub(super) next: String,
    /// Whether asking again helps by itself.
    pub(super) retry: bool,
}

/// A no.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) status: StatusCode,
    /// In a box: what does not go wrong should not carry its size.
    pub(super) trouble: Box<Trouble>,
    /// How many bytes of a put there are, where that is the matter.
    pub(super) received: Option<u64>,
    /// Methods that there are instead.
    pub(super) allow: Option<String>,
}

/// Whether a fault of the renter goes by itself.
fn passes(code: Code) -> bool {
    use Code::{
        ChainDisagrees, ChainFee, ChainUnreachable, NoHubs, SessionBusy, TooFewHosts,
        TooFewPrefixes,
    };
    let few = matches!(code, NoHubs | TooFewHosts | TooFewPrefixes | SessionBusy);
    let chain = matches!(code, ChainUnreachable | ChainDisagrees | ChainFee);
    few || chain || code.blame() == Blame::Peer
}

fn status_of(code: Code) -> StatusCode {
    match code {
        Code::ObjectUnknown | Code::SessionUnknown => StatusCode::NOT_FOUND,
        Code::ValueInvalid => StatusCode::BAD_REQUEST,
        Code::RangeOutside => StatusCode::RANGE_NOT_SATISFIABLE,
        Code::VaultShort | Code::PurseShort => StatusCode::PAYMENT_REQUIRED,
        Code::FileFailed => StatusCode::INSUFFICIENT_STORAGE,
        _ if passes(code) => StatusCode::SERVICE_UNAVAILABLE,
        _ if code.blame() == Blame::Operator => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Fault {
    /// One of this API's own.
    pub(super) fn own(own: Own, message: impl Into<String>) -> Self {
        Self {
            status: own.status(),
            trouble: Box::new(Trouble {
                code: own.word().to_owned(),
                who: own.blame().label().to_owned(),
                message: message.into(),
                next: own.next().to_owned(),
                retry: own.retry(),
            }),
            received: None,
            allow: None,
        }
    }

    /// One of the renter's.
    pub(super) fn of_code(code: Code, message: impl Into<String>) -> Self {
        Self {
            status: status_of(code),
            trouble: Box::new(Trouble {
                code: code.word().to_owned(),
                who: code.blame().label().to_owned(),
                message: message.into(),
                next: code.next().to_owned(),
                retry: passes(code),
            }),
            received: None,
            allow: None,
        }
    }

    /// Says how many bytes of a put there are.
    pub(super) fn at(mut self, received: u64) -> Self {
        self.received = Some(received);
        self
    }

    /// A request that does not read.
    pub(super) fn odd(message: impl Into<String>) -> Self {
        Self::own(Own::RequestWrong, message)
    }

    pub(super) fn into_answer(self) -> Answer {
        let mut error = json!(self.trouble);
        if let (Some(received), Some(fields)) = (self.received, error.as_object_mut()) {
            fields.insert("received".to_owned(), received.into());
        }
        let mut answer = said(self.status, &json!({ "error": error }));
        let headers = answer.headers_mut();
        if let Some(allow) = self.allow {
            put(headers, hyper::header::ALLOW, &allow);
        }
        if self.trouble.retry {
            put(headers, RETRY_AFTER, AGAIN_AFTER);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            put(headers, hyper::header::WWW_AUTHENTICATE, "Bearer");
        }
        // A body that was not read must not be taken for the next request.
        put(headers, CONNECTION, "close");
        answer
    }
}

impl From<host_renter::Error> for Fault {
    fn from(error: host_renter::Error) -> Self {
        Self::of_code(error.code(), error.to_string())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Renter(error) => error.into(),
            Error::NotRead { .. } => Self::own(Own::NotRead, error.to_string()),
            other => {
                tracing::warn!(err = %other, "the api could not do it");
                Self::own(Own::GatewayFailed, "the gateway could not do it")
            }
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::odd(refusal.words())
    }
}

/// A fault of a file of this gateway.
pub(super) fn file_fault(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Fault + '_ {
    move |error| Fault::of_code(Code::FileFailed, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
