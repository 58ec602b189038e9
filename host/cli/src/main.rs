//! `holdfast`: what people type. Operators make, watch and pay out a host; renters put and get;
//! `demo` runs a whole network on one machine.
//!
//! Almost no logic lives here: words become calls, answers become lines or JSON. Progress goes to
//! standard error, results to standard output, and the exit status says whether it worked.
//!
//! Two packages have these sources: `host-cli` makes `holdfast`, `host-box` makes `holdfast-host`
//! without the renter's half, for boxes whose image holds no renter's code.
#![expect(clippy::print_stderr, reason = "a command line says what went wrong")]
#![cfg_attr(
    not(feature = "renter"),
    expect(
        dead_code,
        unused_imports,
        reason = "parts that the renter's half shares stand where the operator's half is"
    )
)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[cfg(feature = "renter")]
mod demo;
mod money;
mod operator;
mod print;
#[cfg(feature = "renter")]
mod renter;
#[cfg(feature = "renter")]
mod trouble;
#[cfg(feature = "renter")]
mod wallet;

/// Decentralised storage: hosts that keep, prove and serve; renters who put and get.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a host: identity, configuration, volumes
    Init(operator::InitArgs),
    /// Look into the data directory of a host that does not run
    Inspect(operator::InspectArgs),
    /// Ask a running host how it is doing
    Status(operator::HostArgs),
    /// Show who a running host is
    Id(operator::HostArgs),
    /// Show the chain as a running host sees it
    Chain(operator::ChainArgs),
    /// Show issued and received cheques; cash them
    Cheque(operator::ChequeArgs),
    /// Show a host's stake, add to it, take it out
    Stake(operator::StakeArgs),
    /// Show the network's price and what moves it
    Price(operator::PriceArgs),
    /// Show, claim and recompute rewards
    Airdrop(operator::AirdropArgs),
    /// Show and move the money of an agreement that waits for proofs
    Escrow(operator::EscrowArgs),
    /// Show a running host in figures
    Stats(operator::StatsArgs),
    /// Show what a host kept, was promised and was paid in a span of epochs
    Report(operator::ReportArgs),
    /// Recompute a host's score from what hubs counted and signed
    Score(operator::ScoreArgs),
    /// Say why a host earns no more than it does, and what mends it
    Why(operator::WhyArgs),
    /// Tell a running host to cash every cheque now
    Cash(operator::HostArgs),
    /// Tell a running host to restart
    Restart(operator::HostArgs),
    /// Show how a host is doing, here or far away; the exit status says whether it serves
    Health(operator::HealthArgs),
    /// Show what happened on a host, and what happens
    Events(operator::EventsArgs),
    /// Show or set the mode of a host: serving, draining, maintenance
    Mode(operator::ModeArgs),
    /// Leave a network for good: have everything moved, then the stake asked back
    Exit(operator::ExitArgs),
    /// Make, list and revoke access tokens of a host
    Token(operator::TokenArgs),
    /// Show, read, change, compare or check the configuration of a host
    Config(operator::ConfigArgs),
    /// Save configuration, key and ledger of a host into one file, also while it runs
    Backup(operator::BackupArgs),
    /// Make a data directory from a backup
    Restore(operator::RestoreArgs),
    /// Seal a host's identity key under words a machine keeps; bring it back by its phrase
    Key(operator::KeyArgs),
    /// Show a host's log
    Logs(operator::LogsArgs),
    /// Write one file for whoever helps, without secrets
    Diagnose(operator::DiagnoseArgs),
    /// Show, add, grow, empty and remove volumes of a host
    Volume(operator::VolumeArgs),
    /// Claim a box that shows a code on its console, or write the file that claims one
    Claim(operator::ClaimArgs),
    /// Many boxes: their versions and health, upgrades ring by ring, pause, pin, roll back
    Fleet(operator::FleetArgs),
    /// Look at the machine and the hosts on it, and say what mends what is wrong
    Doctor(operator::DoctorArgs),
    /// Make a renter's home, or join a network with it
    #[cfg(feature = "renter")]
    Renter(renter::RenterArgs),
    /// Store a file
    #[cfg(feature = "renter")]
    Put(renter::put::PutArgs),
    /// Get an object back
    #[cfg(feature = "renter")]
    Get(renter::get::GetArgs),
    /// List stored objects
    #[cfg(feature = "renter")]
    Ls(renter::look::LsArgs),
    /// Show where an object is kept and whether it is reachable
    #[cfg(feature = "renter")]
    Stat(renter::look::StatArgs),
    /// Name guards for an object, check and pay what they find, take their repairs over
    #[cfg(feature = "renter")]
    Guard(renter::guard::GuardArgs),
    /// Rebuild what is lost of an object on other hosts, now
    #[cfg(feature = "renter")]
    Repair(renter::guard::RepairArgs),
    /// Extend an object's term where it is, within a cap
    #[cfg(feature = "renter")]
    Renew(renter::renew::RenewArgs),
    /// Give an object up
    #[cfg(feature = "renter")]
    Rm(renter::deletion::RmArgs),
    /// Show or extend what keeps an object from being deleted; legal holds
    #[cfg(feature = "renter")]
    Retain(renter::retain::RetainArgs),
    /// Keep the files of a folder or an object store in Holdfast too; compare, bring back
    #[cfg(feature = "renter")]
    Mirror(renter::mirror::MirrorArgs),
    /// Tell what is stored costs and cost, and what is ahead; hold a budget
    #[cfg(feature = "renter")]
    Costs(renter::costs::CostsArgs),
    /// Hand an object to somebody else as a line with its key
    #[cfg(feature = "renter")]
    Share(renter::share::ShareArgs),
    /// Check what hosts signed in a deletion report; needs no home and no network
    #[cfg(feature = "renter")]
    VerifyDeletion(renter::deletion::VerifyDeletionArgs),
    /// Bring every object back from the recovery phrase alone
    #[cfg(feature = "renter")]
    Recover(renter::RecoverArgs),
    /// Publish a folder: a signed manifest, and its files on hosts
    #[cfg(feature = "renter")]
    Publish(renter::publish::PublishArgs),
    /// Challenge every host of an object, or check a copy of a release against its manifest
    #[cfg(feature = "renter")]
    Verify(renter::publish::verify::VerifyArgs),
    /// Move a channel such as `stable` to a release, or follow one
    #[cfg(feature = "renter")]
    Channel(renter::publish::channel::ChannelArgs),
    /// Pack a folder as a CAR file of UnixFS, for those who speak IPFS, and unpack one
    #[cfg(feature = "renter")]
    Car(renter::publish::car::CarArgs),
    /// Rehearse the restore of a release, and report it
    #[cfg(feature = "renter")]
    Rehearse(renter::publish::drill::DrillArgs),
    /// Sign, take or explain the publishing policy of a team
    #[cfg(feature = "renter")]
    Classes(renter::publish::classes::ClassesArgs),
    /// Check, export or sign the log of what was done with this home
    #[cfg(feature = "renter")]
    Log(renter::log::LogArgs),
    /// Serve S3 over this renter's objects; make and revoke access keys
    #[cfg(feature = "renter")]
    Gateway(Box<renter::gateway::GatewayArgs>),
    /// Balance, deposit, withdraw, send, wrap, unwrap
    #[cfg(feature = "renter")]
    Wallet(wallet::WalletArgs),
    /// What a vault holds and covers; deposit, withdraw, lock
    #[cfg(feature = "renter")]
    Vault(wallet::vault::VaultArgs),
    /// Run a whole network on this machine and send a file through it
    #[cfg(feature = "renter")]
    Demo(demo::DemoArgs),
    /// Run chain, hub, status server and guard of a company's own network, under a shared key
    #[cfg(feature = "renter")]
    Network(demo::private::NetworkArgs),
    /// Break a whole network on this machine in every way and write what held
    #[cfg(feature = "renter")]
    Drill(demo::drill::DrillArgs),
}

