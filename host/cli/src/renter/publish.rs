//! `holdfast publish`: a folder as a release with a signed manifest. verify.rs checks a copy,
//! channel.rs moves and follows a name, drill.rs rehearses the restore, classes.rs holds all of it
//! to a team's policy.
//!
//! A publication is a folder of plain files that any tool reads: the manifest, its signature, the
//! list for `sha256sum -c`, the public key, a fragment for release notes.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use host_core::ObjectId;
use host_core::agreement::PayMode;
use host_core::seams::Clock;
use host_daemon::clock::SystemClock;
use host_release::{self as release, Archive, Manifest, PublishKey, Release, Retention, Signer};
use host_renter::{Progress, PutRequest, Renter};
use serde::Serialize;
use tokio::sync::watch;

use super::home::Home;
use super::{log, retain};
use crate::print;

pub(crate) mod car;
pub(crate) mod channel;
pub(crate) mod classes;
pub(crate) mod drill;
pub(crate) mod verify;

/// Milliseconds of a day.
pub(super) const DAY_MS: u64 = 86_400_000;
/// Longest document that is read whole.
const DOCUMENT_LEN: u64 = 256 << 20;

/// Publishes a tree of files.
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The folder
    dir: PathBuf,
    /// What is released
    #[arg(long)]
    name: String,
    /// Which version of it
    #[arg(long)]
    version: String,
    /// The date in the manifest, seconds since 1970; SOURCE_DATE_EPOCH without it, else now
    #[arg(long, value_name = "SECONDS")]
    date: Option<u64>,
    /// Where manifest, signature and lists are written
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// The class of the publishing policy that this home took
    #[arg(long)]
    class: Option<String>,
    /// How it was made: a JSON file, the predicate of SLSA provenance
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
    /// How long it is stored, in days
    #[arg(long, default_value_t = 30)]
    days: u64,
    /// Days it must not be deleted for
    #[arg(long, value_name = "DAYS")]
    retain: Option<u64>,
    /// Data shards a segment
    #[arg(long, default_value_t = 10)]
    data: u16,
    /// Parity shards a segment
    #[arg(long, default_value_t = 20)]
    parity: u16,
    /// A legal hold: not to be deleted until `holdfast retain --release`
    #[arg(long)]
    hold: bool,
    /// Open data: not encrypted; the tree's object is named by its content
    #[arg(long)]
    public: bool,
    /// A program that looks at the folder first; publishing stops unless it ends well
    #[arg(long, value_name = "PROGRAM")]
    scan: Option<PathBuf>,
    /// Pack each file that becomes smaller; readers get the same bytes and digests
    #[arg(long, value_name = "HOW")]
    compress: Option<Packing>,
    /// Only write the documents; store nothing
    #[arg(long)]
    dry_run: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// How files are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Packing {
    Zstd,
}

#[derive(Debug, Serialize)]
struct PublishSaid {
    name: String,
    version: String,
    manifest: PathBuf,
    manifest_sha256: String,
    files: usize,
    bytes: u64,
    tree: Option<ObjectId>,
    release: Option<ObjectId>,
}

/// The date of the manifest: as told, by SOURCE_DATE_EPOCH, or now.
fn date(args: &PublishArgs) -> anyhow::Result<u64> {
    let told = match (args.date, std::env::var("SOURCE_DATE_EPOCH")) {
        (Some(seconds), _) => Some(seconds),
        (None, Ok(text)) => Some(
            text.parse()
                .context("SOURCE_DATE_EPOCH is seconds since 1970")?,
        ),
        (None, Err(_)) => None,
    };
    Ok(told.map_or_else(now_ms, |seconds| seconds.saturating_mul(1000)))
}

pub(super) fn now_ms() -> u64 {
    SystemClock::start().wall_ms()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    hex::encode(digest.as_ref())
}

pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    let facts = std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    if facts.len() > DOCUMENT_LEN {
        bail!(
            "{} has {} bytes, at most {DOCUMENT_LEN} are read",
            path.display(),
            facts.len()
        );
    }
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    host_daemon::config::layers::write_atomic(path, text)
        .with_context(|| format!("writing {}", path.display()))
}

pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// A signed document and its text. Errors when the signature is not the key's.
pub(super) fn signed(path: &Path, key: &Path, namespace: &str) -> anyhow::Result<String> {
    let key = PublishKey::parse(&read(key)?).with_context(|| key.display().to_string())?;
    let text = read(path)?;
    let signature = read(&beside(path, ".sig"))?;
    key.verify(namespace, text.as_bytes(), &signature)
        .with_context(|| path.display().to_string())?;
    Ok(text)
}

pub(super) fn sign(
    signer: &Signer,
    path: &Path,
    namespace: &str,
    text: &str,
) -> anyhow::Result<()> {
    write(path, text)?;
    write(
        &beside(path, ".sig"),
        &signer.sign(namespace, text.as_bytes()),
    )
}

/// Runs the scan over the folder; its name and verdict enter the provenance.
fn scan(program: &Path, dir: &Path) -> anyhow::Result<serde_json::Value> {
    let ended = std::process::Command::new(program)
        .arg(dir)
        .stdin(std::process::Stdio::null())
        .output()
        .with_context(|| format!("running the scan {}", program.display()))?;
    let said = String::from_utf8_lossy(&ended.stdout);
    let said = said
        .lines()
        .last()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect::<String>();
    if !ended.status.success() {
        bail!("the scan {} refuses: {said}", program.display());
    }
    let name = program
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    Ok(serde_json::json!({ "scanner": name, "verdict": "clean", "said": said }))
}

/// What the manifest says of how the tree was made.
fn predicate(args: &PublishArgs) -> anyhow::Result<serde_json::Value> {
    let mut predicate = match &args.provenance {
        Some(path) => serde_json::from_str(&read(path)?)
            .with_context(|| format!("{} is not JSON", path.display()))?,
        None => serde_json::json!({
            "buildDefinition": {
                "buildType": "https://holdfast.invalid/publish/1",
                "externalParameters": { "name": args.name, "version": args.version },
            },
            "runDetails": { "builder": { "id": concat!("holdfast/", env!("CARGO_PKG_VERSION")) } },
        }),
    };
    let mut say = |what: &str, value| {
        if let Some(object) = predicate.as_object_mut() {
            object.insert(what.to_owned(), value);
        }
    };
    if let Some(class) = &args.class {
        say("class", class.as_str().into());
    }
    if args.compress.is_some() {
        say("packing", release::packing().into());
    }
    if let Some(program) = &args.scan {
        say("scan", scan(program, &args.dir)?);
    }
    Ok(predicate)
}

async fn put(
    renter: &Renter,
    args: &PublishArgs,
    path: &Path,
    public: bool,
) -> anyhow::Result<ObjectId> {
    let session = renter.begin(&PutRequest {
        path: path.to_path_buf(),
        data: args.data,
        parity: args.parity,
        days: args.days,
        public,
        price_max: None,
        pay: PayMode::Cheque,
    })?;
    let (progress, _) = watch::channel(Progress::default());
    let done = renter.resume(session, &progress).await;
    Ok(done
        .with_context(|| format!("session {session}; `holdfast put resume` goes on"))?
        .id)
}

