//! `holdfast rehearse`: a release, or a sample of it, brought back into a scratch folder, timed,
//! compared and reported: signed JSON, Markdown, a trend over all reports of the folder.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use host_core::ObjectId;
use host_release::{
    self as release, Drill, DrillFile, FileLine, Manifest, PublishKey, Release, Signer, Unpacker,
};
use host_renter::{Progress, Renter};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{classes, now_ms, read, sha256, sign, write};
use crate::print;
use crate::renter::home::Home;
use crate::renter::log;

/// Rehearses a restore.
#[derive(Debug, Args)]
pub(crate) struct DrillArgs {
    /// The release's object, as `publish` said it
    release: ObjectId,
    /// The publisher's key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// A scratch folder; it must be empty
    #[arg(long, value_name = "FOLDER")]
    into: PathBuf,
    /// Only this many files, drawn anew each time
    #[arg(long, value_name = "COUNT")]
    sample: Option<usize>,
    /// Longest it may take, in seconds
    #[arg(long, value_name = "SECONDS")]
    objective: Option<f64>,
    /// The class whose objective holds too
    #[arg(long)]
    class: Option<String>,
    /// Where the reports are written; the trend is over all of them; `drills` in the home
    /// without it
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Runs it. False when it failed.
pub(crate) async fn run(mut args: DrillArgs) -> anyhow::Result<bool> {
    let home = Home::open()?;
    args.objective = objective(&home, &args)?;
    let signer = Signer::of_seal_key(&home.seal_key())?;
    let key = PublishKey::parse(&read(&args.key)?)?;
    std::fs::create_dir_all(&args.into).with_context(|| args.into.display().to_string())?;
    let report = args.report.clone().unwrap_or_else(|| home.drills());
    std::fs::create_dir_all(&report).with_context(|| report.display().to_string())?;
    if std::fs::read_dir(&args.into)?.next().is_some() {
        bail!("{} is not empty", args.into.display());
    }
    let noted = log::asked(&home, "drill", &args.release.to_string(), Value::Null)?;
    let ended = async {
        let (renter, net) = home.renter().await?;
        let ended = rehearse(&renter, &args, &key).await;
        net.stop().await;
        ended
    };
    let drill = noted.ended(ended.await, |drill| {
        json!({
            "ok": drill.passed(), "name": drill.name, "version": drill.version,
            "seconds": drill.seconds, "files": drill.files.len(),
        })
    })?;
    let stem = report.join(format!("drill-{}", drill.begun_ms));
    sign(
        &signer,
        &stem.with_extension("json"),
        release::REPORT,
        &(serde_json::to_string_pretty(&drill)? + "\n"),
    )?;
    write(&stem.with_extension("md"), &drill.markdown())?;
    write(&report.join("trend.svg"), &Drill::trend(&earlier(&report)?))?;
    print::either(args.json, &drill, Drill::markdown)?;
    Ok(drill.passed())
}

/// The stricter of what was asked for and what the class demands of a whole restore.
#[expect(clippy::cast_precision_loss, reason = "seconds of people")]
fn objective(home: &Home, args: &DrillArgs) -> anyhow::Result<Option<f64>> {
    let Some(name) = &args.class else {
        return Ok(args.objective);
    };
    let class = classes::named(home, Some(name))?;
    let of_class = class.and_then(|class| class.restore_seconds);
    let of_class = of_class.map(|seconds| seconds as f64);
    Ok(match (args.objective, of_class) {
        (Some(asked), Some(of_class)) => Some(asked.min(of_class)),
        (asked, of_class) => asked.or(of_class),
    })
}

/// Every drill reported in a folder, oldest first.
fn earlier(folder: &Path) -> anyhow::Result<Vec<Drill>> {
    let mut drills = Vec::new();
    for item in std::fs::read_dir(folder)? {
        let path = item?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if name.starts_with("drill-") && name.ends_with(".json") {
            let text = read(&path)?;
            drills.push(serde_json::from_str(&text).with_context(|| path.display().to_string())?);
        }
    }
    drills.sort_by_key(|drill: &Drill| drill.begun_ms);
    Ok(drills)
}

async fn rehearse(renter: &Renter, args: &DrillArgs, key: &PublishKey) -> anyhow::Result<Drill> {
    let (begun_ms, started) = (now_ms(), Instant::now());
    let (progress, _) = watch::channel(Progress::default());
    let document = args.into.join(".release");
    let out = Box::new(std::fs::File::create(&document)?);
    renter.get(args.release, None, out, &progress).await?;
    let release: Release = serde_json::from_str(&read(&document)?)
        .with_context(|| format!("{} is no release", args.release))?;
    std::fs::remove_file(&document)?;
    key.verify(
        release::RELEASE,
        release.manifest.as_bytes(),
        &release.signature,
    )?;
    let manifest = Manifest::parse(&release.manifest)?;
    let wanted = draw(manifest.files.len(), args.sample);
    let mut files = Vec::new();
    for index in wanted {
        let Some(line) = manifest.files.get(index) else {
            continue;
        };
        let path = args.into.join(&line.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let got = restore(renter, &release, line, &path).await;
        let (matches, fault) = match got {
            Ok((bytes, sha256)) => (sha256 == line.sha256 && bytes == line.size, None),
            Err(error) => (false, Some(format!("{error:#}"))),
        };
        files.push(DrillFile {
            path: line.path.clone(),
            size: line.size,
            matches,
            fault,
        });
    }
    Ok(Drill {
        kind: "holdfast restore drill 1".to_owned(),
        manifest: sha256(release.manifest.as_bytes()),
        begun_ms,
        seconds: started.elapsed().as_secs_f64(),
        objective_seconds: args.objective,
        files_of: manifest.files.len(),
        bytes: files.iter().map(|file| file.size).sum(),
        name: manifest.name,
        version: manifest.version,
        files,
    })
}

/// Brings one file back; gives its length and SHA-256 as it lies there.
async fn restore(
    renter: &Renter,
    release: &Release,
    line: &FileLine,
    path: &Path,
) -> anyhow::Result<(u64, String)> {
    let (progress, _) = watch::channel(Progress::default());
    let file = std::fs::File::create(path)?;
    let out: Box<dyn std::io::Write + Send> = match line.packed {
        Some(_) => Box::new(Unpacker::new(file, line.size, 0..line.size)?),
        None => Box::new(file),
    };
    let range = line.at..line.at + line.held();
    renter
        .get(release.tree, Some(range), out, &progress)
        .await?;
    Ok(release::digest(path)?)
}

/// Which of `count` files: all, or a sample drawn anew, in order.
fn draw(count: usize, sample: Option<usize>) -> Vec<usize> {
    use host_core::seams::Entropy;
    let mut left: Vec<usize> = (0..count).collect();
    let Some(sample) = sample.filter(|sample| *sample < count) else {
        return left;
    };
    let mut drawn = Vec::with_capacity(sample);
    while drawn.len() < sample && !left.is_empty() {
        let mut word = [0; 8];
        host_daemon::clock::SystemEntropy.fill(&mut word);
        let at = usize::try_from(u64::from_be_bytes(word) % left.len() as u64).unwrap_or(0);
        drawn.push(left.swap_remove(at));
    }
    drawn.sort_unstable();
    drawn
}
