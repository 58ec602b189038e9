//! Goal: this machine is read; names of tasks cannot pretend a state.

use super::*;

#[test]
fn this_machine_has_a_kernel_cores_and_memory() {
    let machine = Machine::read();
    assert!(machine.kernel.is_some_and(|kernel| !kernel.is_empty()));
    assert!(machine.cores > 0 && machine.memory > 0);
    assert!(load_hundredths().is_some());
}

#[test]
fn a_name_cannot_pretend_a_state() {
    assert_eq!(state("12 (x) D 1) S 1 12"), Some('S'));
    assert_eq!(state("12 (jbd2/nvme0n1) D 2 0"), Some('D'));
    assert_eq!(state("garbage"), None);
}

#[test]
fn stuck_tasks_are_counted_when_the_load_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for (pid, stat) in [("1", "1 (a) D 0"), ("2", "2 (b) S 0"), ("x", "3 (c) D 0")] {
        fs::create_dir(dir.path().join(pid)).unwrap();
        fs::write(dir.path().join(pid).join("stat"), stat).unwrap();
    }
    assert_eq!(stuck_tasks(dir.path(), Some(100)), Some(1));
    assert_eq!(stuck_tasks(dir.path(), None), Some(1));
    assert_eq!(stuck_tasks(dir.path(), Some(3)), Some(0));
    assert_eq!(stuck_tasks(Path::new("/nowhere"), None), None);
}
