//! The one table of routes: what is served is what stands here, and the OpenAPI document is made
//! of it. schemas.json says what bodies and answers hold; tests hold it to the program's types.

use hyper::Method;
use serde_json::{Map, Value, json};

use super::fault::{Fault, Own};

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Document,
    Quote,
    Begin,
    Puts,
    Put,
    Take,
    Store,
    GiveUp,
    Objects,
    Object,
    Read,
    Head,
    Renew,
    Delete,
}

/// A word of a query: name, JSON type, whether it must be there, what it says.
type Word = (&'static str, &'static str, bool, &'static str);

/// A route.
pub(super) struct Route {
    pub(super) method: Method,
    /// Its path, `{...}` for a part that names something.
    pub(super) path: &'static str,
    pub(super) verb: Verb,
    summary: &'static str,
    query: &'static [Word],
    /// Schema of its body; bytes where it is empty.
    body: Option<&'static str>,
    /// Status and schema of its answer; bytes where that is empty.
    answer: (u16, &'static str),
    /// Statuses of its refusals, beside 401, 403 and 500.
    refusals: &'static [u16],
}

/// Where all of them begin.
pub(super) const ROOT: &str = "/api/v1/";
const SCHEMAS: &str = include_str!("schemas.json");

pub(super) static ROUTES: [Route; 14] = [
    Route {
        method: Method::GET,
        path: "openapi.json",
        verb: Verb::Document,
        summary: "This document",
        query: &[],
        body: None,
        answer: (200, "Document"),
        refusals: &[],
    },
    Route {
        method: Method::POST,
        path: "quotes",
        verb: Verb::Quote,
        summary: "What a put would cost, and what the vault lacks for it; contacts no host",
        query: &[],
        body: Some("Quoted"),
        answer: (200, "Quote"),
        refusals: &[400, 409, 503],
    },
    Route {
        method: Method::POST,
        path: "puts",
        verb: Verb::Begin,
        summary: "Begin a put; its session takes the body",
        query: &[],
        body: Some("Order"),
        answer: (201, "Put"),
        refusals: &[400, 503, 507],
    },
    Route {
        method: Method::GET,
        path: "puts",
        verb: Verb::Puts,
        summary: "Every put that is remembered, newest first",
        query: &[],
        body: None,
        answer: (200, "Puts"),
        refusals: &[],
    },
    Route {
        method: Method::GET,
        path: "puts/{session}",
        verb: Verb::Put,
        summary: "Where a put stands",
        query: &[],
        body: None,
        answer: (200, "Put"),
        refusals: &[404],
    },
    Route {
        method: Method::PUT,
        path: "puts/{session}/body",
        verb: Verb::Take,
        summary: "Append bytes at exactly the offset received so far; answered once flushed",
        query: &[(
            "offset",
            "integer",
            true,
            "where the bytes begin: the put's `received`",
        )],
        body: Some(""),
        answer: (200, "Put"),
        refusals: &[400, 404, 409, 413, 503, 507],
    },
    Route {
        method: Method::POST,
        path: "puts/{session}/store",
        verb: Verb::Store,
        summary: "Store the whole body; asked again it says how that goes, or tries again",
        query: &[],
        body: None,
        answer: (202, "Put"),
        refusals: &[404, 409, 503],
    },
    Route {
        method: Method::DELETE,
        path: "puts/{session}",
        verb: Verb::GiveUp,
        summary: "Give a put up, or forget a stored one; its object stays",
        query: &[],
        body: None,
        answer: (200, "GivenUp"),
        refusals: &[404, 409],
    },
    Route {
        method: Method::GET,
        path: "objects",
        verb: Verb::Objects,
        summary: "Objects of this wallet by id, a page of them",
        query: &[
            (
                "most",
                "integer",
                false,
                "how many, 1 to 500; 100 without it",
            ),
            (
                "after",
                "string",
                false,
                "the object after which the page begins",
            ),
        ],
        body: None,
        answer: (200, "Objects"),
        refusals: &[400],
    },
    Route {
        method: Method::GET,
        path: "objects/{object}",
        verb: Verb::Object,
        summary: "One object: shape, term, until when it is paid; its shards when asked for",
        query: &[(
            "health",
            "boolean",
            false,
            "ask every host for a random unit of its shard; takes up to a minute",
        )],
        body: None,
        answer: (200, "Object"),
        refusals: &[400, 404, 503],
    },
    Route {
        method: Method::GET,
        path: "objects/{object}/body",
        verb: Verb::Read,
        summary: "An object's bytes, verified; one `range` is answered with 206",
        query: &[],
        body: None,
        answer: (200, ""),
        refusals: &[400, 404, 416, 502],
    },
    Route {
        method: Method::HEAD,
        path: "objects/{object}/body",
        verb: Verb::Head,
        summary: "The same without the bytes",
        query: &[],
        body: None,
        answer: (200, ""),
        refusals: &[400, 404, 416],
    },
    Route {
        method: Method::POST,
        path: "objects/{object}/renew",
        verb: Verb::Renew,
        summary: "Extend an object's term where it is, within a cap",
        query: &[],
        body: Some("Renewal"),
        answer: (200, "Renewed"),
        refusals: &[400, 402, 404, 409, 503],
    },
    Route {
        method: Method::DELETE,
        path: "objects/{object}",
        verb: Verb::Delete,
        summary: "Delete an object, its key first; answers with the signed report",
        query: &[],
        body: None,
        answer: (200, "Deleted"),
        refusals: &[400, 404, 409, 503],
    },
];

/// The part of a path that a route's `{...}` stands for; none when they do not fit.
fn fits<'p>(route: &Route, path: &'p str) -> Option<&'p str> {
    let (mut wanted, mut given) = (route.path.split('/'), path.split('/'));
    let mut named = "";
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(named),
            (Some(word), Some(part)) if word.starts_with('{') => named = part,
            (Some(word), Some(part)) if word == part => {}
            _ => return None,
        }
    }
}

