//! `holdfast classes`: a team's publishing policy, signed by its keeper, taken by every home that
//! publishes, and then held to by `publish` and `rehearse`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use host_release::{self as release, Class, Classes, Kind, Publishing, Signer, Teller};
use serde_json::json;

use super::{PublishArgs, read, sha256, sign, signed, write};
use crate::print;
use crate::renter::home::Home;
use crate::renter::log;

/// The policy a home took.
const FILE: &str = "classes.toml";

/// What classes of objects demand.
#[derive(Debug, Args)]
pub(crate) struct ClassesArgs {
    #[command(subcommand)]
    what: ClassesCommand,
}

#[derive(Debug, Subcommand)]
enum ClassesCommand {
    /// Sign a policy with this home's publishing key; the signature is beside it
    Sign {
        /// The policy (docs/formats/classes.md)
        file: PathBuf,
    },
    /// Take a signed policy: from now on this home publishes by its classes
    Take {
        /// The policy; its signature is beside it
        file: PathBuf,
        /// Its keeper's key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Say what the classes mean
    Explain {
        /// One class; all without it
        class: Option<String>,
        /// A policy; the one this home took without it
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
}

fn parse(path: &Path) -> anyhow::Result<Classes> {
    Classes::parse(&read(path)?).with_context(|| path.display().to_string())
}

/// The policy a home took, if it took one.
pub(in crate::renter) fn of(home: &Home) -> anyhow::Result<Option<Classes>> {
    let path = home.dir().join(FILE);
    match path.try_exists()? {
        true => parse(&path).map(Some),
        false => Ok(None),
    }
}

/// Runs it.
pub(crate) fn run(args: ClassesArgs) -> anyhow::Result<()> {
    match args.what {
        ClassesCommand::Sign { file } => {
            let text = read(&file)?;
            Classes::parse(&text).with_context(|| file.display().to_string())?;
            let signer = Signer::of_seal_key(&Home::open()?.seal_key())?;
            sign(&signer, &file, release::CLASSES, &text)
        }
        ClassesCommand::Take { file, key } => take(&file, &key),
        ClassesCommand::Explain { class, file, json } => {
            let classes = match &file {
                Some(file) => parse(file)?,
                None => of(&Home::open()?)?.context("this home took no policy")?,
            };
            let mut shown = classes.class.clone();
            if let Some(name) = &class {
                classes.get(name)?;
                shown.retain(|one, _| one == name);
            }
            print::either(json, &shown, |shown| {
                let words = shown.iter().map(|(name, class)| class.explain(name));
                words.collect::<Vec<_>>().join("\n").trim_end().to_owned()
            })
        }
    }
}

fn take(file: &Path, key: &Path) -> anyhow::Result<()> {
    let home = Home::open()?;
    let text = signed(file, key, release::CLASSES)?;
    let classes = Classes::parse(&text).with_context(|| file.display().to_string())?;
    if let Some(before) = of(&home)? {
        classes.follows(&before)?;
    }
    let subject = format!("version {}", classes.version);
    let detail = json!({ "sha256": sha256(text.as_bytes()) });
    let noted = log::asked(&home, "classes", &subject, detail)?;
    noted.ended(write(&home.dir().join(FILE), &text), |()| json!(null))?;
    print::line(&format!("{subject}, {} classes", classes.class.len()))
}

/// The class a command names. Errors when the home has a policy and none is named, or the other
/// way round.
pub(super) fn named(home: &Home, name: Option<&str>) -> anyhow::Result<Option<Class>> {
    match (of(home)?, name) {
        (None, None) => Ok(None),
        (Some(classes), Some(name)) => Ok(Some(classes.get(name)?.clone())),
        (Some(classes), None) => {
            let known: Vec<&str> = classes.class.keys().map(String::as_str).collect();
            anyhow::bail!(
                "this home took a policy: name a class with --class ({})",
                known.join(", ")
            )
        }
        (None, Some(name)) => anyhow::bail!(
            "this home took no policy, so there is no class {name}; `holdfast classes take` takes one"
        ),
    }
}

/// Fills in what the class says and the command does not, and holds the rest to it.
pub(super) fn hold(home: &Home, signer: &Signer, args: &mut PublishArgs) -> anyhow::Result<()> {
    let Some(class) = named(home, args.class.as_deref())? else {
        return Ok(());
    };
    let name = args.class.as_deref().unwrap_or_default();
    let retain_days = args.retain.unwrap_or(class.retain_days);
    args.hold |= class.hold;
    class.admits(
        name,
        &Publishing {
            public: args.public,
            days: args.days,
            retain_days,
            hold: args.hold,
            may_die: args.parity,
            key: signer.key(),
            again: was_published(home, &args.name, &args.version)?,
        },
    )?;
    args.retain = Some(retain_days).filter(|days| *days > 0);
    Ok(())
}

fn was_published(home: &Home, name: &str, version: &str) -> anyhow::Result<bool> {
    let log = home.log();
    if log.size()? == 0 {
        return Ok(false);
    }
    let (mut teller, subject) = (Teller::default(), format!("{name} {version}"));
    let mut found = false;
    log.check(|entry, hash| {
        let event = teller.tell(entry, hash);
        found |=
            event.is_some_and(|event| event.kind == Kind::Published && event.subject == subject);
    })?;
    Ok(found)
}
