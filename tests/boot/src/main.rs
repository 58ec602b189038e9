//! `tests-boot`: images that are built, booted, upgraded and gone back from, in QEMU.
//!
//! Every case says what it shows and how long it took; the last line is JSON with the figures. The
//! machine's own console is what is judged. Needs qemu-system-x86 and ovmf; says so when missing.

mod vm;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use crate::vm::{VARIABLES, Vm};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say(&format!("FAIL {why:#}"));
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn run() -> anyhow::Result<()> {
    needs()?;
    let bench = Bench::new()?;
    let one = bench.build("one", "0.1.0", None)?;
    let again = bench.build("again", "0.1.0", None)?;
    same(&one, &again)?;
    say("ok   two builds are equal byte by byte");
    let two = bench.build("two", "0.2.0", None)?;
    let three = bench.build("three", "0.3.0", Some(&bench.never_healthy()?))?;
    let good = bench.bundle(&two, "0.2.0")?;
    let bad = bench.bundle(&three, "0.3.0")?;
    let folder = bench.machine(&one)?;
    let power_on = first(&folder)?;
    let (staged, committed) = upgrade(&folder, &good)?;
    let tampered = bench.tampered(&bad)?;
    refused(&folder, &tampered)?;
    let back = rollback(&folder, &bad)?;
    wiped(&folder)?;
    say(&format!(
        "{{\"reproducible\":true,\"health_seconds\":{power_on:.1},\
         \"upgrade_seconds\":{:.1},\"rollback_seconds\":{{\"never_healthy\":{back:.1}}}}}",
        committed - staged,
    ));
    Ok(())
}

/// What must be installed.
fn needs() -> anyhow::Result<()> {
    let qemu = Command::new("qemu-system-x86_64").arg("--version").output();
    if qemu.is_err() || !Path::new(VARIABLES).exists() {
        bail!("qemu-system-x86 and ovmf are missing: apt-get install qemu-system-x86 ovmf");
    }
    Ok(())
}

/// Powers a new disk on.
fn first(folder: &Path) -> anyhow::Result<f64> {
    let mut vm = Vm::start(folder, None)?;
    let seconds = vm.wait("health ok: version 0.1.0, slot a, start", 240)?;
    say(&format!("ok   a new disk is healthy after {seconds:.1} s"));
    Ok(seconds)
}

/// A good bundle is staged, tried and kept; the kept version is what the next power-on starts.
fn upgrade(folder: &Path, bundle: &Path) -> anyhow::Result<(f64, f64)> {
    let mut vm = Vm::start(folder, Some(bundle))?;
    vm.wait("health ok: version 0.1.0, slot a, start", 240)?;
    let staged = vm.wait("version 0.2.0 staged in slot b", 240)?;
    vm.wait("version 0.2.0 from slot b", 240)?;
    let kept = vm.wait("health ok: version 0.2.0, slot b, trial", 240)?;
    vm.wait(
        "bundle refused: bundle has version 0.2.0, 0.2.0 runs already",
        240,
    )?;
    drop(vm);
    let mut vm = Vm::start(folder, None)?;
    vm.wait("health ok: version 0.2.0, slot b, start", 240)?;
    say("ok   a good version is tried, kept, and started again after a power cut");
    Ok((staged, kept))
}

/// A bundle with one changed byte changes nothing.
fn refused(folder: &Path, bundle: &Path) -> anyhow::Result<()> {
    let mut vm = Vm::start(folder, Some(bundle))?;
    vm.wait("health ok: version 0.2.0, slot b, start", 240)?;
    vm.wait("bundle refused: ", 240)?;
    say("ok   a tampered bundle is refused");
    Ok(())
}

/// A version that never becomes healthy is left by itself; returns the seconds from its start.
fn rollback(folder: &Path, bundle: &Path) -> anyhow::Result<f64> {
    let mut vm = Vm::start(folder, Some(bundle))?;
    vm.wait("health ok: version 0.2.0, slot b, start", 240)?;
    let begun = vm.wait("version 0.3.0 staged in slot a", 240)?;
    vm.wait("no health: version 0.3.0, trial", 300)?;
    vm.wait("slot a was left: version 0.3.0", 240)?;
    let back = vm.wait("health ok: version 0.2.0, slot b, start", 240)?;
    vm.wait("0.3.0 was tried and left before", 240)?;
    say("ok   a version that is never healthy is left, and its reason kept");
    Ok(back - begun)
}

