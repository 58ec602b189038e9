//! The two ends of `stream`, each a process of its own with the product's network and one thread.
//!
//! `sink` says PEER and ADDRESS, takes one stream, and says its CPU seconds when that is over;
//! `pump PEER ADDRESS MIB` sends and says the seconds it took and its CPU seconds. Seconds run from
//! before the dial to the word that all has come, so that nothing waits in a buffer.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use host_core::identity::SecretKey;
use host_core::limits;
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::{self, Frame, Protocol};
use host_net::{Bounds, Inlet, Net, Options};

use crate::cpu;

/// Is one end; errors when the words are not those of the head.
pub fn child(words: &[String]) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    runtime.block_on(async {
        match *words.as_slice() {
            ["sink"] => sink().await,
            ["pump", peer, addr, mib] => {
                let to = PeerAddr {
                    peer: peer.parse()?,
                    addrs: vec![addr.to_owned()],
                };
                pump(&to, mib.parse()?).await
            }
            _ => bail!("sink, or pump PEER ADDRESS MIB"),
        }
    })
}

async fn node(seed: u8, listen: Vec<String>) -> anyhow::Result<(Net, Inlet)> {
    let options = Options {
        key: SecretKey::from_bytes(&[seed; 32])?,
        listen,
        announce: Vec::new(),
        private_network: true,
        protocols: vec![Protocol::Upload],
        agent: "holdfast-bench".to_owned(),
        bounds: Bounds::house(),
    };
    Ok(Net::start(options).await?)
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

async fn sink() -> anyhow::Result<()> {
    let (net, mut inlet) = node(1, vec!["/ip4/127.0.0.1/tcp/0".to_owned()]).await?;
    let addr = net.addresses().into_iter().next().context("no address")?;
    say(&format!("{} {addr}", net.peer_id()))?;
    let mut frames = inlet.next().await.context("nobody came")?.frames;
    while let Some(frame) = frames.recv().await? {
        if let Frame::Message(done) = wire::parse(frame)? {
            frames.send(done).await?;
        }
    }
    frames.close().await?;
    say(&cpu::process()?.to_string())?;
    net.stop().await;
    Ok(())
}

async fn pump(to: &PeerAddr, mib: usize) -> anyhow::Result<()> {
    let (net, _inlet) = node(2, Vec::new()).await?;
    let run = vec![7; limits::BODY_LEN_MAX];
    let start = Instant::now();
    let mut frames = net.open(to, Protocol::Upload).await?;
    for _ in 0..mib * (1 << 20) / limits::BODY_LEN_MAX {
        frames.send_body(&run).await?;
    }
    frames.send(wire::message(&7u8)).await?;
    ensure!(frames.recv().await?.is_some(), "no word at the end");
    let seconds = start.elapsed().as_secs_f64();
    frames.close().await?;
    say(&format!("{seconds} {}", cpu::process()?))?;
    net.stop().await;
    Ok(())
}
