//! What an image was made of and what came out: every input and artefact with its SHA-256, the list
//! of parts as CycloneDX, and the figures that the budgets are held against.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::packages::Package;
use crate::place::{Place, json, read, write};

/// One file with its digest.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Digested {
    /// Its name.
    pub(crate) name: String,
    /// Its version, when it has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) version: String,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// SHA-256 in hex.
    pub(crate) sha256: String,
}

/// The manifest of a build.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Manifest {
    /// Version of this layout.
    pub(crate) manifest: u32,
    /// Version of the image.
    pub(crate) version: String,
    /// The machine.
    pub(crate) machine: String,
    /// Release of the kernel.
    pub(crate) kernel: String,
    /// Whether the renter's half is in it.
    pub(crate) renter: bool,
    /// Packages and programs.
    pub(crate) inputs: Vec<Digested>,
    /// What was written.
    pub(crate) artefacts: Vec<Digested>,
}

/// The inputs of a build.
pub(crate) fn inputs(
    place: &Place,
    packages: &[Package],
    programs: &[String],
) -> Result<Vec<Digested>, Error> {
    let mut found = Vec::new();
    for package in packages {
        found.push(digest(&package.name, &package.version, &package.file)?);
    }
    for program in programs {
        let path = place.programs.join(program);
        if path.exists() {
            found.push(digest(program, "", &path)?);
        }
    }
    Ok(found)
}

/// A file's digest; it is read in pieces.
pub(crate) fn digest(name: &str, version: &str, path: &Path) -> Result<Digested, Error> {
    let mut file = File::open(path).map_err(Error::file(path))?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut piece = vec![0; 1 << 20];
    loop {
        let len = file.read(&mut piece).map_err(Error::file(path))?;
        if len == 0 {
            break;
        }
        bytes += len as u64;
        hash.update(piece.get(..len).unwrap_or_default());
    }
    Ok(Digested {
        name: name.to_owned(),
        version: version.to_owned(),
        bytes,
        sha256: board_slot::cmdline::hex(&hash.finalize()),
    })
}

impl Manifest {
    /// Writes manifest.json, SHA256SUMS and sbom.json into the output folder.
    pub(crate) fn write(&self, place: &Place, packages: &[Package]) -> Result<(), Error> {
        let sums: String = self
            .artefacts
            .iter()
            .map(|file| format!("{}  {}\n", file.sha256, file.name))
            .collect();
        write(&place.out.join("SHA256SUMS"), sums.as_bytes())?;
        write(&place.out.join("manifest.json"), &json(self)?)?;
        let lock = String::from_utf8_lossy(&read(&place.clone.join("Cargo.lock"))?).into_owned();
        let bill = bill(self, packages, &lock)?;
        write(&place.out.join("sbom.json"), &json(&bill)?)
    }
}

/// A CycloneDX 1.6 document: Debian's packages and the crates of the lock file.
fn bill(manifest: &Manifest, packages: &[Package], lock: &str) -> Result<serde_json::Value, Error> {
    let lock: toml::Table = toml::from_str(lock).map_err(|why| Error::List {
        path: "Cargo.lock".into(),
        why: why.to_string(),
    })?;
    let mut parts: Vec<serde_json::Value> = packages
        .iter()
        .map(|package| {
            part(
                &package.name,
                &package.version,
                "deb/debian",
                &digest_of(manifest, &package.name),
            )
        })
        .collect();
    for entry in lock
        .get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
    {
        let word = |name| {
            entry
                .get(name)
                .and_then(toml::Value::as_str)
                .unwrap_or_default()
        };
        parts.push(part(
            word("name"),
            word("version"),
            "cargo",
            word("checksum"),
        ));
    }
    Ok(serde_json::json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": {
            "type": "operating-system", "name": "holdfast", "version": manifest.version,
        }},
        "components": parts,
    }))
}

fn digest_of(manifest: &Manifest, name: &str) -> String {
    let found = manifest.inputs.iter().find(|input| input.name == name);
    found.map(|input| input.sha256.clone()).unwrap_or_default()
}

fn part(name: &str, version: &str, kind: &str, sha256: &str) -> serde_json::Value {
    let mut part = serde_json::json!({
        "type": "library",
        "name": name,
        "version": version,
        "purl": format!("pkg:{kind}/{name}@{version}"),
    });
    if let (false, Some(object)) = (sha256.is_empty(), part.as_object_mut()) {
        object.insert(
            "hashes".to_owned(),
            serde_json::json!([{ "alg": "SHA-256", "content": sha256 }]),
        );
    }
    part
}
