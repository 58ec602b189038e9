//! Tools that a tier needs besides cargo: found, or installed where that is possible, or told why.
//!
//! Enters: a tool. Leaves: how to call it, or the reason it cannot be had. Every installation is
//! announced before it starts. Cargo tools go into the build directory, never into the home of the
//! person who runs us; system packages are installed only as root or where sudo asks nothing.

use crate::child;
use crate::error::Error;
use crate::step::Desk;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The cargo-deny that the configuration was written for.
const DENY: &str = "0.20.2";

/// Whether a program answers with status 0.
pub(crate) fn works(program: impl AsRef<Path>, words: &[&str]) -> bool {
    Command::new(program.as_ref())
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Node and npm, from the system's packages when missing. Ok(None) when they work.
pub(crate) fn node(desk: &Desk<'_>) -> Result<Option<String>, Error> {
    node_for(desk, "contracts")
}

/// The same for another tier.
pub(crate) fn node_for(desk: &Desk<'_>, tier: &str) -> Result<Option<String>, Error> {
    let there = || works("node", &["--version"]) && works("npm", &["--version"]);
    packages(desk, tier, "node and npm", &["nodejs", "npm"], there)
}

/// Chromium, from the system's packages when missing. Ok(None) when it works.
pub(crate) fn chromium(desk: &Desk<'_>) -> Result<Option<String>, Error> {
    let there = || works("chromium", &["--version"]);
    packages(desk, "browser", "Chromium", &["chromium"], there)
}

/// Clients of S3, from the system's packages when missing. Ok(None) when they work.
pub(crate) fn s3_clients(desk: &Desk<'_>) -> Result<Option<String>, Error> {
    let there = || {
        let asked = [
            ("aws", "--version"),
            ("rclone", "version"),
            ("restic", "version"),
            ("curl", "--version"),
            ("jq", "--version"),
        ];
        asked.iter().all(|(program, word)| works(program, &[word]))
    };
    let names = ["awscli", "rclone", "restic", "curl", "jq"];
    let what = "aws, rclone, restic, curl and jq";
    packages(desk, "gateway", what, &names, there)
}

/// A PostgreSQL server, from the system's packages when missing. Ok(None) when it is there.
pub(crate) fn database(desk: &Desk<'_>) -> Result<Option<String>, Error> {
    let there = || works("sh", &["-c", "ls /usr/lib/postgresql/*/bin/initdb"]);
    packages(desk, "gateway", "PostgreSQL", &["postgresql"], there)
}

/// Programs that serve a failing file, from the system's packages when missing. Their tests skip
/// themselves without them, so a reason is no obstacle.
pub(crate) fn faults(desk: &Desk<'_>) -> Result<Option<String>, Error> {
    let there = || works("nbdkit", &["--version"]) && works("nbdfuse", &["--version"]);
    let names = ["nbdkit", "libnbd-bin", "fuse3"];
    packages(desk, "crash", "nbdkit and nbdfuse", &names, there)
}

/// `ip` and `nft`, from the system's packages when missing. Their tests skip themselves without
/// them, so a reason is no obstacle.
pub(crate) fn links(desk: &Desk<'_>) -> Result<Option<String>, Error> {
    let there = || works("ip", &["-V"]) && works("nft", &["--version"]);
    packages(desk, "it", "ip and nft", &["iproute2", "nftables"], there)
}

/// A virtual machine with firmware, and what the image is built with, from the system's packages
/// when missing. Ok(None) when they are there.
pub(crate) fn machine(desk: &Desk<'_>) -> Result<Option<String>, Error> {
    let there = || {
        works("qemu-system-x86_64", &["--version"])
            && Path::new("/usr/share/OVMF/OVMF_VARS_4M.fd").exists()
            && works("objcopy", &["--version"])
            && works("dpkg-deb", &["--version"])
    };
    let names = ["qemu-system-x86", "ovmf", "binutils"];
    packages(desk, "boot", "QEMU, OVMF and binutils", &names, there)
}

/// Installs system packages for `tier` unless `there` already; the reason when they cannot be had.
fn packages(
    desk: &Desk<'_>,
    tier: &str,
    what: &str,
    names: &[&str],
    there: impl Fn() -> bool,
) -> Result<Option<String>, Error> {
    if there() {
        return Ok(None);
    }
    let prefix: &[&str] = if works("sh", &["-c", "test $(id -u) -eq 0"]) {
        &[]
    } else if works("sudo", &["-n", "true"]) {
        &["sudo", "-n"]
    } else {
        let why = format!("{what} are missing and only root could install them");
        return Ok(Some(why));
    };
    if !works("apt-get", &["--version"]) {
        let why = format!("{what} are missing and this system has no apt-get");
        return Ok(Some(why));
    }
    let list = names.join(" ");
    println!("{tier}: {what} are missing, installing the system packages {list}");
    let mut install = vec!["apt-get", "install", "--yes", "--no-install-recommends"];
    install.extend(names);
    if !install_with(desk, prefix, &install)? {
        let _refreshed = install_with(desk, prefix, &["apt-get", "update"])?;
        let _installed = install_with(desk, prefix, &install)?;
    }
    Ok((!there()).then(|| format!("{what} could not be installed, see the log")))
}

fn install_with(desk: &Desk<'_>, prefix: &[&str], words: &[&str]) -> Result<bool, Error> {
    let all: Vec<&str> = prefix.iter().chain(words).copied().collect();
    let Some((program, rest)) = all.split_first() else {
        return Ok(false);
    };
    let mut command = Command::new(program);
    command.args(rest).env("DEBIAN_FRONTEND", "noninteractive");
    Ok(child::run(command, &desk.log, desk.deadline)?.success)
}

/// A component of the toolchain (`cargo fmt` of rustfmt). Ok(None) when it works.
pub(crate) fn component(
    desk: &Desk<'_>,
    word: &str,
    component: &str,
) -> Result<Option<String>, Error> {
    let cargo = Path::new(&desk.place.cargo);
    if works(cargo, &[word, "--version"]) {
        return Ok(None);
    }
    if works("rustup", &["--version"]) {
        println!("tidy: {component} is missing, asking rustup for it");
        let mut command = Command::new("rustup");
        command.args(["component", "add", component]);
        let _outcome = child::run(command, &desk.log, desk.deadline)?;
    }
    let there = works(cargo, &[word, "--version"]);
    Ok((!there).then(|| format!("the component {component} is not installed and cannot be had")))
}

/// cargo-deny, built into the build directory when missing.
pub(crate) fn deny(desk: &Desk<'_>) -> Result<Result<PathBuf, String>, Error> {
    let tools = desk.place.out.join("tools");
    let own = tools.join("bin").join("cargo-deny");
    for candidate in [Path::new("cargo-deny"), &own] {
        if works(candidate, &["--version"]) {
            return Ok(Ok(candidate.to_path_buf()));
        }
    }
    println!("tidy: cargo-deny is missing, building it once (about 3 minutes)");
    let mut command = desk.place.command(&desk.place.cargo);
    command
        .args([
            "install",
            "cargo-deny",
            "--locked",
            "--version",
            DENY,
            "--root",
        ])
        .arg(&tools)
        .env("CARGO_TARGET_DIR", tools.join("build"))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    let outcome = child::run(command, &desk.log, desk.deadline)?;
    let _removed = std::fs::remove_dir_all(tools.join("build"));
    Ok(if outcome.success {
        Ok(own)
    } else {
        Err("cargo-deny could not be built".into())
    })
}
