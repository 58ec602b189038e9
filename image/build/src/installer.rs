//! A stick that installs itself: the disk of a build with an order on its system partition, which
//! names the system disk it is for by serial number. The rest is `holdfast-update install`.

use std::path::PathBuf;

use crate::disk::{self, Content};
use crate::error::Error;
use crate::place::{Place, read};

/// Which stick.
#[derive(Debug, clap::Args)]
pub(crate) struct InstallerArgs {
    /// The folder of a build, or its folder `signed`
    #[arg(long)]
    built: PathBuf,
    /// Serial number of the system disk that the stick installs on
    #[arg(long)]
    serial: String,
    /// The serial number again: what lies on that disk is erased
    #[arg(long, value_name = "SERIAL")]
    erase: Option<String>,
    /// The image of the stick
    #[arg(long)]
    out: PathBuf,
}

/// Writes the image of a stick.
///
/// # Errors
/// `Disk` when `--erase` says another serial number; `File`, `Size`, `Tool`.
pub(crate) fn run(args: &InstallerArgs) -> Result<String, Error> {
    let order = order(&args.serial, args.erase.as_deref())?;
    let place = Place::at(Some(&args.built), "")?;
    let part = |name: &str| read(&args.built.join(name));
    let content = Content {
        root: &part("root.img")?,
        kernel: &part("kernel.efi")?,
        loader: &part("loader.efi")?,
        install: Some(&order),
    };
    disk::write(&place, &args.out, &content)?;
    Ok(args.out.display().to_string())
}

/// The order as the stick reads it.
fn order(serial: &str, erase: Option<&str>) -> Result<String, Error> {
    let refuse = |why: &str| Error::Disk {
        serial: serial.to_owned(),
        why: why.to_owned(),
    };
    if serial.is_empty() || !serial.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refuse("is no serial number of a disk"));
    }
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = format!("serial = {}\n", quoted(serial));
    match erase {
        Some(said) if said != serial => {
            return Err(refuse(&format!("--erase says {said}: nothing was written")));
        }
        Some(said) => text.push_str(&format!("erase = {}\n", quoted(said))),
        None => {}
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
