//! A container image as one archive (OCI image layout 1.0): one layer, one volume, nothing to write
//! besides it, a user without privilege. Any engine loads it; none is needed to make it.

use std::path::Path;

use serde_json::{Value, json};

use crate::error::Error;
use crate::manifest::digest;
use crate::package;
use crate::place::{Place, clear, json as text, write};
use crate::tool;

/// The volume: configuration, key, ledger and shards.
const VOLUME: &str = "/var/lib/holdfast";
/// Ports that a host serves: peers, health, local API, gateway.
const PORTS: [&str; 5] = ["4001/tcp", "4001/udp", "5102/tcp", "5001/tcp", "8080/tcp"];
/// The moment it claims to be from: that of every artefact.
const MADE: &str = "2024-01-01T00:00:00Z";

/// Writes the image of `inner` as an archive.
pub(crate) fn archive(place: &Place, inner: &Path, version: &str, to: &Path) -> Result<(), Error> {
    let layout = place.out.join("work/oci");
    clear(&layout)?;
    let layer = place.out.join("work/layer.tar");
    package::tar(inner, &layer, false)?;
    let volume = inner.join(VOLUME.trim_start_matches('/'));
    std::fs::create_dir_all(&volume).map_err(Error::file(&volume))?;
    own_volume(inner, &layer)?;
    let layer = blob(
        &layout,
        &std::fs::read(&layer).map_err(Error::file(&layer))?,
    )?;
    let config = blob(&layout, &text(&config(version, &layer.sha256))?)?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described("application/vnd.oci.image.config.v1+json", &config),
        "layers": [described("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let manifest = blob(&layout, &text(&manifest)?)?;
    let mut entry = described("application/vnd.oci.image.manifest.v1+json", &manifest);
    if let Some(entry) = entry.as_object_mut() {
        let name = format!("holdfast:{version}");
        let notes = json!({
            "org.opencontainers.image.ref.name": version,
            "io.containerd.image.name": format!("docker.io/library/{name}"),
        });
        entry.insert("annotations".to_owned(), notes);
    }
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [entry],
    });
    keep(&layout.join("index.json"), &index)?;
    keep(
        &layout.join("oci-layout"),
        &json!({ "imageLayoutVersion": "1.0.0" }),
    )?;
    package::tar(&layout, to, false)
}

fn keep(path: &Path, value: &Value) -> Result<(), Error> {
    write(path, &text(value)?)
}

/// The volume's folder belongs to the user: engines make a new volume like the folder it covers.
fn own_volume(inner: &Path, layer: &Path) -> Result<(), Error> {
    let mut tar = tool::own("tar");
    tar.args([
        "--owner=900",
        "--group=900",
        "--numeric-owner",
        "--no-recursion",
    ])
    .args(["--format=ustar", &format!("--mtime=@{}", tool::EPOCH)])
    .arg("--append")
    .arg("--file")
    .arg(layer)
    .arg("--directory")
    .arg(inner)
    .arg(format!(".{VOLUME}"));
    tool::run(&mut tar, "tar").map(drop)
}

/// What an engine must know to run it.
fn config(version: &str, layer: &str) -> Value {
    let ports: serde_json::Map<String, Value> = PORTS
        .iter()
        .map(|port| ((*port).to_owned(), json!({})))
        .collect();
    json!({
        "created": MADE,
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": "900:900",
            "WorkingDir": VOLUME,
            "Entrypoint": ["/usr/bin/holdfastd", "--dir", VOLUME],
            "ExposedPorts": ports,
            "Volumes": { VOLUME: {} },
            "StopSignal": "SIGTERM",
            "Healthcheck": {
                "Test": ["CMD", "/usr/bin/holdfast", "status", "--dir", VOLUME],
                "Interval": 30_000_000_000_u64,
                "Timeout": 10_000_000_000_u64,
                "StartPeriod": 60_000_000_000_u64,
            },
            "Labels": {
                "org.opencontainers.image.title": "holdfast",
                "org.opencontainers.image.version": version,
                "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
            },
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer}")] },
        "history": [{ "created": MADE, "created_by": "holdfast-image package" }],
    })
}

/// A blob of the layout.
struct Blob {
    sha256: String,
    bytes: u64,
}

fn blob(layout: &Path, content: &[u8]) -> Result<Blob, Error> {
    let draft = layout.join("draft");
    write(&draft, content)?;
    let told = digest("", "", &draft)?;
    let path = layout.join("blobs/sha256").join(&told.sha256);
    write(&path, content)?;
    std::fs::remove_file(&draft).map_err(Error::file(&draft))?;
    Ok(Blob {
        sha256: told.sha256,
        bytes: told.bytes,
    })
}

fn described(kind: &str, blob: &Blob) -> Value {
    json!({
        "mediaType": kind,
        "digest": format!("sha256:{}", blob.sha256),
        "size": blob.bytes,
    })
}
