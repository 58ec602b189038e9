//! `holdfast get`: an object, or bytes of it, back into a file.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use host_core::{Amount, ObjectId};
use host_renter::{Got, Progress, Renter, SHARE_PREFIX};
use serde::Serialize;
use tokio::sync::watch;

use super::home::Home;
use super::publish;
use crate::print;

/// Gets an object back.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The object, or a line of `holdfast share`
    #[arg(value_name = "ID|LINE", value_parser = wanted, required_unless_present = "share")]
    what: Option<Wanted>,
    /// Read the line of `holdfast share` from this file; `-` for standard input, where other
    /// programs do not see it
    #[arg(long, value_name = "FILE", conflicts_with = "what")]
    share: Option<PathBuf>,
    /// The file to write; `-` for standard output
    #[arg(short, long)]
    output: PathBuf,
    /// Only these bytes: first and last, both included, as `A-B`
    #[arg(long, value_parser = range)]
    range: Option<Range<u64>>,
    /// Pay up to this for a GiB of reads, in smallest units, where no price was agreed; what was
    /// agreed at the put is paid without it
    #[arg(long)]
    read_price_max: Option<Amount>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// What is to come back.
#[derive(Clone)]
enum Wanted {
    Own(ObjectId),
    /// A line that somebody handed on.
    Line(String),
}

/// Without the line, which is a secret.
impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(id) => write!(f, "{id}"),
            Self::Line(_) => f.write_str("a line"),
        }
    }
}

fn wanted(text: &str) -> anyhow::Result<Wanted> {
    match text.trim_start().starts_with(SHARE_PREFIX) {
        true => Ok(Wanted::Line(text.to_owned())),
        false => Ok(Wanted::Own(text.parse()?)),
    }
}

impl GetArgs {
    fn wanted(&self) -> anyhow::Result<Wanted> {
        match (&self.what, &self.share) {
            (Some(what), _) => Ok(what.clone()),
            (None, Some(path)) if path.as_os_str() == "-" => {
                let line = std::io::read_to_string(std::io::stdin());
                Ok(Wanted::Line(line.context("reading standard input")?))
            }
            (None, Some(path)) => Ok(Wanted::Line(publish::read(path)?)),
            (None, None) => bail!("name an object, or a file with --share"),
        }
    }
}

/// Gets it; the object with it.
async fn get(
    renter: &Renter,
    wanted: &Wanted,
    range: Option<Range<u64>>,
    out: Box<dyn Write + Send>,
    progress: &watch::Sender<Progress>,
) -> Result<(ObjectId, Got), host_renter::Error> {
    match wanted {
        Wanted::Own(id) => Ok((*id, renter.get(*id, range, out, progress).await?)),
        Wanted::Line(line) => {
            let shared = renter.open_share(line).await?;
            let got = renter.get_shared(&shared, range, out, progress).await?;
            Ok((shared.id(), got))
        }
    }
}

fn range(text: &str) -> anyhow::Result<Range<u64>> {
    let (first, last) = text.split_once('-').context("write A-B")?;
    let (first, last): (u64, u64) = (first.parse()?, last.parse()?);
    if last < first {
        bail!("the last byte lies before the first");
    }
    Ok(first
        ..last
            .checked_add(1)
            .context("the last byte is beyond 64 bits")?)
}

#[derive(Debug, Serialize)]
struct GotSaid {
    id: ObjectId,
    bytes: u64,
    /// Bytes that came from hosts, those of spares included.
    moved: u64,
    sha256: String,
    seconds: f64,
    /// Paid to hosts that sell reads; what was not used up stays on their accounts.
    paid: Amount,
}

/// Runs it. The file appears under its name only when every byte was verified.
pub(crate) async fn run(args: GetArgs) -> anyhow::Result<()> {
    let wanted = args.wanted()?;
    let home = Home::open()?;
    let (renter, net) = home.renter().await?;
    renter.set_read_price_max(args.read_price_max.unwrap_or_default());
    let to_stdout = args.output.as_os_str() == "-";
    let fresh = args.output.with_extension("holdfast-part");
    let out: Box<dyn Write + Send> = if to_stdout {
        Box::new(std::io::stdout())
    } else {
        Box::new(File::create(&fresh).with_context(|| format!("making {}", fresh.display()))?)
    };
    let started = Instant::now();
    let (progress, watched) = watch::channel(Progress::default());
    let got = get(&renter, &wanted, args.range.clone(), out, &progress).await;
    if got.is_ok() {
        renter.tell_speeds().await;
    }
    net.stop().await;
    let (id, got) = match got {
        Ok(got) => got,
        Err(error) => {
            let _ = std::fs::remove_file(&fresh);
            return Err(error.into());
        }
    };
    if !to_stdout {
        std::fs::rename(&fresh, &args.output)
            .with_context(|| format!("naming {}", args.output.display()))?;
    }
    let said = GotSaid {
        id,
        bytes: got.bytes,
        moved: watched.borrow().bytes_moved,
        sha256: hex::encode(got.sha256),
        seconds: started.elapsed().as_secs_f64(),
        paid: renter.paid_for_reads(),
    };
    if to_stdout {
        return Ok(());
    }
    print::either(args.json, &said, |said| {
        let paid = match said.paid {
            Amount::ZERO => String::new(),
            paid => format!(", {paid} paid for reads"),
        };
        let (bytes, sha256, seconds) = (said.bytes, &said.sha256, said.seconds);
        format!("{bytes} bytes, sha256 {sha256}, {seconds:.2} s{paid}")
    })
}
