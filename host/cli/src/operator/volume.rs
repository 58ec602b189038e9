//! `holdfast volume`: what a host's drives do, and what its operator wants of them.
//!
//! Adding, growing and removing change the configuration and take effect at the next start of the
//! host; what the drives themselves need happens before the configuration says so, or at that
//! start, so that each can be repeated after a crash. Read-only, evacuate, cancel and scrub are
//! asked of the running host and are durable when it answers.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use host_daemon::api::{DriveOrder, DriveSaid, DriveWord, DrivesSaid};
use host_daemon::config::layers::{self, Layered};
use host_daemon::config::{Config, VolumeConfig};
use host_daemon::init::{self as making, CONFIG_FILE};
use host_daemon::volumes;

use super::{Local, config_of, volume as parsed};
use crate::print;

/// The volumes of a host.
#[derive(Debug, Args)]
pub(crate) struct VolumeArgs {
    /// The data directory
    #[arg(long)]
    dir: PathBuf,
    /// Answer as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: VolumeCommand,
}

#[derive(Debug, Subcommand)]
enum VolumeCommand {
    /// Every volume, its state and the scrub
    List,
    /// Make one more volume (PATH=SIZE); it serves after the next start
    Add {
        /// For example `/srv/disk-b/volume=900 GiB`
        volume: String,
        /// Clear a block device that holds something else: what it held is lost
        #[arg(long)]
        erase: bool,
    },
    /// Make a volume longer (PATH=SIZE) at the next start
    Grow {
        /// For example `/srv/disk-b/volume=1800 GiB`
        volume: String,
    },
    /// Take no new shards on a volume
    ReadOnly {
        /// Its path or its name
        volume: String,
    },
    /// Move everything on a volume to the others
    Evacuate {
        /// Its path or its name
        volume: String,
    },
    /// Trust a volume again; whatever was ordered ends
    Cancel {
        /// Its path or its name
        volume: String,
    },
    /// Take an evacuated, empty volume out of the configuration
    Remove {
        /// Its path or its name
        volume: String,
    },
    /// Read everything back now instead of within fourteen days
    Scrub,
}

/// Does it; false when it cannot be done yet.
pub(crate) async fn volume(args: VolumeArgs) -> anyhow::Result<bool> {
    let (dir, json) = (&args.dir, args.json);
    match &args.what {
        VolumeCommand::List => list(dir, json).await?,
        VolumeCommand::Add { volume, erase } => add(dir, &parsed(volume)?, *erase, json).await?,
        VolumeCommand::Grow { volume } => grow(dir, &parsed(volume)?, json)?,
        VolumeCommand::ReadOnly { volume } => {
            order(dir, volume, DriveWord::ReadOnly, json).await?;
        }
        VolumeCommand::Evacuate { volume } => {
            order(dir, volume, DriveWord::Evacuate, json).await?;
        }
        VolumeCommand::Cancel { volume } => order(dir, volume, DriveWord::Cancel, json).await?,
        VolumeCommand::Remove { volume } => return remove(dir, volume, json).await,
        VolumeCommand::Scrub => {
            let local = Local::at(dir, None)?;
            let url = local.url("/api/v1/scrub");
            local.ask(local.client.post(url)).await?;
            let said = serde_json::json!({ "scrub": "begun" });
            print::either(json, &said, |_| "a whole pass begins".into())?;
        }
    }
    Ok(true)
}

async fn ask(dir: &Path) -> anyhow::Result<DrivesSaid> {
    let local = Local::at(dir, None)?;
    let text = local
        .ask(local.client.get(local.url("/api/v1/drives")))
        .await?;
    Ok(serde_json::from_str(&text)?)
}

async fn list(dir: &Path, json: bool) -> anyhow::Result<()> {
    print::either(json, &ask(dir).await?, words)
}

fn words(said: &DrivesSaid) -> String {
    let mut lines: Vec<String> = said.drives.iter().map(line).collect();
    lines.push(format!(
        "scrub: {} shards ({} bytes) read back in this pass, {} fenced{}",
        said.scrub_checked,
        said.scrub_bytes,
        said.fenced,
        if said.scrub_behind {
            "; it is behind"
        } else {
            ""
        }
    ));
    lines.join("\n")
}

fn line(drive: &DriveSaid) -> String {
    let path = drive.path.as_deref().unwrap_or("(not open)");
    let mut text = format!(
        "{} {path} {}: {} of {} bytes",
        drive.volume, drive.state, drive.used, drive.size
    );
    if drive.bad + drive.failures + drive.stalls > 0 {
        let (bad, failures, stalls) = (drive.bad, drive.failures, drive.stalls);
        text.push_str(&format!(
            "; {bad} bad, {failures} failures, {stalls} stalls"
        ));
    }
    for why in [&drive.why, &drive.stuck].into_iter().flatten() {
        text.push_str(&format!("; {why}"));
    }
    text
}

