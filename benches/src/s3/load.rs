//! Load on an S3 server: connections that each send the next request as soon as they have the last
//! answer, over plain HTTP/1.1 that stays open. Requests are signed and their bodies lie in memory
//! before the clock runs; every body that comes back is compared.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::os::linux::net::TcpStreamExt;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};

/// Longest head of an answer.
const HEAD_LEN: usize = 16 << 10;
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// A server that is too busy says 503, and clients come again: so often, after such a pause.
const TRIES: usize = 8;
const PAUSE: Duration = Duration::from_millis(100);

/// A request, and what its answer carries.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Request line and headers, signed.
    pub(crate) head: Vec<u8>,
    /// The body's place in the noise.
    pub(crate) body: Range<usize>,
    /// The place in the noise of what must come back.
    pub(crate) back: Range<usize>,
}

/// What a round came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Round {
    /// From the first request to the last answer.
    pub(crate) seconds: f64,
    /// Milliseconds of each request to its last answer, ascending.
    pub(crate) times_ms: Vec<f64>,
    /// Answers of 503, after which the request was sent again.
    pub(crate) refusals: usize,
}

impl Round {
    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.times_ms.len() as f64 / self.seconds
    }

    /// Milliseconds that so many of a hundred requests take at most, by nearest rank.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.times_ms.len() * percent).div_ceil(100).max(1);
        self.times_ms.get(rank - 1).copied().unwrap_or_default()
    }
}

/// An open connection.
pub(crate) struct Line {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Line {
    /// Connects to `IP:PORT`.
    pub(crate) fn open(host: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host).with_context(|| format!("dialling {host}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let read = Vec::new();
        Ok(Self { stream, read })
    }

    /// Sends a request and reads its answer whole. Errors when it is no success.
    pub(crate) fn ask(&mut self, head: &[u8], body: &[u8]) -> anyhow::Result<&[u8]> {
        let (status, place) = self.send(head, body)?;
        self.checked(head, status, place)
    }

    fn checked(&self, head: &[u8], status: u16, place: Range<usize>) -> anyhow::Result<&[u8]> {
        let back = self.read.get(place).unwrap_or_default();
        if !(200..300).contains(&status) {
            let (said, asked) = (String::from_utf8_lossy(back), String::from_utf8_lossy(head));
            let asked = asked.lines().next().unwrap_or_default();
            bail!("{asked} is answered {status}: {}", said.trim());
        }
        Ok(back)
    }

    /// The same whatever the answer is: its status, and its body's place in what was read.
    fn send(&mut self, head: &[u8], body: &[u8]) -> anyhow::Result<(u16, Range<usize>)> {
        if body.len() <= HEAD_LEN {
            // One packet, as clients send it.
            self.stream.write_all(&[head, body].concat())?;
        } else {
            self.stream.write_all(head)?;
            self.stream.write_all(body)?;
        }
        self.answer()
    }

    /// Status of the answer and its body's place in what was read.
    fn answer(&mut self) -> anyhow::Result<(u16, Range<usize>)> {
        self.read.clear();
        let end = loop {
            let at = self.read.windows(4).position(|run| run == b"\r\n\r\n");
            if let Some(at) = at {
                break at + 4;
            }
            ensure!(self.read.len() < HEAD_LEN, "an answer's head has no end");
            self.more(HEAD_LEN)?;
        };
        let head = String::from_utf8_lossy(self.read.get(..end).unwrap_or_default()).into_owned();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.with_context(|| format!("no status in {head}"))?;
        let len = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let it = name.eq_ignore_ascii_case("content-length");
            it.then(|| value.trim().parse::<usize>().ok())?
        });
        let len = match len {
            Some(len) => len,
            None if status == 204 => 0,
            None => bail!("an answer without a length: {head}"),
        };
        while self.read.len() < end + len {
            self.more(end + len - self.read.len())?;
        }
        Ok((status, end..end + len))
    }

    /// Reads what is there, at most so much.
    fn more(&mut self, most: usize) -> anyhow::Result<()> {
        let had = self.read.len();
        self.read.resize(had + most, 0);
        // The kernel takes it back after some answers. A server that leaves Nagle's algorithm on
        // would otherwise wait 40 ms for it between an answer's head and its body.
        self.stream.set_quickack(true)?;
        let place = self.read.get_mut(had..).unwrap_or_default();
        let got = self.stream.read(place).context("reading an answer")?;
        ensure!(got > 0, "the server closed the connection");
        self.read.truncate(had + got);
        Ok(())
    }
}

/// Sends all requests over so many connections. Errors with the first that fails; the others then
/// end after their present one.
pub(crate) fn run(
    host: &str,
    connections: usize,
    requests: &[Request],
    noise: &[u8],
) -> anyhow::Result<Round> {
    let lines = (0..connections).map(|_| Line::open(host));
    let lines = lines.collect::<anyhow::Result<Vec<Line>>>()?;
    let (next, refusals) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begin = Barrier::new(connections);
    let work = |mut line: Line| -> anyhow::Result<Vec<(Instant, Instant)>> {
        let mut own = Vec::with_capacity(requests.len());
        begin.wait();
        while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let sent = Instant::now();
            if let Err(error) = once(&mut line, request, noise, &refusals) {
                next.store(requests.len(), Ordering::Relaxed);
                return Err(error);
            }
            own.push((sent, Instant::now()));
        }
        Ok(own)
    };
    let times = std::thread::scope(|scope| {
        let threads: Vec<_> = lines
            .into_iter()
            .map(|line| scope.spawn(|| work(line)))
            .collect();
        let ended = threads.into_iter().map(|thread| {
            let ended = thread.join();
            ended.map_err(|_| anyhow!("a connection panicked"))?
        });
        ended.collect::<anyhow::Result<Vec<_>>>()
    })?;
    let times = times.concat();
    let first = times.iter().map(|(sent, _)| *sent).min();
    let last = times.iter().map(|(_, answered)| *answered).max();
    let (first, last) = first.zip(last).context("no request was sent")?;
    let millis = |(sent, answered): &(Instant, Instant)| (*answered - *sent).as_secs_f64() * 1000.0;
    let mut times_ms: Vec<f64> = times.iter().map(millis).collect();
    times_ms.sort_by(f64::total_cmp);
    let seconds = (last - first).as_secs_f64();
    let refusals = refusals.into_inner();
    Ok(Round {
        seconds,
        times_ms,
        refusals,
    })
}

/// Sends a request until it is answered; compares what comes back.
fn once(
    line: &mut Line,
    request: &Request,
    noise: &[u8],
    refusals: &AtomicUsize,
) -> anyhow::Result<()> {
    let place = |place: &Range<usize>| noise.get(place.clone()).unwrap_or_default();
    let body = place(&request.body);
    let mut tries = 1;
    let back = loop {
        let (status, back) = line.send(&request.head, body)?;
        if status != 503 || tries == TRIES {
            break line.checked(&request.head, status, back)?;
        }
        tries += 1;
        refusals.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(PAUSE);
    };
    ensure!(back == place(&request.back), "other bytes came back");
    Ok(())
}

#[cfg(test)]
mod tests;
