//! Debian's packages: fetched once with a configuration of our own, kept as they are, unpacked with
//! `dpkg-deb -x`. No maintainer script ever runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::lists::Packages;
use crate::place::{Place, read, write};
use crate::tool;

/// The release and where it is asked for; apt's own proxies and keys hold.
const SOURCES: &str = "\
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security trixie-security main
";

/// A package that was fetched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its file.
    pub(crate) file: PathBuf,
    /// Where it was unpacked to.
    pub(crate) folder: PathBuf,
}

/// What was fetched.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    /// Every package, by name.
    pub(crate) packages: Vec<Package>,
    /// Name of the kernel's own package.
    pub(crate) kernel: String,
}

impl Fetched {
    /// The package of a name.
    pub(crate) fn find(&self, name: &str) -> Result<&Package, Error> {
        self.packages
            .iter()
            .find(|package| package.name == name)
            .ok_or_else(|| Error::Package {
                name: name.to_owned(),
                why: "was not fetched".to_owned(),
            })
    }
}

/// Fetches what is missing and unpacks it.
pub(crate) fn fetch(place: &Place, wanted: &Packages, offline: bool) -> Result<Fetched, Error> {
    let debs = place.debs();
    std::fs::create_dir_all(&debs).map_err(Error::file(&debs))?;
    let note = debs.join("kernel");
    let mut names: BTreeSet<String> = wanted.tools.iter().cloned().collect();
    names.extend(wanted.root.keys().cloned());
    let kernel = match std::fs::read_to_string(&note) {
        Ok(name) => name,
        Err(_) => {
            let name = kernel(&configure(place, offline)?, &wanted.kernel)?;
            write(&note, name.as_bytes())?;
            name
        }
    };
    names.insert(kernel.clone());
    let packages = some(place, &names, offline)?;
    let fetched = Fetched { packages, kernel };
    gather_tools(place, wanted, &fetched)?;
    Ok(fetched)
}

/// Fetches what is missing of some packages and unpacks them.
pub(crate) fn some(
    place: &Place,
    names: &BTreeSet<String>,
    offline: bool,
) -> Result<Vec<Package>, Error> {
    let debs = place.debs();
    std::fs::create_dir_all(&debs).map_err(Error::file(&debs))?;
    let missing: Vec<&String> = names
        .iter()
        .filter(|name| file(&debs, name).is_none())
        .collect();
    if !missing.is_empty() {
        let conf = configure(place, offline)?;
        let mut get = tool::own("apt-get");
        get.env("APT_CONFIG", &conf).current_dir(&debs);
        get.args(["-q", "download"]).args(&missing);
        tool::run(&mut get, "apt")?;
    }
    names
        .iter()
        .map(|name| unpack(place, &debs, name))
        .collect()
}

/// Writes apt's configuration and reads the lists of packages.
fn configure(place: &Place, offline: bool) -> Result<PathBuf, Error> {
    if offline {
        return Err(Error::Package {
            name: "one or more".to_owned(),
            why: "not fetched yet, and --offline forbids to".to_owned(),
        });
    }
    let apt = place.cache.join("apt");
    for folder in ["state/lists/partial", "cache/archives/partial"] {
        let path = apt.join(folder);
        std::fs::create_dir_all(&path).map_err(Error::file(&path))?;
    }
    write(&apt.join("state/status"), b"")?;
    write(&apt.join("sources.list"), SOURCES.as_bytes())?;
    let at = apt.display();
    let text = format!(
        "Dir::State \"{at}/state\";\nDir::State::status \"{at}/state/status\";\n\
         Dir::Cache \"{at}/cache\";\nDir::Etc::sourcelist \"{at}/sources.list\";\n\
         Dir::Etc::sourceparts \"/dev/null\";\nDir::Etc::preferencesparts \"/dev/null\";\n\
         APT::Architecture \"amd64\";\nAPT::Install-Recommends \"false\";\n"
    );
    let conf = apt.join("apt.conf");
    write(&conf, text.as_bytes())?;
    let mut update = tool::own("apt-get");
    update.env("APT_CONFIG", &conf).args(["-q", "update"]);
    tool::run(&mut update, "apt")?;
    Ok(conf)
}

/// The kernel's own package: the one that the wanted package depends on.
fn kernel(conf: &Path, wanted: &str) -> Result<String, Error> {
    let mut depends = tool::own("apt-cache");
    depends.env("APT_CONFIG", conf).args(["depends", wanted]);
    tool::run(&mut depends, "apt")?
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .find(|name| name.starts_with("linux-image-"))
        .map(str::to_owned)
        .ok_or_else(|| Error::Package {
            name: wanted.to_owned(),
            why: "depends on no kernel".to_owned(),
        })
}

fn file(debs: &Path, name: &str) -> Option<PathBuf> {
    let start = format!("{name}_");
    let mut found: Vec<PathBuf> = std::fs::read_dir(debs)
        .ok()?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&start))
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "deb"))
        .collect();
    found.sort();
    found.pop()
}

fn unpack(place: &Place, debs: &Path, name: &str) -> Result<Package, Error> {
    let file = file(debs, name).ok_or_else(|| Error::Package {
        name: name.to_owned(),
        why: "the archive did not deliver it".to_owned(),
    })?;
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let version = stem
        .split('_')
        .nth(1)
        .unwrap_or_default()
        .replace("%3a", ":");
    let folder = place.unpacked().join(&*stem);
    if !folder.exists() {
        let half = folder.with_extension("half");
        crate::place::clear(&half)?;
        std::fs::create_dir_all(&half).map_err(Error::file(&half))?;
        let mut dpkg = tool::own("dpkg-deb");
        dpkg.arg("-x").arg(&file).arg(&half);
        tool::run(&mut dpkg, "dpkg")?;
        std::fs::rename(&half, &folder).map_err(Error::file(&folder))?;
    }
    Ok(Package {
        name: name.to_owned(),
        version,
        file,
        folder,
    })
}

/// Puts the tools into one folder, when their packages are not those that made it.
fn gather_tools(place: &Place, wanted: &Packages, fetched: &Fetched) -> Result<(), Error> {
    let tools = place.tools();
    let mark = tools.join("made-of");
    let mut text = String::new();
    for name in &wanted.tools {
        let package = fetched.find(name)?;
        text.push_str(&format!("{} {}\n", package.name, package.version));
    }
    if read(&mark).is_ok_and(|have| have == text.as_bytes()) {
        return Ok(());
    }
    crate::place::clear(&tools)?;
    std::fs::create_dir_all(&tools).map_err(Error::file(&tools))?;
    for name in &wanted.tools {
        let mut dpkg = tool::own("dpkg-deb");
        dpkg.arg("-x").arg(&fetched.find(name)?.file).arg(&tools);
        tool::run(&mut dpkg, "dpkg")?;
    }
    write(&mark, text.as_bytes())
}
