//! Goal: what leaves carries what its receiver needs and no secret. Method: text against known
//! values; whole deliveries stand in tests/it.

use host_api::alerts::{Alert, Urgency};

use super::*;
use crate::config::alerts::Webhook;

fn config() -> AlertsConfig {
    AlertsConfig::default()
}

#[test]
fn the_signature_is_hmac_sha256_over_seconds_dot_body() {
    // The figure is openssl's: printf '1700000000.{}' | openssl dgst -sha256 -hmac key.
    let made = webhook::signature("key", 1_700_000_000, b"{}");
    let (time, tag) = made.split_once(",v1=").expect("two parts");
    assert_eq!(time, "t=1700000000");
    assert_eq!(tag, SIGNED);
}

const SIGNED: &str = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";

#[test]
fn only_what_is_configured_is_a_route() {
    assert!(Route::of(&config()).is_empty());
    let mut some = config();
    some.webhook = Webhook {
        url_file: "hook".into(),
        ..Webhook::default()
    };
    some.mail.server = "localhost".into();
    assert_eq!(Route::of(&some), [Route::Webhook, Route::Mail]);
}

#[test]
fn a_message_says_what_since_when_and_which_host() {
    let from = Sender {
        dir: "/nowhere".into(),
        peer: "12D3".into(),
        network: "town".into(),
        config: config(),
        post: Post::new().expect("a client"),
    };
    let alert = Alert {
        rule: "volume:state".into(),
        subject: "v1".into(),
        urgency: Urgency::Critical,
        summary: "replace the drive".into(),
        since: 0,
    };
    let turn = Turn::Cleared;
    let text = from.text(&Notice {
        turn,
        alert,
        at: 60,
    });
    for part in [
        "replace the drive",
        "critical",
        "1970-01-01T00:00:00Z",
        "12D3",
        "town",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
