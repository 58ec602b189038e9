//! Stored bytes over plain HTTP, read-only: releases as `/r/NAME/VERSION-OR-CHANNEL/PATH`, whole as
//! CAR files, and their files as `/cid/CID`, opened buckets as `/b/BUCKET/KEY`, opened objects as
//! `/o/OBJECT`; with directory indexes, `index.html` and the release's or bucket's own `404.html`.
//!
//! This file finds what a path means, send.rs answers with its bytes. What this does not do:
//! write, or follow a path anywhere but in a manifest or in the catalogue.

use std::sync::Arc;

use host_core::ObjectId;
use host_release::FileLine;
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, HeaderMap, LOCATION,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use s3s::dto::StreamingBlob;
use s3s::{Body, S3ErrorCode};
use tokio::net::TcpListener;

use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows::Piece;
use crate::serve::connections;
use crate::shown::{Opened, Shown};

mod index;
pub(crate) mod send;
pub(crate) mod words;

use send::Thing;
use words::{content_type, decode};

/// What never changes under its name.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// What a channel names today.
const TODAY: &str = "public, max-age=60, must-revalidate";
/// What only a token opens.
pub(crate) const OWN: &str = "private, max-age=0, must-revalidate";

pub(crate) type Answer = Response<Body>;

/// Serves until the listener fails.
pub async fn serve_http(gateway: Gateway, listener: TcpListener) -> Result<(), Error> {
    connections(listener, move |request| {
        let gateway = gateway.clone();
        async move { gateway.answer_http(request).await }
    })
    .await
}

fn plain(status: StatusCode, words: &str) -> Answer {
    let mut answer = Response::new(Body::from(format!("{words}\n")));
    *answer.status_mut() = status;
    let text = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, text);
    answer
}

fn put(headers: &mut HeaderMap, name: hyper::header::HeaderName, value: &str) {
    // A path or tag that no header can say is left out.
    if let Ok(value) = value.parse() {
        headers.insert(name, value);
    }
}

/// What one request is about.
pub(crate) struct Asked<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) head: bool,
    /// Whether a release is wanted as one CAR file.
    pub(crate) car: bool,
}

/// A file of a release as what can be sent.
fn of_release(shown: &Shown, file: &FileLine, cache: &'static str) -> Thing {
    let manifest = &shown.manifest;
    Thing {
        pieces: vec![shown.piece(file)],
        len: file.size,
        packed: file.packed.is_some(),
        tag: file.sha256.clone(),
        kind: content_type(&file.path).to_owned(),
        cache,
        private: shown.private,
        sha256: Some(file.sha256.clone()),
        names: vec![
            file.cid.clone(),
            format!("{}/{}/{}", manifest.name, manifest.version, file.path),
        ],
    }
}

fn nothing() -> Answer {
    plain(StatusCode::NOT_FOUND, "there is nothing of this name")
}