/// The verb of a request, and what its path names. Errors: route-unknown, method-wrong.
pub(super) fn route<'p>(method: &Method, path: &'p str) -> Result<(Verb, &'p str), Fault> {
    let inside = path.strip_prefix(ROOT).unwrap_or_default();
    let fitting = || {
        ROUTES
            .iter()
            .filter_map(|one| Some((one, fits(one, inside)?)))
    };
    let found = fitting().find(|(route, _)| route.method == *method);
    if let Some((route, named)) = found {
        return Ok((route.verb, named));
    }
    let allow: Vec<&str> = fitting().map(|(route, _)| route.method.as_str()).collect();
    if allow.is_empty() {
        return Err(Fault::own(Own::RouteUnknown, "there is no such route"));
    }
    let words = format!("this route answers {}", allow.join(", "));
    let mut fault = Fault::own(Own::MethodWrong, words);
    fault.allow = Some(allow.join(", "));
    Err(fault)
}

fn content(schema: &str) -> Value {
    match schema {
        "" => {
            let bytes = json!({ "schema": { "type": "string", "format": "binary" } });
            json!({ "application/octet-stream": bytes })
        }
        schema => {
            let of = json!({ "$ref": format!("#/components/schemas/{schema}") });
            json!({ "application/json": { "schema": of } })
        }
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let named = route.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(json!({
            "name": name, "in": "path", "required": true, "schema": { "type": "string" },
        }))
    });
    let words = route.query.iter().map(|(name, kind, must, words)| {
        json!({
            "name": name, "in": "query", "required": must, "description": words,
            "schema": { "type": kind },
        })
    });
    named.chain(words).collect()
}

fn operation(route: &Route) -> Value {
    let mut answers = Map::new();
    let (status, schema) = route.answer;
    let told = match route.method {
        Method::HEAD => json!({ "description": route.summary }),
        _ => json!({ "description": route.summary, "content": content(schema) }),
    };
    answers.insert(status.to_string(), told.clone());
    match route.verb {
        Verb::Read | Verb::Head => answers.insert("206".to_owned(), told),
        Verb::Store => answers.insert("200".to_owned(), told),
        _ => None,
    };
    for status in [401, 403, 500].iter().chain(route.refusals) {
        let fault = json!({ "description": "a refusal", "content": content("Error") });
        answers.insert(status.to_string(), fault);
    }
    let mut said = json!({
        "operationId": format!("{:?}", route.verb).to_lowercase(), "summary": route.summary,
        "parameters": parameters(route), "responses": answers,
    });
    if let (Some(body), Some(fields)) = (route.body, said.as_object_mut()) {
        let body = json!({ "required": true, "content": content(body) });
        fields.insert("requestBody".to_owned(), body);
    }
    said
}

/// The OpenAPI document of the table.
pub(super) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in &ROUTES {
        let path = paths.entry(format!("{ROOT}{}", route.path));
        let path = path.or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            let method = route.method.as_str().to_lowercase();
            methods.insert(method, operation(route));
        }
    }
    // A test holds the file to be JSON.
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfast for applications",
            "description": "Objects of a renter's wallet, stored, read, renewed and deleted by \
                            programs on the renter's machine",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas,
        },
    })
}

#[cfg(test)]
mod tests;
