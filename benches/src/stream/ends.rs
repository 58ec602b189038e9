//! The two ends of `stream`, each a process of its own with the product's network and one thread.
//!
//! `sink` says PEER and ADDRESS, takes one stream, and says its CPU seconds when that is over;
//! `pump PEER ADDRESS MIB` sends and says the seconds it took and its CPU seconds. Seconds run from
//! before the dial to the word that all has come, so that nothing waits in a buffer.
//!
//! `sink check` also builds the tree of every shard that passes, as a host does, and ends with an
//! error unless each bears the name that its sender gives after it; `pump` with the word `vouch`
//! at its end gives the names, which it knows before its clock starts, as a renter does.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use host_core::ShardId;
use host_core::identity::SecretKey;
use host_core::limits::{self, SHARD_LEN_MAX};
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::{self, Frame, Protocol};
use host_net::{Bounds, Inlet, Net, Options};
use host_proof::TreeBuilder;

use crate::cpu;

/// Every byte that is sent.
const BYTE: u8 = 7;

/// Is one end; errors when the words are not those of the head.
pub fn child(words: &[String]) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    runtime.block_on(async {
        match *words.as_slice() {
            ["sink"] => sink(false).await,
            ["sink", "check"] => sink(true).await,
            ["pump", peer, addr, mib] => pump(&place(peer, addr)?, mib.parse()?, false).await,
            ["pump", peer, addr, mib, "vouch"] => {
                pump(&place(peer, addr)?, mib.parse()?, true).await
            }
            _ => bail!("sink [check], or pump PEER ADDRESS MIB [vouch]"),
        }
    })
}

fn place(peer: &str, addr: &str) -> anyhow::Result<PeerAddr> {
    Ok(PeerAddr {
        peer: peer.parse()?,
        addrs: vec![addr.to_owned()],
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

async fn sink(check: bool) -> anyhow::Result<()> {
    let (net, mut inlet) = node(1, vec!["/ip4/127.0.0.1/tcp/0".to_owned()]).await?;
    let addr = net.addresses().into_iter().next().context("no address")?;
    say(&format!("{} {addr}", net.peer_id()))?;
    let mut frames = inlet.next().await.context("nobody came")?.frames;
    let mut tree = TreeBuilder::new();
    while let Some(frame) = frames.recv().await? {
        match wire::parse(frame)? {
            Frame::Body(bytes) if check => tree.push(&bytes),
            Frame::Body(_) => {}
            Frame::Message(named) if check => {
                let whole = std::mem::take(&mut tree).finish()?.shard_id();
                ensure!(named == wire::message(&[whole]), "a shard is not {whole}");
                frames.send(named).await?;
            }
            Frame::Message(done) => frames.send(done).await?,
        }
    }
    frames.close().await?;
    say(&cpu::process()?.to_string())?;
    net.stop().await;
    Ok(())
}

async fn pump(to: &PeerAddr, mib: usize, vouch: bool) -> anyhow::Result<()> {
    let parts = parts(mib << 20, vouch)?;
    let before = cpu::process()?;
    let (net, _inlet) = node(2, Vec::new()).await?;
    let run = vec![BYTE; limits::BODY_LEN_MAX];
    let start = Instant::now();
    let mut frames = net.open(to, Protocol::Upload).await?;
    for (runs, name) in &parts {
        for _ in 0..*runs {
            frames.send_body(&run).await?;
        }
        // In an array: a frame that is bytes alone would be a run of body.
        let word = name.map_or_else(|| wire::message(&BYTE), |name| wire::message(&[name]));
        frames.send(word).await?;
    }
    for _ in &parts {
        ensure!(frames.recv().await?.is_some(), "no word at the end");
    }
    let seconds = start.elapsed().as_secs_f64();
    frames.close().await?;
    say(&format!("{seconds} {}", cpu::process()? - before))?;
    net.stop().await;
    Ok(())
}

/// Runs of each part and its name: whole shards, or all in one that has none.
fn parts(len: usize, vouch: bool) -> anyhow::Result<Vec<(usize, Option<ShardId>)>> {
    if !vouch {
        return Ok(vec![(len / limits::BODY_LEN_MAX, None)]);
    }
    let shard = usize::try_from(SHARD_LEN_MAX)?;
    let lens = (0..len).step_by(shard).map(|from| shard.min(len - from));
    lens.map(|len| Ok((len / limits::BODY_LEN_MAX, Some(name(len)?))))
        .collect()
}

fn name(len: usize) -> anyhow::Result<ShardId> {
    let mut tree = TreeBuilder::new();
    tree.push(&vec![BYTE; len]);
    Ok(tree.finish()?.shard_id())
}
