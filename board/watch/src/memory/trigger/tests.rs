//! Goal: a trigger of two seconds arms without privilege and stays silent on a calm machine's
//! cgroup; where the kernel has no stall information the reason is named.

use super::*;
use std::path::PathBuf;

#[test]
fn a_window_of_two_seconds_needs_no_privilege() {
    let path = PathBuf::from("/proc/pressure/memory");
    match Trigger::arm(&path, Kind::Some) {
        Ok(trigger) => assert!(trigger.descriptor().is_some()),
        Err(error) => println!("skipped: {error}"),
    }
}

#[test]
fn a_machine_without_stall_information_is_named() {
    let error = Trigger::arm(Path::new("/nowhere/pressure"), Kind::Full).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/pressure: "));
}

#[test]
fn a_file_that_is_no_pressure_file_never_fires() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut trigger = Trigger::arm(file.path(), Kind::Some).unwrap();
    assert!(!trigger.fired());
}
