//! Where a demo lives on disk: one directory, made by the demo and removed with it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The demo's directory. Removed when dropped, unless it is to be kept.
#[derive(Debug)]
pub(crate) struct Place {
    dir: PathBuf,
    keep: bool,
}

impl Place {
    /// Makes `dir`, or a fresh directory among the temporary files. A directory that already
    /// holds something is refused: the demo removes what it made and must own it.
    pub(crate) fn make(dir: Option<&Path>, keep: bool) -> anyhow::Result<Self> {
        let path = match dir {
            Some(path) => path.to_path_buf(),
            None => std::env::temp_dir().join(format!("holdfast-demo-{}", std::process::id())),
        };
        let used = std::fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
        if used {
            bail!(
                "{} is not empty; give --dir a new or empty directory",
                path.display()
            );
        }
        std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        let dir = path
            .canonicalize()
            .with_context(|| format!("finding {}", path.display()))?;
        Ok(Self { dir, keep })
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path inside it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}
