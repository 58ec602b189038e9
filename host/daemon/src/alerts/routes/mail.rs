//! E-mail by submission, with lettre: one plain text a notice. The Message-ID is made of the
//! notice's id, so that a mailbox shows a message that came twice once.

use host_api::Notice;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError};
use lettre::{AsyncTransport, Tokio1Executor};

use super::{ANSWER_MAX, Sender};
use crate::alerts::secret;
use crate::alerts::trouble::Trouble;
use crate::config::alerts::{Mail, MailTls};

pub(super) async fn send(from: &Sender, id: &str, notice: &Notice) -> Result<(), Trouble> {
    let config = &from.config.mail;
    let message = message(from, id, notice)?;
    let road = road(from, config)?;
    let receiver = format!("{}:{}", config.server, config.port);
    match tokio::time::timeout(ANSWER_MAX * 2, road.send(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(err)) => Err(judged(receiver, &err)),
        Err(_) => {
            let why = "no answer in time".to_owned();
            Err(Trouble::Silent { receiver, why })
        }
    }
}

fn message(from: &Sender, id: &str, notice: &Notice) -> Result<Message, Trouble> {
    let config = &from.config.mail;
    let sender = mailbox("alerts.mail.from", &config.from)?;
    let mut message = Message::builder()
        .message_id(Some(format!("<{id}@{}>", sender.email.domain())))
        .from(sender)
        .subject(format!("[holdfast] {}", notice.title()))
        .header(ContentType::TEXT_PLAIN);
    for to in &config.to {
        message = message.to(mailbox("alerts.mail.to", to)?);
    }
    message
        .body(from.text(notice))
        .map_err(|err| Trouble::Setting {
            key: "alerts.mail",
            why: err.to_string(),
        })
}

fn mailbox(key: &'static str, text: &str) -> Result<Mailbox, Trouble> {
    text.parse().map_err(|_| Trouble::Setting {
        key,
        why: format!("`{text}` is no address"),
    })
}

/// The connection; made anew for each message, since messages are rare.
fn road(from: &Sender, config: &Mail) -> Result<AsyncSmtpTransport<Tokio1Executor>, Trouble> {
    type Road = AsyncSmtpTransport<Tokio1Executor>;
    let made = match config.tls {
        MailTls::Starttls => Road::starttls_relay(&config.server),
        MailTls::Tls => Road::relay(&config.server),
        MailTls::None => Ok(Road::builder_dangerous(&config.server)),
    };
    let made = made.map_err(|err| Trouble::Setting {
        key: "alerts.mail.server",
        why: err.to_string(),
    })?;
    let mut road = made.port(config.port).timeout(Some(ANSWER_MAX));
    if !config.user.is_empty() {
        let key = "alerts.mail.password_file";
        let password = secret::read(&from.dir, key, &config.password_file)?;
        road = road.credentials(Credentials::new(config.user.clone(), password));
    }
    Ok(road.build())
}

/// What the server said for good is a refusal; all else may be better later.
fn judged(receiver: String, err: &SmtpError) -> Trouble {
    let why = err.to_string();
    match err.is_permanent() {
        true => Trouble::Refused { receiver, why },
        false => Trouble::Silent { receiver, why },
    }
}
