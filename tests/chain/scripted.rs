//! A JSON-RPC endpoint on loopback that does what a test says: answers from a small chain of its
//! own,
//! lags, serves another chain, babbles, hangs, truncates, contradicts, forgets.
//!
//! Every connection carries one request, so that a mood takes effect at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::stage::CHAIN;

/// How an endpoint behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Honest,
    /// Closes the connection without a word.
    Dead,
    /// HTTP 429 or 503.
    Status(u16),
    /// A page where JSON should be.
    Garbage,
    /// JSON that is no JSON-RPC.
    WrongJson,
    /// Takes the request and says nothing.
    Hangs,
    /// Announces more bytes than it sends.
    Truncates,
}

/// What the endpoint believes.
#[derive(Debug)]
pub(crate) struct Belief {
    pub(crate) mood: Mood,
    pub(crate) chain_id: u64,
    pub(crate) head: u64,
    /// Told apart in the hash of each block.
    pub(crate) fork: u8,
    pub(crate) nonce: u64,
    pub(crate) balance: u64,
    pub(crate) base_fee: u64,
    /// Moves block times, in seconds.
    pub(crate) clock: i64,
    /// Raw transactions that came.
    pub(crate) sent: Vec<String>,
}

/// The endpoint.
pub(crate) struct Scripted {
    pub(crate) port: u16,
    pub(crate) requests: Arc<AtomicU64>,
    belief: Arc<Mutex<Belief>>,
}

impl Scripted {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let belief = Arc::new(Mutex::new(Belief {
            mood: Mood::Honest,
            chain_id: CHAIN,
            head: 1_000,
            fork: 0,
            nonce: 5,
            balance: 77,
            base_fee: 1_000_000_000,
            clock: 0,
            sent: Vec::new(),
        }));
        let requests = Arc::new(AtomicU64::new(0));
        let (shared, counted) = (Arc::clone(&belief), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (belief, requests) = (Arc::clone(&shared), Arc::clone(&counted));
                tokio::spawn(async move {
                    let _ = serve(stream, &belief, &requests).await;
                });
            }
        });
        Self {
            port,
            requests,
            belief,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn belief(&self) -> MutexGuard<'_, Belief> {
        self.belief.lock().unwrap()
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.belief().mood = mood;
    }

    pub(crate) fn count(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    belief: &Mutex<Belief>,
    requests: &AtomicU64,
) -> std::io::Result<()> {
    let body = read_request(&mut stream).await?;
    requests.fetch_add(1, Ordering::SeqCst);
    let request: Value = serde_json::from_slice(&body)?;
    let mood = belief.lock().unwrap().mood;
    let (status, answer) = match mood {
        Mood::Dead => return Ok(()),
        Mood::Hangs => {
            // Until the asker gives up and closes.
            let _ = stream.read(&mut [0; 1]).await;
            return Ok(());
        }
        Mood::Status(code) => (code, b"later".to_vec()),
        Mood::Garbage => (200, b"<html>\x00\xff</html>".to_vec()),
        Mood::WrongJson => (200, br#"{"result":[1,{"x":null}]}"#.to_vec()),
        Mood::Honest | Mood::Truncates => {
            let answer = answer(&request, &mut belief.lock().unwrap());
            (200, answer.to_string().into_bytes())
        }
    };
    let more = if mood == Mood::Truncates { 9_999 } else { 0 };
    let head = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        answer.len() + more
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&answer).await
}

fn quantity(number: u64) -> Value {
    json!(format!("{number:#x}"))
}

fn block_hash(number: u64, fork: u8) -> String {
    format!("0x{number:062x}{fork:02x}")
}

fn answer(request: &Value, belief: &mut Belief) -> Value {
    let tag = |at: usize| request["params"][at].as_str().unwrap_or("").to_owned();
    let result = match request["method"].as_str().unwrap_or("") {
        "eth_chainId" => quantity(belief.chain_id),
        "eth_getBlockByNumber" => {
            let asked = tag(0);
            let hex = asked.trim_start_matches("0x");
            let number = match asked.as_str() {
                "latest" => belief.head,
                _ => u64::from_str_radix(hex, 16).unwrap(),
            };
            if number > belief.head {
                Value::Null
            } else {
                let time = 1_700_000_000 + i64::try_from(number).unwrap() + belief.clock;
                json!({
                    "number": quantity(number),
                    "hash": block_hash(number, belief.fork),
                    "timestamp": format!("{time:#x}"),
                    "baseFeePerGas": quantity(belief.base_fee),
                })
            }
        }
        "eth_getTransactionCount" => quantity(belief.nonce),
        "eth_getBalance" => quantity(belief.balance),
        "eth_getCode" => json!("0x6001"),
        "eth_estimateGas" => quantity(60_000),
        "eth_maxPriorityFeePerGas" => quantity(1_000_000_000),
        "eth_gasPrice" => quantity(belief.base_fee),
        "eth_sendRawTransaction" => {
            belief.sent.push(tag(0));
            json!(format!("0x{}", "11".repeat(32)))
        }
        "eth_getLogs" => json!([]),
        _ => Value::Null,
    };
    json!({"jsonrpc": "2.0", "id": request["id"], "result": result})
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..at]).to_lowercase();
            let len = head.split("content-length:").nth(1).unwrap_or("0");
            let len: usize = len.split_whitespace().next().unwrap().parse().unwrap();
            if bytes.len() >= at + 4 + len {
                return Ok(bytes[at + 4..at + 4 + len].to_vec());
            }
        }
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&part[..read]);
    }
}
