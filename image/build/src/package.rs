//! The same programs and units for machines that have a system already: a Debian package, a plain
//! archive, and a container image. No container engine and no privilege is needed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::lists::Lists;
use crate::manifest::{self, Manifest};
use crate::oci;
use crate::packages::{self, Package};
use crate::place::{self, Place, write};
use crate::{root, tool};

/// Programs of a package, besides those of an image's root.
const MORE: [&str; 2] = ["holdfast-services", "holdfast-devchain"];
/// Libraries that a container's programs are linked with: package, files.
const LIBRARIES: [(&str, &[&str]); 2] = [
    (
        "libc6",
        &[
            "libc.so.6",
            "libm.so.6",
            "libresolv.so.2",
            "libnss_dns.so.2",
            "libnss_files.so.2",
            "ld-linux-x86-64.so.2",
        ],
    ),
    ("libgcc-s1", &["libgcc_s.so.1"]),
];
/// Where Debian keeps them.
const HOME: &str = "usr/lib/x86_64-linux-gnu";

/// What is packed.
#[derive(Debug, clap::Args)]
pub(crate) struct PackageArgs {
    /// Version of the package
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    version: image_bundle::Version,
    /// Where the artefacts go; default is target/image/package
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where holdfastd and its siblings are; default is beside this program
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Make the container image alone
    #[arg(long)]
    container_only: bool,
    /// Use only packages fetched before
    #[arg(long)]
    offline: bool,
}

/// Packs; returns a line of JSON that names what was made.
pub(crate) fn run(args: &PackageArgs) -> Result<String, Error> {
    let mut place = Place::at(args.out.as_deref(), "package")?;
    if let Some(folder) = &args.programs {
        place.programs.clone_from(folder);
    }
    let lists = Lists::read(&place)?;
    let version = args.version.to_string();
    let wanted: BTreeSet<String> = LIBRARIES.iter().map(|(name, _)| (*name).into()).collect();
    let libraries = packages::some(&place, &wanted, args.offline)?;
    let tree = place.out.join("work/tree");
    let programs = lay(&tree, &place, &lists)?;
    let mut names = Vec::new();
    if !args.container_only {
        names.push(deb(&place, &tree, &version)?);
        let archive = format!("holdfast-{version}-x86_64.tar.gz");
        tar(&tree, &place.out.join(&archive), true)?;
        names.push(archive);
    }
    let inner = place.out.join("work/container");
    container(&inner, &tree, &libraries)?;
    let image = format!("holdfast-{version}.oci.tar");
    oci::archive(&place, &inner, &version, &place.out.join(&image))?;
    names.push(image);
    let compose = format!("{}/image/container/compose.yaml", place.clone.display());
    root::copy(Path::new(&compose), &place.out.join("compose.yaml"))?;
    let artefacts = names
        .iter()
        .map(|name| manifest::digest(name, "", &place.out.join(name)))
        .collect::<Result<Vec<_>, _>>()?;
    let made = Manifest {
        manifest: 1,
        version,
        machine: "any".to_owned(),
        kernel: String::new(),
        renter: true,
        inputs: manifest::inputs(&place, &libraries, &programs)?,
        artefacts,
    };
    made.write(&place, &libraries)?;
    let said = serde_json::json!({
        "out": place.out, "made": names,
    });
    Ok(said.to_string())
}

/// The files of the package; returns the programs' names.
fn lay(tree: &Path, place: &Place, lists: &Lists) -> Result<Vec<String>, Error> {
    place::clear(tree)?;
    let mut programs: Vec<String> = root::programs_of(lists, true)
        .into_values()
        .filter(|name| name != "holdfast-update")
        .collect();
    programs.extend(MORE.map(str::to_owned));
    for name in &programs {
        let to = tree.join("usr/bin").join(name);
        root::strip(&place.programs.join(name), &to)?;
    }
    root::shared_units(tree, place, lists)?;
    write(
        &tree.join("usr/lib/sysusers.d/holdfast.conf"),
        b"u holdfast - \"Holdfast\" /var/lib/holdfast\n",
    )?;
    let papers = tree.join("usr/share/doc/holdfast");
    for name in ["README.md", "LICENSE", "LICENSE-MIT", "LICENSE-APACHE"] {
        root::copy(&place.clone.join(name), &papers.join(name))?;
    }
    Ok(programs)
}