impl Gateway {
    async fn answer_http(&self, request: Request<Incoming>) -> Answer {
        let (parts, _no_body) = request.into_parts();
        let head = parts.method == Method::HEAD;
        if !head && parts.method != Method::GET {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "this service only reads");
            put(answer.headers_mut(), ALLOW, "GET, HEAD");
            return answer;
        }
        let path = decode(parts.uri.path());
        let headers = &parts.headers;
        let query = parts.uri.query().unwrap_or_default();
        let car = query.split('&').any(|word| word == "format=car");
        let asked = Asked { headers, head, car };
        let answered = self.route(&path, &asked).await;
        answered.unwrap_or_else(|error| {
            tracing::warn!(err = %error, "page cannot be had");
            plain(
                StatusCode::BAD_GATEWAY,
                "the network does not give it now; try again",
            )
        })
    }

    async fn route(&self, path: &str, asked: &Asked<'_>) -> Result<Answer, Error> {
        if let Some(cid) = path.strip_prefix("/cid/") {
            let Some((shown, file)) = self.inner.shelf.by_cid(cid) else {
                return Ok(nothing());
            };
            let cache = if shown.private { OWN } else { FOREVER };
            let thing = of_release(&shown, &file, cache);
            return self.send_thing(asked, &thing, StatusCode::OK).await;
        }
        if let Some(id) = path.strip_prefix("/o/") {
            return self.object(asked, id).await;
        }
        if let Some(inside) = path.strip_prefix("/b/") {
            return self.bucket_page(asked, inside).await;
        }
        let mut parts = path.strip_prefix("/r/").unwrap_or_default().splitn(3, '/');
        let (Some(name), Some(which)) = (parts.next(), parts.next()) else {
            return Ok(nothing());
        };
        let Some((shown, moves)) = self.inner.shelf.named(name, which) else {
            return Ok(nothing());
        };
        let Some(inside) = parts.next() else {
            return Ok(moved(&format!("{path}/")));
        };
        let cache = match (shown.private, moves) {
            (true, _) => OWN,
            (false, true) => TODAY,
            (false, false) => FOREVER,
        };
        if asked.car && inside.is_empty() {
            return self.car(asked, shown, cache).await;
        }
        self.page(asked, (&*shown, cache), inside, path).await
    }

    /// An opened object by its id. What the id names never changes.
    async fn object(&self, asked: &Asked<'_>, id: &str) -> Result<Answer, Error> {
        let Some(opened) = self.opened(&format!("o/{id}"))? else {
            return Ok(nothing());
        };
        let Ok(object) = id.parse::<ObjectId>() else {
            return Ok(nothing());
        };
        let row = match self.inner.renter.stat(object) {
            Err(host_renter::Error::Unknown { .. }) => return Ok(nothing()),
            row => row?,
        };
        let thing = Thing {
            pieces: vec![Piece {
                object,
                offset: 0,
                len: row.bytes,
                key: None,
            }],
            len: row.bytes,
            packed: false,
            tag: id.to_owned(),
            kind: content_type(&row.name).to_owned(),
            cache: if opened.private { OWN } else { FOREVER },
            private: opened.private,
            sha256: None,
            names: vec![id.to_owned()],
        };
        self.send_thing(asked, &thing, StatusCode::OK).await
    }

    /// A key of an opened bucket, its `index.html`, or its page for what is not there.
    async fn bucket_page(&self, asked: &Asked<'_>, inside: &str) -> Result<Answer, Error> {
        let Some((bucket, key)) = inside.split_once('/') else {
            return Ok(nothing());
        };
        let Some(opened) = self.opened(&format!("b/{bucket}"))? else {
            return Ok(nothing());
        };
        let is_folder = key.is_empty() || key.ends_with('/');
        let index = is_folder.then(|| format!("{key}index.html"));
        let wanted = index.as_deref().unwrap_or(key);
        if let Some(thing) = self.of_bucket(bucket, wanted, &opened)? {
            return self.send_thing(asked, &thing, StatusCode::OK).await;
        }
        match self.of_bucket(bucket, "404.html", &opened)? {
            Some(thing) => self.send_thing(asked, &thing, StatusCode::NOT_FOUND).await,
            None if opened.private && !self.may_see(asked)? => Ok(unauthorised()),
            None => Ok(nothing()),
        }
    }

    /// The current version of a key as what can be sent.
    fn of_bucket(&self, bucket: &str, key: &str, of: &Opened) -> Result<Option<Thing>, Error> {
        let found = match self.found(bucket, key, None) {
            Ok(found) => found.entry,
            Err(error) => {
                return match error.code() {
                    S3ErrorCode::NoSuchKey | S3ErrorCode::NoSuchBucket => Ok(None),
                    _ => Err(Error::NotRead {
                        why: error.to_string(),
                    }),
                };
            }
        };
        let kind = found.headers.get("content-type").cloned();
        Ok(Some(Thing {
            len: found.len,
            packed: false,
            tag: found.etag,
            kind: kind.unwrap_or_else(|| content_type(key).to_owned()),
            cache: if of.private { OWN } else { TODAY },
            private: of.private,
            sha256: None,
            names: vec![format!("/b/{bucket}/{key}")],
            pieces: found.pieces,
        }))
    }

    /// A file, an index, or the release's own page for what is not there.
    async fn page(
        &self,
        asked: &Asked<'_>,
        (shown, cache): (&Shown, &'static str),
        inside: &str,
        path: &str,
    ) -> Result<Answer, Error> {
        let is_folder = inside.is_empty() || inside.ends_with('/');
        let file = shown.file(inside);
        let index = || shown.file(&format!("{inside}index.html"));
        if let Some(file) = file.or_else(|| is_folder.then(index).flatten()) {
            let thing = of_release(shown, file, cache);
            return self.send_thing(asked, &thing, StatusCode::OK).await;
        }
        if shown.private && !self.may_see(asked)? {
            return Ok(unauthorised());
        }
        if is_folder && let Some(page) = index::page(&shown.manifest, inside) {
            let empty = asked.head;
            let mut answer = Response::new(if empty { Body::empty() } else { page.into() });
            let html = "text/html; charset=utf-8";
            put(answer.headers_mut(), CONTENT_TYPE, html);
            put(answer.headers_mut(), CACHE_CONTROL, cache);
            return Ok(answer);
        }
        if let Some(answer) = self.document(asked, (shown, cache), inside).await? {
            return Ok(answer);
        }
        if !is_folder && index::page(&shown.manifest, &format!("{inside}/")).is_some() {
            return Ok(moved(&format!("{path}/")));
        }
        match shown.file("404.html") {
            Some(file) => {
                let thing = of_release(shown, file, TODAY);
                self.send_thing(asked, &thing, StatusCode::NOT_FOUND).await
            }
            None => Ok(plain(StatusCode::NOT_FOUND, "the release has no such file")),
        }
    }
}

