//! Who asks, and what that allows: every door of the API decides it once, every verb demands it.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use host_api::{Problem, Scope, problem};
use host_core::Blame;

use super::TOKEN_FILE;

/// Who asks. A door puts it beside the request after it has looked at the credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// How the audit log names it.
    pub name: String,
    /// What it may do; none is someone who showed nothing at the local door.
    pub scope: Option<Scope>,
}

impl Caller {
    /// Whoever reaches the loopback door without a token: may look.
    #[must_use]
    pub fn passer_by() -> Self {
        Self {
            name: "local".into(),
            scope: Some(Scope::Read),
        }
    }

    /// Lets the caller through only with the scope. The failure says which one is missing.
    pub(crate) fn demand(&self, wanted: Scope) -> Result<(), Failure> {
        match self.scope {
            Some(scope) if scope >= wanted => Ok(()),
            Some(scope) => {
                let why = format!(
                    "this needs scope `{}` and the caller has `{}`; on this machine send \
                     `authorization: Bearer TOKEN` with the token in {TOKEN_FILE}",
                    wanted.label(),
                    scope.label()
                );
                let status = StatusCode::UNAUTHORIZED;
                Err(Failure::new(status, "scope-too-small", why))
            }
            None => Err(unknown()),
        }
    }
}

/// The failure of someone who showed nothing that opens.
pub(crate) fn unknown() -> Failure {
    let why = "send `authorization: Bearer TOKEN`; `holdfast token create` makes one";
    Failure::new(StatusCode::UNAUTHORIZED, "not-authorized", why)
}

/// A failed request, answered as a problem.
#[derive(Debug)]
pub(crate) struct Failure(Problem);

impl Failure {
    /// A failure with its stable code and its reason for a person.
    pub(crate) fn new(status: StatusCode, code: &str, why: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("refused");
        Self(Problem::new(status.as_u16(), code, title, why))
    }

    /// What the operator asked for cannot be done.
    pub(crate) fn refused(code: &str, why: impl Into<String>) -> Self {
        let Self(problem) = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, why);
        Self(problem.blamed(Blame::Operator))
    }

    /// Something inside did not work.
    pub(crate) fn internal(err: impl std::fmt::Display) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "internal", err.to_string())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0)).into_response();
        let kind = HeaderValue::from_static(problem::MEDIA_TYPE);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
