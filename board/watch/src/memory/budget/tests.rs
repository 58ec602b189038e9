//! Goal: the tightest limit counts, of either version and on any level; garbage limits nothing.
//! Method: files as the kernel would show them, in a directory of the test.

use super::*;
use tempfile::TempDir;

struct Machine(TempDir);

impl Machine {
    fn new(own: &str) -> Self {
        let machine = Self(TempDir::new().unwrap());
        machine.write("own", own);
        machine
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn budget(&self, total: Option<u64>) -> Option<(u64, Origin)> {
        let own = self.0.path().join("own");
        find(&own, &self.0.path().join("cgroup"), total).map(|budget| (budget.bytes, budget.origin))
    }
}

#[test]
fn without_a_limit_half_of_the_machine_is_ours() {
    let machine = Machine::new("0::/\n");
    assert_eq!(machine.budget(Some(1_000)), Some((500, Origin::Machine)));
}

#[test]
fn high_below_max_counts_and_a_parent_may_be_tighter() {
    let machine = Machine::new("0::/a/b\n");
    machine.write("cgroup/a/b/memory.high", "300\n");
    machine.write("cgroup/a/b/memory.max", "400\n");
    assert_eq!(machine.budget(Some(1_000)), Some((300, Origin::CgroupV2)));
    machine.write("cgroup/a/memory.max", "200\n");
    assert_eq!(machine.budget(Some(1_000)), Some((200, Origin::CgroupV2)));
}

#[test]
fn a_hybrid_machine_is_read_in_its_two_places() {
    let machine = Machine::new("5:memory:/m\n0::/u\n");
    machine.write("cgroup/memory/m/memory.limit_in_bytes", "100\n");
    machine.write("cgroup/unified/u/memory.max", "max\n");
    assert_eq!(machine.budget(Some(1_000)), Some((100, Origin::CgroupV1)));
}

#[test]
fn a_limit_above_half_of_the_machine_does_not_widen() {
    let machine = Machine::new("0::/a\n");
    machine.write("cgroup/a/memory.max", "900\n");
    assert_eq!(machine.budget(Some(1_000)), Some((500, Origin::Machine)));
}

#[test]
fn garbage_and_missing_files_leave_what_is_known() {
    let machine = Machine::new("0::/a\n\u{1f980}:::");
    machine.write("cgroup/a/memory.max", "many\n");
    assert_eq!(machine.budget(None), None);
    assert_eq!(machine.budget(Some(1)), None);
    let nothing = find(Path::new("/nowhere"), Path::new("/nowhere"), Some(2));
    assert_eq!(nothing.map(|budget| budget.bytes), Some(1));
}
