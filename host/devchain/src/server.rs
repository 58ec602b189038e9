//! The socket and the clock: serves JSON-RPC over HTTP and makes a block at every interval.
//!
//! Enters: options by value. Leaves: a running chain with its address, and its orderly stop.
//! Invariants: a body is at most `BODY_MAX`; at most `AT_ONCE` requests are worked on, the rest
//! wait; the chain's lock is never held over an await (work runs on the blocking pool). Does not:
//! authenticate, since it is meant for loopback and says so when it listens elsewhere.

use crate::chain::Chain;
use crate::error::Error;
use crate::rpc;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use revm::primitives::{Address, U256};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// Largest request: a batch with several deployments of 24 KiB code fits.
const BODY_MAX: usize = 4 << 20;
/// Requests worked on at once; they share one lock, so more would only hold memory.
const AT_ONCE: usize = 16;
/// Chain ids of public networks that carry BTFS's money or anybody's.
const PUBLIC_CHAIN_IDS: [u64; 3] = [1, 199, 1029];

/// How to run a development chain.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Directory of the block log; made when missing.
    pub data: PathBuf,
    /// Chain id; those of public networks are refused.
    pub chain_id: u64,
    /// Time from block to block; zero makes blocks only for transactions and evm_mine.
    pub block_every: Duration,
    /// Make a block at once for every transaction, besides the interval.
    pub automine: bool,
    /// Accounts (20 bytes) and the wei they hold from the first block that knows them.
    pub fund: Vec<([u8; 20], u128)>,
}

/// A chain that is being served.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    chain_id: u64,
    stop: watch::Sender<bool>,
    server: JoinHandle<Result<(), Error>>,
    miner: JoinHandle<()>,
}

struct Shared {
    chain: Mutex<Chain>,
    automine: bool,
    turns: Semaphore,
}

/// Opens the chain, listens, and starts serving and mining on the current tokio runtime.
///
/// Errors: `ChainIdOfPublicNetwork`, `OtherChain`, `DirectoryInUse`, the damage variants of the
/// log, or `Io`. Cost: reads and executes the whole log.
pub async fn start(options: Options) -> Result<Running, Error> {
    if PUBLIC_CHAIN_IDS.contains(&options.chain_id) {
        return Err(Error::ChainIdOfPublicNetwork {
            chain_id: options.chain_id,
        });
    }
    let (chain_id, block_every) = (options.chain_id, options.block_every);
    let fund: Vec<_> = options
        .fund
        .iter()
        .map(|(to, wei)| (Address::from(*to), U256::from(*wei)))
        .collect();
    let opened = Chain::open(&options.data, chain_id, &fund)?;
    let head = opened.head();
    let listen = |e| Error::io("cannot listen on", options.listen, e);
    let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "development chain listens beyond loopback, without any password");
    }
    tracing::info!(
        %address,
        chain_id,
        block = head.number,
        "development chain ready: no consensus, no reorganisations, no value"
    );
    let shared = Arc::new(Shared {
        chain: Mutex::new(opened),
        automine: options.automine,
        turns: Semaphore::new(AT_ONCE),
    });
    let (stop, stopped) = watch::channel(false);
    let miner = tokio::spawn(mine_at_intervals(
        shared.clone(),
        block_every,
        stopped.clone(),
    ));
    let server = tokio::spawn(serve(listener, shared, stopped));
    Ok(Running {
        address,
        chain_id,
        stop,
        server,
        miner,
    })
}

impl Running {
    /// The URL of the JSON-RPC endpoint.
    #[must_use]
    pub fn rpc(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The chain id it was started with.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Lets requests under way end (at most two seconds) and stops. The log is closed on return.
    pub async fn stop(self) -> Result<(), Error> {
        // Nobody listening means both tasks have ended already.
        let _ = self.stop.send(true);
        let abort = self.server.abort_handle();
        let ended = tokio::time::timeout(Duration::from_secs(2), self.server).await;
        abort.abort();
        // The miner ends at the next turn of its loop; its panic would be ours to see.
        if let Err(reason) = self.miner.await {
            tracing::error!(err = %reason, "the miner ended badly");
        }
        match ended {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Ok(()),
        }
    }
}

async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), Error> {
    let router = Router::new()
        .route("/", post(receive))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(shared);
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            // An error means the owner is gone, which is a stop as well.
            let _ = stopped.wait_for(|stop| *stop).await;
        })
        .await
        .map_err(|e| Error::io("cannot serve", "http", e))
}

async fn receive(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let Ok(_turn) = shared.turns.acquire().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let work = shared.clone();
    let answer =
        tokio::task::spawn_blocking(move || rpc::answer(&work.chain, work.automine, &body)).await;
    match answer {
        Ok(answer) => (
            [(header::CONTENT_TYPE, "application/json")],
            answer.to_string(),
        )
            .into_response(),
        Err(reason) => {
            tracing::error!(err = %reason, "a request ended badly");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn mine_at_intervals(
    shared: Arc<Shared>,
    every: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    if every.is_zero() {
        let _ = stopped.wait_for(|stop| *stop).await;
        return;
    }
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.tick().await;
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            _ = tick.tick() => {}
        }
        let work = shared.clone();
        let mined = tokio::task::spawn_blocking(move || {
            work.chain
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .mine()
        })
        .await;
        match mined {
            Ok(Ok(_)) => {}
            Ok(Err(reason)) => tracing::error!(err = %reason, "no block can be made"),
            Err(reason) => tracing::error!(err = %reason, "mining ended badly"),
        }
    }
}
