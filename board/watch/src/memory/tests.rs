//! Goal: real pressure climbs the ladder. Method: a child reads a file again and again inside a
//! cgroup that is too small for it, and a watch reads that cgroup as its own. Needs root and a
//! memory controller of either version; says `skipped:` otherwise. Takes at most 20 s.

use crate::Level;
use crate::memory::{Memory, Origin, Roots};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LIMIT: u64 = 32 << 20;
const FILE: usize = 160 << 20;

/// A cgroup of the test in one hierarchy, removed when dropped.
struct Group(PathBuf);

impl Group {
    fn make(root: &Path) -> Option<Self> {
        let path = root.join(format!("holdfast-test-{}", std::process::id()));
        fs::create_dir(&path).ok()?;
        Some(Self(path))
    }

    fn write(&self, file: &str, text: &str) -> bool {
        fs::write(self.0.join(file), text).is_ok()
    }

    fn name(&self) -> String {
        format!("/{}", self.0.file_name().unwrap().to_string_lossy())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel needs a moment to let go of a member that was just reaped.
        let until = Instant::now() + Duration::from_secs(2);
        while fs::remove_dir(&self.0).is_err() && Instant::now() < until {
            std::thread::yield_now();
        }
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Limited groups: version 2 alone, or version 1 for the limit and version 2 for the stalls.
fn groups() -> Option<(Vec<Group>, Origin)> {
    let mounts = Path::new("/sys/fs/cgroup");
    if mounts.join("cgroup.controllers").exists() {
        let group = Group::make(mounts)?;
        let limited = group.write("memory.high", &LIMIT.to_string());
        return limited.then(|| (vec![group], Origin::CgroupV2));
    }
    let first = Group::make(&mounts.join("memory"))?;
    let limited = first.write("memory.limit_in_bytes", &LIMIT.to_string());
    let second = Group::make(&mounts.join("unified"))?;
    limited.then(|| (vec![first, second], Origin::CgroupV1))
}

#[test]
fn a_cgroup_too_small_for_its_reader_climbs_the_ladder() {
    let Some((groups, origin)) = groups() else {
        println!("skipped: no cgroup that limits memory can be made here");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let big = dir.path().join("big");
    let random: Vec<u8> = (0..FILE).map(|n| (n % 251) as u8).collect();
    fs::write(&big, random).unwrap();
    let file = fs::File::open(&big).unwrap();
    file.sync_all().unwrap();
    // The pages must be charged to the reader, not to us.
    let gone = nix::fcntl::PosixFadviseAdvice::POSIX_FADV_DONTNEED;
    nix::fcntl::posix_fadvise(&file, 0, 0, gone).unwrap();
    let reader = Command::new("sh")
        .args([
            "-c",
            "read -r go; for n in 1 2 3 4; do (while :; do cat \"$1\"; done) & done; wait",
        ])
        .arg("reader")
        .arg(&big)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut reader = Killed(reader);
    let pid = reader.0.id().to_string();
    assert!(groups.iter().all(|group| group.write("cgroup.procs", &pid)));
    let roots = roots(dir.path(), &groups, origin, &pid);
    let mut memory = Memory::open(roots);
    let reached = climb(&mut memory, &mut reader);
    let budget = memory.step(Duration::from_secs(99), 0, true).0.reading;
    let members = |group: &Group| fs::read_to_string(group.0.join("cgroup.procs")).unwrap();
    for pid in groups.iter().flat_map(|group| {
        members(group)
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    }) {
        let pid = nix::unistd::Pid::from_raw(pid.parse().unwrap());
        let _gone = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    }
    drop(reader);
    assert!(
        reached >= Level::Trim,
        "{reached:?} {budget:?} {:?}",
        memory.sample()
    );
}

/// /proc as the reader sees it, with its cgroups as ours.
fn roots(dir: &Path, groups: &[Group], origin: Origin, pid: &str) -> Roots {
    let proc = dir.join("proc");
    fs::create_dir_all(proc.join("self")).unwrap();
    for name in ["meminfo", "vmstat", "pressure"] {
        symlink(Path::new("/proc").join(name), proc.join(name)).unwrap();
    }
    symlink(format!("/proc/{pid}/status"), proc.join("self/status")).unwrap();
    let own = match (origin, groups) {
        (Origin::CgroupV1, [first, second]) => {
            format!("4:memory:{}\n0::{}\n", first.name(), second.name())
        }
        (_, groups) => format!("0::{}\n", groups[0].name()),
    };
    fs::write(proc.join("self/cgroup"), own).unwrap();
    Roots {
        proc,
        cgroup: PathBuf::from("/sys/fs/cgroup"),
    }
}

fn climb(memory: &mut Memory, reader: &mut Killed) -> Level {
    let start = Instant::now();
    drop(reader.0.stdin.take());
    while start.elapsed() < Duration::from_secs(20) {
        let (verdict, _leaks) = memory.step(start.elapsed(), 0, true);
        if verdict.level >= Level::Trim {
            println!(
                "{:?} after {:?}: {:?}",
                verdict.level,
                start.elapsed(),
                verdict.cause
            );
            return verdict.level;
        }
        let mut asked: Vec<PollFd> = memory
            .descriptors()
            .map(|fd| PollFd::new(fd, PollFlags::POLLPRI))
            .collect();
        // Without triggers this is a pause of a second.
        poll(&mut asked, PollTimeout::from(1_000_u16)).unwrap();
    }
    Level::Calm
}
