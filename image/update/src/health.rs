//! Judging a start: the host's own readiness over its socket, several times in a row. The socket
//! belongs to the host's user; the updater reads one status line of it and trusts nothing else.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Healthy looks in a row that count as health.
const IN_A_ROW: u32 = 3;
const BETWEEN: Duration = Duration::from_millis(500);
const ANSWER: Duration = Duration::from_secs(5);

/// Waits until the host was ready several times in a row.
///
/// # Errors
/// What the last look said, once `patience` is over.
pub(crate) fn wait(socket: &Path, patience: Duration) -> Result<Duration, String> {
    let begun = Instant::now();
    let mut row = 0;
    loop {
        let said = match look(socket) {
            Ok(()) => {
                row += 1;
                if row >= IN_A_ROW {
                    return Ok(begun.elapsed());
                }
                String::from("healthy, not long enough")
            }
            Err(said) => {
                row = 0;
                said
            }
        };
        if begun.elapsed() > patience {
            return Err(said);
        }
        std::thread::sleep(BETWEEN);
    }
}

/// One look. Says why the host is not ready.
pub(crate) fn look(socket: &Path) -> Result<(), String> {
    let said = |why: std::io::Error| why.to_string();
    let mut stream = UnixStream::connect(socket).map_err(said)?;
    stream.set_read_timeout(Some(ANSWER)).map_err(said)?;
    stream.set_write_timeout(Some(ANSWER)).map_err(said)?;
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .map_err(said)?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).map_err(said)?;
    judge(&String::from_utf8_lossy(&answer))
}

/// An HTTP answer as health.
fn judge(answer: &str) -> Result<(), String> {
    let status = answer.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or(status);
    Err(body.trim().chars().take(200).collect())
}

#[cfg(test)]
mod tests;