/// A firmware that forgot everything starts the committed version.
fn wiped(folder: &Path) -> anyhow::Result<()> {
    std::fs::copy(VARIABLES, folder.join("vars.fd"))?;
    let mut vm = Vm::start(folder, None)?;
    vm.wait("health ok: version 0.2.0, slot b, start", 240)?;
    say("ok   with its variables wiped, the firmware starts the committed version");
    Ok(())
}

/// The folder of this run and the builder beside this program.
struct Bench {
    folder: PathBuf,
    programs: PathBuf,
}

impl Bench {
    fn new() -> anyhow::Result<Self> {
        let programs = std::env::current_exe()?
            .parent()
            .context("this program is nowhere")?
            .to_owned();
        let target = programs.parent().context("no target folder")?;
        let folder = target.join("image/boot");
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, programs })
    }

    fn image(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let begun = Instant::now();
        let done = Command::new(self.programs.join("holdfast-image"))
            .args(arguments)
            .output()
            .context("running holdfast-image; build it with `cargo build --release`")?;
        ensure!(
            done.status.success(),
            "holdfast-image {arguments:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        let said = String::from_utf8_lossy(&done.stdout);
        say(&format!(
            "     {} ({:.0} s)",
            said.trim(),
            begun.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    fn build(&self, name: &str, version: &str, overlay: Option<&Path>) -> anyhow::Result<PathBuf> {
        let out = self.folder.join(name);
        let text = out.to_string_lossy().into_owned();
        let mut arguments = vec![
            "build",
            "--machine",
            "qemu",
            "--version",
            version,
            "--out",
            &text,
        ];
        let overlay = overlay.map(|path| path.to_string_lossy().into_owned());
        if let Some(overlay) = &overlay {
            arguments.extend(["--overlay", overlay]);
        }
        self.image(&arguments)?;
        Ok(out)
    }

    fn bundle(&self, built: &Path, version: &str) -> anyhow::Result<PathBuf> {
        let keys = self.folder.join("../test-keys");
        let (built_at, keys) = (built.to_string_lossy(), keys.to_string_lossy());
        self.image(&[
            "bundle",
            "--machine",
            "qemu",
            "--version",
            version,
            "--built",
            &built_at,
            "--keys",
            &keys,
        ])?;
        // A stick has whole sectors; the tar's end is one already.
        Ok(built.join("bundle.tar"))
    }

    /// Files that keep the host from starting.
    fn never_healthy(&self) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join("never-healthy");
        let units = folder.join("etc/systemd/system");
        std::fs::create_dir_all(&units)?;
        std::fs::write(
            units.join("holdfastd.service"),
            "[Service]\nType=exec\nExecStart=/usr/bin/holdfastd --dir /nowhere\n",
        )?;
        Ok(folder)
    }

    /// The bundle with a byte of its last target changed.
    fn tampered(&self, bundle: &Path) -> anyhow::Result<PathBuf> {
        let mut bytes = std::fs::read(bundle)?;
        let at = bytes.len() / 2;
        let byte = bytes.get_mut(at).context("an empty bundle")?;
        *byte ^= 1;
        let path = self.folder.join("tampered.tar");
        std::fs::write(&path, bytes)?;
        Ok(path)
    }

    /// A machine's folder with a copy of a build's disk.
    fn machine(&self, built: &Path) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join("machine");
        std::fs::create_dir_all(&folder)?;
        let done = Command::new("cp")
            .arg("--sparse=always")
            .arg(built.join("disk.raw"))
            .arg(folder.join("disk.raw"))
            .status()?;
        ensure!(done.success(), "copying the disk");
        std::fs::copy(VARIABLES, folder.join("vars.fd"))?;
        Ok(folder)
    }
}

fn same(one: &Path, again: &Path) -> anyhow::Result<()> {
    let sums = |folder: &Path| std::fs::read_to_string(folder.join("SHA256SUMS"));
    let (one, again) = (sums(one)?, sums(again)?);
    ensure!(one == again, "two builds differ:\n{one}{again}");
    Ok(())
}
