//! `holdfast-devchain`: the development chain as a program of its own.
//!
//! Enters: the command line. Leaves: one line of JSON on standard output once it serves, logs on
//! standard error, exit status 0 after SIGTERM or SIGINT. Does not: hold any logic of the chain.

use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use host_devchain::Options;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A thousand tokens of 18 decimals.
const GIFT: u128 = 1_000_000_000_000_000_000_000;

/// A development chain with JSON-RPC: no consensus, no reorganisations, no value.
#[derive(Debug, Parser)]
#[command(name = "holdfast-devchain", version)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Directory of the block log
    #[arg(long)]
    data: PathBuf,
    /// Chain id; 1, 199 and 1029 are refused
    #[arg(long, default_value_t = 31337)]
    chain_id: u64,
    /// Milliseconds from block to block, 0 for none without transactions
    #[arg(long, default_value_t = 1000)]
    block_ms: u64,
    /// Make a block at once for every transaction, besides the interval
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    automine: bool,
    /// Stop when standard input ends, as a child of another program
    #[arg(long)]
    until_stdin_ends: bool,
    /// Account to fund, as ADDRESS or ADDRESS=WEI; may be given again
    #[arg(long, value_name = "ADDR[=WEI]", value_parser = gift)]
    fund: Vec<([u8; 20], u128)>,
}

fn gift(text: &str) -> Result<([u8; 20], u128)> {
    let (address, wei) = match text.split_once('=') {
        Some((address, wei)) => (
            address,
            wei.parse()
                .context("WEI is not a whole number below 2^128")?,
        ),
        None => (text, GIFT),
    };
    let bytes = hex::decode(address.trim_start_matches("0x")).context("ADDR is not hex")?;
    let len = bytes.len();
    let address = bytes
        .try_into()
        .map_err(|_| anyhow!("ADDR has {len} bytes, not 20"))?;
    Ok((address, wei))
}

fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .init();
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(8)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch SIGINT")?;
    if arguments.data.as_os_str().is_empty() {
        bail!("--data names no directory");
    }
    let running = host_devchain::start(Options {
        listen: arguments.listen,
        data: arguments.data,
        chain_id: arguments.chain_id,
        block_every: Duration::from_millis(arguments.block_ms),
        automine: arguments.automine,
        fund: arguments.fund,
    })
    .await?;
    let ready = serde_json::json!({"rpc": running.rpc(), "chain_id": running.chain_id()});
    writeln!(std::io::stdout(), "{ready}").context("nobody reads standard output")?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM, stopping"),
        _ = interrupt.recv() => tracing::info!("SIGINT, stopping"),
        () = stdin_ends(), if arguments.until_stdin_ends => tracing::info!("parent ended"),
    }
    running.stop().await?;
    Ok(())
}

/// Completes when standard input ends. The reader is a plain thread: a read of the runtime's own
/// would keep the process from ending on a signal while the pipe is open.
async fn stdin_ends() {
    let (end, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // An error ends the input as well, and nobody listening means that we are stopping.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = end.send(());
    });
    let _ = ended.await;
}
