//! The course of the illness: each fact is waited for on the guest's console.
//!
//! Enters: nothing. Leaves: the report on standard output.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use crate::ship;
use crate::vm::Vm;

/// Software emulation on a busy machine.
const BOOT: u64 = 900;
/// The host asks its drives once a minute.
const ASKED: u64 = 600;

/// What was seen, and when, in seconds.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// From power-on to a host that serves.
    seconds_to_serving: f64,
    /// The kernel's number for a place that cannot be read.
    errno_of_bad_place: i64,
    /// From the critical bits over QMP to the host's word.
    seconds_to_warning: f64,
    seconds_to_evacuation: f64,
    /// From the stall to quarantine, and from its end to the end of the quarantine.
    seconds_to_quarantine: f64,
    seconds_to_release: f64,
}

/// Looks until `look` finds something.
pub(crate) fn until<T>(what: &str, seconds: u64, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {seconds} s");
        thread::park_timeout(Duration::from_millis(200));
    }
}

/// Runs the course.
pub(crate) fn run() -> ExitCode {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("archive"), ship::archive()).expect("written");
    let kernel = ship::kernel().expect("it was looked for");
    let vm = Vm::start(folder.path(), &kernel);
    let mut report = Report::default();
    until("a host that serves", BOOT, || {
        assert_eq!(said(&vm, "fault "), None, "the guest goes on");
        said(&vm, "serves")
    });
    report.seconds_to_serving = vm.seconds();
    let read = said(&vm, "read ").expect("it reads before it serves");
    report.errno_of_bad_place = read.parse().expect("a number");
    // EIO or, for a medium error, ENODATA: any of what a drive answers for lost data.
    assert!(
        [5, 61, 84, 121].contains(&report.errno_of_bad_place),
        "{read}"
    );
    let well = |fact: &dyn Fn(&Value) -> bool| drive(&vm, "well").filter(|one| fact(one));
    until("the health page", ASKED, || {
        well(&|one| one["nvme"]["asks_for"] == "nothing" && one["nvme"]["gap"].is_null())
    });
    report.seconds_to_warning = after(
        || vm.warn("well", 2),
        "a warning",
        || well(&|one| one["nvme"]["asks_for"] == "warn" && one["state"] == "healthy"),
    );
    report.seconds_to_evacuation = after(
        || vm.warn("well", 4),
        "the evacuation",
        || well(&|one| one["nvme"]["asks_for"] == "evacuate" && one["state"] == "evacuating"),
    );
    let stalls = |fact: &dyn Fn(&Value) -> bool| drive(&vm, "stalls").filter(|one| fact(one));
    report.seconds_to_quarantine = after(
        || vm.stall(true),
        "the quarantine",
        || stalls(&|one| one["quarantined"] == true && one["state"] != "healthy"),
    );
    report.seconds_to_release = after(
        || vm.stall(false),
        "the release",
        || stalls(&|one| one["quarantined"] == false),
    );
    assert_eq!(said(&vm, "fault "), None, "the guest went on");
    let text = serde_json::to_string_pretty(&report).expect("figures are JSON");
    println!("{text}");
    ExitCode::SUCCESS
}

/// Seconds from a deed to a fact.
fn after<T>(deed: impl FnOnce(), what: &str, fact: impl FnMut() -> Option<T>) -> f64 {
    let begun = Instant::now();
    deed();
    until(what, ASKED, fact);
    begun.elapsed().as_secs_f64()
}

/// The rest of the newest line that begins with a word.
fn said(vm: &Vm, word: &str) -> Option<String> {
    let lines = vm.lines(0);
    let found = lines.iter().rev().find_map(|line| line.strip_prefix(word));
    found.map(str::to_owned)
}

/// What the guest's host said last of the drive of this serial.
fn drive(vm: &Vm, serial: &str) -> Option<Value> {
    let said: Value = serde_json::from_str(&said(vm, "drives ")?).ok()?;
    let all = said["drives"].as_array()?.clone();
    all.into_iter().find(|one| one["nvme"]["serial"] == serial)
}
