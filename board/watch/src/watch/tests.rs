//! Goal: all watchers run on this machine, keep their evidence, and lose nothing on a poor one.

use super::*;
use crate::history::FIELDS;
use tempfile::TempDir;

fn now(seconds: u64) -> Now {
    Now {
        mono: Duration::from_secs(seconds),
        unix_s: 1_700_000_000 + seconds,
    }
}

fn options(dir: &TempDir) -> Options {
    Options {
        pstore: Vec::new(),
        ..Options::new(dir.path().join("board"))
    }
}

#[test]
fn this_machine_is_watched_and_its_evidence_is_kept() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("board")).unwrap();
    let (mut watch, past) = Watch::open(options(&dir), now(0));
    assert_eq!(past.end, LastEnd::First);
    for second in 0..125 {
        let step = watch.step(now(second), Said::default());
        assert!(step.level < Level::Restart);
        // The drive takes a line in its own time; the watch does not wait for it.
        assert_eq!(watch.lost_entries(), 0);
        watch.wait(Duration::from_millis(2));
    }
    let path = watch.history().unwrap().clone();
    assert!(watch.close(now(125)));
    let points = History::read(&path, 0, u64::MAX).unwrap();
    assert_eq!(points.len(), 3);
    assert_eq!(points[0].values.len(), FIELDS.len());
    let (own, end) = BlackBox::open(&dir.path().join("board/blackbox"), 1, 60).unwrap();
    assert_eq!(end, LastEnd::Clean);
    let marks: Vec<Mark> = own.last(60).unwrap().iter().map(|line| line.mark).collect();
    assert_eq!(marks.first(), Some(&Mark::Start));
    assert_eq!(marks.len(), 15, "start, thirteen beats, clean");
}

#[test]
fn a_daemon_that_vanished_tells_its_last_lines() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("board")).unwrap();
    let (mut watch, _past) = Watch::open(options(&dir), now(0));
    watch.step(now(1), Said::default());
    // What kill -9 leaves: no clean mark. The scribe ends with its channel.
    assert!(watch.scribe.take().unwrap().end());
    drop(watch);
    let (watch, past) = Watch::open(options(&dir), now(9));
    let LastEnd::Daemon(lines) = past.end else {
        panic!("{:?}", past.end);
    };
    assert_eq!(lines.len(), 2);
    assert!(watch.close(now(10)));
}

#[test]
fn a_machine_that_tells_nothing_is_calm_and_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let nowhere = file.path().join("nowhere");
    let options = Options {
        state: Some(nowhere.join("board")),
        roots: Roots {
            proc: nowhere.clone(),
            cgroup: nowhere.clone(),
        },
        sys: nowhere,
        pstore: Vec::new(),
    };
    let (mut watch, past) = Watch::open(options, now(0));
    assert_eq!(past.reset, Reset::Unknown);
    let step = watch.step(now(1), Said::default());
    assert_eq!(step.memory.level, Level::Calm);
    let names: Vec<&str> = watch.gaps().map(|gap| gap.what).collect();
    for name in ["black box", "history", "own memory", "memory stalls"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(watch.close(now(2)));
}

#[test]
fn clocks_that_go_back_stop_nothing() {
    let dir = TempDir::new().unwrap();
    let (mut watch, _past) = Watch::open(options(&dir), now(1_000));
    for second in [1_000, 5, 6, 2_000, 0] {
        let step = watch.step(now(second), Said::default());
        assert!(step.level < Level::Restart);
    }
    assert!(watch.close(now(0)));
}
