//! What the updater remembers on the state partition: the trial under way, the floor, and why slots
//! were left. Each file is replaced whole by a rename, so it is old or new, never half.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use board_slot::Slot;
use image_bundle::Version;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::host::Fitness;
use crate::reset::Shape;

const TRIAL: &str = "trial.toml";
const STAGED: &str = "staged.toml";
const FLOOR: &str = "floor.toml";
const LEFT: &str = "left";
const PINNED: &str = "pinned";
const PAUSED: &str = "paused";
const WISH: &str = "wish.toml";
const TOOK: &str = "took";
const RESET: &str = "reset.toml";
const DRIVES: &str = "drives";
const REASONS: &str = "reasons.log";
/// Reasons that are kept.
const REASONS_MOST: usize = 64;

/// A version in a slot: staged, or tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trial {
    /// Label of the slot.
    pub(crate) slot: String,
    /// Version that is tried.
    pub(crate) version: String,
    /// The floor that the version asks for.
    pub(crate) min_version: Version,
    /// Whether the firmware was asked to try it.
    #[serde(default)]
    pub(crate) asked: bool,
    /// What the host could do before.
    #[serde(default)]
    pub(crate) before: Option<Fitness>,
}

impl Trial {
    /// The slot.
    pub(crate) fn slot(&self) -> Option<Slot> {
        Slot::of_label(&self.slot)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Reset {
    reset: Shape,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answered {
    wish: u64,
    answer: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Floor {
    floor: Version,
}

/// The updater's folder.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    folder: PathBuf,
}

impl Record {
    /// Opens it, making it where it is missing.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// A folder below, made anew where it is missing.
    pub(crate) fn below(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.folder.join(name);
        std::fs::create_dir_all(&path).map_err(Error::file(&path))?;
        Ok(path)
    }

    /// An empty folder below.
    pub(crate) fn empty(&self, name: &str) -> Result<PathBuf, Error> {
        match std::fs::remove_dir_all(self.folder.join(name)) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file(self.folder.join(name))(why))
            }
            _ => self.below(name),
        }
    }

    /// The trial under way; one that cannot be read counts as none.
    pub(crate) fn trial(&self) -> Option<Trial> {
        self.read(TRIAL)
    }

    /// When the trial under way was recorded.
    pub(crate) fn tried_at(&self) -> Option<SystemTime> {
        let meta = std::fs::metadata(self.folder.join(TRIAL)).ok()?;
        meta.modified().ok()
    }

    /// Records a trial, or that there is none.
    pub(crate) fn set_trial(&self, trial: Option<&Trial>) -> Result<(), Error> {
        self.set(TRIAL, trial)
    }

    /// What was staged and not yet activated.
    pub(crate) fn staged(&self) -> Option<Trial> {
        self.read(STAGED)
    }

    /// Records what is staged, or that nothing is.
    pub(crate) fn set_staged(&self, staged: Option<&Trial>) -> Result<(), Error> {
        self.set(STAGED, staged)
    }

    fn read(&self, name: &str) -> Option<Trial> {
        let text = std::fs::read_to_string(self.folder.join(name)).ok()?;
        toml::from_str(&text).ok()
    }

    fn set(&self, name: &str, trial: Option<&Trial>) -> Result<(), Error> {
        match trial {
            Some(trial) => self.replace(name, &text(trial)?),
            None => self.remove(name),
        }
    }

    /// The least version that is taken.
    pub(crate) fn floor(&self) -> Version {
        std::fs::read_to_string(self.folder.join(FLOOR))
            .ok()
            .and_then(|text| toml::from_str::<Floor>(&text).ok())
            .map_or(Version(0, 0, 0), |floor| floor.floor)
    }

    /// Raises the floor; it never falls.
    pub(crate) fn raise_floor(&self, floor: Version) -> Result<(), Error> {
        if floor <= self.floor() {
            return Ok(());
        }
        self.replace(FLOOR, &text(&Floor { floor })?)
    }

    /// Versions that were tried and left; they are not tried again by themselves.
    pub(crate) fn left(&self) -> Vec<String> {
        std::fs::read_to_string(self.folder.join(LEFT))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Notes that a version was left.
    pub(crate) fn leave(&self, version: &str) -> Result<(), Error> {
        let mut left = self.left();
        if left.iter().any(|known| known == version) {
            return Ok(());
        }
        left.push(version.to_owned());
        self.replace(LEFT, &format!("{}\n", left.join("\n")))
    }

    /// The only version that is taken; empty when any newer one is.
    pub(crate) fn pinned(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join(PINNED)).unwrap_or_default();
        text.trim().to_owned()
    }

    /// Takes one version alone, or any again when it is empty.
    pub(crate) fn pin(&self, version: &str) -> Result<(), Error> {
        self.replace(PINNED, version)
    }

