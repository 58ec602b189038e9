//! The root of an image, put together as a folder and written as an erofs file: files of packages
//! by the list, files of our own, programs, modules, and what the machine file says.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use board_spec::BoardSpec;

use crate::error::Error;
use crate::gate;
use crate::kernel::Kernel;
use crate::lists::Lists;
use crate::packages::Fetched;
use crate::pattern::matches;
use crate::place::{self, Place, below, read, write};
use crate::tool;

/// What a root is made of.
pub(crate) struct Plan<'a> {
    pub(crate) place: &'a Place,
    pub(crate) lists: &'a Lists,
    pub(crate) fetched: &'a Fetched,
    pub(crate) kernel: &'a Kernel,
    pub(crate) modules: &'a [String],
    pub(crate) spec: &'a BoardSpec,
    pub(crate) version: &'a str,
    pub(crate) trust: &'a [u8],
    pub(crate) overlay: Option<&'a Path>,
    /// Whether the renter's half is in it.
    pub(crate) renter: bool,
}

/// Puts the root together and returns it as an erofs file's bytes.
pub(crate) fn build(plan: &Plan<'_>) -> Result<Vec<u8>, Error> {
    let root = plan.place.root();
    place::clear(&root)?;
    folders(&root, plan)?;
    packages(&root, plan)?;
    shared_units(&root, plan.place, plan.lists)?;
    own_files(&root, plan)?;
    programs(&root, plan)?;
    plan.kernel.install(plan.place, &root, plan.modules)?;
    machine(&root, plan)?;
    units(&root, plan)?;
    gate::no_way_in(&root)?;
    pack(&root, plan)
}

fn folders(root: &Path, plan: &Plan<'_>) -> Result<(), Error> {
    for folder in &plan.lists.shape.folders {
        let path = root.join(folder);
        std::fs::create_dir_all(&path).map_err(Error::file(&path))?;
    }
    for (path, target) in &plan.lists.shape.links {
        link(&root.join(path), Path::new(target))?;
    }
    Ok(())
}

pub(crate) fn link(path: &Path, target: &Path) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    let _ = std::fs::remove_file(path);
    symlink(target, path).map_err(Error::file(path))
}

/// Copies what the list keeps of each package. A pattern that means nothing is a fault: the package
/// has changed, and the list must follow.
fn packages(root: &Path, plan: &Plan<'_>) -> Result<(), Error> {
    for (name, keep) in &plan.lists.packages.root {
        let folder = &plan.fetched.find(name)?.folder;
        let files = below(folder)?;
        for pattern in keep {
            let mut kept = 0;
            for file in &files {
                let text = file.to_string_lossy();
                if matches(pattern, &text) {
                    copy(&folder.join(file), &root.join(file))?;
                    kept += 1;
                }
            }
            if kept == 0 {
                return Err(Error::Package {
                    name: name.clone(),
                    why: format!("holds nothing like {pattern}"),
                });
            }
        }
    }
    Ok(())
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    let meta = std::fs::symlink_metadata(from).map_err(Error::file(from))?;
    let _ = std::fs::remove_file(to);
    if meta.is_symlink() {
        let target = std::fs::read_link(from).map_err(Error::file(from))?;
        return link(to, &target);
    }
    std::fs::copy(from, to).map_err(Error::file(to))?;
    mode(
        to,
        if meta.permissions().mode() & 0o111 == 0 {
            0o644
        } else {
            0o755
        },
    )
}

/// Every file has one of two modes, whatever the umask of the build was.
pub(crate) fn mode(path: &Path, mode: u32) -> Result<(), Error> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(Error::file(path))
}

fn own_files(root: &Path, plan: &Plan<'_>) -> Result<(), Error> {
    let folder = plan.place.list("files");
    for folder in [Some(folder.as_path()), plan.overlay].into_iter().flatten() {
        for file in below(folder)? {
            copy(&folder.join(&file), &root.join(&file))?;
        }
    }
    Ok(())
}

/// Units that are not of the image alone, and the settings that lie beside them.
pub(crate) fn shared_units(root: &Path, place: &Place, lists: &Lists) -> Result<(), Error> {
    for folder in &lists.shape.units {
        let folder = place.clone.join(folder);
        for file in below(&folder)? {
            let home = match file.extension().and_then(|ending| ending.to_str()) {
                Some("service" | "socket") => "usr/lib/systemd/system",
                Some("conf") => "usr/lib/sysctl.d",
                _ => continue,
            };
            copy(&folder.join(&file), &root.join(home).join(&file))?;
        }
    }
    Ok(())
}

/// The programs of an image: name in the root, name where it was built.
pub(crate) fn programs_of(lists: &Lists, renter: bool) -> BTreeMap<String, String> {
    let mut programs = lists.shape.programs.clone();
    if renter {
        programs.extend(lists.shape.renter.clone());
    }
    programs
}

fn programs(root: &Path, plan: &Plan<'_>) -> Result<(), Error> {
    for (name, built) in programs_of(plan.lists, plan.renter) {
        let from = plan.place.programs.join(&built);
        if !plan.renter {
            gate::no_renter(&built, &read(&from)?)?;
        }
        strip(&from, &root.join("usr/bin").join(name))?;
    }
    Ok(())
}

