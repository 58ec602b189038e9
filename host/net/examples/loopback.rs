//! Question: how fast do body frames move between two processes on loopback, at what cost in CPU,
//! and how much memory does an idle node keep? Unit: GiB/s, CPU-seconds per GiB, MiB. Expected: a
//! stream of Noise over TCP is bound by ChaCha20-Poly1305 on one core, about 1 GiB/s.
//!
//! `loopback sink [quic] [threads N]` prints its peer id and address and swallows bodies;
//! `loopback pump PEER ADDRESS MIB [STREAMS] [threads N]` sends that much over each stream, then
//! times 1000 small round trips on one stream and 200 on new ones.

#![allow(
    clippy::print_stdout,
    reason = "a command line speaks on standard output"
)]

use std::time::Instant;

use bytes::Bytes;
use host_core::identity::SecretKey;
use host_core::limits;
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::{self, Frame, Protocol};
use host_net::{Bounds, Error, Inbound, Inlet, Net, Options};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

async fn node(seed: u8, listen: Vec<String>) -> Outcome<(Net, Inlet)> {
    let started: Result<_, Error> = Net::start(Options {
        key: SecretKey::from_bytes(&[seed; 32])?,
        listen,
        announce: Vec::new(),
        private_network: true,
        protocols: vec![Protocol::Upload],
        agent: "holdfast/loopback".to_owned(),
        bounds: Bounds::house(),
    })
    .await;
    Ok(started?)
}

/// CPU seconds and resident MiB of this process (proc(5): stat 14 and 15, statm 2).
fn usage() -> Outcome<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let mut ticks = 0u32;
    for field in fields.skip(11).take(2) {
        ticks += field.parse::<u32>()?;
    }
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let resident: u32 = pages.split(' ').nth(1).unwrap_or_default().parse()?;
    Ok((f64::from(ticks) / 100.0, f64::from(resident) / 256.0))
}

async fn swallow(inbound: Inbound) -> Outcome<()> {
    let mut frames = inbound.frames;
    let mut sum = 0u64;
    while let Some(frame) = frames.recv().await? {
        match wire::parse(frame)? {
            Frame::Body(run) => sum += run.len() as u64,
            Frame::Message(echo) => frames.send(echo).await?,
        }
    }
    frames.close().await?;
    if sum > 0 {
        let (cpu, rss) = usage()?;
        println!("sink: {sum} bytes, {cpu} CPU s so far, {rss:.1} MiB resident");
    }
    Ok(())
}

async fn sink(mut inlet: Inlet) {
    while let Some(inbound) = inlet.next().await {
        tokio::spawn(async move {
            // A pump that is done with a stream may drop it.
            let _ = swallow(inbound).await;
        });
    }
}

async fn pump(net: Net, to: PeerAddr, mib: usize, streams: usize) -> Outcome<()> {
    let frame = wire::body(&vec![7; limits::BODY_LEN_MAX])?;
    let done = wire::message(&7u8);
    let before = usage()?;
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::<Outcome<()>>::new();
    for _ in 0..streams {
        let (net, to, frame, done) = (net.clone(), to.clone(), frame.clone(), done.clone());
        tasks.spawn(async move {
            let mut frames = net.open(&to, Protocol::Upload).await?;
            for _ in 0..mib * 1024 * 1024 / limits::BODY_LEN_MAX {
                frames.send(frame.clone()).await?;
            }
            frames.send(done).await?;
            frames.recv().await?;
            Ok(frames.close().await?)
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let gib = (mib * streams) as f64 / 1024.0;
    let seconds = start.elapsed().as_secs_f64();
    let (cpu, rss) = usage()?;
    println!(
        "pump: {:.2} GiB/s, {:.2} CPU s/GiB here, {rss:.1} MiB resident",
        gib / seconds,
        (cpu - before.0) / gib
    );
    round_trips(&net, &to).await
}

async fn round_trips(net: &Net, to: &PeerAddr) -> Outcome<()> {
    let small: Bytes = wire::message(&vec![7u8; 1000]);
    let median = |mut times: Vec<u128>| {
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    let mut times = Vec::new();
    let mut frames = net.open(to, Protocol::Upload).await?;
    for _ in 0..1000 {
        let start = Instant::now();
        frames.send(small.clone()).await?;
        frames.recv().await?;
        times.push(start.elapsed().as_micros());
    }
    println!("round trip on an open stream: median {} us", median(times));
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        let mut frames = net.open(to, Protocol::Upload).await?;
        frames.send(small.clone()).await?;
        frames.recv().await?;
        times.push(start.elapsed().as_micros());
    }
    println!("round trip on a new stream: median {} us", median(times));
    Ok(())
}

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |index: usize| words.get(index).map(String::as_str).unwrap_or_default();
    let threads = words.iter().skip_while(|w| *w != "threads").nth(1);
    let runtime = match threads {
        Some(count) => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(count.parse()?)
            .enable_all()
            .build()?,
        None => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?,
    };
    runtime.block_on(async {
        if word(0) == "sink" {
            let listen = match word(1) {
                "quic" => "/ip4/127.0.0.1/udp/0/quic-v1",
                _ => "/ip4/127.0.0.1/tcp/0",
            };
            let (net, inlet) = node(1, vec![listen.to_owned()]).await?;
            println!("{} {}", net.peer_id(), net.addresses().concat());
            println!("idle: {:.1} MiB resident", usage()?.1);
            sink(inlet).await;
            return Ok(());
        }
        let (net, _inlet) = node(2, Vec::new()).await?;
        let to = PeerAddr {
            peer: word(1).parse()?,
            addrs: vec![word(2).to_owned()],
        };
        pump(net, to, word(3).parse()?, word(4).parse().unwrap_or(1)).await
    })
}
