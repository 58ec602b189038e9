//! Signing, apart from building: one holder adds a signature to metadata; the holder of a key of
//! Secure Boot signs what firmware starts, and the disk is written again around it.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tough::schema::{Role as Metadata, Root, Signature, Signed, Snapshot, Targets, Timestamp};

use crate::build::NETBOOT;
use crate::certificate;
use crate::disk::{self, Content};
use crate::error::Error;
use crate::keys::{Held, Role, TEST_MARK};
use crate::manifest;
use crate::place::{self, Place, read, write};
use crate::tool;

/// What a signed disk is made of, beside the words of the command line.
const PARTS: [&str; 2] = ["kernel.efi", "loader.efi"];
/// Where signed artefacts go, in the folder of a build.
const SIGNED: &str = "signed";

/// Adds the signatures of `held` to a file of metadata; returns how many it has then. A key that
/// signed before is replaced, so that signing twice changes nothing.
///
/// # Errors
/// `List` when the file is no metadata; `Keys` when no key given is of its role; `File`.
pub(crate) fn metadata(path: &Path, held: &[Held]) -> Result<usize, Error> {
    let text = read(path)?;
    let bad = |why: String| Error::List {
        path: path.to_owned(),
        why,
    };
    let value: serde_json::Value =
        serde_json::from_slice(&text).map_err(|why| bad(why.to_string()))?;
    let kind = value.get("signed").and_then(|signed| signed.get("_type"));
    match kind.and_then(serde_json::Value::as_str) {
        Some("root") => add::<Root>(path, &text, Role::Root, held),
        Some("targets") => add::<Targets>(path, &text, Role::Targets, held),
        Some("snapshot") => add::<Snapshot>(path, &text, Role::Snapshot, held),
        Some("timestamp") => add::<Timestamp>(path, &text, Role::Timestamp, held),
        _ => Err(bad("is no metadata of an update".to_owned())),
    }
}

fn add<T: Metadata + Serialize + DeserializeOwned>(
    path: &Path,
    text: &[u8],
    role: Role,
    held: &[Held],
) -> Result<usize, Error> {
    let mut file: Signed<T> = serde_json::from_slice(text).map_err(|why| Error::List {
        path: path.to_owned(),
        why: why.to_string(),
    })?;
    let bytes = file.signed.canonical_form().map_err(Error::signing)?;
    let mut added = 0;
    for held in held.iter().filter(|held| held.record.role == role) {
        let Some(key) = &held.record.key else {
            continue;
        };
        let keyid = key.key_id().map_err(Error::signing)?;
        file.signatures.retain(|other| other.keyid != keyid);
        let sig = held.pair()?.sign(&bytes).as_ref().to_vec().into();
        file.signatures.push(Signature { keyid, sig });
        added += 1;
    }
    if added == 0 {
        return Err(Error::Keys {
            what: path.display().to_string(),
            why: format!("is signed by keys of role {}, none was given", role.word()),
        });
    }
    write(path, &place::json(&file)?)?;
    Ok(file.signatures.len())
}

/// What firmware will start, signed.
pub(crate) struct Plan<'a> {
    /// Where tools are; its output folder is that of the build.
    pub(crate) place: &'a Place,
    /// The key.
    pub(crate) db: &'a Held,
    /// Refuse whatever is marked as a test, and a key made on this machine.
    pub(crate) release: Option<&'a str>,
}

/// Signs kernel image and loader of a build and writes its disk around them; returns the folder.
///
/// # Errors
/// `TestMark` for a release with a marked key; `Tool`, `File`.
pub(crate) fn image(plan: &Plan<'_>) -> Result<PathBuf, Error> {
    let record = &plan.db.record;
    let certificate = record.certificate.as_deref().unwrap_or_default();
    if let Some(machine) = plan.release {
        let mark = String::from_utf8_lossy(&certificate::der(certificate)?).contains(TEST_MARK);
        if record.test || mark {
            let what = "a key that is marked as a test";
            return Err(Error::TestMark { what });
        }
        if record.made_on == machine {
            let what = "a key that was made on the machine that builds it";
            return Err(Error::TestMark { what });
        }
    }
    let built = &plan.place.out;
    let out = built.join(SIGNED);
    place::clear(&out)?;
    std::fs::create_dir_all(&out).map_err(Error::file(&out))?;
    let paper = out.join("db.pem");
    write(&paper, certificate.as_bytes())?;
    let net = built.join(NETBOOT).exists().then_some(NETBOOT);
    for part in PARTS.into_iter().chain(net) {
        let unsigned = built.join(part);
        efi(plan, &paper, &unsigned, &out.join(part))?;
    }
    for part in ["root.img", crate::bundle::WORDS] {
        std::fs::hard_link(built.join(part), out.join(part)).map_err(Error::file(part))?;
    }
    let content = Content {
        root: &read(&out.join("root.img"))?,
        kernel: &read(&out.join("kernel.efi"))?,
        loader: &read(&out.join("loader.efi"))?,
        install: None,
    };
    disk::write(plan.place, &out.join("disk.raw"), &content)?;
    let mut sums = String::new();
    let names = ["disk.raw", "root.img", "kernel.efi", "loader.efi"];
    for name in names.into_iter().chain(net) {
        let file = manifest::digest(name, "", &out.join(name))?;
        sums.push_str(&format!("{}  {name}\n", file.sha256));
    }
    write(&out.join("SHA256SUMS"), sums.as_bytes())?;
    Ok(out)
}

/// Signs one program of firmware. The key goes through a pipe and lies in no file.
fn efi(plan: &Plan<'_>, paper: &Path, from: &Path, to: &Path) -> Result<(), Error> {
    let tools = plan.place.tools();
    let mut sbsign = tool::packaged(&tools, "usr/bin/sbsign", "sbsign");
    sbsign
        .args(["--key", "/dev/stdin", "--cert"])
        .arg(paper)
        .arg("--output")
        .arg(to)
        .arg(from)
        .env("OPENSSL_CONF", "/dev/null");
    let key = certificate::pem(&plan.db.secret);
    tool::fed(&mut sbsign, "sbsigntool", key.as_bytes())?;
    let mut verify = tool::packaged(&tools, "usr/bin/sbverify", "sbverify");
    verify.arg("--cert").arg(paper).arg(to);
    verify.env("OPENSSL_CONF", "/dev/null");
    tool::run(&mut verify, "sbsigntool").map(drop)
}

#[cfg(test)]
mod tests;
