//! Many boxes from the operator's machine: what they are, and one version after another ring by
//! ring, over their remote API with a client certificate.
//!
//! Enters: a fleet file (docs/operating/fleet.md). Leaves: a table, or a rollout that stops at the
//! first box that is worse for it. Nothing is kept here but a file that pauses: what was done is
//! seen on the boxes, so that a rollout can be broken off and begun again anywhere.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use host_api::{SystemVerb, SystemWish};

use self::far::{Far, Seen};
use self::file::Fleet;
use crate::print;

mod far;
mod file;
mod rollout;

/// A fleet.
#[derive(Debug, Args)]
pub(crate) struct FleetArgs {
    /// The fleet file
    #[arg(long, global = true, default_value = "fleet.toml")]
    file: PathBuf,
    /// Answer as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: FleetCommand,
}

#[derive(Debug, Subcommand)]
enum FleetCommand {
    /// Every box: its version, health and what it says of its updates
    Inventory,
    /// Bring every box to a version, ring by ring; stops at the first that is worse for it
    Upgrade {
        /// The version
        version: String,
        /// Minutes a box has to come back healthy
        #[arg(long, default_value_t = 30)]
        minutes: u64,
        /// Boxes of a ring at once
        #[arg(long, default_value_t = 1)]
        at_once: usize,
        /// Also where it was tried and left before
        #[arg(long)]
        again: bool,
    },
    /// Begin no further box, in this and every other running rollout of the file
    Pause,
    /// Go on
    Resume,
    /// Keep boxes on one version, whatever is rolled out
    Pin {
        /// The version
        version: String,
        /// Names of boxes; all of them without any
        boxes: Vec<String>,
    },
    /// Take boxes along again
    Unpin {
        /// Names of boxes; all of them without any
        boxes: Vec<String>,
    },
    /// Bring a box back to how it was shipped; data drives are not touched
    Reset {
        /// Its name
        name: String,
        /// Forget who it is too: identity, books and the shards of its system disk are lost
        #[arg(long)]
        wipe: bool,
    },
    /// Give a box a data drive, chosen by its serial number
    ClaimDrive {
        /// The box's name
        name: String,
        /// The drive's serial number
        serial: String,
        /// The serial number again: what lies on the drive is erased
        #[arg(long, value_name = "SERIAL")]
        erase: Option<String>,
    },
    /// Try what the other slot of a box holds
    RollBack {
        /// Its name
        name: String,
    },
}

/// Does what was asked of a fleet; false when a box failed or a rollout was broken off.
pub(crate) async fn fleet(args: FleetArgs) -> anyhow::Result<bool> {
    let fleet = Fleet::read(&args.file)?;
    let wish = |verb, version: String| SystemWish {
        verb,
        version,
        again: false,
        drive: String::new(),
        erase: false,
    };
    match args.what {
        FleetCommand::Inventory => inventory(&fleet, args.json).await,
        FleetCommand::Pause => fleet.pause(true).map(|()| true),
        FleetCommand::Resume => fleet.pause(false).map(|()| true),
        FleetCommand::Pin { version, boxes } => {
            tell(&fleet, &boxes, &wish(SystemVerb::Pin, version)).await
        }
        FleetCommand::Unpin { boxes } => {
            tell(&fleet, &boxes, &wish(SystemVerb::Unpin, String::new())).await
        }
        FleetCommand::Reset { name, wipe } => {
            let verb = if wipe {
                SystemVerb::ResetWipe
            } else {
                SystemVerb::ResetKeep
            };
            tell(&fleet, &[name], &wish(verb, String::new())).await
        }
        FleetCommand::ClaimDrive {
            name,
            serial,
            erase,
        } => {
            if erase.as_ref().is_some_and(|said| *said != serial) {
                bail!("--erase says another serial number than {serial}: nothing was done");
            }
            let wish = SystemWish {
                drive: serial,
                erase: erase.is_some(),
                ..wish(SystemVerb::ClaimDrive, String::new())
            };
            tell(&fleet, &[name], &wish).await
        }
        FleetCommand::RollBack { name } => {
            tell(&fleet, &[name], &wish(SystemVerb::RollBack, String::new())).await
        }
        FleetCommand::Upgrade {
            version,
            minutes,
            at_once,
            again,
        } => {
            let plan = rollout::Plan {
                version,
                patience: Duration::from_secs(minutes.saturating_mul(60)),
                at_once: at_once.max(1),
                again,
            };
            rollout::run(&fleet, &plan).await
        }
    }
}

async fn inventory(fleet: &Fleet, json: bool) -> anyhow::Result<bool> {
    let looks = fleet.boxes.iter().map(|one| async move {
        let seen = match Far::open(fleet, one) {
            Ok(far) => far.look().await,
            Err(why) => Err(why),
        };
        seen.unwrap_or_else(|why| Seen::silent(&one.name, format!("{why:#}")))
    });
    let seen = futures::future::join_all(looks).await;
    print::either(json, &seen, |seen| {
        let lines = seen.iter().map(Seen::line);
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(seen
        .iter()
        .all(|one| one.health != "silent" && one.health != "fail"))
}

/// Leaves a wish on boxes and waits for their answers.
async fn tell(fleet: &Fleet, names: &[String], wish: &SystemWish) -> anyhow::Result<bool> {
    let mut all = true;
    for one in fleet.named(names)? {
        let far = Far::open(fleet, one)?;
        let answer = far.wish(wish).await?;
        let number = answer.number;
        let said = far.answer(number, Duration::from_secs(120)).await;
        let text = said.unwrap_or_else(|why| format!("no answer: {why:#}"));
        all &= !text.starts_with("refused") && !text.starts_with("no answer");
        print::line(&format!("{}: {text}", one.name))?;
    }
    if names.is_empty() && fleet.boxes.is_empty() {
        bail!("the fleet file names no box");
    }
    Ok(all)
}
