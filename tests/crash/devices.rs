//! Real descriptors that fail: a file served by a program that refuses, fills up or stalls on
//! command, a file system without room, a block device with somebody else's bytes.
//!
//! Method: `nbdkit` behind `nbdfuse` is a file whose every read and write passes our faults; a
//! `trigger` file turns them on. Where the system gives no FUSE, no loop device, or none of the
//! programs, a test says so and does nothing.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use host_core::seams::{Device, DeviceError};
use host_ledger::{Ledger, MemoryStorage, Options};
use host_store::{Error, Store, format};
use host_uring::{AnyDevice, Driver, OpenError, OpenOptions, clear, open};
use tempfile::TempDir;

use crate::machine::{Failure, NETWORK, OWNER, Running, bytes_of, label, shard_of};

const SIZE: u64 = 64 << 20;
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn options(create_size: Option<u64>, driver: Driver) -> OpenOptions {
    OpenOptions {
        create_size,
        arena_bytes: 16 << 20,
        queue_depth: 16,
        driver,
    }
}

/// Runs a program to its end; its output when it succeeds.
fn say(words: &[&str]) -> Option<String> {
    let (program, rest) = words.split_first()?;
    let output = Command::new(program).args(rest).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| said.trim().to_owned())
}

/// A file whose faults are turned on by a trigger.
struct Faulty {
    server: Child,
    mount: PathBuf,
    dir: TempDir,
}

