//! Goal: points survive the daemon, the file never grows, old ones make room, odd clocks do no
//! harm.

use super::*;
use tempfile::TempDir;

fn point(minute: u64) -> Point {
    let mut point = Point {
        minute,
        ..Point::default()
    };
    point.values[0] = u32::try_from(minute % 1_000).ok();
    point
}

fn place() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("history");
    (dir, path)
}

fn minutes(history: &History) -> Vec<u64> {
    let points = history.points(0, u64::MAX).unwrap();
    points.iter().map(|point| point.minute).collect()
}

#[test]
fn points_survive_a_daemon_that_wrote_and_ended() {
    let (_dir, path) = place();
    let mut history = History::open(&path).unwrap();
    for minute in 100..165 {
        history.push(point(minute)).unwrap();
    }
    history.write().unwrap();
    drop(history);
    let history = History::open(&path).unwrap();
    assert_eq!(minutes(&history), (100..165).collect::<Vec<_>>());
    assert_eq!(history.points(110, 112).unwrap().len(), 2);
    assert_eq!(history.points(110, 111).unwrap(), [point(110)]);
}

#[test]
fn a_crash_loses_at_most_ten_minutes() {
    let (_dir, path) = place();
    let mut history = History::open(&path).unwrap();
    for minute in 0..59 {
        history.push(point(minute)).unwrap();
    }
    drop(history);
    assert_eq!(minutes(&History::open(&path).unwrap()).len(), 50);
}

#[test]
fn thirty_days_remain_and_the_file_keeps_its_size() {
    let (_dir, path) = place();
    let mut history = History::open(&path).unwrap();
    let all = 45 * 24 * 60;
    for minute in 0..all {
        history.push(point(minute)).unwrap();
    }
    let kept = minutes(&history);
    assert_eq!(kept.len(), 30 * 24 * 60);
    assert_eq!(kept.last(), Some(&(all - 1)));
    assert!(kept.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    let size = std::fs::metadata(&path).unwrap().len();
    assert_eq!(size, 4 << 20);
}

#[test]
fn a_clock_that_goes_back_begins_a_block_and_loses_nothing() {
    let (_dir, path) = place();
    let mut history = History::open(&path).unwrap();
    for minute in [50, 51, 51, 20, 21] {
        history.push(point(minute)).unwrap();
    }
    assert_eq!(minutes(&history), [20, 21, 50, 51]);
}

#[test]
fn a_rotten_block_leaves_the_others() {
    let (_dir, path) = place();
    let mut history = History::open(&path).unwrap();
    for minute in 0..180 {
        history.push(point(minute)).unwrap();
    }
    history.write().unwrap();
    drop(history);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(b"rot", block::SIZE_U64 + 40).unwrap();
    let kept = minutes(&History::open(&path).unwrap());
    assert_eq!(kept.len(), 120);
    assert!(!kept.contains(&60) && kept.contains(&59) && kept.contains(&120));
}
