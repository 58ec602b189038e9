//! What goes into the guest: this program as its first process, ours beside it, the libraries they
//! are linked with, three kernel modules.
//!
//! Enters: programs built beside this one, an unpacked kernel package. Leaves: a boot archive.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast_tests::program;

use crate::cpio::Archive;

/// Loaded in this order.
pub(crate) const MODULES: [&str; 3] = ["nvme-auth", "nvme-core", "nvme"];
/// Our programs in the guest.
const PROGRAMS: [&str; 3] = ["board-nvme", "holdfast", "holdfastd"];

/// Why no guest can be made here, if so.
pub(crate) fn missing() -> Option<String> {
    for tool in ["qemu-system-x86_64", "nbdkit", "qemu-io"] {
        let works = Command::new(tool).arg("--version").output();
        if !works.is_ok_and(|said| said.status.success()) {
            return Some(format!("{tool} is not installed"));
        }
    }
    kernel().is_none().then(|| {
        "no kernel package: `just image` unpacks one, or name its folder in HOLDFAST_KERNEL".into()
    })
}

/// The folder of the unpacked kernel package.
fn package() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("HOLDFAST_KERNEL") {
        return Some(PathBuf::from(named));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let unpacked = root.join("target/image/unpacked");
    let mut found = std::fs::read_dir(unpacked).ok()?.flatten();
    let found = found.find(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("linux-image-")
    });
    found.map(|entry| entry.path())
}

/// The kernel itself.
pub(crate) fn kernel() -> Option<PathBuf> {
    let mut found = std::fs::read_dir(package()?.join("boot")).ok()?.flatten();
    let found = found.find(|entry| entry.file_name().to_string_lossy().starts_with("vmlinuz"));
    found.map(|entry| entry.path())
}

/// The boot archive.
pub(crate) fn archive() -> Vec<u8> {
    let mut archive = Archive::default();
    let own = std::env::current_exe().expect("our own path");
    let programs: Vec<(String, PathBuf)> = PROGRAMS
        .iter()
        .map(|name| (format!("bin/{name}"), program(name)))
        .chain([("init".to_owned(), own)])
        .collect();
    let folders = [
        "bin",
        "dev",
        "etc",
        "etc/holdfast",
        "lib",
        "proc",
        "run",
        "run/holdfast",
    ];
    let mut folders: BTreeSet<String> = folders.iter().map(ToString::to_string).collect();
    folders.extend(["sys", "tmp", "root"].map(str::to_owned));
    let libraries: BTreeSet<PathBuf> = programs.iter().flat_map(|(_, path)| linked(path)).collect();
    for library in &libraries {
        for folder in library.ancestors().skip(1) {
            let name = folder.to_string_lossy().trim_start_matches('/').to_owned();
            if !name.is_empty() {
                folders.insert(name);
            }
        }
    }
    for folder in &folders {
        archive.folder(folder);
    }
    archive.device("dev/console", (5, 1));
    for (name, path) in &programs {
        archive.file(name, 0o755, &read(path));
    }
    for library in &libraries {
        let name = library.to_string_lossy();
        archive.file(name.trim_start_matches('/'), 0o755, &read(library));
    }
    for name in MODULES {
        archive.file(&format!("lib/{name}.ko.xz"), 0o644, &read(&module(name)));
    }
    archive.finish()
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A module of the package, wherever it lies.
fn module(name: &str) -> PathBuf {
    let file = format!("{name}.ko.xz");
    let mut folders = vec![
        package()
            .expect("it was looked for")
            .join("usr/lib/modules"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.file_name().to_string_lossy() == file {
                return entry.path();
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    panic!("the kernel package has no {file}");
}

/// The libraries a program is linked with, as the loader finds them.
fn linked(path: &Path) -> Vec<PathBuf> {
    let said = Command::new("ldd").arg(path).output().expect("ldd runs");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let words = text.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(PathBuf::from).collect()
}
