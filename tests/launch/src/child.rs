//! Running one command: own process group, output to the tier's log, a deadline, nothing left.
//!
//! Enters: a command, a log, a deadline. Leaves: [`Outcome`], with the text the command wrote.
//!
//! Invariants: output goes straight to a file, so a process that outlives its parent cannot keep
//! us waiting on a pipe. The group dies with the launcher, whatever ends the launcher: a small
//! shell waits on a pipe that only we hold open, and its end is the signal. A group that still has
//! members when its command ended is named and killed. Deliberately absent: catching processes
//! that left the group on purpose.

use crate::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(50);
/// Time for processes that a command is just ending.
const LEAVING: Duration = Duration::from_secs(3);
/// How often a run without a terminal says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Status 0, in time, nothing left behind.
    pub(crate) success: bool,
    /// Standard output and error, in the order written.
    pub(crate) text: String,
    /// What was wrong besides the exit status.
    pub(crate) complaints: Vec<String>,
}

/// Runs a command to its end or to the deadline, appending to the log at `log`.
pub(crate) fn run(mut command: Command, log: &Path, deadline: Instant) -> Result<Outcome, Error> {
    let file_error = |source| Error::File {
        path: log.to_path_buf(),
        source,
    };
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .map_err(file_error)?;
    let words: Vec<_> = command
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let program = command.get_program().to_string_lossy().into_owned();
    writeln!(file, "$ {program} {}", words.join(" ")).map_err(file_error)?;
    let start = file.stream_position().map_err(file_error)?;
    command
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(file_error)?)
        .stderr(file)
        .process_group(0);
    let child = command
        .spawn()
        .map_err(|source| Error::Start { program, source })?;
    let (success, mut complaints) = wait(child, log, deadline)?;
    let text = read_from(log, start).map_err(file_error)?;
    complaints.retain(|complaint| !complaint.is_empty());
    Ok(Outcome {
        success: success && complaints.is_empty(),
        text,
        complaints,
    })
}

fn wait(mut child: Child, log: &Path, deadline: Instant) -> Result<(bool, Vec<String>), Error> {
    let group = child.id();
    let keeper = Keeper::start(group)?;
    let mut progress = Progress::new(log);
    let mut complaints = Vec::new();
    let success = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.success(),
            Ok(None) if Instant::now() < deadline => progress.show(),
            Ok(None) => {
                complaints.push("over its time limit, killed".to_owned());
                kill(group, "KILL");
                let _ended = child.wait();
                break false;
            }
            Err(source) => {
                return Err(Error::Start {
                    program: "wait".into(),
                    source,
                });
            }
        }
        sleep(POLL);
    };
    progress.clear();
    complaints.extend(clear_group(group));
    keeper.dismiss();
    Ok((success, complaints))
}

/// Waits a moment for the group to empty, then kills and names what is left of it.
fn clear_group(group: u32) -> Option<String> {
    let until = Instant::now() + LEAVING;
    let mut left = members(group);
    while !left.is_empty() && Instant::now() < until {
        sleep(POLL);
        left = members(group);
    }
    if left.is_empty() {
        return None;
    }
    kill(group, "KILL");
    Some(format!("left processes behind: {}", left.join(", ")))
}

/// The living members of a process group, as `name (pid)`.
fn members(group: u32) -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter_map(|stat| member(&stat, group)).collect()
}

/// Reads one /proc/PID/stat: `pid (name) state ppid pgrp ...`. The name may hold anything.
fn member(stat: &str, group: u32) -> Option<String> {
    let (head, rest) = stat.rsplit_once(") ")?;
    let (pid, name) = head.split_once(" (")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    let own: u32 = fields.nth(1)?.parse().ok()?;
    let alive = !matches!(state, "Z" | "X");
    (own == group && alive).then(|| format!("{name} ({pid})"))
}

fn kill(group: u32, signal: &str) {
    let line = format!("kill -{signal} -{group} 2>/dev/null");
    let _status = Command::new("sh").args(["-c", &line]).status();
}

/// The shell that kills the group when the launcher is gone.
struct Keeper(Child);

impl Keeper {
    fn start(group: u32) -> Result<Keeper, Error> {
        let script = format!(
            "read -r word || {{ kill -TERM -{group}; sleep 3; kill -KILL -{group}; }} 2>/dev/null"
        );
        Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map(Keeper)
            .map_err(|source| Error::Start {
                program: "sh".into(),
                source,
            })
    }

    fn dismiss(mut self) {
        if let Some(mut stdin) = self.0.stdin.take() {
            let _sent = stdin.write_all(b"done\n");
        }
        let _status = self.0.wait();
    }
}

/// What a person sees while a command runs: the log's last line, or a word a minute.
struct Progress {
    log: PathBuf,
    started: Instant,
    shown: Instant,
    terminal: bool,
}

impl Progress {
    fn new(log: &Path) -> Progress {
        let now = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        Progress {
            log: log.to_path_buf(),
            started: now,
            shown: now,
            terminal,
        }
    }

    fn show(&mut self) {
        let pause = if self.terminal {
            Duration::from_secs(1)
        } else {
            HEARTBEAT
        };
        if self.shown.elapsed() < pause {
            return;
        }
        self.shown = Instant::now();
        let seconds = self.started.elapsed().as_secs();
        let line = last_line(&self.log).unwrap_or_default();
        let line: String = line.chars().filter(|c| !c.is_control()).take(80).collect();
        if self.terminal {
            eprint!("\r\x1b[K  {seconds:>4} s  {line}");
        } else {
            eprintln!("  {seconds:>4} s  {line}");
        }
    }

    fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}

fn last_line(log: &Path) -> Option<String> {
    let size = fs::metadata(log).ok()?.len();
    let text = read_from(log, size.saturating_sub(1024)).ok()?;
    Some(
        text.lines()
            .rev()
            .find(|line| !line.trim().is_empty())?
            .trim()
            .to_owned(),
    )
}

fn read_from(path: &Path, start: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
