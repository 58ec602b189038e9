//! The asker's side: one thread holds the socket, any number of tasks ask through it.
//!
//! Invariants: a lost socket is made again, and the question asked once more (asking twice counts
//! once); every wait has an end; at most [`WAITING_MAX`] questions wait. Does not: judge answers;
//! `host_core::keeper::Identity` checks every signature.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use host_core::identity::Signature;
use host_core::keeper::{Keeper, KeeperError, Signable};
use host_core::seams::BoxFuture;
use host_core::{Address, PeerId, codec};

use crate::error::Error;
use crate::wire::{Reply, Request, Standing, hear, say};

/// Questions that may wait for the one that is asked.
pub const WAITING_MAX: usize = 1024;
/// Longest wait for an answer: an entry of the book is one flush of a disk.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two tries to find a signer that is starting.
const CONNECT_EVERY: Duration = Duration::from_millis(50);

type Answer = Result<Reply, Error>;

struct Question {
    request: Request,
    answer: oneshot::Sender<Answer>,
}

/// A connection to the signer; it ends when this is dropped.
#[derive(Debug)]
pub struct Client {
    peer: PeerId,
    address: Address,
    plain: bool,
    questions: SyncSender<Question>,
}

impl Client {
    /// Connects to the signer at `path`, waiting up to `patience` for it to be there.
    /// Errors: it is not, or refuses this user.
    pub fn connect(path: &Path, patience: Duration) -> Result<Self, Error> {
        let until = Instant::now() + patience;
        let mut line = loop {
            match open(path) {
                Ok(line) => break line,
                Err(error) if Instant::now() >= until => return Err(error),
                Err(_) => std::thread::sleep(CONNECT_EVERY),
            }
        };
        let (peer, plain) = match ask(&mut line, &Request::Who)? {
            Reply::Who { peer, plain } => (peer, plain),
            Reply::Refused { why } => return Err(why.into()),
            _ => return Err(out_of_turn()),
        };
        let address = peer.address().map_err(|error| Error::Socket {
            why: error.to_string(),
        })?;
        let (questions, asked) = sync_channel(WAITING_MAX);
        let path = path.to_path_buf();
        let worker = std::thread::Builder::new().name("signer".to_owned());
        let started = worker.spawn(move || serve(&path, Some(line), &asked));
        started.map_err(|error| Error::Kernel {
            what: "starting a thread",
            why: error.to_string(),
        })?;
        Ok(Self {
            peer,
            address,
            plain,
            questions,
        })
    }

    /// Whether the key's file has no passphrase.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.plain
    }

    /// Asks one thing. Errors: the signer is gone, or too many wait. A refusal is an answer.
    pub async fn ask(&self, request: Request) -> Answer {
        let (answer, told) = oneshot::channel();
        let question = Question { request, answer };
        self.questions.try_send(question).map_err(|error| {
            let why = match error {
                TrySendError::Full(_) => "too many questions wait",
                TrySendError::Disconnected(_) => "its thread has ended",
            };
            Error::Socket {
                why: why.to_owned(),
            }
        })?;
        told.await.unwrap_or_else(|_| {
            Err(Error::Socket {
                why: "its thread has ended".to_owned(),
            })
        })
    }

    /// Asks for a signature. Errors: the policy refuses, with the typed reason, or the signer is
    /// gone.
    pub async fn sign(&self, what: &Signable) -> Result<Signature, Error> {
        let what = what.clone();
        match self.ask(Request::Sign { what }).await? {
            Reply::Signed { signature } => Ok(signature),
            Reply::Refused { why } => Err(why.into()),
            _ => Err(out_of_turn()),
        }
    }

    /// What is spent and what is allowed.
    pub async fn standing(&self) -> Result<Standing, Error> {
        match self.ask(Request::Standing).await? {
            Reply::Standing { standing } => Ok(standing),
            Reply::Refused { why } => Err(why.into()),
            _ => Err(out_of_turn()),
        }
    }
}

impl Keeper for Client {
    fn peer_id(&self) -> PeerId {
        self.peer
    }

    fn address(&self) -> Address {
        self.address
    }

    fn sign<'a>(&'a self, what: &'a Signable) -> BoxFuture<'a, Result<Signature, KeeperError>> {
        Box::pin(async move {
            Self::sign(self, what).await.map_err(|error| match error {
                Error::Refused(why) => KeeperError::Refused {
                    what: what.label(),
                    why: why.to_string(),
                },
                other => KeeperError::Silent {
                    why: other.to_string(),
                },
            })
        })
    }
}

fn out_of_turn() -> Error {
    Error::Socket {
        why: "an answer to another question".to_owned(),
    }
}

fn open(path: &Path) -> Result<UnixStream, Error> {
    let broken = |error: std::io::Error| Error::Socket {
        why: format!("{}: {error}", path.display()),
    };
    let line = UnixStream::connect(path).map_err(broken)?;
    line.set_read_timeout(Some(ANSWER_TIMEOUT))
        .map_err(broken)?;
    line.set_write_timeout(Some(ANSWER_TIMEOUT))
        .map_err(broken)?;
    Ok(line)
}

fn ask(line: &mut UnixStream, request: &Request) -> Answer {
    say(line, request)?;
    let body = hear(line)?.ok_or_else(|| Error::Socket {
        why: std::io::Error::from(ErrorKind::UnexpectedEof).to_string(),
    })?;
    codec::from_bytes("reply", &body).map_err(|error| Error::Socket {
        why: error.to_string(),
    })
}

/// Asks what comes, until nobody can ask any more.
fn serve(path: &Path, mut line: Option<UnixStream>, asked: &Receiver<Question>) {
    while let Ok(Question { request, answer }) = asked.recv() {
        let told = match line.as_mut().map(|line| ask(line, &request)) {
            Some(Ok(reply)) => Ok(reply),
            // The signer was started again, or this is the first question after it was.
            _ => open(path).and_then(|mut fresh| {
                let told = ask(&mut fresh, &request);
                line = told.is_ok().then_some(fresh);
                told
            }),
        };
        if told.is_err() {
            line = None;
        }
        // Whoever asked may have stopped waiting.
        let _ = answer.send(told);
    }
}
