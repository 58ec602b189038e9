//! Hands with nobody, somebody silent and somebody who refuses at the socket.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;

use board_wire::Refusal;
use board_wire::codec::to_bytes;
use board_wire::frame::framed;
use board_wire::net::Reply;

use super::*;

const WIDEN: Action = Action::Widen {
    family: Table::V4,
    thresholds: [4_096, 16_384, 32_768],
};

/// Answers `count` lines, one reply each, then ends.
fn answering(reply: &Reply, count: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).expect("a socket");
    let frame = framed(&to_bytes(reply), 16 << 10).expect("it fits");
    std::thread::spawn(move || {
        for line in listener.incoming().take(count).flatten() {
            let mut line = line;
            // The question first: a line that ends before it would be a broken one.
            let mut head = [0; 4];
            let _asked = line.read_exact(&mut head);
            let len = usize::try_from(u32::from_be_bytes(head)).unwrap_or_default();
            let _asked = line.read_exact(&mut vec![0; len.min(1024)]);
            let _gone = line.write_all(&frame);
        }
    });
    (folder, path)
}

#[test]
fn without_a_socket_nothing_is_tried() {
    let mut hands = Hands::new("/nonexistent/board-net.sock");
    assert_eq!(hands.act(&[WIDEN]), 0);
    assert_eq!(hands.silent_until, None);
}

#[test]
fn an_act_that_is_done_is_counted_and_a_budget_is_nobody_elses() {
    let (_folder, path) = answering(&Reply::Done { changed: 1 }, 1);
    let mut hands = Hands::new(path);
    let budget = Action::DialBudget { per_second: 9 };
    assert_eq!(hands.act(&[budget, WIDEN]), 1);
}

#[test]
fn a_refusal_is_no_silence() {
    let why = Refusal::Early { wait_ms: 9 };
    let (_folder, path) = answering(&Reply::Refused { why }, 2);
    let mut hands = Hands::new(path);
    assert_eq!(hands.act(&[WIDEN, Action::PinGateways]), 0);
    assert_eq!(hands.silent_until, None);
    assert!(hands.refused.is_some());
}

#[test]
fn after_a_broken_line_nobody_is_asked_for_a_while() {
    let (_folder, path) = answering(&Reply::Done { changed: 1 }, 0);
    let mut hands = Hands::new(path);
    assert_eq!(hands.act(&[WIDEN, WIDEN]), 0);
    assert!(hands.silent_until.is_some());
    assert_eq!(hands.act(&[WIDEN]), 0);
}

#[test]
fn what_is_on_link_is_told_when_it_changes() {
    let mut hands = Hands::new("/nonexistent/board-net.sock");
    let first = hands.on_link(64).expect("the first is told");
    assert_eq!(first.per_second, 64);
    assert_eq!(hands.on_link(64), None);
    assert_eq!(hands.on_link(0).map(|told| told.per_second), Some(0));
}