/// A Debian package of the tree.
fn deb(place: &Place, tree: &Path, version: &str) -> Result<String, Error> {
    let folder = place.out.join("work/deb");
    place::clear(&folder)?;
    for file in place::below(tree)? {
        root::copy(&tree.join(&file), &folder.join(&file))?;
    }
    let control = format!(
        "Package: holdfast\nVersion: {version}\nArchitecture: amd64\nSection: net\n\
         Priority: optional\nMaintainer: Holdfast <holdfast@localhost>\n\
         Depends: libc6 (>= 2.36), libgcc-s1\nRecommends: systemd\n\
         Description: decentralised storage: hosts that keep, prove and serve\n \
         The host daemon, its command line, the signer and the two privileged programs,\n \
         with their units. Nothing starts before a host was made with `holdfast init`.\n"
    );
    write(&folder.join("DEBIAN/control"), control.as_bytes())?;
    let after = folder.join("DEBIAN/postinst");
    write(
        &after,
        b"#!/bin/sh\nset -e\nif command -v systemd-sysusers >/dev/null; then\n\
          \tsystemd-sysusers holdfast.conf\nfi\n\
          if [ -d /run/systemd/system ]; then\n\tsystemctl daemon-reload\nfi\n",
    )?;
    root::mode(&after, 0o755)?;
    for folder in root::folders_below(&folder)? {
        root::mode(&folder, 0o755)?;
    }
    let name = format!("holdfast_{version}_amd64.deb");
    let path = place.out.join(&name);
    let mut dpkg = tool::own("dpkg-deb");
    dpkg.args(["--root-owner-group", "-Zgzip", "--build"])
        .arg(&folder)
        .arg(&path);
    tool::run(&mut dpkg, "dpkg")?;
    Ok(name)
}

/// What is in the container: programs, their libraries, the two lists of names.
fn container(inner: &Path, tree: &Path, libraries: &[Package]) -> Result<(), Error> {
    place::clear(inner)?;
    for name in ["holdfastd", "holdfast", "holdfast-signer"] {
        root::copy(
            &tree.join("usr/bin").join(name),
            &inner.join("usr/bin").join(name),
        )?;
    }
    for (name, files) in LIBRARIES {
        let package = libraries.iter().find(|package| package.name == name);
        for file in files {
            let from = package.map(|package| package.folder.join(HOME).join(file));
            root::copy(&from.unwrap_or_default(), &inner.join("usr/lib").join(file))?;
        }
    }
    root::link(&inner.join("lib"), Path::new("usr/lib"))?;
    root::link(&inner.join("lib64"), Path::new("usr/lib"))?;
    for (path, text) in [
        (
            "etc/passwd",
            "holdfast:x:900:900::/var/lib/holdfast:/nonexistent\n",
        ),
        ("etc/group", "holdfast:x:900:\n"),
        (
            "etc/nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n",
        ),
    ] {
        write(&inner.join(path), text.as_bytes())?;
    }
    for folder in ["var/lib", "tmp", "proc", "sys", "dev", "run"] {
        let path = inner.join(folder);
        std::fs::create_dir_all(&path).map_err(Error::file(&path))?;
    }
    Ok(())
}

/// An archive of a folder: sorted, without owners, of one moment.
pub(crate) fn tar(folder: &Path, to: &Path, packed: bool) -> Result<(), Error> {
    for folder in root::folders_below(folder)? {
        root::mode(&folder, 0o755)?;
    }
    let mut tar = tool::own("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--format=ustar", "--hard-dereference"])
        .arg(format!("--mtime=@{}", tool::EPOCH));
    if packed {
        tar.args(["--use-compress-program", "gzip --no-name"]);
    }
    tar.arg("--create")
        .arg("--file")
        .arg(to)
        .arg("--directory")
        .arg(folder)
        .arg(".");
    tool::run(&mut tar, "tar").map(drop)
}