/// Runs it.
pub(crate) async fn run(mut args: PublishArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let signer = Signer::of_seal_key(&home.seal_key())?;
    classes::hold(&home, &signer, &mut args)?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("making {}", args.out.display()))?;
    let dir = args.dir.canonicalize();
    let dir = dir.with_context(|| args.dir.display().to_string())?;
    if args.out.canonicalize()?.starts_with(&dir) {
        bail!("{} lies in the tree that is published", args.out.display());
    }
    let predicate = predicate(&args)?;
    let joined = args.out.join(".tree");
    let archive = Archive::join(&dir, &joined, args.compress.is_some())?;
    let date_ms = date(&args)?;
    let retention = Retention {
        until_ms: args
            .retain
            .map(|days| date_ms.saturating_add(days.saturating_mul(DAY_MS))),
        hold: args.hold,
    };
    let network = home.network()?.name;
    let mut manifest = Manifest::new(
        (&network, &args.name, &args.version),
        date_ms,
        retention,
        (archive.files, archive.sha256),
        predicate,
    );
    manifest.dag = archive.dag;
    let stored = match args.dry_run {
        true => document(&signer, &args, manifest).map(|said| (said, None)),
        false => {
            let subject = format!("{} {}", args.name, args.version);
            let detail = serde_json::json!({ "public": args.public, "days": args.days });
            let noted = log::asked(&home, "publish", &subject, detail)?;
            let ended = store(&home, &signer, &args, manifest, &joined).await;
            noted.ended(ended, in_log)
        }
    };
    std::fs::remove_file(&joined).with_context(|| joined.display().to_string())?;
    let (mut said, ids) = stored?;
    (said.tree, said.release) = ids.unzip();
    print::either(args.json, &said, |said| {
        let mut text = format!(
            "{} {}: {} files, {} bytes\nmanifest {} sha256 {}",
            said.name,
            said.version,
            said.files,
            said.bytes,
            said.manifest.display(),
            said.manifest_sha256,
        );
        if let (Some(tree), Some(release)) = (said.tree, said.release) {
            text.push_str(&format!("\ntree     {tree}\nrelease  {release}"));
        }
        text
    })
}

/// What the log keeps of a publication.
fn in_log((said, ids): &Stored) -> serde_json::Value {
    serde_json::json!({
        "manifest_sha256": said.manifest_sha256,
        "tree": ids.map(|(tree, _)| tree),
        "release": ids.map(|(_, release)| release),
    })
}

/// Writes the documents of a release.
fn document(
    signer: &Signer,
    args: &PublishArgs,
    manifest: Manifest,
) -> anyhow::Result<PublishSaid> {
    let path = args.out.join("manifest.json");
    let text = manifest.to_text();
    sign(signer, &path, release::RELEASE, &text)?;
    write(&args.out.join("SHA256SUMS"), &manifest.sha256sums())?;
    write(
        &args.out.join("publish.pub"),
        &format!("{}\n", signer.key()),
    )?;
    let manifest_sha256 = sha256(text.as_bytes());
    let notes = format!(
        "## {} {}\n\n| | |\n|---|---|\n| files | {} |\n| bytes | {} |\n\
         | manifest SHA-256 | `{manifest_sha256}` |\n| tree SHA-256 | `{}` |\n\
         | tree | `{}` |\n| signed by | `{}` |\n",
        manifest.name,
        manifest.version,
        manifest.files.len(),
        manifest.bytes,
        manifest.sha256,
        manifest
            .tree
            .map_or("sealed".to_owned(), |tree| tree.to_string()),
        signer.key(),
    );
    write(&args.out.join("RELEASE.md"), &notes)?;
    Ok(PublishSaid {
        name: manifest.name,
        version: manifest.version,
        manifest: path,
        manifest_sha256,
        files: manifest.files.len(),
        bytes: manifest.bytes,
        tree: None,
        release: None,
    })
}

type Stored = (PublishSaid, Option<(ObjectId, ObjectId)>);

/// Stores the tree, then the release that names it; the documents are written in between, so
/// that they never name what is not there.
async fn store(
    home: &Home,
    signer: &Signer,
    args: &PublishArgs,
    mut manifest: Manifest,
    joined: &Path,
) -> anyhow::Result<Stored> {
    let (renter, net) = home.renter().await?;
    let work = async {
        let tree = put(&renter, args, joined, args.public).await?;
        retain::keep(home, tree, manifest.retention)?;
        manifest.tree = args.public.then_some(tree);
        let retention = manifest.retention;
        let text = manifest.to_text();
        let said = document(signer, args, manifest)?;
        let release = Release {
            signature: signer.sign(release::RELEASE, text.as_bytes()),
            manifest: text,
            tree,
        };
        let path = args.out.join("release.json");
        write(&path, &serde_json::to_string(&release)?)?;
        let id = put(&renter, args, &path, args.public).await?;
        retain::keep(home, id, retention)?;
        Ok((said, Some((tree, id))))
    };
    let stored = work.await;
    net.stop().await;
    stored
}
