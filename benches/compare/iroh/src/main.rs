//! One blob over iroh-blobs with its defaults, the peer of `bench stream` (see there for the words
//! and what they answer). Entered by its own command line alone; shares no code with the house.
//! No relay, no address lookup, sockets on 127.0.0.1 alone: nothing outside is asked (a trace shows
//! one route looked up by connecting a datagram socket, on which nothing is sent).
//!
//! `provide MIB` makes a blob in memory, says ID, ADDRESS and HASH, serves one connection and says
//! the CPU seconds that the serving took (making and hashing the blob is not in them); `fetch ID
//! ADDRESS HASH MIB` takes it over one stream, verifies it by BLAKE3 as iroh does, keeps nothing,
//! and says the seconds it took from before the dial and its CPU seconds.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use iroh::endpoint::presets;
use iroh::{Endpoint, EndpointAddr};
use iroh_blobs::get::fsm::{self, ConnectedNext, EndBlobNext};
use iroh_blobs::protocol::GetRequest;
use iroh_blobs::provider::{events::EventSender, handle_connection};
use iroh_blobs::store::mem::MemStore;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match *words.as_slice() {
            ["provide", mib] => provide(mib.parse()?).await,
            ["fetch", id, addr, hash, mib] => {
                let from = EndpointAddr::new(id.parse()?).with_ip_addr(addr.parse()?);
                fetch(from, hash, mib.parse()?).await
            }
            _ => bail!("provide MIB, or fetch ID ADDRESS HASH MIB"),
        }
    })
}

/// The preset without relays and look-ups, on loopback alone.
async fn endpoint(alpns: Vec<Vec<u8>>) -> anyhow::Result<Endpoint> {
    let builder = Endpoint::builder(presets::Minimal).clear_ip_transports();
    let builder = builder.bind_addr("127.0.0.1:0")?.alpns(alpns);
    Ok(builder.bind().await?)
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

async fn provide(mib: usize) -> anyhow::Result<()> {
    let store = MemStore::new();
    let tag = store
        .blobs()
        .add_bytes(vec![7; mib << 20])
        .temp_tag()
        .await?;
    let before = cpu()?;
    let endpoint = endpoint(vec![iroh_blobs::ALPN.to_vec()]).await?;
    let addr = endpoint
        .bound_sockets()
        .into_iter()
        .next()
        .context("no socket")?;
    say(&format!("{} {addr} {}", endpoint.id(), tag.hash()))?;
    let connection = endpoint.accept().await.context("nobody came")?.await?;
    handle_connection(connection, (*store).clone(), EventSender::DEFAULT).await;
    say(&(cpu()? - before).to_string())?;
    endpoint.close().await;
    Ok(())
}

async fn fetch(from: EndpointAddr, hash: &str, mib: u64) -> anyhow::Result<()> {
    let hash: iroh_blobs::Hash = hash.parse().ok().context("HASH is not one")?;
    let endpoint = endpoint(Vec::new()).await?;
    let start = Instant::now();
    let connection = endpoint.connect(from, iroh_blobs::ALPN).await?;
    let request = fsm::start(
        connection.clone(),
        GetRequest::blob(hash),
        Default::default(),
    );
    let ConnectedNext::StartRoot(root) = request.next().await?.next().await? else {
        bail!("the answer does not begin with the blob");
    };
    let EndBlobNext::Closing(closing) = root.next().drain().await?.next() else {
        bail!("the answer goes on after the blob");
    };
    let stats = closing.next().await?;
    let seconds = start.elapsed().as_secs_f64();
    let read = stats.counters.payload_bytes_read;
    ensure!(read == mib << 20, "{read} bytes came for {mib} MiB");
    say(&format!("{seconds} {}", cpu()?))?;
    connection.close(0u32.into(), b"done");
    endpoint.close().await;
    Ok(())
}
