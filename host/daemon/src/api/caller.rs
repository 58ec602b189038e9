//! Who asks, and what that allows: every door of the API decides it once, every verb demands it.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use host_api::{Problem, Scope, problem};
use host_core::Blame;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{OpenApi, Ref};

use super::TOKEN_FILE;

/// Bytes of a refusal's words at most.
const WORDS_MAX: usize = 4096;

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

    /// A value of the request that cannot be.
    pub(crate) fn asked(name: &str, rule: &str) -> Self {
        let why = format!("`{name}`: {rule}");
        Self::new(StatusCode::BAD_REQUEST, "no-such-value", why)
    }

    /// Something inside did not work.
    pub(crate) fn internal(err: impl std::fmt::Display) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "internal", err.to_string())
    }
}

/// Makes a problem of a refusal in plain words, which the framework gives before a verb runs.
pub(crate) async fn told(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let plain = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !status.is_client_error() || !plain {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).cloned();
    let body = axum::body::to_bytes(response.into_body(), WORDS_MAX).await;
    let words = body.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let words = words.unwrap_or_default();
    let mut problem = Failure::new(status, "bad-request", words).into_response();
    if let Some(allow) = allow {
        problem.headers_mut().insert(header::ALLOW, allow);
    }
    problem
}

/// Writes into a document that every verb may refuse, or fail, with a problem.
pub(crate) fn document_refusals(document: &mut OpenApi) {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let refusal = |what: &str| {
        let response = ResponseBuilder::new().description(what);
        response
            .content(problem::MEDIA_TYPE, content.clone())
            .build()
    };
    let all = document.paths.paths.values_mut();
    for operation in all.flat_map(|path| [&mut path.get, &mut path.put, &mut path.post]) {
        let Some(operation) = operation else { continue };
        let known = &mut operation.responses.responses;
        known.insert("4XX".into(), refusal("refused; the body says why").into());
        known.insert(
            "500".into(),
            refusal("something inside did not work").into(),
        );
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