#[cfg(feature = "renter")]
impl Command {
    /// Whether a renter typed it; its failures have stable codes then.
    const fn is_of_renter(&self) -> bool {
        matches!(
            self,
            Self::Renter(_)
                | Self::Put(_)
                | Self::Get(_)
                | Self::Ls(_)
                | Self::Stat(_)
                | Self::Guard(_)
                | Self::Repair(_)
                | Self::Renew(_)
                | Self::Rm(_)
                | Self::Retain(_)
                | Self::Share(_)
                | Self::Costs(_)
                | Self::Mirror(_)
                | Self::VerifyDeletion(_)
                | Self::Recover(_)
                | Self::Publish(_)
                | Self::Verify(_)
                | Self::Channel(_)
                | Self::Car(_)
                | Self::Rehearse(_)
                | Self::Classes(_)
                | Self::Log(_)
                | Self::Gateway(_)
                | Self::Wallet(_)
                | Self::Vault(_)
        )
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    #[cfg(feature = "renter")]
    let of_renter = arguments.command.is_of_renter();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(status_of(arguments.command)),
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(status) => ExitCode::from(status),
        #[cfg(feature = "renter")]
        Err(error) if of_renter => {
            eprintln!("{}", trouble::say(&error));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("holdfast: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one command and gives the exit status: 0 for yes, 1 for no; the doctor has more answers.
async fn status_of(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Doctor(args) => operator::doctor(args).await,
        other => run(other).await.map(|yes| u8::from(!yes)),
    }
}

/// Runs one command; false when it ran and the answer is no.
async fn run(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Init(args) => operator::init(args).await?,
        Command::Inspect(args) => operator::inspect(args).await?,
        Command::Status(args) => operator::status(args).await?,
        Command::Id(args) => operator::id(args).await?,
        Command::Chain(args) => return operator::chain(args).await,
        Command::Cheque(args) => operator::cheque(args).await?,
        Command::Stake(args) => operator::stake(args).await?,
        Command::Price(args) => operator::price(args).await?,
        Command::Airdrop(args) => return operator::airdrop(args).await,
        Command::Escrow(args) => operator::escrow(args).await?,
        Command::Stats(args) => operator::stats(args).await?,
        Command::Report(args) => return operator::report(args).await,
        Command::Score(args) => return operator::score(args).await,
        Command::Why(args) => return operator::why(args).await,
        Command::Cash(args) => operator::cash(args).await?,
        Command::Restart(args) => operator::restart(args).await?,
        Command::Health(args) => return operator::health(args).await,
        Command::Events(args) => operator::events(args).await?,
        Command::Mode(args) => operator::mode(args).await?,
        Command::Exit(args) => return operator::exit(args).await,
        Command::Token(args) => operator::token(&args)?,
        Command::Config(args) => return operator::config(args).await,
        Command::Backup(args) => operator::backup(args).await?,
        Command::Restore(args) => operator::restore(args)?,
        Command::Key(args) => operator::key(args)?,
        Command::Logs(args) => operator::logs(args)?,
        Command::Diagnose(args) => operator::diagnose(args).await?,
        Command::Volume(args) => return operator::volumes(args).await,
        Command::Claim(args) => operator::claim(args).await?,
        Command::Fleet(args) => return operator::fleet(args).await,
        Command::Doctor(args) => return Ok(operator::doctor(args).await? == 0),
        #[cfg(feature = "renter")]
        Command::Renter(args) => renter::run(args).await?,
        #[cfg(feature = "renter")]
        Command::Put(args) => renter::put::run(args).await?,
        #[cfg(feature = "renter")]
        Command::Get(args) => renter::get::run(args).await?,
        #[cfg(feature = "renter")]
        Command::Ls(args) => renter::look::ls(args).await?,
        #[cfg(feature = "renter")]
        Command::Stat(args) => renter::look::stat(args).await?,
        #[cfg(feature = "renter")]
        Command::Guard(args) => return renter::guard::run(args).await,
        #[cfg(feature = "renter")]
        Command::Repair(args) => return renter::guard::repair(args).await,
        #[cfg(feature = "renter")]
        Command::Renew(args) => return renter::renew::run(args).await,
        #[cfg(feature = "renter")]
        Command::Rm(args) => renter::deletion::rm(args).await?,
        #[cfg(feature = "renter")]
        Command::VerifyDeletion(args) => return renter::deletion::verify(args),
        #[cfg(feature = "renter")]
        Command::Retain(args) => renter::retain::run(&args)?,
        #[cfg(feature = "renter")]
        Command::Mirror(args) => return renter::mirror::run(args).await,
        #[cfg(feature = "renter")]
        Command::Costs(args) => return renter::costs::run(args).await,
        #[cfg(feature = "renter")]
        Command::Share(args) => renter::share::run(args).await?,
        #[cfg(feature = "renter")]
        Command::Recover(args) => renter::recover(args).await?,
        #[cfg(feature = "renter")]
        Command::Publish(args) => renter::publish::run(args).await?,
        #[cfg(feature = "renter")]
        Command::Verify(args) => return renter::publish::verify::run(args).await,
        #[cfg(feature = "renter")]
        Command::Channel(args) => renter::publish::channel::run(args)?,
        #[cfg(feature = "renter")]
        Command::Car(args) => renter::publish::car::run(args)?,
        #[cfg(feature = "renter")]
        Command::Rehearse(args) => return renter::publish::drill::run(args).await,
        #[cfg(feature = "renter")]
        Command::Classes(args) => renter::publish::classes::run(args)?,
        #[cfg(feature = "renter")]
        Command::Log(args) => return renter::log::run(args).await,
        #[cfg(feature = "renter")]
        Command::Gateway(args) => renter::gateway::run(*args).await?,
        #[cfg(feature = "renter")]
        Command::Wallet(args) => wallet::run(args).await?,
        #[cfg(feature = "renter")]
        Command::Vault(args) => wallet::vault::run(args).await?,
        #[cfg(feature = "renter")]
        Command::Demo(args) => return demo::run(args).await,
        #[cfg(feature = "renter")]
        Command::Network(args) => return demo::private::run(args).await,
        #[cfg(feature = "renter")]
        Command::Drill(args) => return demo::drill::run(args).await,
    }
    Ok(true)
}
