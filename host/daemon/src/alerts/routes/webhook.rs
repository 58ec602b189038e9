//! The webhook: one JSON object a notice, signed so that the receiver knows who made it and when.
//!
//! `Holdfast-Signature: t=SECONDS,v1=HEX` where HEX is HMAC-SHA256, keyed with the secret, over the
//! seconds, a dot and the body's bytes. A receiver refuses old seconds, so a recorded message
//! cannot be played again later.

use std::time::SystemTime;

use host_api::Notice;
use ring::hmac;
use serde::Serialize;

use super::{Letter, Sender};
use crate::alerts::secret;
use crate::alerts::trouble::Trouble;
use crate::vitals;

/// The body.
#[derive(Debug, Serialize)]
struct Body<'a> {
    /// Version of this form.
    version: u32,
    /// The same at every try of one notice.
    id: &'a str,
    /// The host.
    host: &'a str,
    network: &'a str,
    title: String,
    #[serde(flatten)]
    notice: &'a Notice,
}

pub(super) async fn send(from: &Sender, id: &str, notice: &Notice) -> Result<(), Trouble> {
    let config = &from.config.webhook;
    let key = "alerts.webhook.url";
    let url = secret::address(&from.dir, key, &config.url, &config.url_file)?;
    let body = Body {
        version: 1,
        id,
        host: &from.peer,
        network: &from.network,
        title: notice.title(),
        notice,
    };
    let body = serde_json::to_vec(&body).map_err(|err| Trouble::Setting {
        key,
        why: err.to_string(),
    })?;
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("holdfast-alert", id.to_owned()),
    ];
    let named = "alerts.webhook.secret_file";
    if let Some(secret) = secret::read_some(&from.dir, named, &config.secret_file)? {
        let now = vitals::seconds(SystemTime::now());
        headers.push(("holdfast-signature", signature(&secret, now, &body)));
    }
    let letter = Letter {
        key,
        url,
        headers,
        body,
    };
    from.post.send(letter).await
}

/// The signature's header.
pub(super) fn signature(secret: &str, now: u64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut signed = hmac::Context::with_key(&key);
    signed.update(format!("{now}.").as_bytes());
    signed.update(body);
    let tag = signed.sign();
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("t={now},v1={hex}")
}
