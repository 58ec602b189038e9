//! Who is told when something breaks, and how. Secrets are never values: keys name files that hold
//! them (relative to the data directory unless absolute), read anew at each use.

use std::path::PathBuf;
use std::time::Duration;

use host_api::alerts::{Quiet, Rule, RuleError};
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Alerts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    /// Whether the host judges itself and tells anybody.
    pub enabled: bool,
    /// Between two looks.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// How long a warning must last before it is told; what is critical is told after a tenth.
    #[serde(with = "humantime_serde")]
    pub lasting: Duration,
    /// After this time a standing alert is told again; `0s` for never.
    #[serde(with = "humantime_serde")]
    pub repeat: Duration,
    /// Hours in which only the critical is told, as `22:00-07:00 +02:00`; empty for none.
    pub quiet: String,
    /// More rules over metrics: `METRIC above|below NUMBER URGENCY [for SPAN]`.
    pub rules: Vec<String>,
    /// Undelivered notices older than this are given up.
    #[serde(with = "humantime_serde")]
    pub keep: Duration,
    /// JSON to an address of the operator's, signed.
    pub webhook: Webhook,
    /// E-mail.
    pub mail: Mail,
    /// The ntfy service, or one's own.
    pub ntfy: Ntfy,
    /// A sign of life to a dead man's switch.
    pub heartbeat: Heartbeat,
}

/// A signed webhook.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Where notices are posted; empty for none.
    pub url: String,
    /// A file that holds the address instead, when the address itself is a secret.
    pub url_file: PathBuf,
    /// A file that holds the key of the signature; empty for none.
    pub secret_file: PathBuf,
}

/// How the mail server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// In clear first, then TLS, or nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// In clear; to loopback only.
    None,
}

/// E-mail by submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// Name of the mail server; empty for none.
    pub server: String,
    /// Its port: 587 for `starttls`, 465 for `tls`.
    pub port: u16,
    /// How it is spoken to.
    pub tls: MailTls,
    /// Whom it is from.
    pub from: String,
    /// Who reads it.
    pub to: Vec<String>,
    /// The name to log in with; empty for no login.
    pub user: String,
    /// A file that holds the password.
    pub password_file: PathBuf,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            server: String::new(),
            port: 587,
            tls: MailTls::default(),
            from: String::new(),
            to: Vec::new(),
            user: String::new(),
            password_file: PathBuf::new(),
        }
    }
}

/// ntfy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ntfy {
    /// The topic's address; empty for none.
    pub url: String,
    /// A file that holds the address instead: whoever knows a public topic may read it.
    pub url_file: PathBuf,
    /// A file that holds an access token; empty for none.
    pub token_file: PathBuf,
}

/// A dead man's switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Heartbeat {
    /// Where the sign of life is posted; empty for none.
    pub url: String,
    /// A file that holds the address instead.
    pub url_file: PathBuf,
    /// Between two signs.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self {
            url: String::new(),
            url_file: PathBuf::new(),
            every: Duration::from_secs(60),
        }
    }
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            enabled: true,
            every: Duration::from_secs(5),
            lasting: Duration::from_secs(300),
            repeat: Duration::from_secs(6 * 3600),
            quiet: String::new(),
            rules: Vec::new(),
            keep: Duration::from_secs(3 * 86_400),
            webhook: Webhook::default(),
            mail: Mail::default(),
            ntfy: Ntfy::default(),
            heartbeat: Heartbeat::default(),
        }
    }
}

impl Alerts {
    /// Checks what types cannot say. Errors with the first key whose value is unusable.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let told = |err: RuleError| ConfigError::Alerts {
            why: err.to_string(),
        };
        let wrong = |key, value: String, why| Err(ConfigError::Value { key, value, why });
        self.quiet.parse::<Quiet>().map_err(told)?;
        for rule in &self.rules {
            rule.parse::<Rule>().map_err(told)?;
        }
        if self.every.is_zero() {
            return wrong("alerts.every", "0s".into(), "it lies above zero");
        }
        if self.heartbeat.every.is_zero() {
            return wrong("alerts.heartbeat.every", "0s".into(), "it lies above zero");
        }
        let addresses = [
            ("alerts.webhook.url", &self.webhook.url),
            ("alerts.ntfy.url", &self.ntfy.url),
            ("alerts.heartbeat.url", &self.heartbeat.url),
        ];
        for (key, url) in addresses {
            let known = url.starts_with("https://") || url.starts_with("http://");
            if !url.is_empty() && !known {
                return wrong(key, url.clone(), "it begins with https:// or http://");
            }
        }
        self.mail.check()
    }
}

impl Mail {
    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key, value: &str, why| {
            let value = value.to_owned();
            Err(ConfigError::Value { key, value, why })
        };
        if self.server.is_empty() {
            return Ok(());
        }
        let loopback = matches!(self.server.as_str(), "localhost" | "127.0.0.1" | "::1");
        if self.tls == MailTls::None && !loopback {
            let why = "mail goes in clear to a server on this machine only";
            return wrong("alerts.mail.tls", "none", why);
        }
        if !self.from.contains('@') {
            return wrong("alerts.mail.from", &self.from, "it is an address, a@b");
        }
        if self.to.is_empty() || self.to.iter().any(|to| !to.contains('@')) {
            let list = self.to.join(", ");
            return wrong("alerts.mail.to", &list, "it lists addresses, a@b");
        }
        Ok(())
    }
}
