//! Settings: what is enough, what is unknown, and that mending writes both places.

use super::*;

fn row(key: &str) -> &'static Row {
    TABLE
        .iter()
        .find(|row| row.key == key)
        .expect("in the table")
}

#[test]
fn the_value_that_is_written_is_always_good_enough() {
    for row in &TABLE {
        assert_eq!(
            judge(row, Some(row.write)).grade,
            Grade::Good,
            "{}",
            row.key
        );
    }
}

#[test]
fn a_setting_that_is_hidden_or_garbage_is_unknown_and_nothing_is_fixed() {
    for text in [
        None,
        Some(""),
        Some("lots"),
        Some("-4"),
        Some("99999999999999999999999"),
    ] {
        for row in &TABLE {
            let found = judge(row, text);
            assert_eq!(found.grade, Grade::Unknown, "{} {text:?}", row.key);
            assert_eq!(found.fix, None);
        }
    }
}

#[test]
fn a_range_of_ports_is_judged_by_its_width() {
    let ports = row("net.ipv4.ip_local_port_range");
    assert_eq!(judge(ports, Some("32768\t60999\n")).grade, Grade::Good);
    assert_eq!(judge(ports, Some("60000 60999")).grade, Grade::Advice);
    assert_eq!(judge(ports, Some("60999 60000")).grade, Grade::Unknown);
}

#[test]
fn a_narrow_neighbour_table_is_a_warning_with_its_remedy() {
    let found = judge(row("net.ipv4.neigh.default.gc_thresh3"), Some("1024\n"));
    assert_eq!(found.grade, Grade::Warn);
    assert!(found.remedy.contains("gc_thresh3=\"32768\""));
}

#[test]
fn mending_writes_the_kernel_and_the_next_boot_and_keeps_other_lines() {
    let root = tempfile::tempdir().expect("a directory");
    let files = Files::at(root.path());
    let target = files.path("proc/sys/kernel/panic");
    std::fs::create_dir_all(target.parent().expect("has one")).expect("made");
    std::fs::write(&target, "0").expect("written");
    let kept = files.path(KEPT);
    std::fs::create_dir_all(kept.parent().expect("has one")).expect("made");
    std::fs::write(&kept, "# mine\nkernel.panic = 0\nvm.swappiness=5\n").expect("written");
    let wanted: Vec<Setting> = all(&files).into_iter().filter_map(|one| one.fix).collect();
    assert_eq!(wanted.len(), 1);
    let done = apply(&files, &wanted);
    assert_eq!(done.first().map(|one| one.1.clone()), Some(None));
    assert_eq!(std::fs::read_to_string(&target).expect("there"), "10");
    let text = std::fs::read_to_string(&kept).expect("there");
    assert_eq!(text, "# mine\nvm.swappiness=5\nkernel.panic = 10\n");
    assert!(all(&files).iter().all(|one| one.fix.is_none()));
}

#[test]
fn a_setting_that_may_not_be_made_says_why_and_is_not_kept() {
    let root = tempfile::tempdir().expect("a directory");
    let files = Files::at(root.path());
    let wanted = [Setting {
        key: "kernel.panic".into(),
        value: "10".into(),
    }];
    let done = apply(&files, &wanted);
    assert!(done.iter().all(|(_, wrong)| wrong.is_some()));
    assert!(!files.exists(KEPT));
}
