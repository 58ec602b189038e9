//! The socket's other side: who may ask, and one thread a connection.
//!
//! Invariants: the socket is made with mode 0660 in a folder of the operator's choice, and every
//! connection's user is asked of the kernel (SO_PEERCRED) before its first request is read; at most
//! [`CONNECTIONS_MAX`] are served. Does not: judge.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host_core::codec;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;

use crate::error::Error;
use crate::judge::Judge;
use crate::wire::{Refusal, Reply, Request, hear, say};

/// Connections served at once: the daemon's, and a person's who looks.
pub const CONNECTIONS_MAX: usize = 8;
/// Longest time for one frame to be taken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A signer behind its socket.
pub struct Server {
    listener: UnixListener,
    judge: Arc<Mutex<Judge>>,
    users: Arc<[u32]>,
    plain: bool,
    serving: Arc<AtomicUsize>,
}

impl Server {
    /// Binds the socket; one that a dead signer left is replaced. `plain` is told to askers.
    /// Errors: another signer lives there, or the path cannot be bound.
    pub fn bind(path: &Path, judge: Judge, plain: bool) -> Result<Self, Error> {
        let failed = |source| Error::File {
            path: path.to_path_buf(),
            source,
        };
        if UnixStream::connect(path).is_ok() {
            return Err(Error::Form {
                path: path.to_path_buf(),
                why: "another signer serves here".to_owned(),
            });
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        let mode = std::fs::Permissions::from_mode(0o660);
        std::fs::set_permissions(path, mode).map_err(failed)?;
        let mut users = judge.users().to_vec();
        users.push(geteuid().as_raw());
        Ok(Self {
            listener,
            judge: Arc::new(Mutex::new(judge)),
            users: users.into(),
            plain,
            serving: Arc::default(),
        })
    }

    /// Serves until the listener fails.
    pub fn serve(&self) -> Result<(), Error> {
        loop {
            let (line, _) = self.listener.accept().map_err(|error| Error::Socket {
                why: error.to_string(),
            })?;
            if self.serving.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
                self.serving.fetch_sub(1, Ordering::SeqCst);
                continue;
            }
            let talk = Talk {
                judge: Arc::clone(&self.judge),
                users: Arc::clone(&self.users),
                plain: self.plain,
                _place: Place(Arc::clone(&self.serving)),
            };
            // A thread that cannot be made drops the connection: its asker tries again.
            let _ = std::thread::Builder::new().spawn(move || talk.run(line));
        }
    }
}

/// A place among the connections, given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One connection.
struct Talk {
    judge: Arc<Mutex<Judge>>,
    users: Arc<[u32]>,
    plain: bool,
    _place: Place,
}

impl Talk {
    fn run(self, mut line: UnixStream) {
        let _ = line.set_write_timeout(Some(WRITE_TIMEOUT));
        let uid = getsockopt(&line, PeerCredentials).map_or(u32::MAX, |peer| peer.uid());
        if !self.users.contains(&uid) {
            let why = Refusal::Stranger { uid };
            let _ = say(&mut line, &Reply::Refused { why });
            return;
        }
        while let Ok(Some(body)) = hear(&mut line) {
            let reply = match codec::from_bytes::<Request>("request", &body) {
                Ok(request) => self.answer(&request),
                Err(_) => Reply::Refused {
                    why: Refusal::Malformed,
                },
            };
            if say(&mut line, &reply).is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &Request) -> Reply {
        // Plain values, replaced whole: a panic in between leaves nothing half written.
        let mut judge = self.judge.lock().unwrap_or_else(PoisonError::into_inner);
        match request {
            Request::Who => Reply::Who {
                peer: judge.peer(),
                plain: self.plain,
            },
            Request::Sign { what } => match judge.sign(what) {
                Ok(signature) => Reply::Signed { signature },
                Err(why) => Reply::Refused { why },
            },
            Request::Standing => Reply::Standing {
                standing: judge.standing(),
            },
            Request::KeepPayout => match judge.keep_payout() {
                Ok(()) => Reply::Standing {
                    standing: judge.standing(),
                },
                Err(why) => Reply::Refused { why },
            },
        }
    }
}
