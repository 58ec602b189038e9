//! What a host holds in memory: idle, with many uploads under way, and after them.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use host_transfer::upload::Opened;

use crate::stage::{Caller, Plan, Shape, Town, block_on, noise, shard_of, until};

/// Uploads under way at once, by four callers.
const UPLOADS: usize = 64;
/// MiB an idle host may hold.
const IDLE: f64 = 40.0;
/// Bytes of each: several of a writer's buffers.
const LEN: usize = 2 << 20;

/// MiB by that name in the account of a process.
fn mib(pid: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.trim_matches([':', '\t', ' ', 'k', 'B']).parse().ok());
    kib.map(|kib: f64| kib / 1024.0).expect("a figure")
}

/// MiB in memory once they stayed the same for two seconds.
fn settled(pid: u32) -> f64 {
    let mut last = (Instant::now(), mib(pid, "VmRSS"));
    until("the host is idle", Duration::from_secs(60), || {
        let now = mib(pid, "VmRSS");
        if (now - last.1).abs() > 0.5 {
            last = (Instant::now(), now);
        }
        (last.0.elapsed() > Duration::from_secs(2)).then_some(now)
    })
}

#[test]
fn sixty_four_uploads_stay_within_memory_and_give_it_back() {
    // Goal: at most 40 MiB idle, 128 MiB with 64 uploads half done, and within 30 seconds of their
    // end at most 16 MiB above idle. Method: all are opened and half sent before the first is
    // finished; the peak is what the kernel saw, the end is looked for until it comes. A host is idle
    // once it has touched the pages it runs on: that of its first moment is less.
    let plan = Plan {
        volumes: vec!["volume-0=512 MiB".to_owned()],
        // As a host has them by default; the tests' own are eight.
        set: vec![r#"storage.buffers="64 MiB""#.to_owned()],
        ..Plan::default()
    };
    let shape = Shape {
        hosts: 1,
        plan,
        ..Shape::default()
    };
    let town = Town::start("memory", shape);
    let host = &town.hosts[0];
    let idle = settled(host.pid());
    let callers: Vec<Caller> = (0..4).map(|_| Caller::stranger(&town.network)).collect();
    let uploads: Vec<_> = (0..UPLOADS)
        .map(|index| {
            let bytes = noise(&format!("memory {index}"), LEN);
            let caller = &callers[index % callers.len()];
            (
                caller,
                caller.terms(host, shard_of(&bytes), LEN as u64),
                bytes,
            )
        })
        .collect();
    let busy = block_on(async {
        let begun = uploads.iter().map(async |(caller, terms, bytes)| {
            let Opened::Send(mut stream) = caller.open(host, terms).await? else {
                panic!("a fresh shard is not stored yet");
            };
            stream.send(&bytes[..LEN / 2]).await?;
            Ok::<_, host_transfer::Error>(stream)
        });
        let streams = try_join_all(begun).await.expect("all are taken");
        let busy = mib(host.pid(), "VmRSS");
        let ended = streams.into_iter().zip(&uploads);
        let ended = ended.map(async |(mut stream, (_, _, bytes))| {
            stream.send(&bytes[LEN / 2..]).await?;
            stream.finish().await
        });
        try_join_all(ended).await.expect("all are stored");
        busy
    });
    let peak = mib(host.pid(), "VmHWM");
    let after = until("memory is given back", Duration::from_secs(30), || {
        let now = mib(host.pid(), "VmRSS");
        (now <= idle + 16.0).then_some(now)
    });
    println!("MiB: idle {idle:.1}, half way {busy:.1}, peak {peak:.1}, after {after:.1}");
    assert_eq!(host.status().shards, UPLOADS as u64);
    assert!(idle <= IDLE, "idle {idle} MiB");
    assert!(peak <= 128.0, "peak {peak} MiB");
}