    /// Whether bundles are looked for.
    pub(crate) fn paused(&self) -> bool {
        std::fs::read(self.folder.join(PAUSED)).is_ok_and(|text| !text.is_empty())
    }

    /// Stops or begins looking for bundles.
    pub(crate) fn pause(&self, paused: bool) -> Result<(), Error> {
        self.replace(PAUSED, if paused { "paused" } else { "" })
    }

    /// The reset that the next start carries out.
    pub(crate) fn reset(&self) -> Option<Shape> {
        let text = std::fs::read_to_string(self.folder.join(RESET)).ok()?;
        toml::from_str::<Reset>(&text).ok().map(|reset| reset.reset)
    }

    /// Asks for a reset, or says that it was done.
    pub(crate) fn set_reset(&self, shape: Option<Shape>) -> Result<(), Error> {
        match shape {
            Some(reset) => self.replace(RESET, &text(&Reset { reset })?),
            None => self.remove(RESET),
        }
    }

    /// Forgets what an owner ordered; floor and known metadata stay.
    pub(crate) fn forget_orders(&self) -> Result<(), Error> {
        [PINNED, PAUSED, WISH]
            .into_iter()
            .try_for_each(|name| self.remove(name))
    }

    /// The path of a file of somebody else's in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Gives a file another one's place; durable when it returns.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        std::fs::rename(self.path(from), self.path(to)).map_err(Error::file(self.path(to)))?;
        self.flush()
    }

    /// Removes a file, which need not be there; durable when it returns.
    pub(crate) fn forget(&self, name: &str) -> Result<(), Error> {
        self.remove(name)
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.folder.join(name);
        match std::fs::remove_file(&path) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(Error::file(path)(why)),
            _ => self.flush(),
        }
    }

    /// How long after the updater the last healthy start was healthy.
    pub(crate) fn took(&self) -> Option<Duration> {
        let text = std::fs::read_to_string(self.folder.join(TOOK)).ok()?;
        text.trim().parse().ok().map(Duration::from_secs)
    }

    /// Notes that, in whole seconds; not written when it is as it was.
    pub(crate) fn set_took(&self, took: Duration) -> Result<(), Error> {
        let took = Duration::from_secs(took.as_secs() + 1);
        if self.took() == Some(took) {
            return Ok(());
        }
        self.replace(TOOK, &took.as_secs().to_string())
    }

    /// The last wish that was looked at, and what became of it.
    pub(crate) fn wish(&self) -> (u64, String) {
        let text = std::fs::read_to_string(self.folder.join(WISH)).unwrap_or_default();
        toml::from_str(&text).map_or((0, String::new()), |wish: Answered| {
            (wish.wish, wish.answer)
        })
    }

    /// Notes what became of a wish.
    pub(crate) fn set_wish(&self, wish: u64, answer: &str) -> Result<(), Error> {
        let answer = answer.to_owned();
        self.replace(WISH, &text(&Answered { wish, answer })?)
    }

    /// Serial numbers of the data drives that were claimed, in the order of their claims.
    pub(crate) fn drives(&self) -> Vec<String> {
        std::fs::read_to_string(self.folder.join(DRIVES))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Replaces them; durable when it returns.
    pub(crate) fn set_drives(&self, serials: &[String]) -> Result<(), Error> {
        if serials.is_empty() {
            return self.remove(DRIVES);
        }
        self.replace(DRIVES, &format!("{}\n", serials.join("\n")))
    }

    /// Why slots were left, the oldest first.
    pub(crate) fn reasons(&self) -> Vec<String> {
        std::fs::read_to_string(self.folder.join(REASONS))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Keeps one more reason.
    pub(crate) fn keep_reason(&self, reason: &str) -> Result<(), Error> {
        let mut lines = self.reasons();
        lines.push(reason.replace('\n', " "));
        let from = lines.len().saturating_sub(REASONS_MOST);
        let kept = lines.get(from..).unwrap_or_default().join("\n");
        self.replace(REASONS, &format!("{kept}\n"))
    }

    fn replace(&self, name: &str, text: &str) -> Result<(), Error> {
        replace(&self.folder.join(name), text.as_bytes())
    }

    fn flush(&self) -> Result<(), Error> {
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(Error::file(&self.folder))
    }
}

fn text(value: &impl Serialize) -> Result<String, Error> {
    toml::to_string(value).map_err(|why| Error::State {
        what: "the updater's record",
        why: why.to_string(),
    })
}

/// Replaces a file whole; durable when it returns.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Error> {
    let half = path.with_extension("half");
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::create(&half)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&half, path))
        .and_then(|()| File::open(folder))
        .and_then(|folder| folder.sync_all())
        .map_err(Error::file(path))
}

#[cfg(test)]
mod tests;
