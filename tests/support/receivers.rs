//! Receivers of alerts: a mailbox that takes POSTs and a mail server, both real sockets on
//! loopback. They answer what a test tells them to and keep what they got.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Longest wait for the other side of a connection.
const PATIENCE: Duration = Duration::from_secs(20);

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One POST.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Letter {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.clone())
    }
}

/// An address that takes POSTs.
#[derive(Debug)]
pub(crate) struct Mailbox {
    address: SocketAddr,
    letters: Arc<Mutex<Vec<Letter>>>,
}

/// An address at which nobody listens yet. It is bound without listening, so that nobody else can
/// take it meanwhile.
#[derive(Debug)]
pub(crate) struct ClosedBox {
    address: SocketAddr,
    socket: tokio::net::TcpSocket,
}

impl ClosedBox {
    /// Where it will be.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to listen.
    pub(crate) fn open_up(self, statuses: &[u16]) -> Mailbox {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build();
        let runtime = runtime.expect("a runtime");
        let _inside = runtime.enter();
        let listener = self.socket.listen(64).expect("it listens");
        let listener = listener.into_std().expect("a socket");
        listener
            .set_nonblocking(false)
            .expect("a socket that waits");
        Mailbox::on(listener, statuses)
    }
}

impl Mailbox {
    /// Listens; the first answers have these statuses, all later ones 200.
    pub(crate) fn open(statuses: &[u16]) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a port"), statuses)
    }

    /// An address where nobody answers before it is opened.
    pub(crate) fn closed() -> ClosedBox {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .expect("a port");
        let address = socket.local_addr().expect("an address");
        ClosedBox { address, socket }
    }

    fn on(listener: TcpListener, statuses: &[u16]) -> Self {
        let address = listener.local_addr().expect("an address");
        let letters: Arc<Mutex<Vec<Letter>>> = Arc::default();
        let kept = Arc::clone(&letters);
        let statuses = Arc::new(Mutex::new(VecDeque::from(statuses.to_vec())));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, statuses) = (Arc::clone(&kept), Arc::clone(&statuses));
                // A client that goes away is its own business.
                thread::spawn(move || take(stream, &kept, &statuses));
            }
        });
        Self { address, letters }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything it got.
    pub(crate) fn all(&self) -> Vec<Letter> {
        locked(&self.letters).clone()
    }

    /// The first letter that holds a text.
    pub(crate) fn find(&self, text: &str) -> Option<Letter> {
        let mut all = self.all().into_iter();
        all.find(|letter| String::from_utf8_lossy(&letter.body).contains(text))
    }
}

fn take(
    stream: TcpStream,
    kept: &Mutex<Vec<Letter>>,
    statuses: &Mutex<VecDeque<u16>>,
) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut answers = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok().filter(|len| *len > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            lines.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let len = headers.iter().find(|(name, _)| name == "content-length");
        let len: usize = len.and_then(|(_, len)| len.parse().ok()).unwrap_or(0);
        let mut body = vec![0; len];
        lines.read_exact(&mut body).ok()?;
        let status = locked(statuses).pop_front().unwrap_or(200);
        locked(kept).push(Letter {
            path,
            headers,
            body,
        });
        write!(
            answers,
            "HTTP/1.1 {status} said\r\nContent-Length: 0\r\n\r\n"
        )
        .ok()?;
    }
}

/// The signature of a webhook, made again from the time that `given` names.
pub(crate) fn signature(secret: &str, given: &str, body: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let time = given
        .split(',')
        .next()
        .and_then(|part| part.strip_prefix("t="));
    let time = time.expect("a time");
    let mut key = [0u8; 64];
    key[..secret.len()].copy_from_slice(secret.as_bytes());
    let pad = |with: u8| key.map(|byte| byte ^ with);
    let message = [format!("{time}.").as_bytes(), body].concat();
    let inner = Sha256::digest([&pad(0x36)[..], &message].concat());
    let outer = Sha256::digest([&pad(0x5c)[..], &inner].concat());
    format!("t={time},v1={}", hex::encode(outer))
}

/// One mail.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    pub(crate) user: Option<String>,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
}

/// A server that speaks SMTP.
#[derive(Debug)]
pub(crate) struct MailServer {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl MailServer {
    /// Listens; the first `busy` mails are put off.
    pub(crate) fn open(busy: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let mails: Arc<Mutex<Vec<Mail>>> = Arc::default();
        let kept = Arc::clone(&mails);
        thread::spawn(move || {
            let mut busy = busy;
            for stream in listener.incoming().map_while(Result::ok) {
                // One at a time: a client that goes away is its own business.
                let _gone = serve(stream, &kept, &mut busy);
            }
        });
        Self { address, mails }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every mail it took.
    pub(crate) fn all(&self) -> Vec<Mail> {
        locked(&self.mails).clone()
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<Mail>>, busy: &mut usize) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut answers = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream);
    let mut say = |text: &str| answers.write_all(format!("{text}\r\n").as_bytes()).ok();
    say("220 mail.holdfast.example ESMTP")?;
    let mut mail = Mail::default();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok().filter(|len| *len > 0)?;
        let line = line.trim_end();
        let verb = line
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => say("250-mail.holdfast.example\r\n250 AUTH PLAIN")?,
            "AUTH" => {
                mail.user = line.rsplit(' ').next().and_then(user_of);
                say("235 welcome")?;
            }
            "RCPT" => {
                let to = line.split(['<', '>']).nth(1).unwrap_or_default();
                mail.to.push(to.to_owned());
                say("250 well")?;
            }
            "DATA" if *busy > 0 => {
                *busy -= 1;
                say("451 come again later")?;
            }
            "DATA" => {
                say("354 go on")?;
                loop {
                    let mut line = String::new();
                    lines.read_line(&mut line).ok().filter(|len| *len > 0)?;
                    if line == ".\r\n" {
                        break;
                    }
                    mail.text += &line;
                }
                locked(kept).push(std::mem::take(&mut mail));
                say("250 taken")?;
            }
            "QUIT" => {
                say("221 farewell")?;
                return Some(());
            }
            _ => say("250 well")?,
        }
    }
}

/// The user of a PLAIN login: base64 of `\0user\0password`.
fn user_of(text: &str) -> Option<String> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = 0u32;
    let mut count = 0;
    let mut bytes = Vec::new();
    for letter in text.bytes().filter(|byte| *byte != b'=') {
        let value = letters.iter().position(|own| *own == letter)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    let user = bytes.split(|byte| *byte == 0).nth(1)?;
    String::from_utf8(user.to_vec()).ok()
}

/// One plain HTTP request, as a script makes it; returns the whole answer.
pub(crate) fn request(at: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(at).expect("the door answers");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    write!(stream, "{head}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answered");
    text
}
