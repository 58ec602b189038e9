//! What cases stand on: three images built once, their bundles, and a disk that was started once.
//! Every case gets a machine's folder of its own with a sparse copy of that disk.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use image_bundle::Version;

use crate::craft::{self, Craft};
use crate::release::Keys;
use crate::say;
use crate::vm::{Parts, VARIABLES, Vm};

/// The version that a fresh disk holds.
pub(crate) const FIRST: &str = "0.1.0";
/// A good version after it.
pub(crate) const GOOD: &str = "0.2.0";
/// A version that does what the machine's serial number says.
pub(crate) const BAD: &str = "0.3.0";

/// The images, bundles and disks of a run.
pub(crate) struct Bench {
    folder: PathBuf,
    programs: PathBuf,
    keys: Keys,
}

impl Bench {
    /// What an image weighs, how long its build takes, and that two builds are equal.
    pub(crate) fn weights(&self) -> anyhow::Result<serde_json::Value> {
        let done = Command::new(self.programs.join("holdfast-image"))
            .args(["figures", "--machine", "qemu"])
            .output()
            .context("running holdfast-image; build it with `cargo build --release`")?;
        let errors = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "holdfast-image figures: {errors}");
        Ok(serde_json::from_slice(&done.stdout)?)
    }

    /// Finds the programs beside this one and the folder of the run.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let programs = std::env::current_exe()?
            .parent()
            .context("this program is nowhere")?
            .to_owned();
        let target = programs.parent().context("no target folder")?;
        let folder = target.join("image/boot");
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            keys: craft::keys(&folder.join("keys"))?,
            folder,
            programs,
        })
    }

    /// Builds the three images and the bundles.
    pub(crate) fn build(&self) -> anyhow::Result<()> {
        self.image(FIRST, FIRST, None, &[])?;
        self.image(GOOD, GOOD, None, &[])?;
        self.image(BAD, BAD, Some(&self.faulty()?), &[])?;
        for version in [GOOD, BAD] {
            let craft = Craft::of(&self.built(version), version.parse()?)?;
            craft.write(&self.keys, &self.bundle_of(version))?;
        }
        Ok(())
    }

    /// Whether a run before left all that cases stand on.
    pub(crate) fn stands(&self) -> bool {
        let settled = self.folder.join("settled");
        let bundles = [GOOD, BAD].map(|version| self.bundle_of(version));
        let mut all = vec![settled.join("disk.raw"), settled.join("vars.fd")];
        all.extend(bundles);
        all.iter().all(|path| path.exists())
    }

    /// Starts a fresh disk once and keeps it, identity and all, for the cases that begin there.
    /// Returns seconds to health and MiB in use.
    pub(crate) fn settle(&self) -> anyhow::Result<(f64, f64)> {
        let folder = self.folder.join("settled");
        copy(&self.built(FIRST).join("disk.raw"), &folder)?;
        std::fs::copy(VARIABLES, folder.join("vars.fd"))?;
        let mut vm = Vm::start(&folder, &Parts::default())?;
        let seconds = vm.wait("health ok: version 0.1.0, slot a, start")?;
        vm.wait(" MiB")?;
        let memory = vm.number("memory in use ").unwrap_or_default();
        // What the guest has not written back yet is no part of the disk: the ledger's first
        // commits are flushed, the journal's last lines need not be.
        vm.run_for(std::time::Duration::from_secs(5));
        Ok((seconds, memory))
    }

    /// A machine that was healthy once on the first version.
    pub(crate) fn settled(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join("machines").join(name);
        let from = self.folder.join("settled");
        copy(&from.join("disk.raw"), &folder)?;
        std::fs::copy(from.join("vars.fd"), folder.join("vars.fd"))?;
        Ok(folder)
    }

    /// The bundle of a version that was built.
    pub(crate) fn bundle_of(&self, version: &str) -> PathBuf {
        self.built(version).join("bundle.tar")
    }

    /// A bundle made for one case, written beside the machines.
    pub(crate) fn craft(&self, name: &str, craft: Craft) -> anyhow::Result<PathBuf> {
        self.craft_with(&self.keys, name, craft)
    }

    /// The same with another set of keys.
    pub(crate) fn craft_with(
        &self,
        keys: &Keys,
        name: &str,
        craft: Craft,
    ) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join("crafted");
        std::fs::create_dir_all(&folder)?;
        craft.write(keys, &folder.join(format!("{name}.tar")))
    }

    /// What a build made, ready to be changed, as another version.
    pub(crate) fn parts(&self, built: &str, version: Version) -> anyhow::Result<Craft> {
        Craft::of(&self.built(built), version)
    }

    /// A set of test keys that no box trusts.
    pub(crate) fn strangers(&self) -> anyhow::Result<Keys> {
        craft::keys(&self.folder.join("strangers"))
    }

    /// Runs our command line; what it said when it worked.
    pub(crate) fn holdfast(&self, words: &[&str]) -> anyhow::Result<String> {
        let done = Command::new(self.programs.join("holdfast"))
            .args(words)
            .output()
            .context("running holdfast; build it with `cargo build --release`")?;
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        ensure!(
            done.status.success(),
            "holdfast {words:?}: {said}{}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(said)
    }

    /// A file of the run.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Signs what firmware starts of a version that was built with the db key of a marked set in
    /// the folder `keys`, made where it is missing; returns the folder of what was signed.
    pub(crate) fn sign(&self, version: &str, keys: &str) -> anyhow::Result<PathBuf> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let (keys, built) = (text(self.file(keys)), text(self.built(version)));
        self.run(&["keys", "test", "--out", &keys])?;
        self.run(&["sign", "image", "--built", &built, "--keys", &keys])?;
        Ok(self.built(version).join("signed"))
    }

    /// A stick that installs the first version on the disk with serial number `system`.
    pub(crate) fn installer(&self, erase: bool) -> anyhow::Result<PathBuf> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let out = self.file(if erase { "eraser.raw" } else { "installer.raw" });
        let (built, path) = (text(self.built(FIRST)), text(out.clone()));
        let mut words = vec!["installer", "--built", &built, "--serial", "system"];
        if erase {
            words.extend(["--erase", "system"]);
        }
        words.extend(["--out", &path]);
        self.run(&words)?;
        Ok(out)
    }

    /// Fresh variables of a firmware that was told the owner's keys of a marked set.
    pub(crate) fn enrolled(&self, keys: &str) -> anyhow::Result<PathBuf> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let out = self.file(&format!("{keys}-firmware"));
        let records: Vec<String> = ["pk", "kek", "db"]
            .iter()
            .map(|role| text(self.file(keys).join(format!("{role}-1.json"))))
            .collect();
        let mut words = vec!["firmware", "--variables", VARIABLES];
        for record in &records {
            words.extend(["--key", record]);
        }
        let folder = text(out.clone());
        words.extend(["--out", &folder]);
        self.run(&words)?;
        Ok(out.join("vars.fd"))
    }

    fn built(&self, version: &str) -> PathBuf {
        self.folder.join(version)
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<()> {
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
        let seconds = begun.elapsed().as_secs_f64();
        say(&format!("     {} ({seconds:.0} s)", said.trim()));
        Ok(())
    }

    /// Builds a version with a site's own files over it, under another name.
    pub(crate) fn image_with(
        &self,
        version: &str,
        name: &str,
        overlay: &Path,
    ) -> anyhow::Result<()> {
        self.image(version, name, Some(overlay), &[])
    }

    /// Builds a version with what a network serves, under another name.
    pub(crate) fn image_for_network(&self, version: &str, name: &str) -> anyhow::Result<()> {
        self.image(version, name, None, &["--netboot"])
    }

    /// Builds a version once more, under another name.
    pub(crate) fn image_as(&self, version: &str, name: &str) -> anyhow::Result<()> {
        self.image(version, name, None, &[])
    }

    fn image(
        &self,
        version: &str,
        name: &str,
        overlay: Option<&Path>,
        more: &[&str],
    ) -> anyhow::Result<()> {
        let out = self.built(name).to_string_lossy().into_owned();
        let mut arguments = vec!["build", "--machine", "qemu"];
        arguments.extend(["--version", version, "--out", &out]);
        let trust = self.keys.root().to_string_lossy().into_owned();
        arguments.extend(["--trust", &trust]);
        let overlay = overlay.map(|path| path.to_string_lossy().into_owned());
        if let Some(overlay) = &overlay {
            arguments.extend(["--overlay", overlay]);
        }
        arguments.extend(more);
        self.run(&arguments)
    }

    /// What makes an image do as the machine's serial number says, before the host starts.
    fn faulty(&self) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join("faulty");
        let unit = folder.join("etc/systemd/system/holdfastd.service.d");
        let programs = folder.join("usr/bin");
        std::fs::create_dir_all(&unit)?;
        std::fs::create_dir_all(&programs)?;
        std::fs::copy(
            self.programs.join("tests-boot-fault"),
            programs.join("tests-boot-fault"),
        )?;
        std::fs::write(
            unit.join("fault.conf"),
            "[Service]\nExecStartPre=+/usr/bin/tests-boot-fault\n",
        )?;
        Ok(folder)
    }
}

/// A sparse copy of a disk as `disk.raw` of a machine's folder.
pub(crate) fn copy(disk: &Path, folder: &Path) -> anyhow::Result<()> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder)?;
    let done = Command::new("cp")
        .arg("--sparse=always")
        .arg(disk)
        .arg(folder.join("disk.raw"))
        .status()?;
    ensure!(done.success(), "copying {}", disk.display());
    Ok(())
}
