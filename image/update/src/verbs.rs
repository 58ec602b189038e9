//! The verbs between a bundle and its trial: fetch, verify, stage, activate; and going back. Each
//! is whole by itself: what was staged can be activated after any number of starts.

use std::path::{Path, PathBuf};

use board_slot::cmdline::Root;
use image_bundle::Version;
use url::Url;

use crate::console;
use crate::error::Error;
use crate::machine::{Machine, Parcel};
use crate::record::Trial;
use crate::source;
use crate::trust::{self, Verified};
use crate::watch::{Boot, Paths};
use board_slot::plan;

/// Where a bundle comes from.
#[derive(Debug, Clone)]
pub(crate) enum From {
    /// One tar: a file, or a stick's device.
    Archive(PathBuf),
    /// A TUF repository behind HTTPS.
    Mirror(Url),
}

/// Which of what is found is taken.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Choice {
    /// This version alone.
    pub(crate) version: Option<Version>,
    /// Also one that was tried and left before.
    pub(crate) again: bool,
}

/// What `updates.toml` holds.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    mirror: String,
}

impl From {
    /// The mirror that this box is to ask.
    ///
    /// # Errors
    /// `State` when none is named; `Mirror`.
    pub(crate) fn configured(settings: &Path) -> Result<Self, Error> {
        let bad = |why: String| Error::State {
            what: "the updater's settings",
            why,
        };
        let text = std::fs::read_to_string(settings)
            .map_err(|_| bad(format!("no mirror is named in {}", settings.display())))?;
        let settings: Settings = toml::from_str(&text).map_err(|why| bad(why.to_string()))?;
        Self::parse(&settings.mirror)
    }

    /// What an operator wrote: an address or a path.
    ///
    /// # Errors
    /// `Mirror` for an address that is not HTTPS.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if !text.contains("://") {
            return Ok(Self::Archive(PathBuf::from(text)));
        }
        let bad = |why: String| Error::Mirror {
            url: text.to_owned(),
            why,
        };
        let mut url: Url = text.parse().map_err(|why| bad(format!("{why}")))?;
        if url.scheme() != "https" {
            return Err(bad("only https is spoken to a mirror".to_owned()));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self::Mirror(url))
    }
}

/// Fetches and verifies; what fits is another question, and nothing is written to a slot.
pub(crate) async fn fetch(
    machine: &Machine,
    paths: &Paths,
    from: &From,
) -> Result<Verified, Error> {
    let root = std::fs::read(&paths.trust).map_err(Error::file(&paths.trust))?;
    let known = machine.record.below("known")?;
    match from {
        From::Archive(path) => {
            let into = machine.record.empty("fetched")?;
            source::unpack(path, &into)?;
            trust::verify_folder(&root, &into, &known).await
        }
        From::Mirror(url) => trust::verify_mirror(&root, url, &paths.mirror_ca, &known).await,
    }
}

/// Fetches, verifies and stages. With `again`, a version that was left before is taken too.
pub(crate) async fn stage(
    machine: &mut Machine,
    boot: &Boot,
    paths: &Paths,
    from: &From,
    choice: Choice,
) -> Result<Version, Error> {
    if boot.network {
        return Err(Error::FromNetwork);
    }
    let verified = fetch(machine, paths, from).await?;
    let version = verified.manifest.version;
    fits(machine, boot, paths, &verified, choice)?;
    let words = verified.manifest.root_words.clone();
    let slot = machine.running.other();
    let parts = machine.record.empty("parts")?;
    machine.parcel = Some(Parcel {
        root: verified.save(trust::ROOT, &parts).await?,
        kernel: verified.save(trust::KERNEL, &parts).await?,
        words: Root::parse(&words)?,
    });
    machine.trial = Some(Trial {
        slot: slot.label().to_owned(),
        version: version.to_string(),
        min_version: verified.manifest.min_version,
        asked: false,
        before: None,
    });
    machine.record.empty("fetched")?;
    machine.room(slot)?;
    let done = machine.carry_out(&plan::stage(slot));
    machine.parcel = None;
    machine.record.empty("parts")?;
    done.map(|()| version)
}

/// Tries what was staged; the machine restarts.
pub(crate) fn activate(machine: &mut Machine) -> Result<(), Error> {
    let staged = machine.record.staged().ok_or_else(|| Error::State {
        what: "what was staged",
        why: "nothing is; stage a bundle first".to_owned(),
    })?;
    let slot = machine.running.other();
    if staged.slot() != Some(slot) {
        return Err(Error::State {
            what: "what was staged",
            why: format!("it stands in {}, which runs", staged.slot),
        });
    }
    console::say(&format!(
        "version {} staged in slot {slot}; restarting to try it",
        staged.version
    ));
    machine.trial = Some(staged);
    machine.try_slot(slot)
}

/// All of it: what a stick or a mirror leads to.
pub(crate) async fn apply(
    machine: &mut Machine,
    boot: &Boot,
    paths: &Paths,
    from: &From,
    choice: Choice,
) -> Result<(), Error> {
    stage(machine, boot, paths, from, choice).await?;
    activate(machine)
}

/// Tries the other slot as it is, on an operator's word. What runs is left by that: a stick that is
/// still plugged in does not bring it back.
pub(crate) fn roll_back(machine: &mut Machine, boot: &Boot) -> Result<(), Error> {
    if boot.network {
        return Err(Error::FromNetwork);
    }
    let other = machine.running.other();
    let version = machine.words(other)?.version;
    let floor = machine.record.floor();
    let have: Version = version.parse()?;
    if have < floor {
        return Err(image_bundle::Error::Floor { have, floor }.into());
    }
    machine.record.leave(&boot.version)?;
    machine.trial_of(other, &version);
    machine.try_slot(other)
}

/// The rules of compatibility against this box.
fn fits(
    machine: &Machine,
    boot: &Boot,
    paths: &Paths,
    verified: &Verified,
    choice: Choice,
) -> Result<(), Error> {
    let running: Version = boot.version.parse()?;
    let slot = machine.partition(machine.running.other().label())?;
    verified.manifest.fits(&image_bundle::Facts {
        machine: variant(&paths.release)?,
        running,
        floor: machine.record.floor(),
        state_reads: image_bundle::STATE_READS,
        slot: slot.sectors * 512,
    })?;
    let this = |why: String| Error::State {
        what: "this version",
        why,
    };
    let version = verified.manifest.version.to_string();
    if let Some(wanted) = choice
        .version
        .filter(|wanted| *wanted != verified.manifest.version)
    {
        return Err(this(format!(
            "{version} is offered, {wanted} was asked for"
        )));
    }
    let pinned = machine.record.pinned();
    if !pinned.is_empty() && pinned != version {
        return Err(this(format!(
            "{version} is not {pinned}, to which this box is pinned"
        )));
    }
    if !choice.again && machine.record.left().contains(&version) {
        return Err(this(format!("{version} was tried and left before")));
    }
    Ok(())
}

/// The machine's name out of os-release.
fn variant(path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
    text.lines()
        .find_map(|line| line.strip_prefix("VARIANT_ID="))
        .map(|word| word.trim_matches('"').to_owned())
        .ok_or_else(|| Error::State {
            what: "os-release",
            why: "it names no machine".to_owned(),
        })
}
