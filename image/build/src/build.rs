//! One build from end to end.

use std::path::Path;
use std::time::Instant;

use board_slot::cmdline::Root;
use board_spec::BoardSpec;
use sha2::{Digest, Sha256};

use crate::BuildArgs;
use crate::bundle;
use crate::cpio::Archive;
use crate::disk::{self, Content};
use crate::error::Error;
use crate::kernel::{self, Kernel};
use crate::keys;
use crate::lists::Lists;
use crate::manifest::{self, Manifest};
use crate::packages;
use crate::place::{Place, read, write};
use crate::root::{self, Plan};
use crate::tool;
use crate::trust;
use crate::uki::{self, Section};
use crate::verity;

/// Names of the artefacts.
const ARTEFACTS: [&str; 4] = ["disk.raw", "root.img", "kernel.efi", "loader.efi"];
/// A kernel image that carries its root, for a network that boots machines.
pub(crate) const NETBOOT: &str = "netboot.efi";
/// Where the stub and the fallback loader are among the tools.
const STUB: &str = "usr/lib/systemd/boot/efi/linuxx64.efi.stub";
const LOADER: &str = "usr/lib/systemd/boot/efi/systemd-bootx64.efi";

/// Builds; returns the figures.
pub(crate) fn run(args: &BuildArgs) -> Result<serde_json::Value, Error> {
    let place = Place::new(args)?;
    let spec = machine(&place, &args.machine)?;
    let lists = Lists::read(&place)?;
    let fetched = packages::fetch(&place, &lists.packages, args.offline)?;
    let kernel = Kernel::open(&place, fetched.find(&fetched.kernel)?)?;
    let init = boot_program(&place)?;
    let trust = root_of_trust(&place, args)?;
    let begun = Instant::now();
    let (boot, rest) = kernel::wanted(&lists.modules, &spec);
    let modules = kernel.closure(&rest)?;
    let plan = Plan {
        place: &place,
        lists: &lists,
        fetched: &fetched,
        kernel: &kernel,
        modules: &modules,
        spec: &spec,
        version: &args.version,
        trust: &trust,
        overlay: args.overlay.as_deref(),
        renter: args.renter,
    };
    let mut image = root::build(&plan)?;
    let described = seal(&mut image, &args.version);
    let archive = archive(&kernel, &kernel.closure(&boot)?, &init)?;
    let uki = unified(&place, &kernel, &spec, &described, &archive)?;
    let out = &place.out;
    if args.netboot {
        // The archives follow each other: the kernel unpacks one over the other.
        let carrying = [archive.as_slice(), &carried(&image)].concat();
        let net = unified(&place, &kernel, &spec, &described, &carrying)?;
        write(&out.join(NETBOOT), &net)?;
    }
    write(&out.join("root.img"), &image)?;
    write(&out.join("kernel.efi"), &uki)?;
    write(&out.join(bundle::WORDS), described.words().as_bytes())?;
    let loader = read(&place.tools().join(LOADER))?;
    write(&out.join("loader.efi"), &loader)?;
    let content = Content {
        root: &image,
        kernel: &uki,
        loader: &loader,
        install: None,
    };
    disk::write(&place, &out.join("disk.raw"), &content)?;
    let seconds = begun.elapsed().as_secs_f64();
    let artefacts = ARTEFACTS
        .iter()
        .chain(args.netboot.then_some(&NETBOOT))
        .map(|name| manifest::digest(name, "", &out.join(name)))
        .collect::<Result<Vec<_>, _>>()?;
    let programs: Vec<String> = root::programs_of(&lists, args.renter)
        .into_values()
        .collect();
    let manifest = Manifest {
        manifest: 1,
        version: args.version.clone(),
        machine: spec.name.clone(),
        kernel: kernel.release.clone(),
        renter: args.renter,
        inputs: manifest::inputs(&place, &fetched.packages, &programs)?,
        artefacts,
    };
    manifest.write(&place, &fetched.packages)?;
    Ok(serde_json::json!({
        "out": out,
        "root_mb": megabytes(image.len()),
        "kernel_mb": megabytes(uki.len()),
        "bundle_mb": megabytes(image.len() + uki.len()),
        "build_seconds": (seconds * 10.0).round() / 10.0,
        "modules": modules.len(),
    }))
}

fn megabytes(bytes: usize) -> f64 {
    let tenths = u32::try_from(bytes / 100_000).unwrap_or(u32::MAX);
    f64::from(tenths) / 10.0
}

fn machine(place: &Place, name: &str) -> Result<BoardSpec, Error> {
    let folder = place.clone.join("board/machines");
    let text = |name: &str| std::fs::read_to_string(folder.join(format!("{name}.toml"))).ok();
    Ok(board_spec::parse(name, text)?)
}

