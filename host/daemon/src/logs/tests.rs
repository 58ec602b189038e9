//! Goal: every whole line is read once, in order, whatever the writer does meanwhile. Method: real
//! files, rotated as the writer rotates them; no sleeps, a follower is asked again.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Entry, Form, LINE_LEN_MAX, Level, Options, Summary, parse_since, print, read};
use crate::telemetry::LOG_FILE;

fn line(second: u32, level: &str, phrase: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-01-31T12:00:{second:02}.000001Z\",\"level\":\"{level}\",\
         \"message\":\"{phrase}\",\"shard\":\"ab\",\"target\":\"host_daemon\"}}\n"
    )
}

fn append(dir: &Path, text: &str) {
    let path = dir.join(LOG_FILE);
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .expect("opens");
    file.write_all(text.as_bytes()).expect("writes");
}

/// Renames as the writer does: `.1` becomes `.2`, the current one `.1`, a new one begins.
fn rotate(dir: &Path, keep: u32) {
    let aged = |age: u32| dir.join(format!("{LOG_FILE}.{age}"));
    for age in (1..keep - 1).rev() {
        let _ = std::fs::rename(aged(age), aged(age + 1));
    }
    std::fs::rename(dir.join(LOG_FILE), aged(1)).expect("renames");
    File::create(dir.join(LOG_FILE)).expect("creates");
}

fn phrases(reader: &mut super::Reader) -> Vec<String> {
    let next = || {
        reader
            .next_entry()
            .expect("reads")
            .map(|entry| entry.phrase)
    };
    std::iter::from_fn(next).collect()
}

fn moment(second: u32) -> SystemTime {
    Entry::parse(line(second, "INFO", "").trim_end().as_bytes())
        .expect("an entry")
        .time
}

#[test]
fn rotated_files_are_read_oldest_first() {
    let dir = tempfile::tempdir().expect("a directory");
    for second in 0..4 {
        append(dir.path(), &line(second, "INFO", &format!("line {second}")));
        if second < 3 {
            rotate(dir.path(), 9);
        }
    }
    std::fs::write(dir.path().join("holdfastd.jsonl.old"), "no log").expect("writes");
    let mut reader = read(dir.path(), Options::default()).expect("reads");
    assert_eq!(
        phrases(&mut reader),
        ["line 0", "line 1", "line 2", "line 3"]
    );
    assert_eq!(reader.skipped(), 0);
}

#[test]
fn entries_before_the_moment_or_below_the_level_are_left_out() {
    let dir = tempfile::tempdir().expect("a directory");
    for (second, level) in [(1, "ERROR"), (2, "INFO"), (3, "WARN"), (4, "DEBUG")] {
        append(dir.path(), &line(second, level, &second.to_string()));
    }
    let options = |since: Option<u32>, level| Options {
        since: since.map(moment),
        level,
    };
    let read = |options| phrases(&mut read(dir.path(), options).expect("reads"));
    assert_eq!(read(options(Some(2), None)), ["2", "3", "4"]);
    assert_eq!(read(options(None, Some(Level::Warn))), ["1", "3"]);
    assert_eq!(read(options(Some(2), Some(Level::Info))), ["2", "3"]);
}

/// Goal: a follower loses and doubles nothing. Method: at each rotation there are lines it has
/// read, lines it has not, and once two rotations between two looks.
#[test]
fn a_follower_reads_every_line_once_through_rotations() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut reader = read(dir.path(), Options::default()).expect("reads");
    assert!(phrases(&mut reader).is_empty(), "no file yet");
    let mut read = Vec::new();
    let mut written = Vec::new();
    for round in 0..12_u32 {
        for part in ["a", "b"] {
            let phrase = format!("{round} {part}");
            append(dir.path(), &line(round, "INFO", &phrase));
            written.push(phrase);
            if part == "a" && round % 2 == 0 {
                read.extend(phrases(&mut reader));
            }
        }
        if round % 3 != 0 {
            rotate(dir.path(), 6);
        }
    }
    read.extend(phrases(&mut reader));
    assert_eq!(read, written);
    assert_eq!(reader.skipped(), 0);
}

#[test]
fn a_follower_goes_on_when_its_file_was_rotated_out_of_existence() {
    let dir = tempfile::tempdir().expect("a directory");
    append(dir.path(), &line(0, "INFO", "first"));
    let mut reader = read(dir.path(), Options::default()).expect("reads");
    assert_eq!(phrases(&mut reader), ["first"]);
    std::fs::remove_file(dir.path().join(LOG_FILE)).expect("removes");
    append(dir.path(), &line(1, "INFO", "second"));
    assert_eq!(phrases(&mut reader), ["second"]);
}

