//! A body on its way out: verified runs through a bounded channel. A client that takes nothing
//! for a minute is let go, so that slow ones hold a channel's worth of memory and no more.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use tokio::sync::mpsc;

/// Runs that wait for the client.
const RUNS: usize = 8;
/// Longest wait for a client to take a run.
const SLOW_AFTER: Duration = Duration::from_secs(60);

/// What comes out.
pub(crate) struct Body {
    runs: mpsc::Receiver<io::Result<Bytes>>,
    first: Option<Bytes>,
}

/// Where it goes in.
#[derive(Clone)]
pub(crate) struct Pipe {
    runs: mpsc::Sender<io::Result<Bytes>>,
}

/// Both ends.
pub(crate) fn pipe() -> (Pipe, Body) {
    let (sender, runs) = mpsc::channel(RUNS);
    (Pipe { runs: sender }, Body { runs, first: None })
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone or too slow")
}

impl Pipe {
    /// Gives a run. Errors: BrokenPipe when the client is gone or takes nothing for a minute.
    pub(crate) async fn give(&self, run: Bytes) -> io::Result<()> {
        let sent = tokio::time::timeout(SLOW_AFTER, self.runs.send(Ok(run))).await;
        sent.map_err(|_| gone())?.map_err(|_| gone())
    }

    /// Ends the body with an error, so that the client does not take it for whole.
    pub(crate) async fn fail(&self, why: String) {
        let broken = Err(io::Error::other(why));
        let _gone = tokio::time::timeout(SLOW_AFTER, self.runs.send(broken)).await;
    }
}

/// Written to from threads for blocking work only.
impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let run = Bytes::copy_from_slice(bytes);
        tokio::runtime::Handle::current().block_on(self.give(run))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Body {
    /// Waits for the first run, so that a body that cannot be had is an error and not half an
    /// answer.
    pub(crate) async fn begin(mut self) -> io::Result<Self> {
        self.first = self.runs.recv().await.transpose()?;
        Ok(self)
    }
}

impl Stream for Body {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.first.take() {
            Some(run) => Poll::Ready(Some(Ok(run))),
            None => self.runs.poll_recv(task),
        }
    }
}
