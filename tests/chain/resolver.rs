//! A DNS resolver on loopback that answers, denies, or says nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mood {
    /// Every name is 127.0.0.1.
    Answers = 0,
    /// No name exists.
    Denies = 1,
    /// Nothing comes back.
    Silent = 2,
    /// Bytes that are no answer.
    Babbles = 3,
}

/// The resolver.
pub(crate) struct Resolver {
    pub(crate) addr: SocketAddr,
    mood: Arc<AtomicU8>,
    asked: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl Resolver {
    pub(crate) async fn start(mood: Mood) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let addr = socket.local_addr().unwrap();
        let shared = Arc::new(AtomicU8::new(mood as u8));
        let asked = Arc::new(AtomicU64::new(0));
        let (seen, count) = (Arc::clone(&shared), Arc::clone(&asked));
        let serving = tokio::spawn(async move {
            let mut bytes = [0; 512];
            while let Ok((len, from)) = socket.recv_from(&mut bytes).await {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = answer(&bytes[..len], seen.load(Ordering::SeqCst));
                if let Some(answer) = answer {
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        Self {
            addr,
            mood: shared,
            asked,
            serving,
        }
    }

    /// Ends it: its port answers with an error from the kernel from here on.
    pub(crate) async fn stop(self) {
        self.serving.abort();
        let _cancelled = self.serving.await;
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(question: &[u8], mood: u8) -> Option<Vec<u8>> {
    let mut bytes = question.to_vec();
    if mood == Mood::Silent as u8 {
        return None;
    }
    if mood == Mood::Babbles as u8 {
        bytes.truncate(3);
        return Some(bytes);
    }
    if mood == Mood::Denies as u8 {
        (bytes[2], bytes[3]) = (0x81, 0x83);
        return Some(bytes);
    }
    (bytes[2], bytes[3]) = (0x81, 0x80);
    let kind = bytes[bytes.len() - 3];
    if kind == 1 {
        bytes[7] = 1;
        // The name as a pointer, type A, class IN, a minute, four bytes.
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    Some(bytes)
}
