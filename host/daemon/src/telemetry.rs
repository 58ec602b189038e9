//! The log: JSON lines in bounded, rotating files of the data directory, and the same words for a
//! person on standard error. Reading them back (`holdfast logs`) stands here too, so that the
//! format has one owner.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::Log;
use crate::events::Events;

/// Name of the file being written; older ones carry `.1`, `.2` and so on.
pub const LOG_FILE: &str = "holdfastd.jsonl";

/// Starts logging; what is worth watching also becomes an event. Errors when the directory cannot
/// be made or the level does not parse.
pub fn start(dir: &Path, log: &Log) -> anyhow::Result<Events> {
    let events = Events::default();
    let logs = dir.join(&log.dir);
    std::fs::create_dir_all(&logs)?;
    let files = RotatingFile::open(&logs, log.file_size.0, log.files)?;
    let filter = || {
        EnvFilter::try_new(&log.level)
            .map_err(|why| anyhow::anyhow!("log.level `{}`: {why}", log.level))
    };
    tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_writer(Shared(Mutex::new(files)))
                .with_filter(filter()?),
        )
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(io::stderr)
                .with_ansi(false)
                .with_filter(filter()?),
        )
        .with(events.clone())
        .try_init()?;
    Ok(events)
}

/// A file that is renamed away when it is full; at most `keep` files exist.
#[derive(Debug)]
struct RotatingFile {
    path: PathBuf,
    file: File,
    len: u64,
    bound: u64,
    keep: u32,
}

impl RotatingFile {
    fn open(dir: &Path, bound: u64, keep: u32) -> io::Result<Self> {
        let path = dir.join(LOG_FILE);
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let len = file.metadata()?.len();
        Ok(Self {
            path,
            file,
            len,
            bound: bound.max(1 << 16),
            keep: keep.max(1),
        })
    }

    fn aged(&self, age: u32) -> PathBuf {
        self.path.with_extension(format!("jsonl.{age}"))
    }

    fn rotate(&mut self) -> io::Result<()> {
        for age in (1..self.keep.saturating_sub(1)).rev() {
            let _ = std::fs::rename(self.aged(age), self.aged(age + 1));
        }
        if self.keep > 1 {
            std::fs::rename(&self.path, self.aged(1))?;
        } else {
            std::fs::remove_file(&self.path)?;
        }
        self.file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        self.len = 0;
        Ok(())
    }
}

impl Write for RotatingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.len >= self.bound {
            self.rotate()?;
        }
        let written = self.file.write(line)?;
        self.len += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// One writer shared by all threads.
struct Shared(Mutex<RotatingFile>);

impl<'a> MakeWriter<'a> for Shared {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

/// One line's way into the shared file.
struct Line<'a>(&'a Mutex<RotatingFile>);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.0.lock() {
            Ok(mut file) => file.write(line),
            Err(_) => Err(io::Error::other("the log's lock is poisoned")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
