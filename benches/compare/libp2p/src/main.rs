//! One stream over libp2p with its defaults, the peer of `bench stream` (see there for the words
//! and what they answer). Entered by its own command line alone; shares no code with the house.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, noise, tcp, yamux};
use libp2p_stream::Behaviour;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/bytes/1");
/// Bytes a write hands over, as many as a body run of the house.
const RUN: usize = 128 << 10;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match *words.as_slice() {
            ["sink"] => sink().await,
            ["pump", peer, addr, mib] => pump(peer.parse()?, addr.parse()?, mib.parse()?).await,
            _ => bail!("sink, or pump PEER ADDRESS MIB"),
        }
    })
}

fn swarm() -> anyhow::Result<Swarm<Behaviour>> {
    Ok(SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(
            tcp::Config::default(),
            noise::Config::new,
            yamux::Config::default,
        )?
        .with_behaviour(|_| Behaviour::new())?
        .with_swarm_config(|config| {
            config.with_idle_connection_timeout(Duration::from_secs(60))
        })
        .build())
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// User and system seconds of this process so far (proc(5): stat 14 and 15, in hundredths).
fn cpu() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let mut ticks = 0;
    for field in fields.skip(11).take(2) {
        ticks += field.parse::<u32>()?;
    }
    Ok(f64::from(ticks) / 100.0)
}

async fn sink() -> anyhow::Result<()> {
    let mut swarm = swarm()?;
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    let addr = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break address;
        }
    };
    let mut streams = swarm.behaviour().new_control().accept(PROTOCOL)?;
    say(&format!("{} {addr}", swarm.local_peer_id()))?;
    tokio::spawn(async move { while swarm.next().await.is_some() {} });
    let (_, mut stream) = streams.next().await.context("nobody came")?;
    let mut room = vec![0; RUN];
    while stream.read(&mut room).await? > 0 {}
    stream.write_all(&[7]).await?;
    stream.close().await?;
    say(&cpu()?.to_string())?;
    // The word leaves with the connection: wait until the other end has gone.
    tokio::time::sleep(Duration::from_secs(5)).await;
    Ok(())
}

async fn pump(peer: PeerId, addr: Multiaddr, mib: usize) -> anyhow::Result<()> {
    let mut swarm = swarm()?;
    let mut control = swarm.behaviour().new_control();
    let run = vec![7; RUN];
    let start = Instant::now();
    swarm.dial(addr.with_p2p(peer).map_err(|_| anyhow::anyhow!("address"))?)?;
    loop {
        if let SwarmEvent::ConnectionEstablished { .. } = swarm.select_next_some().await {
            break;
        }
    }
    tokio::spawn(async move { while swarm.next().await.is_some() {} });
    let mut stream = control.open_stream(peer, PROTOCOL).await?;
    for _ in 0..mib * (1 << 20) / RUN {
        stream.write_all(&run).await?;
    }
    stream.close().await?;
    let mut word = [0];
    ensure!(stream.read(&mut word).await? == 1, "no word at the end");
    say(&format!("{} {}", start.elapsed().as_secs_f64(), cpu()?))
}
