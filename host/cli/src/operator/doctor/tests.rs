//! The doctor over machines that lie, hide, or are well.

use super::machine::{self, Times};
use super::nodes::{self, Node};
use super::place::{self, KeyFacts, VolumeFacts};
use super::*;

fn grades(findings: &[Finding]) -> Vec<Grade> {
    findings.iter().map(|one| one.grade).collect()
}

#[test]
fn kernels_are_judged_by_release_and_known_faults() {
    let grade = |text| machine::kernel(text).grade;
    assert_eq!(grade(Some("6.18.44\n")), Grade::Good);
    assert_eq!(grade(Some("6.8.0-40-generic")), Grade::Advice);
    assert_eq!(grade(Some("5.15.0-91-generic")), Grade::Warn);
    assert_eq!(grade(Some("4.19.0-5")), Grade::Fail);
    for lie in [
        None,
        Some(""),
        Some("penguin"),
        Some("6"),
        Some("\u{0}\u{0}"),
    ] {
        assert_eq!(grade(lie), Grade::Unknown, "{lie:?}");
    }
    let old = machine::kernel(Some("5.4.0-42-generic"));
    assert!(old.found.contains("neighbour"), "{}", old.found);
}

#[test]
fn limits_of_a_process_are_read_and_judged() {
    let text = "Limit  Soft Limit  Hard Limit  Units\n\
                Max open files            1024    4096    files\n\
                Max locked memory         8388608 8388608 bytes\n";
    assert_eq!(
        grades(&machine::limits(Some(text))),
        [Grade::Fail, Grade::Advice]
    );
    let well = "Max open files 524288 524288 files\nMax locked memory unlimited unlimited bytes\n";
    assert_eq!(
        grades(&machine::limits(Some(well))),
        [Grade::Good, Grade::Good]
    );
    for lie in [None, Some("Max open files many more files")] {
        assert_eq!(
            grades(&machine::limits(lie)),
            [Grade::Unknown, Grade::Unknown]
        );
    }
}

#[test]
fn swap_in_memory_is_no_swap_on_a_drive() {
    let head = "Filename Type Size Used Priority\n";
    let zram = format!("{head}/dev/zram0 partition 1 0 -2\n");
    let disk = format!("{head}/dev/sda2 partition 1 0 -2\n");
    assert_eq!(machine::swap(Some(&zram)).grade, Grade::Good);
    assert_eq!(machine::swap(Some(&disk)).grade, Grade::Advice);
    assert_eq!(machine::swap(None).grade, Grade::Unknown);
}

#[test]
fn a_table_of_connections_nearly_full_is_a_failure() {
    let grade = |used, most| machine::connections(Some(used), Some(most)).map(|one| one.grade);
    assert_eq!(grade("900", "1000"), Some(Grade::Fail));
    assert_eq!(grade("10", "1000"), Some(Grade::Good));
    assert_eq!(grade("10", "0"), None);
    assert!(machine::connections(None, None).is_none());
}

#[test]
fn a_clock_is_judged_by_the_middle_of_others_and_by_its_own_past() {
    let at = |now, others: &[u64]| {
        let others = others
            .iter()
            .map(|time| ("node".to_owned(), *time))
            .collect();
        machine::clock(&Times {
            now,
            others,
            ..Times::default()
        })
        .grade
    };
    let now = 1_800_000_000;
    assert_eq!(at(now, &[now + 1]), Grade::Good);
    assert_eq!(at(now, &[now - 30]), Grade::Warn);
    assert_eq!(at(now, &[now + 3600]), Grade::Fail);
    assert_eq!(at(now, &[now, now + 1, now + 999_999]), Grade::Good);
    assert_eq!(at(0, &[]), Grade::Fail);
    assert_eq!(at(now, &[]), Grade::Unknown);
    let back = Times {
        now,
        newest_file: Some(now + 7200),
        ..Times::default()
    };
    assert_eq!(machine::clock(&back).grade, Grade::Warn);
}

