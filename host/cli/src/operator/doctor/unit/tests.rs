//! A unit that listens, one that refuses, and none.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

use board_wire::Refusal;
use board_wire::codec::{from_bytes, to_bytes};
use board_wire::frame::framed;
use board_wire::net::{Reply, Request};

use super::*;

/// Answers questions for thresholds, and others with `reply`; what was asked is told.
fn unit(reply: Reply) -> (tempfile::TempDir, PathBuf, Receiver<Request>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).expect("a socket");
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for mut line in listener.incoming().flatten() {
            let mut head = [0; 4];
            let _asked = line.read_exact(&mut head);
            let len = usize::try_from(u32::from_be_bytes(head)).unwrap_or_default();
            let mut body = vec![0; len.min(1024)];
            let _asked = line.read_exact(&mut body);
            let Ok(request) = from_bytes::<Request>("request", &body) else {
                return;
            };
            let tables = [Family::V4, Family::V6].map(|family| Limits {
                family,
                thresholds: [128, 512, 40_000],
            });
            let answer = match &request {
                Request::Thresholds => Reply::Thresholds {
                    tables: tables.to_vec(),
                },
                _ => reply.clone(),
            };
            let frame = framed(&to_bytes(&answer), 16 << 10).expect("it fits");
            let _told = line.write_all(&frame);
            let _told = tell.send(request);
        }
    });
    (folder, path, told)
}

fn tried(wrong: &[(&str, &str, bool)]) -> Vec<(Setting, Option<String>)> {
    let each = wrong.iter().map(|(key, value, failed)| {
        let setting = Setting {
            key: (*key).into(),
            value: (*value).into(),
        };
        (setting, failed.then(|| "permission denied".to_owned()))
    });
    each.collect()
}

const FAILED: [(&str, &str, bool); 3] = [
    ("net.ipv4.neigh.default.gc_thresh2", "16384", true),
    ("net.ipv4.neigh.default.gc_thresh3", "32768", true),
    ("vm.swappiness", "1", true),
];

#[test]
fn thresholds_that_could_not_be_written_are_made_by_the_unit_and_nothing_else_is_asked() {
    let (_folder, path, told) = unit(Reply::Done { changed: 1 });
    let mut settings = tried(&FAILED);
    widen(&path, &mut settings);
    assert_eq!(settings[0].1.as_deref(), Some(MADE));
    assert_eq!(settings[1].1.as_deref(), Some(MADE));
    assert_eq!(settings[2].1.as_deref(), Some("permission denied"));
    assert_eq!(told.recv().expect("asked"), Request::Thresholds);
    // Never narrower than it is.
    let thresholds = [128, 16_384, 40_000];
    let family = Family::V4;
    let limits = Limits { family, thresholds };
    assert_eq!(told.recv().expect("asked"), Request::Widen { limits });
    assert!(told.try_recv().is_err(), "one question a table");
}

#[test]
fn a_refusal_is_told_and_what_was_written_is_left_alone() {
    let why = Refusal::Early { wait_ms: 9 };
    let (_folder, path, _told) = unit(Reply::Refused { why });
    let mut settings = tried(&[
        FAILED[0],
        ("net.ipv6.neigh.default.gc_thresh3", "32768", false),
    ]);
    widen(&path, &mut settings);
    let said = settings[0].1.as_deref().expect("it is told");
    assert!(said.starts_with("board-net did not make it"), "{said}");
    assert_eq!(settings[1].1, None);
}

#[test]
fn without_a_unit_nothing_changes() {
    let mut settings = tried(&FAILED);
    let before = settings.clone();
    widen(Path::new("/nonexistent/board-net.sock"), &mut settings);
    assert_eq!(settings, before);
}