/// The root of trust. A release names its own, unmarked, with thresholds of two at least.
fn root_of_trust(place: &Place, args: &BuildArgs) -> Result<Vec<u8>, Error> {
    let path = match &args.trust {
        Some(path) => path.clone(),
        None if args.release => {
            let what = "no root of trust of its own";
            return Err(Error::TestMark { what });
        }
        None => keys::test_set(&place.cache.join("test-keys"))?,
    };
    let text = read(&path)?;
    let root = trust::read(&path, &text)?;
    if args.release {
        trust::fit_for_release(&root, &keys::machine()?)?;
    }
    Ok(text)
}

/// Appends the hash tree. The salt follows from the content, so that equal roots are equal bytes.
fn seal(image: &mut Vec<u8>, version: &str) -> Root {
    let salt: Vec<u8> = Sha256::new()
        .chain_update("holdfast.salt.1")
        .chain_update(&*image)
        .finalize()
        .to_vec();
    let blocks = image.len().div_ceil(verity::BLOCK) as u64;
    let hash = verity::append(image, &salt);
    Root {
        hash,
        blocks,
        salt,
        version: version.to_owned(),
    }
}

/// Builds the boot program, static, into a folder of its own.
fn boot_program(place: &Place) -> Result<Vec<u8>, Error> {
    let folder = place.cache.join("cargo");
    let target = "x86_64-unknown-linux-gnu";
    let remap = format!(
        "-C target-feature=+crt-static -C relocation-model=static --remap-path-prefix={}=/holdfast",
        place.clone.display()
    );
    let mut cargo = tool::own("cargo");
    cargo
        .args([
            "build",
            "--release",
            "--quiet",
            "--package",
            "image-init",
            "--target",
            target,
        ])
        .current_dir(&place.clone)
        .env("RUSTFLAGS", remap)
        .env("CARGO_TARGET_DIR", &folder)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "z")
        .env("CARGO_PROFILE_RELEASE_LTO", "fat")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_INCREMENTAL", "false")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort");
    tool::run(&mut cargo, "rustup")?;
    let built = folder.join(target).join("release/holdfast-init");
    let stripped = place.out.join("work/holdfast-init");
    root::strip(&built, &stripped)?;
    read(&stripped)
}

/// The boot archive.
fn archive(kernel: &Kernel, modules: &[String], init: &[u8]) -> Result<Vec<u8>, Error> {
    let mut archive = Archive::default();
    for folder in ["dev", "proc", "sys", "run", "sysroot", "modules"] {
        archive.folder(folder);
    }
    // The kernel opens it for the first program before anything is mounted.
    archive.device("dev/console", (5, 1));
    archive.file("init", 0o755, init);
    let mut order = String::new();
    for file in modules {
        let name = file.rsplit('/').next().unwrap_or(file);
        archive.file(&format!("modules/{name}"), 0o644, &kernel.module(file)?);
        order.push_str(name);
        order.push('\n');
    }
    archive.file("modules/order", 0o644, order.as_bytes());
    Ok(archive.finish())
}

/// The archive with the root, for a machine that has it from the network.
fn carried(root: &[u8]) -> Vec<u8> {
    let mut archive = Archive::default();
    archive.folder("carried");
    archive.file("carried/root.img", 0o444, root);
    archive.finish()
}

/// The kernel image, unsigned.
fn unified(
    place: &Place,
    kernel: &Kernel,
    spec: &BoardSpec,
    root: &Root,
    archive: &[u8],
) -> Result<Vec<u8>, Error> {
    let stub = read(&place.tools().join(STUB))?;
    let line = command_line(spec, root);
    let release = read(&Path::new(&place.root()).join("usr/lib/os-release"))?;
    let image = kernel.image()?;
    let section = |name, content| Section { name, content };
    uki::build(
        &stub,
        &[
            section(".osrel", &release),
            section(".cmdline", line.as_bytes()),
            section(".uname", kernel.release.as_bytes()),
            section(".initrd", archive),
            section(".linux", &image),
        ],
    )
}

fn command_line(spec: &BoardSpec, root: &Root) -> String {
    let mut line = format!(
        "{} console=tty0 console=ttyS0,115200 quiet loglevel=5 panic={} oops=panic \
         lockdown=integrity module.sig_enforce=1 systemd.machine_id=firmware \
         systemd.show_status=no gpt",
        root.words(),
        spec.kernel.panic_s,
    );
    for word in &spec.kernel.words {
        line.push(' ');
        line.push_str(word);
    }
    line
}
