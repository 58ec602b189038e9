//! Where things are: the clone, its lists, the folder of what was fetched, the output.

use std::path::{Path, PathBuf};

use crate::BuildArgs;
use crate::error::Error;

/// The folders of one build.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The clone.
    pub(crate) clone: PathBuf,
    /// Packages and tools, shared by all builds.
    pub(crate) cache: PathBuf,
    /// Programs of ours.
    pub(crate) programs: PathBuf,
    /// Artefacts.
    pub(crate) out: PathBuf,
}

impl Place {
    /// Works the folders out and makes those that are written to.
    pub(crate) fn new(args: &BuildArgs) -> Result<Self, Error> {
        let mut place = Self::at(args.out.as_deref(), &args.machine)?;
        if let Some(folder) = &args.programs {
            place.programs.clone_from(folder);
        }
        Ok(place)
    }

    /// The folders around an output folder; without one, that of a name.
    pub(crate) fn at(out: Option<&Path>, name: &str) -> Result<Self, Error> {
        // The manifest's folder is known when the program is built; a clone may have moved since.
        let built = Path::new(env!("CARGO_MANIFEST_DIR"));
        let clone = std::env::current_dir()
            .ok()
            .filter(|here| here.join("image/rootfs/packages.toml").exists())
            .or_else(|| built.ancestors().nth(2).map(Path::to_owned))
            .unwrap_or_default();
        let cache = clone.join("target/image");
        let out = out.map_or_else(|| cache.join(name), Path::to_owned);
        let programs = std::env::current_exe()
            .map_err(Error::file("this program"))?
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default();
        for folder in [&cache, &out] {
            std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        }
        let out = out.canonicalize().map_err(Error::file(&out))?;
        Ok(Self {
            clone,
            cache,
            programs,
            out,
        })
    }

    /// A file of image/rootfs.
    pub(crate) fn list(&self, name: &str) -> PathBuf {
        self.clone.join("image/rootfs").join(name)
    }

    /// The packages as they were fetched.
    pub(crate) fn debs(&self) -> PathBuf {
        self.cache.join("debs")
    }

    /// The packages unpacked, one folder each.
    pub(crate) fn unpacked(&self) -> PathBuf {
        self.cache.join("unpacked")
    }

    /// The tools of the build, unpacked into one folder.
    pub(crate) fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// The root while it is put together.
    pub(crate) fn root(&self) -> PathBuf {
        self.out.join("work/root")
    }
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(Error::file(path))
}

/// Writes a file, making its folder.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    std::fs::write(path, content).map_err(Error::file(path))
}

/// A value as the JSON of a file.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|why| Error::List {
        path: "what is written".into(),
        why: why.to_string(),
    })?;
    text.push(b'\n');
    Ok(text)
}

/// Removes a folder that may not be there.
pub(crate) fn clear(path: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(Error::file(path)(why)),
        _ => Ok(()),
    }
}

/// Every file and link below a folder, as paths relative to it, sorted.
pub(crate) fn below(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        let path = folder.join(&inner);
        for entry in std::fs::read_dir(&path).map_err(Error::file(&path))? {
            let entry = entry.map_err(Error::file(&path))?;
            let kind = entry.file_type().map_err(Error::file(entry.path()))?;
            let relative = inner.join(entry.file_name());
            if kind.is_dir() {
                open.push(relative);
            } else {
                found.push(relative);
            }
        }
    }
    found.sort();
    Ok(found)
}
