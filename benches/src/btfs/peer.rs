//! A program of go-btfs driven offline: a repository of its own for each round, made below the
//! measurement's directory and gone after it. Nothing listens, nothing is dialled, and nothing of
//! the person's own repository is touched: HOME and BTFS_PATH point into that directory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};

use super::{Took, got};

/// A go-btfs that is there.
#[derive(Debug)]
pub(super) struct Peer {
    program: PathBuf,
    home: PathBuf,
    /// As it says itself.
    pub(super) version: String,
}

impl Peer {
    /// The program at `program`, none where there is none. Errors when it does not run.
    pub(super) fn find(program: &Path, dir: &Path) -> anyhow::Result<Option<Self>> {
        if !program.exists() {
            return Ok(None);
        }
        let mut peer = Self {
            program: std::path::absolute(program)?,
            home: std::path::absolute(dir)?.join("btfs"),
            version: String::new(),
        };
        std::fs::create_dir_all(&peer.home)?;
        peer.version = peer.say(&["version", "--number"])?;
        Ok(Some(peer))
    }

    /// Adds `file` to a fresh repository and gets it again; only these two are timed.
    pub(super) fn round(&self, chunker: &str, file: &Path) -> anyhow::Result<Took> {
        self.say(&["init", "--empty-repo"])?;
        let (file_word, chunker) = (file.display().to_string(), format!("--chunker={chunker}"));
        let begun = Instant::now();
        let id = self.say(&["--offline", "add", "--quieter", &chunker, &file_word])?;
        let put_s = begun.elapsed().as_secs_f64();
        let id = id.lines().last().unwrap_or_default().trim();
        ensure!(!id.is_empty(), "btfs add names no file");
        let out = self.home.join("out");
        let mut get = self.command(&["--offline", "get", id, "-o"]);
        let get_s = got(get.arg(&out), file, &out)?;
        std::fs::remove_dir_all(self.repository())?;
        Ok(Took { put_s, get_s })
    }

    fn repository(&self) -> PathBuf {
        self.home.join("repository")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(&self.home);
        command.env("HOME", &self.home);
        command.env("BTFS_PATH", self.repository());
        command
    }

    fn say(&self, words: &[&str]) -> anyhow::Result<String> {
        let ended = self.command(words).output();
        let ended = ended.with_context(|| format!("running {}", self.program.display()))?;
        let why = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "btfs {words:?}: {}", why.trim());
        Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
    }
}