#[test]
fn dates_of_answers_are_read() {
    assert_eq!(
        outside::http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
        Some(784_111_777)
    );
    assert_eq!(outside::http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    for lie in [
        "",
        "now",
        "Sun, 99 Nov 1994 08:49:37 GMT",
        "Sun, 06 ovD 1994 08:49:37 GMT",
    ] {
        assert_eq!(outside::http_date(lie), None, "{lie}");
    }
}

fn node(limit: Option<u64>, needs: u64) -> Node {
    Node {
        dir: "/srv/a".into(),
        pid: None,
        limit,
        needs,
    }
}

#[test]
fn budgets_of_all_hosts_are_added_up_against_the_machine() {
    const GIB: u64 = 1 << 30;
    let grade = |nodes: &[Node], memory| nodes::budgets(nodes, memory).grade;
    assert_eq!(grade(&[node(None, GIB)], Some(16 * GIB)), Grade::Good);
    // Two hosts without limits take the whole machine.
    let two = [node(None, GIB), node(None, GIB)];
    assert_eq!(grade(&two, Some(16 * GIB)), Grade::Warn);
    let kept = [node(Some(6 * GIB), GIB), node(Some(6 * GIB), GIB)];
    assert_eq!(grade(&kept, Some(16 * GIB)), Grade::Good);
    assert_eq!(
        grade(&[node(Some(GIB), 2 * GIB)], Some(16 * GIB)),
        Grade::Fail
    );
    assert_eq!(grade(&two, None), Grade::Unknown);
    assert_eq!(
        grade(&[node(None, u64::MAX), node(None, u64::MAX)], Some(GIB)),
        Grade::Fail
    );
}

#[test]
fn hosts_that_run_are_found_with_their_limits() {
    let root = tempfile::tempdir().expect("a directory");
    let files = Files::at(root.path());
    let write = |name: &str, text: &str| {
        let path = files.path(name);
        std::fs::create_dir_all(path.parent().expect("has one")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    write("proc/10/cmdline", "/usr/bin/holdfastd\0--dir\0/srv/a\0");
    write("proc/11/cmdline", "holdfastd\0--dir=/srv/b\0");
    write("proc/12/cmdline", "vi\0holdfastd\0--dir\0/srv/c\0");
    write("proc/13/cmdline", "");
    write("proc/10/cgroup", "0::/system.slice/a.service\n");
    write("sys/fs/cgroup/system.slice/a.service/memory.high", "max\n");
    write(
        "sys/fs/cgroup/system.slice/a.service/memory.max",
        "4294967296\n",
    );
    write("sys/fs/cgroup/system.slice/memory.max", "1073741824\n");
    write("proc/11/cgroup", "5:memory:/../../x\nnonsense\n");
    let mut found = nodes::all(&files, &["/srv/d".into()]);
    found.sort_by_key(|node| node.dir.clone());
    let seen: Vec<_> = found.iter().map(|node| (node.pid, node.limit)).collect();
    assert_eq!(
        seen,
        [(Some(10), Some(1 << 30)), (Some(11), None), (None, None)]
    );
}

#[test]
fn a_key_others_may_read_is_a_failure_and_a_plain_one_advice() {
    let facts = |mode, plain, opens| {
        let tpm = true;
        Some(KeyFacts {
            mode,
            plain,
            tpm,
            opens,
        })
    };
    assert_eq!(
        place::key(facts(0o100_644, false, true), "").grade,
        Grade::Fail
    );
    assert_eq!(
        place::key(facts(0o100_600, true, true), "").grade,
        Grade::Advice
    );
    assert_eq!(
        place::key(facts(0o100_600, false, true), "").grade,
        Grade::Good
    );
    assert_eq!(
        place::key(facts(0o100_600, false, false), "wrong").grade,
        Grade::Fail
    );
    assert_eq!(place::key(None, "gone").grade, Grade::Fail);
}

#[test]
fn free_space_is_read_from_df_also_when_its_lines_break() {
    let plain = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                 /dev/vda 1000 400 600 40% /\n";
    let broken = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                  /dev/mapper/a-very-long-name\n 1000 400 600 40% /srv/a b\n";
    for text in [plain, broken] {
        assert_eq!(place::df(text), Some((600 << 10, 1000 << 10)));
    }
    for lie in ["", "df: no such file\n", "a\nb 1 %\n"] {
        assert_eq!(place::df(lie), None);
    }
    assert_eq!(place::space(None).grade, Grade::Unknown);
    assert_eq!(place::space(Some((1 << 20, 1 << 40))).grade, Grade::Fail);
    assert_eq!(place::space(Some((1 << 30, 1 << 40))).grade, Grade::Warn);
}

#[test]
fn volumes_are_judged_by_length_label_and_allocation() {
    let whole = VolumeFacts {
        name: "volume-0".into(),
        len: Some(1 << 30),
        allocated: 1 << 30,
        wanted: 1 << 30,
        labelled: Some(true),
    };
    let grade = |facts: VolumeFacts| place::volume(&facts).grade;
    assert_eq!(grade(whole.clone()), Grade::Good);
    assert_eq!(
        grade(VolumeFacts {
            len: Some(1),
            ..whole.clone()
        }),
        Grade::Fail
    );
    assert_eq!(
        grade(VolumeFacts {
            labelled: Some(false),
            ..whole.clone()
        }),
        Grade::Fail
    );
    assert_eq!(
        grade(VolumeFacts {
            allocated: 0,
            ..whole.clone()
        }),
        Grade::Warn
    );
    assert_eq!(
        grade(VolumeFacts {
            len: None,
            labelled: None,
            ..whole
        }),
        Grade::Good
    );
}

#[test]
fn ports_are_read_from_addresses_and_clashes_named() {
    let tcp = place::port_of("/ip4/0.0.0.0/tcp/4001").expect("a port");
    let quic = place::port_of("/ip4/0.0.0.0/udp/4001/quic-v1").expect("a port");
    assert!(quic.udp && !tcp.udp);
    for odd in [
        "",
        "/dns4/a/tcp/1",
        "/ip4/x/tcp/1",
        "/ip4/0.0.0.0/tcp/99999",
        "/ip4",
    ] {
        assert_eq!(place::port_of(odd), None, "{odd}");
    }
    assert!(place::clashes(&[tcp.clone(), quic]).is_empty());
    let api = place::Port {
        key: "api.listen",
        udp: false,
        at: "127.0.0.1:4001".parse().expect("an address"),
    };
    assert_eq!(grades(&place::clashes(&[tcp, api.clone()])), [Grade::Fail]);
    let busy = place::port(&api, Some(Err(std::io::ErrorKind::AddrInUse)));
    assert_eq!(busy.grade, Grade::Fail);
    assert_eq!(place::port(&api, None).grade, Grade::Good);
}

#[tokio::test]
async fn a_machine_without_proc_and_sys_is_unknown_and_never_wrong() {
    let root = tempfile::tempdir().expect("a directory");
    let found = examine(&Files::at(root.path()), &[], true).await;
    assert!(found.len() > 20);
    let bad: Vec<_> = found
        .iter()
        .filter(|one| one.grade > Grade::Advice)
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!(exit_status(&found), 0);
}

#[tokio::test]
async fn a_directory_without_a_host_fails_with_the_command_that_makes_one() {
    let root = tempfile::tempdir().expect("a directory");
    let files = Files::at(root.path().join("none"));
    let found = examine(&files, &[root.path().to_path_buf()], true).await;
    let config = found
        .iter()
        .find(|one| one.check == "config")
        .expect("looked at");
    assert_eq!(config.grade, Grade::Fail);
    assert!(config.remedy.contains("holdfast init"));
    assert_eq!(exit_status(&found), 4);
}

#[test]
fn the_exit_status_follows_the_worst() {
    let one = |grade| Finding::new("x", grade, "");
    assert_eq!(exit_status(&[]), 0);
    assert_eq!(exit_status(&[one(Grade::Advice), one(Grade::Unknown)]), 0);
    assert_eq!(exit_status(&[one(Grade::Warn), one(Grade::Good)]), 3);
    assert_eq!(exit_status(&[one(Grade::Fail), one(Grade::Warn)]), 4);
}

#[test]
fn every_standpoint_but_the_best_has_a_remedy() {
    let grade = |label| {
        let finding = outside::judged(label, None);
        assert_eq!(finding.remedy.is_empty(), finding.grade == Grade::Good);
        finding.grade
    };
    assert_eq!(grade("public"), Grade::Good);
    assert_eq!(grade("port map"), Grade::Good);
    assert_eq!(grade("relay"), Grade::Advice);
    assert_eq!(grade("inside"), Grade::Warn);
    assert_eq!(grade("untested"), Grade::Unknown);
}
