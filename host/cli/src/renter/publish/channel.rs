//! `holdfast channel`: a name such as `stable` that points at a release and moves forward only. The
//! publisher moves it; who follows it remembers the highest number seen.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use host_release::{self as release, Manifest, Pointer, Seen, Signer};

use super::{DAY_MS, beside, now_ms, read, sha256, sign, signed, write};
use crate::print;
use crate::renter::home::Home;
use crate::renter::log;

/// Moves a channel, or follows one.
#[derive(Debug, Args)]
pub(crate) struct ChannelArgs {
    /// The pointer's file; its signature is beside it
    pointer: PathBuf,
    /// Move: the manifest the channel is to point at
    #[arg(long, value_name = "MANIFEST", requires = "channel")]
    set: Option<PathBuf>,
    /// Move: the channel's name
    #[arg(long)]
    channel: Option<String>,
    /// Move: days the pointer holds
    #[arg(long, default_value_t = 90)]
    days: u64,
    /// Follow: the publisher's key
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "set",
        required_unless_present = "set"
    )]
    key: Option<PathBuf>,
    /// Follow: the file that remembers the highest number seen
    #[arg(long, value_name = "FILE", required_unless_present = "set")]
    seen: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

fn seen(path: &Path) -> anyhow::Result<Option<Seen>> {
    match path.try_exists()? {
        false => Ok(None),
        true => Ok(Some(serde_json::from_str(&read(path)?).with_context(
            || format!("{} is not what a channel remembers", path.display()),
        )?)),
    }
}

/// Runs it.
pub(crate) fn run(args: ChannelArgs) -> anyhow::Result<()> {
    let pointer = match (&args.set, &args.channel) {
        (Some(manifest), Some(channel)) => move_channel(&args, manifest, channel)?,
        _ => follow_channel(&args)?,
    };
    print::either(args.json, &pointer, |pointer| {
        format!(
            "{} of {} stands at {}, number {}: manifest {}",
            pointer.channel, pointer.name, pointer.version, pointer.number, pointer.manifest
        )
    })
}

fn move_channel(args: &ChannelArgs, path: &Path, channel: &str) -> anyhow::Result<Pointer> {
    let home = Home::open()?;
    let signer = Signer::of_seal_key(&home.seal_key())?;
    let text = read(path)?;
    signer
        .key()
        .verify(
            release::RELEASE,
            text.as_bytes(),
            &read(&beside(path, ".sig"))?,
        )
        .context("a channel points at releases of its own publisher")?;
    let manifest = Manifest::parse(&text)?;
    let before = match args.pointer.try_exists()? {
        false => None,
        true => {
            let before = Pointer::parse(&read(&args.pointer)?)?;
            if (before.name.as_str(), before.channel.as_str()) != (&*manifest.name, channel) {
                bail!(
                    "{} is of {} {}",
                    args.pointer.display(),
                    before.name,
                    before.channel
                );
            }
            Some(Seen {
                number: before.number,
                manifest: before.manifest,
            })
        }
    };
    let now = now_ms();
    let pointer = Pointer::next(
        (&manifest.network, &manifest.name, channel),
        before.as_ref(),
        (&manifest.version, &sha256(text.as_bytes())),
        (now, now.saturating_add(args.days.saturating_mul(DAY_MS))),
    );
    let subject = format!("{} {channel}", manifest.name);
    let detail = serde_json::json!({
        "number": pointer.number, "version": pointer.version, "manifest": pointer.manifest,
    });
    let noted = log::asked(&home, "channel", &subject, detail)?;
    let ended = sign(&signer, &args.pointer, release::CHANNEL, &pointer.to_text());
    noted.ended(ended, |()| serde_json::Value::Null)?;
    Ok(pointer)
}

fn follow_channel(args: &ChannelArgs) -> anyhow::Result<Pointer> {
    let key = args
        .key
        .as_ref()
        .context("--key names the publisher's key")?;
    let memory = args
        .seen
        .as_ref()
        .context("--seen names the file that remembers")?;
    let pointer = Pointer::parse(&signed(&args.pointer, key, release::CHANNEL)?)?;
    let now = pointer.follow(seen(memory)?.as_ref(), now_ms())?;
    write(memory, &serde_json::to_string(&now)?)?;
    Ok(pointer)
}
