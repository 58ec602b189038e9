//! Goal: a round counts what was answered and fails on the first answer that is wrong. Method: a
//! server of a few lines on a socket of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use super::{Request, Round, run};

const BODY: &[u8] = b"0123456789";

/// Answers each request with `status` and `body`; where it listens.
fn server(status: &'static str, body: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let host = listener.local_addr().expect("bound").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            std::thread::spawn(move || {
                let read = BufReader::new(stream.try_clone().expect("a socket"));
                let ends = read.lines().map_while(Result::ok);
                for _ in ends.filter(String::is_empty) {
                    let head = format!(
                        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    );
                    let sent = stream.write_all(&[head.as_bytes(), body].concat());
                    if sent.is_err() {
                        return;
                    }
                }
            });
        }
    });
    host
}

fn asked(count: usize) -> Vec<Request> {
    let request = Request {
        head: b"GET /k HTTP/1.1\r\n\r\n".to_vec(),
        body: 0..0,
        back: 2..7,
    };
    vec![request; count]
}

#[test]
fn every_request_is_answered_once_and_timed() {
    let host = server("200 OK", b"23456");
    let round = run(&host, 3, &asked(50), BODY).expect("runs");
    assert_eq!(round.times_ms.len(), 50);
    assert!(round.times_ms.is_sorted());
    assert!(round.rate() > 0.0);
}

#[test]
fn a_refusal_and_other_bytes_end_the_round() {
    let host = server("503 Busy", b"slow down");
    let why = run(&host, 2, &asked(9), BODY)
        .expect_err("refused")
        .to_string();
    assert!(why.contains("503: slow down"), "{why}");
    let host = server("200 OK", b"2345X");
    let why = run(&host, 2, &asked(9), BODY)
        .expect_err("wrong")
        .to_string();
    assert!(why.contains("other bytes"), "{why}");
}

#[test]
fn percentiles_are_those_of_the_nearest_rank() {
    let round = Round {
        seconds: 2.0,
        times_ms: (1..=200).map(f64::from).collect(),
        refusals: 0,
    };
    assert_eq!(round.percentile(99).to_bits(), 198.0_f64.to_bits());
    assert_eq!(round.percentile(50).to_bits(), 100.0_f64.to_bits());
    assert_eq!(round.rate().to_bits(), 100.0_f64.to_bits());
}
