//! Goal: this machine is read, a poorer one leaves named gaps, and garbage is absent.

use super::*;
use tempfile::TempDir;

fn machine(files: &[(&str, &str)]) -> (TempDir, Roots) {
    let dir = TempDir::new().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let roots = Roots {
        proc: dir.path().join("proc"),
        cgroup: dir.path().join("cgroup"),
    };
    (dir, roots)
}

const MEMINFO: &str = "MemTotal: 1000 kB\nMemAvailable: 600 kB\nSUnreclaim: 30 kB\n\
    KernelStack: 5 kB\nPageTables: 3 kB\nPercpu: 2 kB\n";

#[test]
fn this_machine_tells_its_memory() {
    let mut sampler = Sampler::open(Roots::default());
    let (first, second) = (sampler.look(), sampler.look());
    let (left, total) = first.available.unwrap();
    assert!(left > 0 && left <= total);
    assert!(first.anon.unwrap() > 0);
    assert!(second.refault_file >= first.refault_file);
    assert!(sampler.budget().unwrap().bytes <= total / 2);
}

#[test]
fn a_machine_without_sys_and_stalls_names_each_gap_once() {
    let (_dir, roots) = machine(&[
        ("proc/meminfo", MEMINFO),
        ("proc/self/status", "RssAnon:\t  50 kB\nRssShmem:\t 1 kB\n"),
    ]);
    let mut sampler = Sampler::open(roots);
    for _ in 0..3 {
        let sample = sampler.look();
        assert_eq!(sample.anon, Some(51 * 1024));
        assert_eq!(sample.available, Some((600 * 1024, 1000 * 1024)));
        assert_eq!(sample.kernel, Some(40 * 1024));
        assert_eq!((sample.some_us, sample.refault_file), (None, None));
    }
    let names: Vec<&str> = sampler.gaps().iter().map(|gap| gap.what).collect();
    let all = [
        "memory stall trigger",
        "memory full-stall trigger",
        "refaults",
        "memory stalls",
        "drive stalls",
    ];
    assert_eq!(names, all);
    assert_eq!(sampler.budget().unwrap().bytes, 500 * 1024);
}

#[test]
fn garbage_in_every_file_is_no_reading() {
    let garbage = "some\0full MemTotal: MemTotal:: 5 \u{fffd} workingset_refault_file x\n";
    let (_dir, roots) = machine(&[
        ("proc/meminfo", garbage),
        ("proc/self/status", garbage),
        ("proc/self/cgroup", garbage),
        ("proc/vmstat", garbage),
        ("proc/pressure/memory", garbage),
        ("proc/pressure/io", garbage),
    ]);
    let mut sampler = Sampler::open(roots);
    assert_eq!(sampler.look(), Sample::default());
    assert_eq!(sampler.budget(), None);
}

#[test]
fn bytes_that_are_no_text_are_no_reading() {
    let (dir, roots) = machine(&[]);
    std::fs::create_dir_all(dir.path().join("proc")).unwrap();
    std::fs::write(dir.path().join("proc/meminfo"), [0xff, 0xfe, 0x00]).unwrap();
    assert_eq!(Sampler::open(roots).look().available, None);
}

#[test]
fn more_available_than_there_is_is_no_reading() {
    let (_dir, roots) = machine(&[("proc/meminfo", "MemTotal: 1 kB\nMemAvailable: 2 kB\n")]);
    assert_eq!(Sampler::open(roots).look().available, None);
}

#[test]
fn stalls_of_the_own_cgroup_go_before_those_of_the_machine() {
    let calm = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n\
        full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n";
    let own = calm.replace("total=1", "total=77");
    let (dir, roots) = machine(&[
        ("proc/self/cgroup", "0::/box\n"),
        ("proc/pressure/memory", calm),
        ("cgroup/box/memory.pressure", &own),
    ]);
    let mut sampler = Sampler::open(roots);
    // The trigger's order went into the file, which only the kernel's own keeps apart.
    std::fs::write(dir.path().join("cgroup/box/memory.pressure"), own).unwrap();
    let sample = sampler.look();
    assert_eq!((sample.some_us, sample.stalls_shared), (Some(77), false));
}

#[test]
fn stalls_of_the_machine_are_told_as_shared() {
    let calm = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n\
        full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n";
    let (dir, roots) = machine(&[
        ("proc/self/cgroup", "0::/\n"),
        ("proc/pressure/memory", calm),
    ]);
    let mut sampler = Sampler::open(roots);
    std::fs::write(dir.path().join("proc/pressure/memory"), calm).unwrap();
    assert!(sampler.look().stalls_shared);
}
