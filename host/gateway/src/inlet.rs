//! Bodies on their way in over plain HTTP: held to a pace, small ones whole within a bound, and the
//! rest of those that are refused read for a while, so that the answer is heard.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use hyper::body::Incoming;
use s3s::Body;
use tokio::time::{Instant, Sleep};

/// Longest wait for the next run of a body.
const RUN_WITHIN: Duration = Duration::from_secs(60);
/// Slowest pace of a whole body, in bytes a second.
const PACE: u64 = 4 << 10;
/// Of a body that is refused so much is read, so that the browser hears why.
const DRAIN_LEN: usize = 8 << 20;
const DRAIN_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait for a small body.
const SMALL_WITHIN: Duration = Duration::from_secs(10);

/// A body that keeps a pace.
pub(crate) struct Paced {
    body: Body,
    /// Ends the wait for a run.
    wait: Pin<Box<Sleep>>,
    /// Ends it all.
    until: Instant,
}

fn too_slow() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "the body came too slowly")
}

impl Paced {
    /// A body of so many bytes.
    pub(crate) fn new(body: Body, len: u64) -> Self {
        let now = Instant::now();
        Self {
            body,
            wait: Box::pin(tokio::time::sleep_until(now + RUN_WITHIN)),
            until: now + RUN_WITHIN + Duration::from_secs(len / PACE),
        }
    }
}

impl Stream for Paced {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(run) = self.body.poll_next_unpin(task) {
            let now = Instant::now();
            if now >= self.until {
                return Poll::Ready(Some(Err(too_slow())));
            }
            self.wait.as_mut().reset(now + RUN_WITHIN);
            return Poll::Ready(run.map(|run| run.map_err(std::io::Error::other)));
        }
        ready!(self.wait.as_mut().poll(task));
        Poll::Ready(Some(Err(too_slow())))
    }
}

/// Reads on for a while, so that the answer is heard by who is still sending.
pub(crate) async fn drain(body: Incoming) {
    let mut body = Body::from(body);
    let reading = async {
        let mut len = 0;
        while let Some(Ok(run)) = body.next().await {
            len += run.len();
            if len > DRAIN_LEN {
                return;
            }
        }
    };
    let _enough = tokio::time::timeout(DRAIN_WITHIN, reading).await;
}

/// A small body, whole. Errors with what is wrong when it is long, slow or cut.
pub(crate) async fn small(body: Incoming, len_max: usize) -> Result<Vec<u8>, &'static str> {
    let mut body = Body::from(body);
    let taking = async {
        let mut held = Vec::new();
        while let Some(run) = body.next().await {
            let run = run.map_err(|_| "the request ended early")?;
            if held.len() + run.len() > len_max {
                return Err("such a request is shorter");
            }
            held.extend_from_slice(&run);
        }
        Ok(held)
    };
    let taken = tokio::time::timeout(SMALL_WITHIN, taking).await;
    taken.map_err(|_| "the request was too slow")?
}

#[cfg(test)]
mod tests;
