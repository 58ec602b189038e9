//! Where things are: the workspace, the build output, the cargo that started us.
//!
//! The output directory follows from the launcher's own path (`OUT/debug/tests-launch`), which is
//! right for every way cargo can be told to build elsewhere: CARGO_TARGET_DIR, a configuration
//! file, a target triple. Nothing here is written into the repository.

use crate::error::Error;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directories of one run.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The workspace root.
    pub(crate) root: PathBuf,
    /// The directory that holds `release/` and `verify/`.
    pub(crate) out: PathBuf,
    /// The cargo to call.
    pub(crate) cargo: OsString,
}

impl Place {
    /// Finds the places of this process. Errors: not started from a cargo build, or no workspace.
    pub(crate) fn find() -> Result<Place, Error> {
        let exe = std::env::current_exe().map_err(|source| Error::Start {
            program: "launch".into(),
            source,
        })?;
        let out = exe
            .ancestors()
            .nth(2)
            .ok_or_else(|| Error::OddPlace(exe.clone()))?;
        let start = match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(dir) => PathBuf::from(dir),
            None => std::env::current_dir().map_err(|source| Error::Start {
                program: "launch".into(),
                source,
            })?,
        };
        Ok(Place {
            root: workspace_above(&start).ok_or(Error::NoWorkspace(start))?,
            out: out.to_path_buf(),
            cargo: std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
        })
    }

    /// The absolute path of a program of ours.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.out.join("release").join(name)
    }

    /// The directory of logs.
    pub(crate) fn logs(&self) -> PathBuf {
        self.out.join("verify")
    }

    /// A command in the workspace root, in the environment the caller of cargo had.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        self.restore_environment(&mut command);
        command
    }

    /// `cargo run` adds words about the launcher's own package and library paths. Left in place
    /// they would reach build scripts and the product, and could make a second build differ.
    pub(crate) fn restore_environment(&self, command: &mut Command) {
        for (key, _) in std::env::vars_os() {
            if key.to_str().is_some_and(is_about_this_package) {
                command.env_remove(key);
            }
        }
        if let Some(paths) = std::env::var_os("LD_LIBRARY_PATH") {
            let kept = std::env::split_paths(&paths)
                .filter(|path| !path.starts_with(&self.out) && !is_toolchain(path));
            match std::env::join_paths(kept) {
                Ok(kept) if !kept.is_empty() => command.env("LD_LIBRARY_PATH", kept),
                _ => command.env_remove("LD_LIBRARY_PATH"),
            };
        }
    }
}

fn is_about_this_package(key: &str) -> bool {
    const PREFIXES: [&str; 4] = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ];
    key == "CARGO_PRIMARY_PACKAGE" || PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

fn is_toolchain(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "rustlib")
        || path
            .parent()
            .and_then(Path::parent)
            .is_some_and(|up| up.ends_with("toolchains"))
}

fn workspace_above(start: &Path) -> Option<PathBuf> {
    let found = start.ancestors().find(|dir| {
        std::fs::read_to_string(dir.join("Cargo.toml"))
            .is_ok_and(|text| text.lines().any(|line| line.trim() == "[workspace]"))
    })?;
    Some(found.to_path_buf())
}
