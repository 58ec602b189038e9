//! The renter's commands. This file makes and joins; the others are named after what they do.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use host_keystore::Phrase;
use serde::Serialize;

use crate::operator::read_words;
use crate::print;

pub(crate) mod costs;
pub(crate) mod deletion;
pub(crate) mod gateway;
pub(crate) mod get;
pub(crate) mod guard;
pub(crate) mod home;
pub(crate) mod log;
pub(crate) mod look;
mod meter;
pub(crate) mod mirror;
mod pay;
pub(crate) mod publish;
pub(crate) mod put;
pub(crate) mod renew;
pub(crate) mod retain;
pub(crate) mod share;
mod top_up;

use home::Home;

/// A renter's home.
#[derive(Debug, Args)]
pub(crate) struct RenterArgs {
    #[command(subcommand)]
    what: RenterCommand,
}

#[derive(Debug, Subcommand)]
enum RenterCommand {
    /// Make a renter's home in HOLDFAST_HOME and show its recovery phrase once
    Init {
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Pay every agreement whose next epoch has begun, once its host showed the shard
    Pay(pay::PayArgs),
    /// Show the placement policy, or put a file's in its place
    Policy {
        /// The policy file (docs/formats/policy.md)
        file: Option<PathBuf>,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Join the network a file describes
    Join {
        /// The network file
        network: PathBuf,
    },
}

/// Brings objects back.
#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    /// A file with the recovery phrase, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    phrase: PathBuf,
    /// The network file
    #[arg(long)]
    network: PathBuf,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct InitSaid {
    address: host_core::Address,
    phrase: String,
}

/// A program that serves writes its log to standard error; `HOLDFAST_LOG` says how much.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("HOLDFAST_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}

/// Makes, joins or pays.
pub(crate) async fn run(args: RenterArgs) -> anyhow::Result<()> {
    match args.what {
        RenterCommand::Init { json } => {
            let home = Home::make(None)?;
            let address = home.key().address();
            let said = InitSaid {
                address,
                phrase: home.phrase().expose().to_string(),
            };
            print::either(json, &said, |said| {
                format!(
                    "account {}\n\nrecovery phrase, shown only now; write it down:\n\n  {}",
                    said.address, said.phrase
                )
            })
        }
        RenterCommand::Pay(args) => pay::run(args).await,
        RenterCommand::Policy { file, json } => {
            let home = Home::open()?;
            let policy = match &file {
                None => home.policy(None)?,
                Some(path) => {
                    let sum = publish::sha256(publish::read(path)?.as_bytes());
                    let detail = serde_json::json!({ "sha256": sum });
                    let noted = log::asked(&home, "policy", "placement", detail)?;
                    noted.ended(home.policy(Some(path)), |_| serde_json::Value::Null)?
                }
            };
            print::either(json, &policy, |policy| {
                toml::to_string_pretty(policy).unwrap_or_default()
            })
        }
        RenterCommand::Join { network } => {
            let joined = Home::open()?.join(&network)?;
            print::line(&format!("joined {}", joined.name))
        }
    }
}

/// Makes a home from the phrase, joins the network and rebuilds the book from what hosts keep.
pub(crate) async fn recover(args: RecoverArgs) -> anyhow::Result<()> {
    let phrase = Phrase::parse(&read_words(&args.phrase)?)?;
    let home = Home::make(Some(phrase))?;
    home.join(&args.network)?;
    let (renter, net) = home.renter().await?;
    let recovered = renter.recover().await;
    net.stop().await;
    print::either(args.json, &recovered?, |found| {
        let mut lines = vec![format!(
            "{} objects are back; `holdfast ls` lists them ({} of {} hosts answered)",
            found.objects, found.answered, found.hosts
        )];
        let torn = found.torn.iter();
        lines.extend(torn.map(|id| format!("{id}: parts of its record are missing; try later")));
        lines.join("\n")
    })
}
