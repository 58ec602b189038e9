//! Three hosts from one container image beside each other, without an engine: the archive is
//! unpacked and entered by namespaces, its root read-only, its user without privilege.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use holdfast_tests::program;
use host_core::Amount;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::stage::host::{VOLUME, init_words};
use crate::stage::{Host, Plan, Shape, Town, ground, noise, sha256, until};

/// The network file in the container.
const NETWORK: &str = "etc/network.toml";

/// What an engine does: the volume over its place, the kernel's folders, everything else read-only.
const ENTER: &str = r#"
set -e
root=$1; volume=$2; shift 2
mount --bind "$root" "$root"
mount --bind "$volume" "$root/var/lib/holdfast"
for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder"; done
mount -t tmpfs tmpfs "$root/tmp"
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
"#;

/// Makes the image of a version.
fn image(version: &str) -> PathBuf {
    let out = ground().place(&format!("package-{version}"));
    let made = Command::new(program("holdfast-image"))
        .args(["package", "--container-only", "--version", version, "--out"])
        .arg(&out)
        .output()
        .expect("the builder runs");
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{said}");
    out.join(format!("holdfast-{version}.oci.tar"))
}

fn untar(archive: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    let done = Command::new("tar")
        .arg("--extract")
        .arg("--file")
        .arg(archive)
        .arg("--directory")
        .arg(to)
        .status();
    assert!(done.expect("tar runs").success());
}

/// A blob by its digest, which its bytes have.
fn blob(layout: &Path, described: &Value) -> PathBuf {
    let digest = described["digest"].as_str().expect("a digest");
    let digest = digest.strip_prefix("sha256:").expect("of this kind");
    let path = layout.join("blobs/sha256").join(digest);
    let bytes = std::fs::read(&path).expect("the blob");
    assert_eq!(hex::encode(Sha256::digest(&bytes)), digest);
    assert_eq!(described["size"], bytes.len());
    path
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")
}

/// Unpacks an image as an engine does; returns the root.
fn unpack(archive: &Path) -> PathBuf {
    let layout = archive.with_extension("layout");
    untar(archive, &layout);
    let index = read(&layout.join("index.json"));
    let manifest = read(&blob(&layout, &index["manifests"][0]));
    let config = read(&blob(&layout, &manifest["config"]));
    assert_eq!(config["config"]["User"], "900:900");
    let layer = &manifest["layers"][0];
    assert_eq!(config["rootfs"]["diff_ids"][0], layer["digest"]);
    let root = archive.with_extension("root");
    untar(&blob(&layout, layer), &root);
    root
}

/// The words that enter the container with a volume.
fn within(root: &Path, volume: &Path) -> Vec<String> {
    let mut words: Vec<String> = ["unshare", "--user", "--map-root-user", "--mount", "--pid"]
        .map(str::to_owned)
        .to_vec();
    words.extend(["--fork", "--kill-child", "--", "sh", "-c", ENTER, "enter"].map(str::to_owned));
    for path in [root, volume] {
        words.push(path.to_string_lossy().into_owned());
    }
    words
}

/// Makes a host in a container with an empty volume.
fn made(root: &Path, volume: &Path) -> Host {
    let dir = Path::new(VOLUME);
    let words = init_words(
        dir,
        Path::new("/").join(NETWORK).as_path(),
        &Plan::default(),
    );
    let line = within(root, volume);
    let (first, rest) = line.split_first().expect("a program");
    let made = Command::new(first)
        .args(rest)
        .arg("/usr/bin/holdfast")
        .args(words)
        .output()
        .expect("the container starts");
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{said}");
    let mut host = Host::of(volume, &made.stdout);
    host.container = line;
    host
}

/// What a process started.
fn children_of(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).expect("the kernel tells");
    text.split_whitespace()
        .map(|word| word.parse().expect("a number"))
        .collect()
}

#[test]
fn three_containers_are_killed_upgraded_and_restarted_and_lose_nothing() {
    // Goal: the volume is all that lasts. Method: three hosts from one image hold a file; each in
    // turn is killed, started from the next version's image, stopped in order and started again;
    // the file comes back, and every byte on every volume is read.
    let old = unpack(&image("0.1.0"));
    let new = unpack(&image("0.2.0"));
    let shape = Shape {
        hubs: 1,
        ..Shape::default()
    };
    let mut town = Town::start("containers", shape);
    // The one file that is mounted beside the volume.
    std::fs::copy(&town.file, old.join(NETWORK)).expect("copied");
    for index in 0..3 {
        let dir = town.dir.join(format!("volume-{index}"));
        std::fs::create_dir(&dir).expect("a volume");
        let mut host = made(&old, &dir);
        ground().fund(host.address);
        host.start();
        town.hosts.push(host);
    }
    town.listed(3);
    let home = town.renter("container renter", Amount(1_000_000_000_000_000_000));
    let file = noise("containers", 300_000);
    let path = town.dir.join("file");
    std::fs::write(&path, &file).expect("written");
    let put = home.say(&[
        "put",
        &path.to_string_lossy(),
        "--days",
        "1",
        "--data",
        "2",
        "--parity",
        "1",
        "--json",
    ]);
    let put: Value = serde_json::from_str(&put.well().out).expect("JSON");
    let id = put["id"].as_str().expect("an id").to_owned();
    let before: Vec<_> = town.hosts.iter().map(|host| host.status().shards).collect();
    assert!(before.iter().sum::<u64>() >= 3);
    for host in &mut town.hosts {
        let inside = children_of(host.pid());
        host.kill();
        until("the container is gone", Duration::from_secs(20), || {
            let alive = |pid: &u32| Path::new(&format!("/proc/{pid}")).exists();
            (!inside.iter().any(alive)).then_some(())
        });
        host.container = within(&new, &host.dir);
        host.start();
        host.stop();
        host.start();
    }
    let after: Vec<_> = town.hosts.iter().map(|host| host.status().shards).collect();
    assert_eq!(after, before);
    let back = town.dir.join("back");
    home.try_get(&id, &back, &[]).well();
    assert_eq!(
        sha256(&std::fs::read(&back).expect("it came")),
        sha256(&file)
    );
    for host in &mut town.hosts {
        host.stop();
        assert_eq!(host.inspect().damaged, 0);
    }
}
