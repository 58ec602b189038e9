//! One POST to a receiver: bounded in time, no redirect followed, no address told in an error.

use reqwest::{Client, StatusCode, Url, redirect};

use super::ANSWER_MAX;
use crate::alerts::trouble::Trouble;

/// The client. Clones share its connections.
#[derive(Debug, Clone)]
pub(crate) struct Post(Client);

/// What is posted.
#[derive(Debug)]
pub(crate) struct Letter {
    /// The key that set the address, for errors.
    pub(crate) key: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Post {
    /// A client; errors when TLS cannot be set up.
    pub(crate) fn new() -> Result<Self, Trouble> {
        let built = Client::builder()
            .timeout(ANSWER_MAX)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("holdfastd/", env!("CARGO_PKG_VERSION")))
            .build();
        built.map(Self).map_err(|err| Trouble::Setting {
            key: "alerts",
            why: err.to_string(),
        })
    }

    /// Posts it; well when the receiver answers 2xx.
    pub(crate) async fn send(&self, letter: Letter) -> Result<(), Trouble> {
        let url = Url::parse(&letter.url).map_err(|err| Trouble::Setting {
            key: letter.key,
            why: err.to_string(),
        })?;
        let receiver = name(&url);
        let mut request = self.0.post(url).body(letter.body);
        for (name, value) in letter.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await;
        let answer = answer.map_err(|err| Trouble::Silent {
            receiver: receiver.clone(),
            why: deepest(&err.without_url()),
        })?;
        judge(receiver, answer.status())
    }
}

/// Host and port of an address: never its path, which may be a secret.
fn name(url: &Url) -> String {
    let host = url.host_str().unwrap_or("nobody");
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// A status that may be another one later is silence; the others refuse.
fn judge(receiver: String, status: StatusCode) -> Result<(), Trouble> {
    let why = format!("status {}", status.as_u16());
    let later = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::TOO_EARLY,
    ];
    if status.is_success() {
        Ok(())
    } else if status.is_server_error() || later.contains(&status) {
        Err(Trouble::Silent { receiver, why })
    } else {
        Err(Trouble::Refused { receiver, why })
    }
}

/// The innermost reason of an error, which is the one a person can act on.
fn deepest(err: &dyn std::error::Error) -> String {
    let mut at = err;
    while let Some(inner) = at.source() {
        at = inner;
    }
    at.to_string()
}
