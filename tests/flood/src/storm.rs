//! The storm: each container dials fresh dead addresses on its own link, at a steady rate.
//!
//! Enters: a namespace, a stop flag. Leaves: nothing. 37 a second from each of twelve containers
//! are 444 a second; each holds its entry three seconds, so 1332 stand at once where 1024 fit. A
//! burst dials the first 110 of each container, 1320 in all, at once: nothing can foresee that.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::ground::{CONTAINERS, Ground, enter};

/// New dead addresses a second, each container.
const RATE: u32 = 37;

/// What each container dials at once in a burst.
const BURST: u32 = 110;

/// Starts one thread a container.
pub(crate) fn start(ground: &Ground, stop: &Arc<AtomicBool>, burst: bool) -> Threads {
    (0..CONTAINERS)
        .map(|n| {
            let (name, stop) = (ground.container(n), Arc::clone(stop));
            thread::spawn(move || dial(&name, n, burst, &stop))
        })
        .collect()
}

/// Threads and how they ended.
pub(crate) type Threads = Vec<JoinHandle<anyhow::Result<()>>>;

fn dial(namespace: &str, n: usize, burst: bool, stop: &AtomicBool) -> anyhow::Result<()> {
    enter(namespace)?;
    let third = u8::try_from(n)?.wrapping_mul(10).wrapping_add(100);
    let mut next = 0_u32;
    while !stop.load(Ordering::Relaxed) {
        // A socket of its own: datagrams that wait for an answer fill the socket's queue.
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        let [_, _, high, low] = next.to_be_bytes();
        let dead = Ipv4Addr::new(172, 29, third.wrapping_add(high), low);
        let _dropped = socket.send_to(b"dial", (dead, 9));
        next += 1;
        if !burst || next > BURST {
            thread::sleep(Duration::from_secs(1) / RATE);
        }
    }
    Ok(())
}
