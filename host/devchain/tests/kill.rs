//! Goal: what a receipt said stays true after kill -9, and the program starts and stops as its
//! command line promises. Method: the real binary on loopback, killed between transactions.

// Test code outside #[cfg(test)]: a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The account of the EIP-155 example key (32 x 0x46), a marked test key.
const OWNER: &str = "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f";
/// Signed by the test key for chain 31337: nonce 0 and 1, 41 and 1 wei to 0x0707..07.
const PAYMENTS: [&str; 2] = [PAYMENT_0, PAYMENT_1];
const PAYMENT_0: &str = "0xf865808477359400825208940707070707070707070707070707070707070707298082f4f5a0fea48554501162925ded97c93ee5ccdeb329789420dc713b928f724380bdac01a02777aec57acdeb7e640c8c5f5c50f63b60da767b568d95397110cab17088e277";
const PAYMENT_1: &str = "0xf865018477359400825208940707070707070707070707070707070707070707018082f4f6a0fdc09c62455e1edad7bc452b083cc476cba7362511abc717aaec9143ebc79ccca037e23db0be06fbf41c9e2e2b8c483e15a069aa7aa2464006f4aac93587242695";
const RECEIVER: &str = "0x0707070707070707070707070707070707070707";

struct Devchain {
    child: Child,
    address: String,
}

impl Devchain {
    fn start(dir: &Path, extra: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_holdfast-devchain"))
            .args([
                "--data",
                dir.to_str().unwrap(),
                "--block-ms",
                "50",
                "--fund",
                OWNER,
            ])
            .args(extra)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = ready["rpc"]
            .as_str()
            .unwrap()
            .trim_start_matches("http://")
            .to_owned();
        Self { child, address }
    }

    fn ask(&self, method: &str, params: serde_json::Value) -> serde_json::Value {
        let body =
            serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let json = answer.split_once("\r\n\r\n").unwrap().1;
        let answer: serde_json::Value = serde_json::from_str(json).unwrap();
        answer
            .get("result")
            .unwrap_or_else(|| panic!("{method}: {answer}"))
            .clone()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Devchain {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn receipts_balances_and_block_hashes_survive_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut before = Vec::new();
    for (nonce, payment) in PAYMENTS.iter().enumerate() {
        let chain = Devchain::start(dir.path(), &[]);
        let hash = chain.ask("eth_sendRawTransaction", serde_json::json!([payment]));
        let receipt = chain.ask("eth_getTransactionReceipt", serde_json::json!([hash]));
        assert_eq!(receipt["status"], "0x1", "payment {nonce}");
        before.push((hash, receipt));
        chain.kill();
    }
    let chain = Devchain::start(dir.path(), &[]);
    for (hash, receipt) in before {
        let again = chain.ask("eth_getTransactionReceipt", serde_json::json!([hash]));
        assert_eq!(again, receipt);
    }
    let balance = chain.ask("eth_getBalance", serde_json::json!([RECEIVER, "latest"]));
    assert_eq!(balance, "0x2a");
    let count = chain.ask(
        "eth_getTransactionCount",
        serde_json::json!([OWNER, "latest"]),
    );
    assert_eq!(count, "0x2");
}

#[test]
fn an_account_funded_at_a_later_start_gets_its_gift_once() {
    let dir = tempfile::tempdir().unwrap();
    Devchain::start(dir.path(), &[]).kill();
    let late = format!("{RECEIVER}=77");
    for _ in 0..2 {
        let chain = Devchain::start(dir.path(), &["--fund", &late]);
        let balance = chain.ask("eth_getBalance", serde_json::json!([RECEIVER, "latest"]));
        assert_eq!(balance, "0x4d");
        chain.kill();
    }
}

#[test]
fn public_chain_ids_and_a_directory_of_another_chain_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    Devchain::start(dir.path(), &[]).kill();
    for (id, words) in [
        ("1", "belongs to a public network"),
        ("199", "belongs to a public network"),
        ("1029", "belongs to a public network"),
        ("5", "holds chain 31337, asked for chain 5"),
    ] {
        let run = Command::new(env!("CARGO_BIN_EXE_holdfast-devchain"))
            .args(["--data", dir.path().to_str().unwrap(), "--chain-id", id])
            .output()
            .unwrap();
        assert!(!run.status.success());
        let said = String::from_utf8(run.stderr).unwrap();
        assert!(said.contains(words), "{id}: {said}");
    }
}

#[test]
fn sigterm_ends_it_with_status_zero() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain = Devchain::start(dir.path(), &[]);
    let pid = chain.child.id().to_string();
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
    assert!(chain.child.wait().unwrap().success());
}

#[test]
fn a_child_ends_with_its_parents_pipe_and_on_sigterm_before_that() {
    for by_signal in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_holdfast-devchain"))
            .args(["--data", dir.path().to_str().unwrap(), "--until-stdin-ends"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let pipe = child.stdin.take();
        if by_signal {
            let pid = child.id().to_string();
            assert!(Command::new("kill").arg(pid).status().unwrap().success());
            assert!(child.wait().unwrap().success());
        }
        drop(pipe);
        assert!(child.wait().unwrap().success());
    }
}
