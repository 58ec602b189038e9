//! Goal: the kernel's text reads as it is; any other text is absent, never a number, never a panic.

use super::*;
use proptest::prelude::*;

const PRESSURE: &str = "some avg10=0.00 avg60=9.24 avg300=0.11 total=371000\n\
    full avg10=0.00 avg60=0.50 avg300=0.00 total=120\n";

#[test]
fn stalls_are_read_in_hundredths_and_microseconds() {
    let some = stall(PRESSURE, "some").unwrap();
    assert_eq!((some.avg60, some.total_us), (924, 371_000));
    let full = stall(PRESSURE, "full").unwrap();
    assert_eq!((full.avg60, full.total_us), (50, 120));
}

#[test]
fn a_share_above_a_hundred_percent_is_no_stall() {
    assert_eq!(stall("some avg60=100.01 total=1", "some"), None);
    assert_eq!(stall("some avg60=1.5 total=1", "some"), None);
    assert_eq!(stall("some avg60=0.00 total=-1", "some"), None);
}

#[test]
fn fields_are_whole_names() {
    let meminfo = "MemTotal:       100 kB\nMemTotalX:  7 kB\nHugePages_Total:  5\n";
    assert_eq!(kib_field(meminfo, "MemTotal"), Some(102_400));
    assert_eq!(kib_field(meminfo, "Mem"), None);
    assert_eq!(kib_field(meminfo, "HugePages_Total"), None);
    let vmstat = "workingset_refault_file 12\nworkingset_refault 3\n";
    assert_eq!(field(vmstat, "workingset_refault"), Some(3));
    assert_eq!(field(vmstat, "workingset_refault_file"), Some(12));
}

#[test]
fn a_number_that_overflows_is_absent() {
    let huge = format!("MemTotal: {} kB", u64::MAX);
    assert_eq!(kib_field(&huge, "MemTotal"), None);
}

#[test]
fn cgroup_paths_are_found_by_version_and_stay_inside() {
    let both = "12:cpu,cpuacct:/a\n4:memory:/m/x\n0::/u\n";
    assert_eq!(cgroup_path(both, ""), Some("/u"));
    assert_eq!(cgroup_path(both, "memory"), Some("/m/x"));
    assert_eq!(cgroup_path(both, "cpuacct"), Some("/a"));
    assert_eq!(cgroup_path("1:name=systemd:/s\n", ""), None);
    assert_eq!(cgroup_path("0::/../outside\n", ""), None);
    assert_eq!(cgroup_path("0::relative\n", ""), None);
}

#[test]
fn limits_that_limit_nothing_are_absent() {
    assert_eq!(limit("max\n"), None);
    assert_eq!(limit("9223372036854771712\n"), None);
    assert_eq!(limit("62914560\n"), Some(62_914_560));
}

proptest! {
    #[test]
    fn no_text_panics(
        text in "\\PC{0,300}",
        lines in "(some|full|0::|MemTotal:)[ =0-9a-z:./]{0,80}",
    ) {
        for text in [text, lines] {
            let _read = stall(&text, "some");
            let _read = kib_field(&text, "MemTotal");
            let _read = field(&text, "oom_kill");
            let _read = cgroup_path(&text, "");
            let _read = limit(&text);
        }
    }
}