/// Copies a program without its symbols.
pub(crate) fn strip(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    let mut objcopy = tool::own("objcopy");
    objcopy
        .args([
            "--strip-all",
            "--enable-deterministic-archives",
            "--remove-section=.comment",
        ])
        .args(["--remove-section=.note.gnu.build-id"])
        .arg(from)
        .arg(to);
    tool::run(&mut objcopy, "binutils")?;
    mode(to, 0o755)
}

/// What the machine file says, as the system's own settings.
fn machine(root: &Path, plan: &Plan<'_>) -> Result<(), Error> {
    let spec = plan.spec;
    let kernel = &spec.kernel;
    let table = kernel.neighbours;
    let mut settings = format!("# {}\n", spec.title);
    for family in ["ipv4", "ipv6"] {
        for (name, value) in [
            ("gc_thresh1", table.thresh1),
            ("gc_thresh2", table.thresh2),
            ("gc_thresh3", table.thresh3),
        ] {
            settings.push_str(&format!("net.{family}.neigh.default.{name} = {value}\n"));
        }
    }
    settings.push_str(&format!(
        "vm.dirty_background_bytes = {}\nvm.dirty_bytes = {}\nvm.min_free_kbytes = {}\n\
         kernel.panic = {}\n",
        kernel.dirty_background.0,
        kernel.dirty.0,
        kernel.free_least.0 / 1024,
        kernel.panic_s
    ));
    write(
        &root.join("usr/lib/sysctl.d/61-machine.conf"),
        settings.as_bytes(),
    )?;
    let release = format!(
        "NAME=Holdfast\nID=holdfast\nVERSION_ID={version}\nPRETTY_NAME=\"Holdfast {version}\"\n\
         IMAGE_ID=holdfast-{machine}\nIMAGE_VERSION={version}\nVARIANT_ID={machine}\n",
        version = plan.version,
        machine = spec.name,
    );
    write(&root.join("usr/lib/os-release"), release.as_bytes())?;
    write(&root.join("usr/share/holdfast/root.json"), plan.trust)?;
    link(
        &root.join("etc/os-release"),
        Path::new("../usr/lib/os-release"),
    )?;
    let budget = spec.memory.budget.0;
    let limits = format!(
        "[Service]\nMemoryHigh={budget}\nMemoryMax={}\n",
        budget + budget / 4
    );
    write(
        &root.join("usr/lib/systemd/system/holdfastd.service.d/machine.conf"),
        limits.as_bytes(),
    )?;
    let units = root.join("etc/systemd/system.conf.d/watchdog.conf");
    let watchdog = format!(
        "[Manager]\nRuntimeWatchdogSec={}s\n",
        spec.firmware.watchdog.timeout_s
    );
    write(&units, watchdog.as_bytes())
}

/// What starts, and links to units that are not here taken away.
fn units(root: &Path, plan: &Plan<'_>) -> Result<(), Error> {
    let etc = root.join("etc/systemd/system");
    for unit in &plan.lists.shape.never {
        link(&etc.join(unit), Path::new("/dev/null"))?;
    }
    for unit in &plan.lists.shape.start {
        let home = ["etc/systemd/system", "usr/lib/systemd/system"]
            .into_iter()
            .find(|folder| root.join(folder).join(unit).exists())
            .ok_or_else(|| Error::List {
                path: plan.place.list("root.toml"),
                why: format!("{unit} is nowhere in the root"),
            })?;
        let wanted = etc.join("multi-user.target.wants").join(unit);
        link(&wanted, &PathBuf::from("/").join(home).join(unit))?;
    }
    Ok(())
}

/// Writes the folder as erofs.
fn pack(root: &Path, plan: &Plan<'_>) -> Result<Vec<u8>, Error> {
    for folder in folders_below(root)? {
        mode(&folder, 0o755)?;
    }
    let image = plan.place.out.join("work/root.erofs");
    let _ = std::fs::remove_file(&image);
    let mut mkfs = tool::packaged(&plan.place.tools(), "usr/bin/mkfs.erofs", "mkfs.erofs");
    mkfs.args([
        "--quiet",
        "--all-root",
        "-zlz4hc,12",
        "-C65536",
        "-x-1",
        "-Ededupe",
    ])
    .args(["-U", "00000000-0000-4000-8000-000000000000"])
    .arg(format!("-T{}", tool::EPOCH))
    .arg(&image)
    .arg(root);
    tool::run(&mut mkfs, "erofs-utils")?;
    read(&image)
}

pub(crate) fn folders_below(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut all = vec![root.to_owned()];
    let mut next = 0;
    while let Some(folder) = all.get(next).cloned() {
        next += 1;
        for entry in std::fs::read_dir(&folder).map_err(Error::file(&folder))? {
            let entry = entry.map_err(Error::file(&folder))?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                all.push(entry.path());
            }
        }
    }
    Ok(all)
}