impl Faulty {
    /// Serves `SIZE` bytes of memory with the faults that nbdkit's filters are told; none, and
    /// why, where that cannot be had.
    fn serve(faults: &[&str]) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let (mount, trigger) = (dir.path().join("mount"), dir.path().join("trigger"));
        std::fs::create_dir(&mount).unwrap();
        let server = Command::new("nbdfuse")
            .arg(mount.join("volume"))
            .args(["--socket-activation", "nbdkit", "--exit-with-parent", "-f"])
            .args(["memory", &SIZE.to_string()])
            .args(faults)
            .arg(format!("error-file={}", trigger.display()))
            .stderr(Stdio::null())
            .spawn();
        let Ok(server) = server else {
            eprintln!("skipped: nbdfuse is missing (Debian: nbdkit, libnbd-bin)");
            return None;
        };
        let mut faulty = Self { server, mount, dir };
        let end = Instant::now() + Duration::from_secs(20);
        while std::fs::metadata(faulty.path()).is_err() {
            let ended = faulty.server.try_wait().unwrap().is_some();
            if ended || Instant::now() > end {
                eprintln!("skipped: nbdfuse mounts nothing here");
                return None;
            }
            std::thread::yield_now();
        }
        Some(faulty)
    }

    fn path(&self) -> PathBuf {
        self.mount.join("volume")
    }

    fn fail(&self) {
        std::fs::write(self.dir.path().join("trigger"), "").unwrap();
    }

    fn work(&self) {
        std::fs::remove_file(self.dir.path().join("trigger")).unwrap();
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        let mount = self.mount.to_string_lossy().into_owned();
        if say(&["fusermount3", "-u", "-z", &mount]).is_none() {
            say(&["umount", "-l", &mount]);
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn errno(done: Result<(), DeviceError>) -> Option<(&'static str, i32)> {
    match done {
        Err(DeviceError::Os { op, errno, .. }) => Some((op, errno)),
        _ => None,
    }
}

/// Goal: a drive that refuses reads or writes is told as it is, and serves again when it does.
/// Method: a file with EIO on reads and no space on writes, on both drivers.
#[test]
fn a_failing_drive_is_told_by_errno_and_loses_nothing() {
    let faults = [
        "--filter=error",
        "error-pread=EIO",
        "error-pread-rate=100%",
        "error-pwrite=ENOSPC",
        "error-pwrite-rate=100%",
    ];
    for driver in [Driver::Auto, Driver::Plain] {
        let Some(faulty) = Faulty::serve(&faults) else {
            return;
        };
        let device = open(&faulty.path(), options(None, driver)).unwrap();
        let filled = |byte: u8| {
            let mut buf = device.buffer(1 << 20).unwrap();
            buf.as_mut().fill(byte);
            buf
        };
        block_on(device.write(0, filled(1))).1.unwrap();
        block_on(device.flush()).unwrap();
        faulty.fail();
        let (_, read) = block_on(device.read(0, filled(0)));
        assert_eq!(errno(read), Some(("read", EIO)), "{driver:?}");
        let (_, written) = block_on(device.write(4 << 20, filled(2)));
        assert_eq!(errno(written), Some(("write", ENOSPC)), "{driver:?}");
        faulty.work();
        let (buf, read) = block_on(device.read(0, filled(0)));
        read.unwrap();
        assert!(buf.as_ref().iter().all(|byte| *byte == 1), "{driver:?}");
        block_on(device.write(4 << 20, filled(2))).1.unwrap();
    }
}

/// Goal: a write error in the middle of an upload is a typed error; what was acknowledged before
/// stays, no space leaks, and the same shard is taken once the drive works. Method: a store on a
/// drive that fails for one upload.
#[test]
fn a_failing_drive_costs_the_upload_it_meets_and_no_other() {
    let faults = [
        "--filter=error",
        "error-pwrite=EIO",
        "error-pwrite-rate=100%",
    ];
    let Some(faulty) = Faulty::serve(&faults) else {
        return;
    };
    let device = open(&faulty.path(), options(None, Driver::Auto)).unwrap();
    block_on(format(&device, label(0))).unwrap();
    let ledger = Ledger::open_on(MemoryStorage::default(), Options::default()).unwrap();
    let volumes = vec![("faulty".to_owned(), device)];
    let (store, left_out) = block_on(Store::open(volumes, ledger.clone(), OWNER, NETWORK)).unwrap();
    let host = Running {
        ledger,
        store,
        left_out,
    };
    let (first, second) = (bytes_of(1, 700_000), bytes_of(2, 3_000_000));
    host.put(1, &first).unwrap();
    let before = host.store.space().unwrap();
    faulty.fail();
    let failed = host.put(2, &second).unwrap_err();
    assert!(
        matches!(
            failed,
            Failure::Store(Error::Device(DeviceError::Os { errno: EIO, .. }))
        ),
        "{failed:?}"
    );
    faulty.work();
    // What was in flight keeps its run until the drive lets go; every reservation looks again.
    let end = Instant::now() + Duration::from_secs(20);
    while host.store.space().unwrap() != before {
        assert!(Instant::now() < end, "space leaked");
        drop(host.store.reserve(4096).unwrap());
        std::thread::yield_now();
    }
    host.put(2, &second).unwrap();
    for bytes in [first, second] {
        let reader = block_on(host.store.open_shard(&shard_of(&bytes))).unwrap();
        let mut reader = reader.unwrap();
        let mut at = 0;
        for run in bytes.chunks(64 << 10) {
            let read = block_on(reader.read(at, run.len() as u64)).unwrap();
            assert!(read.as_ref() == run);
            at += run.len() as u64;
        }
    }
}

/// Goal: a drive that stalls holds up who asked it and nobody else. Method: every read takes a
/// second; meanwhile a task on the same worker counts time, which must not stand still.
#[test]
fn a_stalled_drive_holds_up_no_other_task() {
    let faults = ["--filter=delay", "--filter=error", "delay-read=1000ms"];
    let Some(faulty) = Faulty::serve(&faults) else {
        return;
    };
    let device: Arc<AnyDevice> =
        Arc::new(open(&faulty.path(), options(None, Driver::Auto)).unwrap());
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all();
    let runtime = builder.on_thread_park(host_uring::lull).build().unwrap();
    let stalled = runtime.spawn(async move {
        let started = Instant::now();
        let buf = device.buffer(4096).unwrap();
        device.read(0, buf).await.1.unwrap();
        started.elapsed()
    });
    let longest = runtime.spawn(async {
        let (mut longest, mut last) = (Duration::ZERO, Instant::now());
        for _ in 0..60 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        longest
    });
    let (stalled, longest) = runtime.block_on(async { (stalled.await, longest.await) });
    assert!(
        stalled.unwrap() >= Duration::from_millis(900),
        "it did stall"
    );
    let longest = longest.unwrap();
    assert!(
        longest < Duration::from_millis(700),
        "stood still for {longest:?}"
    );
}

/// Goal: a file system without room is told when a volume is made and, for a file with holes,
/// when it is written; nothing is left of the volume that could not be made. Method: a file
/// system of 4 MiB in memory.
#[test]
fn a_full_file_system_is_told_and_leaves_no_volume() {
    let dir = tempfile::tempdir().unwrap();
    let mount = dir.path().to_string_lossy().into_owned();
    if say(&["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", &mount]).is_none() {
        eprintln!("skipped: no file system may be mounted here");
        return;
    }
    for driver in [Driver::Auto, Driver::Plain] {
        let path = dir.path().join("volume");
        let made = open(&path, options(Some(SIZE), driver)).unwrap_err();
        assert!(
            matches!(&made, OpenError::Os { source, .. } if source.raw_os_error() == Some(ENOSPC)),
            "{made}"
        );
        assert!(!path.exists(), "{driver:?}");
        let holes = std::fs::File::create_new(&path).unwrap();
        holes.set_len(SIZE).unwrap();
        let device = open(&path, options(None, driver)).unwrap();
        let written = (0..8).find_map(|turn| {
            let buf = device.buffer(1 << 20).unwrap();
            block_on(device.write(turn << 20, buf)).1.err()
        });
        assert_eq!(written.map(Err).and_then(errno), Some(("write", ENOSPC)));
        drop(device);
        std::fs::remove_file(&path).unwrap();
    }
    say(&["umount", &mount]);
}

/// A loop device over a file.
struct Loop {
    device: String,
    _dir: TempDir,
}

impl Loop {
    fn attach(sector: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk");
        std::fs::File::create(&path).unwrap().set_len(SIZE).unwrap();
        let (path, sector) = (path.to_string_lossy(), sector.to_string());
        let words = [
            "losetup",
            "--find",
            "--show",
            "--direct-io=on",
            "--sector-size",
        ];
        let words: Vec<&str> = words.into_iter().chain([&*sector, &*path]).collect();
        let Some(device) = say(&words) else {
            eprintln!("skipped: no loop device with sectors of {sector} bytes is to be had here");
            return None;
        };
        Some(Self { device, _dir: dir })
    }

    fn path(&self) -> &Path {
        Path::new(&self.device)
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        say(&["losetup", "--detach", &self.device]);
    }
}

/// Goal: a block device is a volume like a file, whatever its sectors, taken whole and alone.
/// Method: loop devices with sectors of 512 and 4096 bytes; a store's label and bytes on them.
#[test]
fn a_block_device_is_a_volume() {
    for sector in [512, 4096] {
        let Some(disk) = Loop::attach(sector) else {
            return;
        };
        let small = open(disk.path(), options(Some(SIZE + 4096), Driver::Auto)).unwrap_err();
        assert!(
            matches!(small, OpenError::Small { have: SIZE, .. }),
            "{small}"
        );
        let device = open(disk.path(), options(Some(SIZE), Driver::Auto)).unwrap();
        assert_eq!(device.facts().size, SIZE);
        block_on(format(&device, label(0))).unwrap();
        let mut buf = device.buffer(128 << 10).unwrap();
        buf.as_mut().fill(7);
        block_on(device.write(SIZE - (128 << 10), buf)).1.unwrap();
        block_on(device.flush()).unwrap();
        let again = open(disk.path(), options(None, Driver::Auto)).unwrap_err();
        assert!(matches!(again, OpenError::Busy { .. }), "{again}");
        drop(device);
        let device = open(disk.path(), options(None, Driver::Auto)).unwrap();
        let buf = device.buffer(128 << 10).unwrap();
        let (buf, read) = block_on(device.read(SIZE - (128 << 10), buf));
        read.unwrap();
        assert!(buf.as_ref().iter().all(|byte| *byte == 7));
    }
}

/// Goal: nobody's data is written over unasked. Method: a formatted volume, a file system, loose
/// bytes at the end, and a mounted device; then the explicit word.
#[test]
fn a_block_device_with_foreign_bytes_is_refused_until_cleared() {
    let Some(disk) = Loop::attach(512) else {
        return;
    };
    let refused = || match open(disk.path(), options(Some(SIZE), Driver::Auto)) {
        Err(OpenError::Foreign { holds, .. }) => holds,
        other => panic!("{other:?}"),
    };
    let device = open(disk.path(), options(Some(SIZE), Driver::Auto)).unwrap();
    block_on(format(&device, label(0))).unwrap();
    drop(device);
    assert_eq!(refused(), "a Holdfast volume");
    clear(disk.path()).unwrap();
    let end = SIZE - 4096;
    let device = open(disk.path(), options(Some(SIZE), Driver::Auto)).unwrap();
    let mut buf = device.buffer(4096).unwrap();
    buf.as_mut().fill(9);
    block_on(device.write(end, buf)).1.unwrap();
    drop(device);
    assert_eq!(refused(), "bytes of unknown kind");
    if say(&["mkfs.ext4", "-q", "-F", &disk.device]).is_none() {
        eprintln!("skipped: mkfs.ext4 makes no file system here");
        return;
    }
    assert_eq!(refused(), "an ext2, 3 or 4 file system");
    let mount = tempfile::tempdir().unwrap();
    let at = mount.path().to_string_lossy().into_owned();
    if say(&["mount", &disk.device, &at]).is_some() {
        let opened = open(disk.path(), options(Some(SIZE), Driver::Auto));
        let cleared = clear(disk.path());
        say(&["umount", &at]);
        assert!(matches!(opened, Err(OpenError::Busy { .. })), "{opened:?}");
        assert!(
            matches!(cleared, Err(OpenError::Busy { .. })),
            "{cleared:?}"
        );
    }
    clear(disk.path()).unwrap();
    open(disk.path(), options(Some(SIZE), Driver::Auto)).unwrap();
    let file = mount.path().join("file");
    std::fs::write(&file, "bytes").unwrap();
    assert!(matches!(clear(&file), Err(OpenError::NotRaw { .. })));
}
