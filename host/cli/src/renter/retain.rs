//! `holdfast retain`: what must not be deleted yet. A retention is a promise of this home: it can
//! be made longer, never shorter; a legal hold stands until it is lifted, and both changes are
//! logged.
//! What it binds is this home's own `rm`: an agreement still ends when nobody pays for it.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use host_core::ObjectId;
use host_release::Retention;
use host_renter::Code;
use serde::Serialize;
use serde_json::json;

use super::home::Home;
use super::log;
use super::publish::{DAY_MS, now_ms};
use crate::print;
use crate::trouble::Coded;

/// The folder of a home with what is retained.
const DIR: &str = "retained";

/// Shows or extends what keeps an object from being deleted.
#[derive(Debug, Args)]
pub(crate) struct RetainArgs {
    /// The object
    id: ObjectId,
    /// Not to be deleted for so many days from now; never shortens
    #[arg(long)]
    days: Option<u64>,
    /// Not to be deleted until the hold is lifted
    #[arg(long, conflicts_with = "release")]
    hold: bool,
    /// Lift the hold
    #[arg(long)]
    release: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct RetainSaid {
    id: ObjectId,
    #[serde(flatten)]
    kept: Retention,
}

fn path(home: &Home, id: ObjectId) -> PathBuf {
    home.dir().join(DIR).join(id.to_string())
}

fn of(home: &Home, id: ObjectId) -> anyhow::Result<Retention> {
    let path = path(home, id);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Default::default()),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let what = || format!("{} is no retention; nothing is deleted", path.display());
    serde_json::from_str(&text).with_context(what)
}

/// Adds to what keeps an object. Durable when it returns.
pub(crate) fn keep(home: &Home, id: ObjectId, more: Retention) -> anyhow::Result<Retention> {
    let before = of(home, id)?;
    let kept = Retention {
        until_ms: before.until_ms.max(more.until_ms),
        hold: before.hold || more.hold,
    };
    if kept != before {
        write(home, id, kept)?;
    }
    Ok(kept)
}

fn write(home: &Home, id: ObjectId, kept: Retention) -> anyhow::Result<()> {
    let path = path(home, id);
    let folder = home.dir().join(DIR);
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let text = serde_json::to_string(&kept)?;
    Ok(host_daemon::config::layers::write_atomic(&path, &text)?)
}

/// Errors when an object must not be deleted now.
pub(crate) fn check(home: &Home, id: ObjectId) -> anyhow::Result<()> {
    let kept = of(home, id)?;
    let why = match kept {
        Retention { hold: true, .. } => "it is under a legal hold".to_owned(),
        Retention {
            until_ms: Some(until_ms),
            ..
        } if until_ms > now_ms() => format!("it is retained until {}", print::day(until_ms)),
        _ => return Ok(()),
    };
    Err(Coded::new(Code::Retained, format!("{id} is not deleted: {why}")).into())
}

/// Runs it.
pub(crate) fn run(args: &RetainArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let kept = match (args.days, args.hold, args.release) {
        (None, false, false) => of(&home, args.id)?,
        _ => change(&home, args)?,
    };
    let said = RetainSaid { id: args.id, kept };
    print::either(args.json, &said, |said| {
        let until = match said.kept.until_ms {
            Some(until_ms) => format!("retained until {}", print::day(until_ms)),
            None => "no retention".to_owned(),
        };
        let hold = if said.kept.hold {
            ", under a legal hold"
        } else {
            ""
        };
        format!("{until}{hold}")
    })
}

fn change(home: &Home, args: &RetainArgs) -> anyhow::Result<Retention> {
    let detail = json!({ "days": args.days, "hold": args.hold, "release": args.release });
    let noted = log::asked(home, "retain", &args.id.to_string(), detail)?;
    let ended = || {
        let days_ms = args.days.map(|days| days.saturating_mul(DAY_MS));
        let more = Retention {
            until_ms: days_ms.map(|days_ms| now_ms().saturating_add(days_ms)),
            hold: args.hold,
        };
        let mut kept = keep(home, args.id, more)?;
        if args.release && kept.hold {
            kept.hold = false;
            write(home, args.id, kept)?;
        }
        Ok(kept)
    };
    noted.ended(ended(), |kept| json!(kept))
}
