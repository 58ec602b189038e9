//! `holdfast gateway`: an S3 service over this renter's home; and the access keys of a running
//! one. Standard output carries one JSON line when it serves, standard error the log.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use host_core::{Amount, ObjectId};
use host_daemon::clock::{SystemClock, SystemEntropy};
use host_gateway::{Ask, Gateway, Keep, MARGIN, NewKey, Options, Parts};
use serde::Serialize;
use tokio::net::TcpListener;

use super::home::Home;
use super::publish;
use crate::print;

mod api;
mod namespace;
mod page;

/// Where the gateway keeps its own, in the renter's home.
const DIR: &str = "gateway";
/// The socket a running gateway is asked through.
const SOCKET: &str = "control.sock";
/// Seconds of a day.
const DAY_S: u64 = 86_400;
/// Objects stored at once.
const STORES: usize = 8;
/// Bodies sent at once.
const STREAMS: usize = 64;

/// Serves S3 over this renter's objects.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct GatewayArgs {
    #[command(subcommand)]
    what: Option<GatewayCommand>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Where S3 is served; put a TLS proxy before it when it is not loopback
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// Where releases and what was opened are served, read-only, without signatures
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Data shards a segment; any this many bring it back
    #[arg(long, default_value_t = 10)]
    data: u16,
    /// Parity shards a segment
    #[arg(long, default_value_t = 20)]
    parity: u16,
    /// Answer a write once every segment has so many shards more than a read needs, each with its
    /// host's receipt and first cheque; the others follow. 5 without it, or all where --parity is
    /// less
    #[arg(long, value_name = "SHARDS", value_parser = clap::value_parser!(u16).range(1..))]
    ack_margin: Option<u16>,
    /// Term of new objects, in days
    #[arg(long, default_value_t = 30)]
    days: u64,
    /// Never extend a term: objects are lost when it ends
    #[arg(long, conflicts_with_all = ["renew_within", "renew_cap"])]
    no_renew: bool,
    /// Extend terms that end within so many days; a third of the term without it
    #[arg(long, value_name = "DAYS")]
    renew_within: Option<u64>,
    /// What extensions may cost in a day, in smallest units; what the vault holds without it
    #[arg(long, value_name = "CAP")]
    renew_cap: Option<Amount>,
    /// Seconds between two looks at one object's shards, which repair what hosts lost; a day
    /// without it, or an eighth of a shorter term
    #[arg(long, value_name = "SECONDS")]
    look_every: Option<u64>,
    /// Highest price taken, in smallest units per GiB and epoch
    #[arg(long)]
    price_max: Option<Amount>,
    /// MiB of bodies kept in memory
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    cache: usize,
    #[command(flatten)]
    namespace: namespace::NamespaceArgs,
    #[command(flatten)]
    page: page::PageArgs,
    #[command(flatten)]
    api: api::ApiArgs,
    /// Stop when standard input ends, as a child of another program
    #[arg(long)]
    until_stdin_ends: bool,
}

