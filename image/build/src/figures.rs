//! Whether equal inputs give equal bytes, and what an image weighs: one machine built twice
//! into two folders, the artefacts compared, the figures told. This is the gate of reproducibility.

use std::path::Path;

use serde_json::json;

use crate::BuildArgs;
use crate::build;
use crate::error::Error;
use crate::place::{Place, clear, read};

/// Builds twice; returns JSON, or the first artefact that differs.
///
/// # Errors
/// `Differs`, and those of a build.
pub(crate) fn run(args: &BuildArgs) -> Result<String, Error> {
    let home = Place::at(args.out.as_deref(), "figures")?.out;
    let mut built = Vec::new();
    for folder in ["one", "another"] {
        let out = home.join(folder);
        clear(&out)?;
        let args = BuildArgs {
            out: Some(out.clone()),
            ..args.clone()
        };
        built.push((build::run(&args)?, out));
    }
    let [(one, first), (_, second)] = built.as_slice() else {
        return Err(Error::Differs {
            name: "two builds are not two".to_owned(),
        });
    };
    equal(&sums(first)?, &sums(second)?)?;
    let said = json!({
        "machine": args.machine,
        "root_mb": one["root_mb"],
        "kernel_mb": one["kernel_mb"],
        "bundle_mb": one["bundle_mb"],
        "build_seconds": one["build_seconds"],
        "reproducible": true,
    });
    // The disks of a comparison are of no further use, and large.
    clear(&home)?;
    Ok(said.to_string())
}

fn sums(folder: &Path) -> Result<String, Error> {
    let text = read(&folder.join("SHA256SUMS"))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Compares two lists of sums line by line.
fn equal(one: &str, other: &str) -> Result<(), Error> {
    let mut others = other.lines();
    for line in one.lines() {
        if others.next() != Some(line) {
            let name = line.split_whitespace().last().unwrap_or_default();
            return Err(Error::Differs {
                name: name.to_owned(),
            });
        }
    }
    match others.next() {
        None if !one.is_empty() => Ok(()),
        more => Err(Error::Differs {
            name: more.unwrap_or("every artefact").to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
