//! Claiming a box that shows a code on its console, and writing the file that claims one without.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use host_daemon::claim::{AUTHORITY_MAX, Claim, Claimed};

use super::watch::pin;
use crate::print;

/// What a claim file begins with (docs/formats/claim.md).
const MAGIC: &str = "holdfast-claim 1\n";
/// Claim files are whole sectors, so that they can be written raw onto a stick.
const SECTOR: usize = 512;

/// Whose a box is to be.
#[derive(Debug, Args)]
pub(crate) struct ClaimArgs {
    /// The authority whose certificates the box will obey, PEM
    #[arg(long)]
    authority: PathBuf,
    /// Address of the box, as its console shows it
    #[arg(long, requires = "pin", requires = "code")]
    remote: Option<SocketAddr>,
    /// SHA-256 fingerprint of its certificate, as its console shows it
    #[arg(long)]
    pin: Option<pin::Fingerprint>,
    /// The code on its console
    #[arg(long)]
    code: Option<String>,
    /// Write a claim file instead, for a stick
    #[arg(long, conflicts_with = "remote")]
    file: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Claims a box, or writes what does.
pub(crate) async fn claim(args: ClaimArgs) -> anyhow::Result<()> {
    let authority = std::fs::read_to_string(&args.authority)
        .with_context(|| format!("reading {}", args.authority.display()))?;
    if authority.contains("PRIVATE KEY") {
        bail!(
            "{} holds a private key; give the certificate alone",
            args.authority.display()
        );
    }
    if let Some(out) = &args.file {
        return file(&authority, out);
    }
    let (Some(remote), Some(pin), Some(code)) = (args.remote, &args.pin, args.code) else {
        bail!("say which box: --remote, --pin and --code, or --file for a stick");
    };
    let client = pin::client(pin, None)?;
    let url = format!("https://{remote}/claim");
    let answer = client
        .post(url)
        .json(&Claim { code, authority })
        .send()
        .await;
    let text = answer
        .with_context(|| format!("no box that can be claimed answers at {remote}"))?
        .text()
        .await?;
    if let Ok(problem) = serde_json::from_str::<host_api::Problem>(&text) {
        bail!("{} ({}): {}", problem.title, problem.code, problem.detail);
    }
    let claimed: Claimed = serde_json::from_str(&text).context("the box answered oddly")?;
    print::either(args.json, &claimed, |claimed| {
        format!(
            "{} is yours; it obeys your certificates in a moment",
            claimed.peer
        )
    })
}

/// Writes a claim file.
fn file(authority: &str, out: &Path) -> anyhow::Result<()> {
    let mut bytes = MAGIC.as_bytes().to_vec();
    bytes.extend_from_slice(authority.as_bytes());
    if bytes.len() > AUTHORITY_MAX {
        bail!("an authority has at most {AUTHORITY_MAX} bytes");
    }
    bytes.resize(bytes.len().next_multiple_of(SECTOR), 0);
    std::fs::write(out, bytes).with_context(|| format!("writing {}", out.display()))?;
    print::line(&format!(
        "write {} raw onto a stick and plug it in",
        out.display()
    ))
}
