//! Live peers: half of them are spoken to all the time, half were and are wanted again at the
//! height of the storm.
//!
//! Enters: namespaces. Leaves: which peers still answer. A busy peer is lost when it misses four
//! rounds in a row, a second; an idle one when it does not answer within a second of asking.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::ground::{PEERS, enter};

const PORT: u16 = 7777;
const ROUND: Duration = Duration::from_millis(250);
const MISSED: u32 = 4;

/// Answers every datagram until told to stop.
pub(crate) fn answer(namespace: String, stop: Arc<AtomicBool>) -> JoinHandle<anyhow::Result<()>> {
    thread::spawn(move || {
        enter(&namespace)?;
        let mut sockets = Vec::new();
        for n in 1..=PEERS {
            let socket = UdpSocket::bind((address(n)?, PORT))?;
            socket.set_nonblocking(true)?;
            sockets.push(socket);
        }
        let mut word = [0; 16];
        while !stop.load(Ordering::Relaxed) {
            for socket in &sockets {
                while let Ok((len, from)) = socket.recv_from(&mut word) {
                    let _sent = socket.send_to(word.get(..len).unwrap_or_default(), from);
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    })
}

fn address(n: usize) -> anyhow::Result<Ipv4Addr> {
    Ok(Ipv4Addr::new(10, 77, 0, u8::try_from(n)?))
}

/// Our sockets to the peers. The calling thread stands in our namespace.
#[derive(Debug)]
pub(crate) struct Peers {
    sockets: Vec<UdpSocket>,
    missed: Vec<u32>,
    lost: Vec<bool>,
    next: Instant,
}

impl Peers {
    /// Meets every peer once.
    pub(crate) fn meet() -> anyhow::Result<Self> {
        let mut sockets = Vec::new();
        for n in 1..=PEERS {
            let socket = UdpSocket::bind("10.77.0.100:0")?;
            socket.connect((address(n)?, PORT))?;
            socket.set_nonblocking(true)?;
            sockets.push(socket);
        }
        let mut peers = Self {
            missed: vec![0; sockets.len()],
            lost: vec![false; sockets.len()],
            sockets,
            next: Instant::now(),
        };
        // The links and the answering side need a moment.
        let answered = (0..10)
            .map(|_| peers.ask_all(Duration::from_millis(500)))
            .find(|answered| *answered == PEERS)
            .unwrap_or_default();
        anyhow::ensure!(answered == PEERS, "{answered} of {PEERS} peers answer");
        Ok(peers)
    }

    /// One round with the busy half, when it is due.
    pub(crate) fn round(&mut self) {
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + ROUND;
        let busy = self
            .sockets
            .iter()
            .zip(&mut self.missed)
            .zip(&mut self.lost);
        for ((socket, missed), lost) in busy.take(PEERS / 2) {
            if drain(socket) {
                *missed = 0;
            } else {
                *missed += 1;
                *lost |= *missed > MISSED;
            }
            let _refused = socket.send(b"busy");
        }
    }

    /// Asks the idle half; one second for the answers. How many of all are kept.
    pub(crate) fn want_idle(&mut self) -> usize {
        let idle: Vec<usize> = (PEERS / 2..PEERS).collect();
        let answered = self.ask(&idle, Duration::from_secs(1));
        for (n, lost) in self.lost.iter_mut().enumerate().skip(PEERS / 2) {
            *lost |= !answered.contains(&n);
        }
        self.lost.iter().filter(|lost| !**lost).count()
    }

    fn ask_all(&mut self, patience: Duration) -> usize {
        let all: Vec<usize> = (0..PEERS).collect();
        self.ask(&all, patience).len()
    }

    fn ask(&mut self, which: &[usize], patience: Duration) -> Vec<usize> {
        let mut answered = Vec::new();
        for socket in which.iter().filter_map(|n| self.sockets.get(*n)) {
            drain(socket);
            let _refused = socket.send(b"idle");
        }
        let until = Instant::now() + patience;
        while Instant::now() < until && answered.len() < which.len() {
            for n in which {
                if !answered.contains(n) && self.sockets.get(*n).is_some_and(drain) {
                    answered.push(*n);
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
        answered
    }
}

/// Takes what has come; whether anything had.
fn drain(socket: &UdpSocket) -> bool {
    let mut word = [0; 16];
    let mut any = false;
    loop {
        match socket.recv(&mut word) {
            Ok(_) => any = true,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(_) => return any,
        }
    }
}