#[test]
fn a_line_is_read_when_its_end_is_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = line(0, "INFO", "whole");
    let (begin, end) = text.split_at(40);
    append(dir.path(), begin);
    let mut reader = read(dir.path(), Options::default()).expect("reads");
    assert!(phrases(&mut reader).is_empty());
    assert!(reader.is_torn());
    append(dir.path(), end);
    assert_eq!(phrases(&mut reader), ["whole"]);
    assert!(!reader.is_torn());
    assert_eq!(reader.skipped(), 0);
}

#[test]
fn an_entry_written_on_behind_a_torn_line_is_found() {
    let dir = tempfile::tempdir().expect("a directory");
    append(dir.path(), "{\"timestamp\":\"2026-01-31T12:0");
    append(dir.path(), &line(1, "INFO", "after the crash"));
    append(dir.path(), "no entry\n\n{\"timestamp\":3}\n");
    append(dir.path(), &line(2, "INFO", "next"));
    let mut reader = read(dir.path(), Options::default()).expect("reads");
    assert_eq!(phrases(&mut reader), ["after the crash", "next"]);
    assert_eq!(reader.skipped(), 3);
}

#[test]
fn an_endless_line_is_skipped_in_bounded_memory() {
    let dir = tempfile::tempdir().expect("a directory");
    append(dir.path(), &line(0, "INFO", &"x".repeat(4 * LINE_LEN_MAX)));
    append(dir.path(), &line(1, "INFO", "next"));
    let mut reader = read(dir.path(), Options::default()).expect("reads");
    assert_eq!(phrases(&mut reader), ["next"]);
    assert_eq!(reader.skipped(), 1);
    assert!(reader.line.capacity() <= 2 * LINE_LEN_MAX);
}

fn printed(dir: &Path, form: Form, rounds: usize) -> (String, Summary) {
    let mut reader = read(dir, Options::default()).expect("reads");
    let mut out = Vec::new();
    let mut waited = 0;
    let wait = || {
        append(dir, &line(9, "WARN", "later"));
        waited += 1;
        waited < rounds
    };
    let summary = print(&mut reader, form, &mut out, wait).expect("prints");
    (String::from_utf8(out).expect("text"), summary)
}

#[test]
fn people_read_time_level_phrase_and_fields() {
    let dir = tempfile::tempdir().expect("a directory");
    append(
        dir.path(),
        concat!(
            r#"{"timestamp":"2026-01-31T12:00:00.123456Z","level":"INFO","message":"shard kept","#,
            r#""bytes":12,"err":"no \u001b[31mway\u202e","target":"t","#,
            r#""span":{"kind":"upload","name":"session"},"#,
            r#""spans":[{"kind":"upload","name":"session"}]}"#,
            "\n"
        ),
    );
    let (text, summary) = printed(dir.path(), Form::Human, 1);
    let first = text.lines().next().expect("a line");
    assert_eq!(
        first,
        "2026-01-31T12:00:00.123Z INFO  shard kept session.kind=upload bytes=12 \
         err=\"no \\u{1b}[31mway\\u{202e}\""
    );
    assert_eq!(
        summary,
        Summary {
            printed: 1,
            skipped: 0,
            torn: false
        }
    );
}

#[test]
fn programs_read_the_line_as_it_stands_and_followers_what_comes_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = line(0, "INFO", "first");
    append(dir.path(), &first);
    let (text, summary) = printed(dir.path(), Form::Json, 2);
    assert_eq!(text, first + &line(9, "WARN", "later"));
    assert_eq!(summary.printed, 2);
}

#[test]
fn since_is_a_span_or_a_moment() {
    let now = moment(30);
    assert_eq!(
        parse_since("10s", now).expect("a span"),
        now - Duration::from_secs(10)
    );
    let at = parse_since("2026-01-31 12:00:30", now).expect("a moment");
    assert_eq!(at, now - Duration::from_micros(1));
    assert!(parse_since("yesterday", now).is_err());
    assert!(read(Path::new("/nowhere/at all"), Options::default()).is_err());
    assert!("loud".parse::<Level>().is_err());
    assert_eq!("warn".parse::<Level>().expect("a level"), Level::Warn);
}

/// Goal: no rotation at any moment loses or doubles a line. Method: a writer that rotates every
/// few lines in a thread of its own, as fast as it can, and a follower beside it.
#[test]
fn a_follower_keeps_up_with_a_writer_that_never_waits() {
    const LINES: u32 = 3_000;
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().to_owned();
    let writer = std::thread::spawn(move || {
        for number in 0..LINES {
            append(&path, &line(1, "INFO", &number.to_string()));
            if number % 23 == 22 {
                rotate(&path, LINES);
            }
        }
    });
    let mut reader = read(dir.path(), Options::default()).expect("reads");
    let mut seen = Vec::new();
    while !writer.is_finished() {
        seen.extend(phrases(&mut reader));
    }
    writer.join().expect("writes");
    seen.extend(phrases(&mut reader));
    let written: Vec<String> = (0..LINES).map(|number| number.to_string()).collect();
    assert_eq!(seen, written);
    assert_eq!(reader.skipped(), 0);
}