/// The drive a person means: its name, its path as configured, or its whole path.
fn named<'a>(said: &'a DrivesSaid, dir: &Path, text: &str) -> anyhow::Result<&'a DriveSaid> {
    let whole = Config::resolve(dir, Path::new(text));
    let whole = whole.display().to_string();
    let is_meant = |drive: &&DriveSaid| {
        let path = drive.path.as_deref();
        drive.volume == text || path == Some(text) || path == Some(whole.as_str())
    };
    let found = said.drives.iter().find(is_meant);
    found.with_context(|| format!("`{text}` is no volume of this host; see `holdfast volume list`"))
}

async fn order(dir: &Path, text: &str, order: DriveWord, json: bool) -> anyhow::Result<()> {
    let said = ask(dir).await?;
    let id = &named(&said, dir, text)?.volume;
    let local = Local::at(dir, None)?;
    let url = local.url(&format!("/api/v1/drives/{id}"));
    let request = local.client.put(url).json(&DriveOrder { order });
    let said: DrivesSaid = serde_json::from_str(&local.ask(request).await?)?;
    print::either(json, &said, words)
}

/// Writes the list of volumes into the configuration; the version before is kept.
fn configure(dir: &Path, volumes: &[VolumeConfig]) -> anyhow::Result<()> {
    let path = dir.join(CONFIG_FILE);
    let quoted = |text: String| toml::Value::String(text).to_string();
    let row = |volume: &VolumeConfig| {
        let (path, size) = (volume.path.display().to_string(), volume.size.to_string());
        format!("{{ path = {}, size = {} }}", quoted(path), quoted(size))
    };
    let list: Vec<String> = volumes.iter().map(row).collect();
    let text = format!("[{}]", list.join(", "));
    let (text, _) = Layered::read(&path, &[])?.with("storage.volumes", &text)?;
    Ok(layers::replace(&path, &text)?)
}

fn restart_needed(json: bool, what: &str, volume: &str) -> anyhow::Result<()> {
    let said = serde_json::json!({ "volume": volume, "done": what, "restart_needed": true });
    print::either(json, &said, |_| {
        format!("{volume}: {what}; restart the host (`holdfast restart`)")
    })
}

async fn add(dir: &Path, volume: &VolumeConfig, erase: bool, json: bool) -> anyhow::Result<()> {
    let config = config_of(dir)?;
    let mut all = config.storage.volumes.clone();
    let shown = volume.path.display().to_string();
    if all.iter().any(|one| one.path == volume.path) {
        return restart_needed(json, "configured already", &shown);
    }
    let network = making::read_network(dir, &config)?;
    let owner = making::read_key(dir, &config)?.peer_id();
    if erase {
        volumes::erase(dir, std::slice::from_ref(volume))?;
    }
    let id = volumes::add(dir, volume, owner, &network).await?;
    all.push(volume.clone());
    configure(dir, &all)?;
    restart_needed(json, &format!("added as {id}"), &shown)
}

fn grow(dir: &Path, wanted: &VolumeConfig, json: bool) -> anyhow::Result<()> {
    let mut all = config_of(dir)?.storage.volumes;
    let shown = wanted.path.display().to_string();
    let found = all.iter_mut().find(|one| one.path == wanted.path);
    let volume = found.with_context(|| format!("`{shown}` is not in storage.volumes"))?;
    if wanted.size.0 < volume.size.0 {
        bail!(
            "a volume does not shrink ({} now); add a smaller one, evacuate and remove this one",
            volume.size
        );
    }
    volume.size = wanted.size;
    configure(dir, &all)?;
    restart_needed(json, &format!("{} at the next start", wanted.size), &shown)
}

async fn remove(dir: &Path, text: &str, json: bool) -> anyhow::Result<bool> {
    let mut all = config_of(dir)?.storage.volumes;
    let said = ask(dir).await?;
    let drive = named(&said, dir, text)?;
    if drive.state != "evacuating" || drive.used > 0 {
        let (state, used) = (&drive.state, drive.used);
        let said = serde_json::json!({ "volume": text, "state": state, "used": used });
        print::either(json, &said, |_| {
            format!(
                "{text} is {state} and holds {used} bytes; evacuate it first, then remove it \
                 when nothing is left"
            )
        })?;
        return Ok(false);
    }
    let is_it = |one: &VolumeConfig| {
        let whole = Config::resolve(dir, &one.path).display().to_string();
        drive.path.as_deref() == Some(whole.as_str()) || one.path == Path::new(text)
    };
    if all.len() == 1 {
        bail!("a host needs at least one volume; add another one first");
    }
    let before = all.len();
    all.retain(|one| !is_it(one));
    if all.len() == before {
        restart_needed(json, "not configured any more", text)?;
        return Ok(true);
    }
    configure(dir, &all)?;
    restart_needed(json, "taken out; it is forgotten at the next start", text)?;
    Ok(true)
}
