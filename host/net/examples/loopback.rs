//! Question: how fast do body frames move between two processes on loopback, at what cost in CPU,
//! and how much memory does an idle node keep? Unit: GiB/s, CPU-seconds per GiB, MiB. Expected: a
//! stream of Noise over TCP is bound by ChaCha20-Poly1305 on one core, about 1 GiB/s.
//!
//! `loopback sink [quic] [threads N]` prints its peer id and address and swallows bodies;
//! `loopback pump PEER ADDRESS MIB [STREAMS] [threads N]` sends that much over each stream, then
//! times 1000 small round trips on one stream and 200 on new ones.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::Instant;

use bytes::Bytes;
use host_core::identity::SecretKey;
use host_core::limits;
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::{self, Frame, Protocol};
use host_net::{Bounds, Inbound, Inlet, Net, Options};

fn options(seed: u8, listen: Vec<String>) -> Options {
    Options {
        key: SecretKey::from_bytes(&[seed; 32]).unwrap(),
        listen,
        announce: Vec::new(),
        private_network: true,
        protocols: vec![Protocol::Upload],
        agent: "holdfast/loopback".to_owned(),
        bounds: Bounds::house(),
    }
}

/// CPU seconds and resident MiB of this process.
fn usage() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks: u32 = stat
        .rsplit(") ")
        .next()
        .unwrap()
        .split(' ')
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u32>().unwrap())
        .sum();
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let resident: u32 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    (f64::from(ticks) / 100.0, f64::from(resident) / 256.0)
}

async fn sink(mut inlet: Inlet) {
    while let Some(Inbound { mut frames, .. }) = inlet.next().await {
        tokio::spawn(async move {
            let mut sum = 0u64;
            while let Ok(Some(frame)) = frames.recv().await {
                match wire::parse(frame).unwrap() {
                    Frame::Body(run) => sum += run.len() as u64,
                    Frame::Message(echo) => frames.send(echo).await.unwrap(),
                }
            }
            let _ = frames.close().await;
            if sum > 0 {
                let (cpu, rss) = usage();
                println!("sink: {sum} bytes, {cpu} CPU s so far, {rss:.1} MiB resident");
            }
        });
    }
}

async fn pump(net: Net, to: PeerAddr, mib: usize, streams: usize) {
    let frame = wire::body(&vec![7; limits::BODY_LEN_MAX]).unwrap();
    let done = wire::message(&7u8);
    let before = usage();
    let start = Instant::now();
    let tasks = (0..streams).map(|_| {
        let (net, to, frame, done) = (net.clone(), to.clone(), frame.clone(), done.clone());
        tokio::spawn(async move {
            let mut frames = net.open(&to, Protocol::Upload).await.unwrap();
            for _ in 0..mib * 1024 * 1024 / limits::BODY_LEN_MAX {
                frames.send(frame.clone()).await.unwrap();
            }
            frames.send(done).await.unwrap();
            frames.recv().await.unwrap();
            frames.close().await.unwrap();
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let gib = (mib * streams) as f64 / 1024.0;
    let seconds = start.elapsed().as_secs_f64();
    let (cpu, rss) = usage();
    println!(
        "pump: {:.2} GiB/s, {:.2} CPU s/GiB here, {rss:.1} MiB resident",
        gib / seconds,
        (cpu - before.0) / gib
    );
    let mut frames = net.open(&to, Protocol::Upload).await.unwrap();
    let small: Bytes = wire::message(&vec![7u8; 1000]);
    let mut times = Vec::new();
    for _ in 0..1000 {
        let start = Instant::now();
        frames.send(small.clone()).await.unwrap();
        frames.recv().await.unwrap();
        times.push(start.elapsed().as_micros());
    }
    times.sort_unstable();
    println!("round trip on an open stream: median {} us", times[500]);
    times.clear();
    for _ in 0..200 {
        let start = Instant::now();
        let mut frames = net.open(&to, Protocol::Upload).await.unwrap();
        frames.send(small.clone()).await.unwrap();
        frames.recv().await.unwrap();
        times.push(start.elapsed().as_micros());
    }
    times.sort_unstable();
    println!("round trip on a new stream: median {} us", times[100]);
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let after = |word: &str| words.iter().skip_while(|w| *w != word).nth(1);
    let runtime = match after("threads") {
        Some(count) => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(count.parse().unwrap())
            .enable_all()
            .build(),
        None => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build(),
    }
    .unwrap();
    runtime.block_on(async {
        if words[0] == "sink" {
            let listen = match words.iter().any(|w| w == "quic") {
                true => "/ip4/127.0.0.1/udp/0/quic-v1",
                false => "/ip4/127.0.0.1/tcp/0",
            };
            let (net, inlet) = Net::start(options(1, vec![listen.to_owned()]))
                .await
                .unwrap();
            println!("{} {}", net.peer_id(), net.addresses()[0]);
            println!("idle: {:.1} MiB resident", usage().1);
            sink(inlet).await;
        } else {
            let (net, _inlet) = Net::start(options(2, Vec::new())).await.unwrap();
            let to = PeerAddr {
                peer: words[1].parse().unwrap(),
                addrs: vec![words[2].clone()],
            };
            let streams = words.get(4).and_then(|w| w.parse().ok()).unwrap_or(1);
            pump(net, to, words[3].parse().unwrap(), streams).await;
        }
    });
}
