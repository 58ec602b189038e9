//! The socket: who may ask, whole frames in, whole frames out, one thread for all lines.
//!
//! Enters: bytes of anybody who can open the socket. Leaves: bodies to [`Verbs`], answers to the
//! line. Invariants: the user at the other end is asked of the kernel before a byte is read; no
//! line can make the loop wait (lines never block, one that takes no answer is closed); at most
//! [`LINES_MAX`] lines, each at most [`IDLE`] without a question; requests of all lines together
//! are paced. Descriptors that a client sends are dropped by the kernel: they are never received.

use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use board_wire::Refusal;
use board_wire::frame::{Inbox, REPLY_MAX, REQUEST_MAX, framed};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error::Error;
use crate::pace::Bucket;

/// Lines served at once; more wait in the kernel.
pub const LINES_MAX: usize = 8;
/// A line without a question is closed after this.
pub const IDLE: Duration = Duration::from_secs(5);
/// Requests at once, and the pause that gives one more.
const PACE: (u32, Duration) = (64, Duration::from_millis(20));
/// The loop looks at idle lines this often.
const LOOK_MS: u16 = 1_000;

/// What one frame is answered with.
#[derive(Debug)]
pub struct Answer {
    /// The reply's bytes.
    pub body: Vec<u8>,
    /// What goes with them.
    pub descriptor: Option<OwnedFd>,
    /// Whether the line ends: its bytes were no verb.
    pub ends: bool,
}

/// The verbs of one program.
pub trait Verbs {
    /// Answers a request's bytes, at `at` of a monotonic clock.
    fn answer(&mut self, body: &[u8], at: Duration) -> Answer;

    /// A refusal in this program's words.
    fn refuse(&self, why: Refusal) -> Vec<u8>;
}

/// A listening socket and who may use it.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    users: Vec<u32>,
}

struct Line {
    stream: UnixStream,
    inbox: Inbox,
    heard: Instant,
}

impl Server {
    /// Binds `path` with mode 0660; a socket that a dead program left is replaced.
    ///
    /// # Errors
    /// `Taken` when one lives there, `File`.
    pub fn bind(path: &Path, users: Vec<u32>) -> Result<Self, Error> {
        let failed = |source| Error::File {
            path: path.to_path_buf(),
            source,
        };
        if UnixStream::connect(path).is_ok() {
            let path = path.to_path_buf();
            return Err(Error::Taken { path });
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        let mode = std::fs::Permissions::from_mode(0o660);
        std::fs::set_permissions(path, mode).map_err(failed)?;
        Self::of(listener, users)
    }

    /// Takes the listening socket that the service's owner gave as standard input.
    ///
    /// # Errors
    /// `Socket` when standard input is none.
    pub fn inherited(users: Vec<u32>) -> Result<Self, Error> {
        let stdin = std::io::stdin();
        let given = stdin.as_fd().try_clone_to_owned();
        let listener = UnixListener::from(given.map_err(Error::Socket)?);
        listener.local_addr().map_err(Error::Socket)?;
        Self::of(listener, users)
    }

    fn of(listener: UnixListener, users: Vec<u32>) -> Result<Self, Error> {
        listener.set_nonblocking(true).map_err(Error::Socket)?;
        Ok(Self { listener, users })
    }

    /// Serves until the socket breaks.
    ///
    /// # Errors
    /// `Socket`.
    pub fn serve(&self, verbs: &mut dyn Verbs) -> Result<(), Error> {
        let begun = Instant::now();
        let mut lines: Vec<Line> = Vec::new();
        let mut pace = Bucket::new(PACE.0, PACE.1);
        loop {
            let ready = self.wait(&lines)?;
            let mut ready = ready.into_iter();
            let welcome = ready.next().unwrap_or(false);
            let now = Instant::now();
            lines.retain_mut(|line| match ready.next() {
                Some(true) => line.hear(verbs, &mut pace, begun) && line.is_fresh(now),
                _ => line.is_fresh(now),
            });
            if welcome && lines.len() < LINES_MAX {
                lines.extend(self.accept(verbs)?);
            }
        }
    }

    /// Waits for the listener (while there is room) and the lines; who has something, in order.
    fn wait(&self, lines: &[Line]) -> Result<Vec<bool>, Error> {
        let room = if lines.len() < LINES_MAX {
            PollFlags::POLLIN
        } else {
            PollFlags::empty()
        };
        let mut asked = vec![PollFd::new(self.listener.as_fd(), room)];
        let streams = lines.iter().map(|line| line.stream.as_fd());
        asked.extend(streams.map(|stream| PollFd::new(stream, PollFlags::POLLIN)));
        match poll(&mut asked, PollTimeout::from(LOOK_MS)) {
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(errno) => return Err(Error::Socket(errno.into())),
        }
        let told = asked.iter().map(|one| one.any().unwrap_or(false));
        Ok(told.collect())
    }

    /// The next line, if its user may ask.
    fn accept(&self, verbs: &dyn Verbs) -> Result<Option<Line>, Error> {
        let stream = match self.listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {
                    return Ok(None);
                }
                _ => return Err(Error::Socket(error)),
            },
        };
        if stream.set_nonblocking(true).is_err() {
            return Ok(None);
        }
        let line = Line {
            stream,
            inbox: Inbox::new(REQUEST_MAX),
            heard: Instant::now(),
        };
        let uid = board_wire::user_of(&line.stream).unwrap_or(u32::MAX);
        if self.users.contains(&uid) {
            return Ok(Some(line));
        }
        let _gone = line.say(&verbs.refuse(Refusal::Stranger { uid }), None);
        Ok(None)
    }
}

impl Line {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) < IDLE
    }

    /// Takes what there is and answers at most one frame; whether the line goes on.
    fn hear(&mut self, verbs: &mut dyn Verbs, pace: &mut Bucket, begun: Instant) -> bool {
        let mut part = [0; REQUEST_MAX];
        let room = self.inbox.room().min(part.len());
        match self.stream.read(part.get_mut(..room).unwrap_or_default()) {
            Ok(0) => return false,
            Ok(len) => {
                self.inbox.take(part.get(..len).unwrap_or_default());
            }
            Err(error) => {
                return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
            }
        }
        loop {
            let body = match self.inbox.frame() {
                Ok(Some(body)) => body,
                Ok(None) => return true,
                Err(_) => {
                    let _gone = self.say(&verbs.refuse(Refusal::Malformed), None);
                    return false;
                }
            };
            self.heard = Instant::now();
            let at = begun.elapsed();
            if let Err(wait) = pace.take(at) {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                let why = Refusal::Early { wait_ms };
                if !self.say(&verbs.refuse(why), None) {
                    return false;
                }
                continue;
            }
            let answer = verbs.answer(&body, at);
            if !self.say(&answer.body, answer.descriptor) || answer.ends {
                return false;
            }
        }
    }

    fn say(&self, body: &[u8], descriptor: Option<OwnedFd>) -> bool {
        let Ok(frame) = framed(body, REPLY_MAX) else {
            return false;
        };
        let beside = descriptor.as_ref().map(OwnedFd::as_fd);
        board_wire::send(&self.stream, &frame, beside).is_ok()
    }
}