#[derive(Debug, Subcommand)]
enum GatewayCommand {
    /// Make an access key; its secret is shown only now
    MakeKey {
        /// Who it is for
        name: String,
        /// A bucket it may touch, `NAME` or `BEGINNING*`; may be repeated; all without it
        #[arg(long)]
        bucket: Vec<String>,
        /// It may only read
        #[arg(long)]
        read_only: bool,
        /// Bytes its buckets may hold
        #[arg(long)]
        quota: Option<u64>,
        /// Requests a second
        #[arg(long)]
        rate: Option<u32>,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make the key of a namespace that several gateways share
    MakeNamespaceKey {
        /// The file it is written into; must not be there
        file: PathBuf,
    },
    /// List access keys
    Keys {
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Pack shared objects anew that are mostly unused; the gateway does it by itself too
    Compact {
        /// Small ones too that were closed this many seconds ago
        #[arg(long, value_name = "SECONDS", default_value_t = 21_600)]
        small_after: u64,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what every bucket holds, and what shared objects take for it
    Usage {
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what every bucket costs: an epoch, what was paid, what is ahead
    Costs {
        /// Days ahead that are counted, every term extended at today's prices
        #[arg(long, default_value_t = 30)]
        days: u64,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a published release under `/r/NAME/VERSION/` and its files under `/cid/CID`
    Show {
        /// The release's object, as `publish` said it
        release: ObjectId,
        /// Only with a token
        #[arg(long)]
        private: bool,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Move a channel, `/r/NAME/CHANNEL/`, to where a signed pointer says
    Point {
        /// The pointer's file; its signature is beside it
        pointer: PathBuf,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Open a bucket under `/b/BUCKET/`, or an object under `/o/OBJECT`, to HTTP; or close it
    Open {
        /// The bucket's name, or the object
        what: String,
        /// Only with a token
        #[arg(long, conflicts_with = "close")]
        private: bool,
        /// No longer
        #[arg(long)]
        close: bool,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a token that opens what is private; shown only now
    MakeToken {
        /// Who it is for
        name: String,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Answer 451 for a CID, an object, `NAME/VERSION/PATH` or `/b/BUCKET/KEY`; without a reason,
    /// no longer
    Block {
        /// Which
        what: String,
        /// Why
        #[arg(long)]
        why: Option<String>,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Take an access key back
    RevokeKey {
        /// Its id
        id: String,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
}

/// The one line on standard output.
#[derive(Debug, Serialize)]
struct Ready {
    s3: SocketAddr,
    http: Option<SocketAddr>,
    page: Option<SocketAddr>,
    api: Option<SocketAddr>,
}

/// Runs it.
pub(crate) async fn run(args: GatewayArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let dir = home.dir().join(DIR);
    let Some(what) = args.what else {
        return serve(&home, dir, args.run).await;
    };
    let (ask, as_json) = match what {
        GatewayCommand::MakeNamespaceKey { file } => return namespace::make_key(&file),
        GatewayCommand::MakeKey {
            name,
            bucket,
            read_only,
            quota,
            rate,
            json,
        } => {
            let wanted = NewKey {
                name,
                buckets: bucket,
                read_only,
                quota,
                rate,
            };
            (Ask::NewKey(wanted), json)
        }
        GatewayCommand::Keys { json } => (Ask::ListKeys, json),
        GatewayCommand::Compact { small_after, json } => {
            let small_after_ms = small_after.saturating_mul(1000);
            (Ask::Compact { small_after_ms }, json)
        }
        GatewayCommand::Usage { json } => (Ask::Usage, json),
        GatewayCommand::Costs { days, json } => (Ask::Costs { days }, json),
        GatewayCommand::Show {
            release,
            private,
            json,
        } => (Ask::Show { release, private }, json),
        GatewayCommand::Point { pointer, json } => {
            let text = publish::read(&pointer)?;
            let signature = publish::read(&publish::beside(&pointer, ".sig"))?;
            (Ask::Point { text, signature }, json)
        }
        GatewayCommand::Open {
            what,
            private,
            close: closed,
            json,
        } => {
            let ask = Ask::Open {
                what,
                private,
                closed,
            };
            (ask, json)
        }
        GatewayCommand::MakeToken { name, json } => (Ask::NewToken { label: name }, json),
        GatewayCommand::Block { what, why, json } => (Ask::Block { what, why }, json),
        GatewayCommand::RevokeKey { id, json } => (Ask::RevokeKey { id }, json),
    };
    let said = host_gateway::ask(&dir.join(SOCKET), &ask).await;
    let said = said.context("asking the gateway; it runs as `holdfast gateway`")?;
    print::either(as_json, &said, |said| {
        serde_json::to_string_pretty(said).unwrap_or_default()
    })
}

async fn serve(home: &Home, dir: PathBuf, args: RunArgs) -> anyhow::Result<()> {
    super::log_to_stderr();
    args.page.check()?;
    args.api.check()?;
    let ack_margin = ack_margin(&args)?;
    std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    let catalogue = namespace::open(&dir, &args.namespace)?;
    let (renter, net) = home.renter().await?;
    let gateway = Gateway::open(Parts {
        renter,
        rows: Arc::clone(&catalogue.rows),
        seal_key: home.seal_key(),
        namespace: catalogue.key,
        classes: publish::classes::of(home)?,
        log: home.log(),
        clock: Arc::new(SystemClock::start()),
        entropy: Arc::new(SystemEntropy),
        options: Options {
            data: args.data,
            parity: args.parity,
            days: args.days,
            ack_margin,
            price_max: args.price_max,
            cache_len: args.cache << 20,
            spool: dir.join("spool"),
            stores: STORES,
            streams: STREAMS,
            keep: keep(home, &args)?,
        },
    })
    .await?;
    let listener = listen(args.listen).await?;
    let pages = match args.http {
        Some(addr) => Some(listen(addr).await?),
        None => None,
    };
    let page = args.page.listen().await?;
    let api = args.api.listen().await?;
    let ready = Ready {
        s3: listener.local_addr()?,
        http: pages.as_ref().map(TcpListener::local_addr).transpose()?,
        page: page.as_ref().map(TcpListener::local_addr).transpose()?,
        api: api.as_ref().map(TcpListener::local_addr).transpose()?,
    };
    let socket = dir.join(SOCKET);
    let control = host_gateway::Control::bind(&socket)?.answer(gateway.clone());
    let http = {
        let gateway = gateway.clone();
        async move {
            match pages {
                Some(pages) => host_gateway::serve_http(gateway, pages).await,
                None => std::future::pending().await,
            }
        }
    };
    let page = args.page.serve(gateway.clone(), page, home);
    let api = args.api.serve(gateway.clone(), api, &dir);
    let s3 = host_gateway::serve(gateway, listener);
    print::json(&ready)?;
    let ended = tokio::select! {
        ended = s3 => ended.context("serving S3"),
        ended = http => ended.context("serving releases"),
        ended = page => ended,
        ended = api => ended,
        ended = control => ended.context("answering the control socket"),
        asked = host_daemon::supervise::asked_to_stop(args.until_stdin_ends) => asked.map(|_| ()),
    };
    net.stop().await;
    ended
}

/// Shards that a write waits for beyond those a read needs.
fn ack_margin(args: &RunArgs) -> anyhow::Result<u16> {
    let margin = args.ack_margin.unwrap_or(MARGIN.min(args.parity));
    anyhow::ensure!(
        margin <= args.parity,
        "--ack-margin {margin} is more than the {} parity shards there are; name at most --parity \
         to wait for every shard",
        args.parity
    );
    Ok(margin)
}

/// How objects are kept when the command line does not say otherwise.
fn keep(home: &Home, args: &RunArgs) -> anyhow::Result<Keep> {
    let within = args.renew_within.unwrap_or(args.days / 3).max(1);
    let within = home.network()?.epoch.epochs_of_days(within)?;
    let seconds = args.days.saturating_mul(DAY_S / 8).clamp(1, DAY_S);
    let seconds = args.look_every.unwrap_or(seconds).max(1);
    Ok(Keep {
        look_every: Duration::from_secs(seconds),
        renew_within: (!args.no_renew).then_some(within),
        day_cap: args.renew_cap,
    })
}

async fn listen(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(addr).await;
    bound.with_context(|| format!("listening on {addr}"))
}
