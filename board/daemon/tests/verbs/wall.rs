//! What is no verb: other users, other bytes, descriptors, floods; and how the programs stand.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use board_wire::codec::{from_bytes, to_bytes};
use board_wire::frame::framed;
use board_wire::net::{Reply, Request};
use board_wire::{Error, NetClient, Refusal};

use crate::ground::{Program, own_user};

fn net(user: u32) -> Program {
    Program::start(Command::new(env!("CARGO_BIN_EXE_board-net")), user)
}

fn line(program: &Program) -> UnixStream {
    let line = UnixStream::connect(&program.socket).expect("it listens");
    let patience = Some(Duration::from_secs(30));
    line.set_read_timeout(patience).expect("a timeout");
    line
}

/// The next reply, or none when the line ended.
fn reply(line: &mut UnixStream) -> Option<Reply> {
    let mut head = [0; 4];
    line.read_exact(&mut head).ok()?;
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(head)).expect("small")];
    line.read_exact(&mut body).ok()?;
    Some(from_bytes("reply", &body).expect("it reads"))
}

#[test]
fn a_user_who_was_not_named_gets_nothing() {
    let program = net(own_user() + 1);
    let told = NetClient::new(&program.socket).thresholds();
    let uid = own_user();
    // The answer may meet a line that is closed already; both are a no.
    match told.expect_err("a refusal") {
        Error::Refused(why) => assert_eq!(why, Refusal::Stranger { uid }),
        Error::Line(_) => {}
        other => panic!("{other}"),
    }
}

#[test]
fn bytes_that_are_no_verb_end_the_line_and_not_the_program() {
    let program = net(own_user());
    let whole = framed(&to_bytes(&Request::Thresholds), 512).expect("it fits");
    let malformed = Reply::from(Refusal::Malformed);
    let bad: [&[u8]; 5] = [
        &[0, 0, 0, 3, 0x82, 9, 0x80],
        &[0, 0, 0, 4, 0x82, 0x18, 0, 0x80],
        &[0, 0, 0, 0],
        &[255, 255, 255, 255],
        &[0, 0, 2, 1],
    ];
    for bytes in bad {
        let mut line = line(&program);
        line.write_all(bytes).expect("it takes them");
        assert_eq!(reply(&mut line), Some(malformed.clone()), "{bytes:?}");
        assert_eq!(reply(&mut line), None);
    }
    let mut cut = line(&program);
    cut.write_all(whole.get(..5).expect("longer"))
        .expect("taken");
    drop(cut);
    assert!(NetClient::new(&program.socket).thresholds().is_ok());
}

#[test]
fn a_frame_in_single_bytes_is_answered_and_a_descriptor_beside_it_is_not_taken() {
    let program = net(own_user());
    let whole = framed(&to_bytes(&Request::Thresholds), 512).expect("it fits");
    let mut slow = line(&program);
    for byte in &whole {
        slow.write_all(&[*byte]).expect("taken");
    }
    assert!(matches!(reply(&mut slow), Some(Reply::Thresholds { .. })));
    let secret = File::open("/dev/null").expect("it opens");
    let mut line = line(&program);
    board_wire::send(&line, &whole, Some(secret.as_fd())).expect("sent");
    assert!(matches!(reply(&mut line), Some(Reply::Thresholds { .. })));
}

#[test]
fn a_flood_of_questions_is_told_to_wait_and_others_are_served_after_it() {
    let program = net(own_user());
    let whole = framed(&to_bytes(&Request::Thresholds), 512).expect("it fits");
    let mut line = line(&program);
    let mut early = 0;
    for _ in 0..2_000 {
        line.write_all(&whole).expect("taken");
        match reply(&mut line) {
            Some(Reply::Refused {
                why: Refusal::Early { .. },
            }) => early += 1,
            Some(Reply::Thresholds { .. }) => {}
            other => panic!("{other:?}"),
        }
        if early > 0 {
            break;
        }
    }
    // A slow machine never asks too often: then there is nothing to refuse.
    drop(line);
    let client = NetClient::new(&program.socket);
    let until = Instant::now() + Duration::from_secs(30);
    while client.thresholds().is_err() {
        assert!(Instant::now() < until, "another line is served");
    }
}

#[test]
fn more_lines_than_are_served_wait_and_are_not_lost() {
    let program = net(own_user());
    let whole = framed(&to_bytes(&Request::Thresholds), 512).expect("it fits");
    let idle: Vec<UnixStream> = (0..9).map(|_| line(&program)).collect();
    let mut last = line(&program);
    last.write_all(&whole).expect("taken");
    assert!(reply(&mut last).is_some(), "idle lines make room");
    drop(idle);
}

#[test]
fn the_programs_hold_one_right_and_a_filter() {
    let nvme = {
        let mut command = Command::new(env!("CARGO_BIN_EXE_board-nvme"));
        command.arg("--claims").arg("/nonexistent/claims");
        Program::start(command, own_user())
    };
    for (program, right) in [(net(own_user()), 12), (nvme, 21)] {
        assert!(program.folder().exists());
        assert_eq!(program.status("Seccomp:"), "2");
        assert_eq!(program.status("NoNewPrivs:"), "1");
        let held = u64::from_str_radix(&program.status("CapPrm:"), 16).expect("a number");
        assert_eq!(held & !(1_u64 << right), 0, "nothing but the one right");
        assert_eq!(program.status("Threads:"), "1");
    }
}
