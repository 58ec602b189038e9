//! The kernel: its image, its release, and the modules an image needs with everything those need.
//!
//! modules.dep and modules.softdep are made by depmod into a folder of our own; both are followed,
//! because what a file system needs for its check sums stands in the second only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use board_spec::{BoardSpec, Bus};

use crate::error::Error;
use crate::lists::Modules;
use crate::packages::Package;
use crate::place::{Place, read, write};
use crate::tool;

/// A kernel with the knowledge of its modules.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// Its release, as `uname -r` says.
    pub(crate) release: String,
    folder: PathBuf,
    /// Module name to file below the modules folder.
    files: BTreeMap<String, String>,
    needs: BTreeMap<String, Vec<String>>,
    builtin: BTreeSet<String>,
}

impl Kernel {
    /// Reads the kernel of an unpacked package.
    pub(crate) fn open(place: &Place, package: &Package) -> Result<Self, Error> {
        let release = package
            .name
            .strip_prefix("linux-image-")
            .unwrap_or(&package.name)
            .to_owned();
        let folder = package.folder.join("usr/lib/modules").join(&release);
        if !folder.join("modules.softdep").exists() {
            depmod(place, &package.folder.join("usr"), &release)?;
        }
        let mut kernel = Self {
            release,
            files: BTreeMap::new(),
            needs: BTreeMap::new(),
            builtin: names(&text(&folder.join("modules.builtin"))?),
            folder,
        };
        kernel.read_needs()?;
        Ok(kernel)
    }

    /// The kernel's image.
    pub(crate) fn image(&self) -> Result<Vec<u8>, Error> {
        let top = self.folder.ancestors().nth(4).unwrap_or(&self.folder);
        read(&top.join(format!("boot/vmlinuz-{}", self.release)))
    }

    fn read_needs(&mut self) -> Result<(), Error> {
        for line in text(&self.folder.join("modules.dep"))?.lines() {
            let Some((file, needs)) = line.split_once(':') else {
                continue;
            };
            let name = module_name(file);
            self.files.insert(name.clone(), file.to_owned());
            let needs = needs.split_whitespace().map(module_name).collect();
            self.needs.insert(name, needs);
        }
        let aliases = text(&self.folder.join("modules.alias"))?;
        for line in text(&self.folder.join("modules.softdep"))?.lines() {
            let mut words = line.split_whitespace().skip(1);
            let Some(name) = words.next().map(module_name) else {
                continue;
            };
            let before = words
                .skip_while(|word| *word != "pre:")
                .skip(1)
                .take_while(|word| !word.ends_with(':'))
                .map(module_name)
                .flat_map(|soft| self.called(soft, &aliases));
            let before: Vec<String> = before.collect();
            self.needs.entry(name).or_default().extend(before);
        }
        Ok(())
    }

    /// The modules a soft need means: by name, else by alias. Several may carry one alias (the
    /// plain and the fast form of a check sum); none is no fault, for it may be built in.
    fn called(&self, soft: String, aliases: &str) -> Vec<String> {
        if self.files.contains_key(&soft) {
            return vec![soft];
        }
        aliases
            .lines()
            .filter_map(|line| line.strip_prefix("alias "))
            .filter_map(|line| line.split_once(' '))
            .filter(|(alias, _)| module_name(alias) == soft)
            .map(|(_, name)| module_name(name))
            .collect()
    }

    /// The named modules and all they need, each after what it needs, as files.
    pub(crate) fn closure(&self, wanted: &BTreeSet<String>) -> Result<Vec<String>, Error> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for name in wanted {
            self.visit(name, &mut seen, &mut order)?;
        }
        Ok(order)
    }

    fn visit(
        &self,
        name: &str,
        seen: &mut BTreeSet<String>,
        order: &mut Vec<String>,
    ) -> Result<(), Error> {
        let name = module_name(name);
        if self.builtin.contains(&name) || !seen.insert(name.clone()) {
            return Ok(());
        }
        let Some(file) = self.files.get(&name) else {
            return Err(Error::Module {
                kernel: self.release.clone(),
                name,
            });
        };
        for needed in self.needs.get(&name).into_iter().flatten() {
            self.visit(needed, seen, order)?;
        }
        order.push(file.clone());
        Ok(())
    }

    /// Content of a module's file.
    pub(crate) fn module(&self, file: &str) -> Result<Vec<u8>, Error> {
        read(&self.folder.join(file))
    }

    /// Puts modules into a root and lets depmod describe them there.
    pub(crate) fn install(
        &self,
        place: &Place,
        root: &Path,
        files: &[String],
    ) -> Result<(), Error> {
        let folder = root.join("usr/lib/modules").join(&self.release);
        for file in files {
            write(&folder.join(file), &self.module(file)?)?;
        }
        for name in [
            "modules.builtin",
            "modules.builtin.modinfo",
            "modules.order",
        ] {
            write(&folder.join(name), &read(&self.folder.join(name))?)?;
        }
        depmod(place, &root.join("usr"), &self.release)?;
        for name in [
            "modules.builtin",
            "modules.builtin.modinfo",
            "modules.order",
            "modules.dep",
            "modules.alias",
            "modules.symbols",
            "modules.devname",
            "modules.symbols.bin",
            "modules.weakdep",
        ] {
            let _ = std::fs::remove_file(folder.join(name));
        }
        Ok(())
    }
}

/// The modules of a machine: of its boot archive, and of its root.
pub(crate) fn wanted(lists: &Modules, spec: &BoardSpec) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut boot: BTreeSet<String> = lists.boot.iter().cloned().collect();
    boot.insert(spec.firmware.watchdog.driver.clone());
    boot.insert(match spec.drives.bus {
        Bus::Nvme => "nvme".to_owned(),
        Bus::Virtio => "virtio_blk".to_owned(),
    });
    let mut root = boot.clone();
    root.extend(lists.root.iter().cloned());
    root.extend(spec.nics.drivers.iter().cloned());
    (boot, root)
}

fn depmod(place: &Place, base: &Path, release: &str) -> Result<(), Error> {
    // It looks for lib/modules below its base; `usr` has exactly that.
    let mut depmod = tool::packaged(&place.tools(), "usr/bin/kmod", "depmod");
    depmod.arg("-b").arg(base).arg(release);
    tool::run(&mut depmod, "kmod").map(drop)
}

fn text(path: &Path) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}

fn names(list: &str) -> BTreeSet<String> {
    list.lines().map(module_name).collect()
}

/// `kernel/fs/erofs/erofs.ko.xz` is `erofs`; dashes and underscores mean the same.
fn module_name(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    let stem = name.split(".ko").next().unwrap_or(name);
    stem.replace('-', "_")
}
