//! Goal: the newest lines are found again after wrapping, tearing and rot, and the way the last
//! life ended is told from boot ids and marks.

use super::*;
use proptest::prelude::*;
use tempfile::TempDir;

const THIS: u128 = 0x1111;
const OTHER: u128 = 0x2222;

fn beat(unix_s: u64) -> Line {
    Line {
        unix_s,
        ..Line::default()
    }
}

fn marked(mark: Mark) -> Line {
    Line {
        mark,
        ..Line::default()
    }
}

fn live(path: &Path, boot: u128, beats: u64, clean: bool) -> LastEnd {
    let (mut own, end) = BlackBox::open(path, boot, 60).unwrap();
    own.append(&marked(Mark::Start)).unwrap();
    for n in 0..beats {
        own.append(&beat(n)).unwrap();
    }
    if clean {
        own.append(&marked(Mark::Clean)).unwrap();
    }
    end
}

fn place() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("blackbox");
    (dir, path)
}

#[test]
fn a_new_box_has_no_past_and_its_full_size() {
    let (_dir, path) = place();
    assert_eq!(live(&path, THIS, 0, true), LastEnd::First);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), SIZE);
}

#[test]
fn an_unclean_boot_tells_the_last_sixty_lines() {
    let (_dir, path) = place();
    live(&path, OTHER, 100, false);
    let LastEnd::Machine(lines) = live(&path, THIS, 0, true) else {
        panic!("the machine went down");
    };
    assert_eq!(lines.len(), 60);
    assert_eq!(lines[59].unix_s, 99);
    assert_eq!(lines[0].unix_s, 40);
    assert_eq!(live(&path, THIS, 0, true), LastEnd::Clean);
}

#[test]
fn a_daemon_that_died_is_no_unclean_boot() {
    let (_dir, path) = place();
    live(&path, OTHER, 4, true);
    live(&path, THIS, 2, false);
    let LastEnd::Daemon(lines) = live(&path, THIS, 0, false) else {
        panic!("the daemon died");
    };
    assert_eq!(
        lines.len(),
        3,
        "start and two beats, nothing of the boot before"
    );
}

#[test]
fn the_ring_wraps_and_keeps_its_size() {
    let (_dir, path) = place();
    let count = SIZE / sector_len();
    let (mut own, _end) = BlackBox::open(&path, THIS, 1).unwrap();
    // A late number, as after a day; the ring's seam lies in the middle of what follows.
    own.next = count * 3 - 5;
    for n in 0..10 {
        own.append(&beat(n)).unwrap();
    }
    let lines = own.last(10).unwrap();
    assert_eq!(
        lines.iter().map(|line| line.unix_s).collect::<Vec<_>>(),
        (0..10).collect::<Vec<_>>()
    );
    assert_eq!(std::fs::metadata(&path).unwrap().len(), SIZE);
}

#[test]
fn a_torn_last_line_leaves_the_one_before() {
    let (_dir, path) = place();
    live(&path, OTHER, 3, false);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[3 * LINE + 100..4 * LINE].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let LastEnd::Machine(lines) = live(&path, THIS, 0, false) else {
        panic!("the machine went down");
    };
    assert_eq!(lines.last().map(|line| line.unix_s), Some(1));
}

#[test]
fn a_file_that_is_no_box_becomes_one() {
    let (_dir, path) = place();
    std::fs::write(&path, "something else").unwrap();
    assert_eq!(live(&path, THIS, 1, false), LastEnd::First);
    assert!(matches!(live(&path, THIS, 1, false), LastEnd::Daemon(_)));
}

#[test]
fn a_box_that_cannot_be_made_is_named() {
    let error = BlackBox::open(Path::new("/nowhere/box"), THIS, 1).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/box: "));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_garbage_in_the_file_is_survived(
        at in 0..64 * LINE,
        garbage in prop::collection::vec(any::<u8>(), 0..2048),
    ) {
        let (_dir, path) = place();
        live(&path, OTHER, 40, false);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&garbage, u64::try_from(at).unwrap()).unwrap();
        let (own, _end) = BlackBox::open(&path, THIS, 60).unwrap();
        prop_assert!(own.last(60).unwrap().len() <= 41);
    }
}
