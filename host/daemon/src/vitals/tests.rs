//! Facts of a run, and /proc lines read as they are and as they should never be.

use super::*;

#[test]
fn a_chain_that_never_answered_is_told_from_one_that_did() {
    let (_keep, level) = watch::channel(Pressure::Calm);
    let vitals = Vitals::begin(1, true, level);
    assert_eq!(vitals.chain_silence(), None);
    vitals.chain_answered();
    assert!(vitals.chain_silence().is_some());
}

#[test]
fn lines_of_proc_are_read_by_their_place() {
    assert_eq!(resident_of("100 7 3 1 0 9 0"), 7 * PAGE);
    let stat = "12 (holdfastd (x)) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20";
    assert!((cpu_of(stat) - 2.0).abs() < f64::EPSILON);
}

#[test]
fn garbage_reads_as_zero() {
    for text in ["", "x", "1", ")", "1 (a) b"] {
        assert_eq!(resident_of(text) + Process::default().resident, 0, "{text}");
        assert!(cpu_of(text).abs() < f64::EPSILON, "{text}");
    }
}

#[test]
fn this_process_takes_something() {
    let process = Process::read();
    assert!(process.resident > 0 && process.descriptors > 0);
}
