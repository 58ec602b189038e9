//! Which word stands for what a look found.

use super::*;

fn seen(may_die: Option<usize>, segments_lost: usize) -> Seen {
    Seen {
        may_die,
        segments_lost,
        ..Seen::default()
    }
}

#[test]
fn a_word_says_what_a_repair_would_do() {
    for (may_die, lost, parity, word) in [
        (Some(20), 0, 20, "well"),
        (Some(4), 0, 20, "thin"),
        (Some(2), 0, 2, "well"),
        (Some(0), 1, 2, "lost"),
        (None, 0, 2, "unknown"),
    ] {
        assert_eq!(seen(may_die, lost).word(parity), word, "{may_die:?} {lost}");
    }
}

#[test]
fn a_row_of_an_older_program_reads_without_repairs() {
    let text = r#"{"at_ms":1,"shards":4,"alive":4,"leaving":0,"gone":0,"silent":0,"unasked":0,
        "may_die":2,"segments":1,"segments_asked":1,"segments_lost":0,"days_to_danger":9}"#;
    let read: Seen = rows::of_bytes(b"q", text.as_bytes()).unwrap();
    assert_eq!((read.repaired_ms, read.placed, read.alive), (None, 0, 4));
}