impl Gateway {
    /// What belongs to a release beside its files, where none of them has the name: its signed
    /// manifest and the list of digests, so that whoever has the publisher's key checks any copy.
    async fn document(
        &self,
        asked: &Asked<'_>,
        (shown, cache): (&Shown, &'static str),
        inside: &str,
    ) -> Result<Option<Answer>, Error> {
        let (kind, text) = match inside {
            "SHA256SUMS" => ("text/plain; charset=utf-8", shown.manifest.sha256sums()),
            "manifest.json" | "manifest.json.sig" => {
                let release = self.release_document(shown.release).await?;
                match inside {
                    "manifest.json" => ("application/json", release.manifest),
                    _ => ("text/plain; charset=utf-8", release.signature),
                }
            }
            _ => return Ok(None),
        };
        let mut answer = Response::new(match asked.head {
            true => Body::empty(),
            false => text.into(),
        });
        put(answer.headers_mut(), CONTENT_TYPE, kind);
        put(answer.headers_mut(), CACHE_CONTROL, cache);
        Ok(Some(answer))
    }
}

impl Gateway {
    /// A whole release as a CAR file.
    async fn car(
        &self,
        asked: &Asked<'_>,
        shown: Arc<Shown>,
        cache: &'static str,
    ) -> Result<Answer, Error> {
        if shown.private && !self.may_see(asked)? {
            return Ok(unauthorised());
        }
        if let Some(why) = self.blocked_in(&shown.manifest)? {
            return Ok(plain(StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS, &why));
        }
        let Some(root) = shown.manifest.dag.clone() else {
            let why = "this release names no root: `holdfast car pack` makes one of its files";
            return Ok(plain(StatusCode::NOT_IMPLEMENTED, why));
        };
        let name = format!("{}-{}.car", shown.manifest.name, shown.manifest.version);
        let body = match asked.head {
            true => Body::empty(),
            false => Body::from(StreamingBlob::wrap(self.read_car(shown).await?)),
        };
        let mut answer = Response::new(body);
        let headers = answer.headers_mut();
        put(headers, CONTENT_TYPE, "application/vnd.ipld.car; version=1");
        put(headers, ETAG, &format!("\"{root}.car\""));
        put(headers, CACHE_CONTROL, cache);
        let kept = format!("attachment; filename*=UTF-8''{}", words::encode(&name));
        put(headers, CONTENT_DISPOSITION, &kept);
        put(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
        Ok(answer)
    }
}

fn moved(to: &str) -> Answer {
    let mut answer = plain(StatusCode::PERMANENT_REDIRECT, "it is a folder");
    put(answer.headers_mut(), LOCATION, &words::encode(to));
    answer
}

fn unauthorised() -> Answer {
    let mut answer = plain(StatusCode::UNAUTHORIZED, "a token opens it");
    put(answer.headers_mut(), WWW_AUTHENTICATE, "Bearer");
    put(answer.headers_mut(), CACHE_CONTROL, "no-store");
    answer
}
