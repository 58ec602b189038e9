//! The puts of this gateway: their rows, their spool, and that one request at a time changes one.
//!
//! On the drive: `ID.json` is the row, `ID/NAME` the body. Invariants: a row is there before its
//! session is said and gone before its body goes; bytes beyond what a row says are cut off when a
//! gateway opens; the sum of all lengths that are promised room stays within the spool's bound.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedMutexGuard, watch};

use super::fault::{Fault, Own, file_fault};
use super::row::{Order, Row};
use crate::error::{Error, file};

/// Puts that are not stored yet, at most.
const OPEN_MAX: usize = 256;
/// Puts that are remembered, at most; beyond, the oldest stored one is forgotten.
const KEPT_MAX: usize = 4096;

/// The right to change one put.
pub(super) type Turn = OwnedMutexGuard<()>;

/// One put.
pub(super) struct One {
    /// Its name: 32 hex digits.
    pub(super) id: String,
    row: Mutex<Row>,
    /// Held while its files are written; whether they are gone.
    gone: Mutex<bool>,
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Counts bodies, so that one whose client came again ends.
    pub(super) bodies: watch::Sender<u64>,
    /// Whether it is being given up.
    pub(super) given_up: watch::Sender<bool>,
}

impl One {
    fn new(id: String, row: Row) -> Arc<Self> {
        Arc::new(Self {
            id,
            row: Mutex::new(row),
            gone: Mutex::new(false),
            turn: Arc::default(),
            bodies: watch::Sender::new(0),
            given_up: watch::Sender::new(false),
        })
    }

    /// As it stands.
    pub(super) fn row(&self) -> Row {
        self.row
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The right to change it, when nobody has it.
    pub(super) fn try_turn(&self) -> Option<Turn> {
        Arc::clone(&self.turn).try_lock_owned().ok()
    }

    /// The same; waits.
    pub(super) async fn turn(&self) -> Turn {
        Arc::clone(&self.turn).lock_owned().await
    }
}

/// All of them.
pub(super) struct Puts {
    dir: PathBuf,
    spool_max: u64,
    all: Mutex<BTreeMap<String, Arc<One>>>,
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Does work of files on a thread for it.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Fault::from(Error::Worker))?
}

/// Removes a file; one that is not there is gone.
fn gone(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a folder; one that is not there is gone.
fn removed(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Puts {
    /// Opens what an earlier run left. A row that does not read is left as it is, and logged.
    /// Errors: File.
    pub(super) fn open(dir: &Path, spool_max: u64) -> Result<Self, Error> {
        use std::os::unix::fs::DirBuilderExt;
        let mut builder = std::fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(dir);
        made.map_err(file(dir))?;
        let puts = Self {
            dir: dir.to_path_buf(),
            spool_max,
            all: Mutex::default(),
        };
        puts.read_all().map_err(file(dir))?;
        Ok(puts)
    }

    fn read_all(&self) -> std::io::Result<()> {
        let (mut rows, mut rest) = (BTreeMap::new(), Vec::new());
        for entry in std::fs::read_dir(&self.dir)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            match name.strip_suffix(".json").filter(|id| is_id(id)) {
                None => rest.push(name),
                Some(id) => match self.read_one(id) {
                    Ok(row) => {
                        rows.insert(id.to_owned(), Some(row));
                    }
                    Err(error) => {
                        tracing::error!(session = %id, err = %error, "a put does not read");
                        rows.insert(id.to_owned(), None);
                    }
                },
            }
        }
        for name in rest {
            let path = self.dir.join(&name);
            // What a crash left between a body and its row.
            match path.is_dir() {
                true if is_id(&name) && !rows.contains_key(&name) => std::fs::remove_dir_all(path)?,
                false if name.ends_with(".new") || name.ends_with(".quote") => gone(&path)?,
                _ => {}
            }
        }
        let rows = rows.into_iter();
        let rows = rows.filter_map(|(id, row)| Some((id.clone(), One::new(id, row?))));
        *self.locked() = rows.collect();
        Ok(())
    }

    /// Reads a row, and cuts off what of its body came after it was written.
    fn read_one(&self, id: &str) -> std::io::Result<Row> {
        let row = Row::read(&self.row_path(id))?;
        if row.object.is_some() {
            removed(&self.dir.join(id))?;
        } else if !row.storing && !row.whole {
            let body = self.body_path(id, &row.order.name);
            let body = File::options().write(true).open(body)?;
            body.set_len(row.received)?;
        }
        Ok(row)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<One>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row_path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.json"))
    }

    fn body_path(&self, id: &str, name: &str) -> PathBuf {
        self.dir.join(id).join(name)
    }

    /// Where a body is; its file's name is the object's.
    pub(super) fn body_of(&self, one: &One) -> PathBuf {
        self.body_path(&one.id, &one.row().order.name)
    }

    /// A file of its own for a quote.
    pub(super) fn quote_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.quote"))
    }

    /// Every put.
    pub(super) fn all(&self) -> Vec<Arc<One>> {
        self.locked().values().cloned().collect()
    }

    /// One of them. Errors: put-unknown.
    pub(super) fn get(&self, id: &str) -> Result<Arc<One>, Fault> {
        let found = self.locked().get(id).cloned();
        found.ok_or_else(|| {
            let id: String = id.chars().take(64).collect();
            Fault::own(Own::PutUnknown, format!("there is no put {id}"))
        })
    }

    /// Makes room for a new put in the set. Errors: too-many-puts, spool-full.
    fn admit(&self, id: &str, row: &Row) -> Result<Option<Arc<One>>, Fault> {
        let mut all = self.locked();
        let rows: Vec<(String, Row)> = all.iter().map(|(id, of)| (id.clone(), of.row())).collect();
        let open = rows.iter().filter(|(_, row)| !row.whole);
        if open.clone().count() >= OPEN_MAX {
            let words = format!("{OPEN_MAX} puts are under way");
            return Err(Fault::own(Own::TooManyPuts, words));
        }
        let held = open.filter(|(_, row)| row.object.is_none());
        let promised: u64 = held.map(|(_, row)| row.order.length).sum();
        let free = self.spool_max.saturating_sub(promised);
        if row.order.length > free {
            let words = format!(
                "the spool has room for {free} of its {} bytes, the body has {}",
                self.spool_max, row.order.length
            );
            return Err(Fault::own(Own::SpoolFull, words));
        }
        let oldest = rows.iter().filter(|(_, row)| row.whole);
        let oldest = oldest.min_by_key(|(_, row)| row.changed_ms);
        let oldest = oldest.filter(|_| rows.len() >= KEPT_MAX);
        let leaves = oldest.and_then(|(id, _)| all.remove(id));
        all.insert(id.to_owned(), One::new(id.to_owned(), row.clone()));
        Ok(leaves)
    }

    /// Begins a put. Durable when it returns. Errors: too-many-puts, spool-full, file-failed.
    pub(super) async fn begin(
        self: &Arc<Self>,
        id: String,
        order: Order,
        now_ms: u64,
    ) -> Result<Arc<One>, Fault> {
        let row = Row::new(order, now_ms);
        let leaves = self.admit(&id, &row)?;
        let (puts, name) = (Arc::clone(self), id.clone());
        let made = apart(move || {
            if let Some(old) = leaves {
                puts.remove_files(&old.id).map_err(file_fault(&puts.dir))?;
            }
            puts.make(&name, &row).map_err(file_fault(&puts.dir))
        });
        if let Err(fault) = made.await {
            self.locked().remove(&id);
            return Err(fault);
        }
        self.get(&id)
    }

    fn make(&self, id: &str, row: &Row) -> std::io::Result<()> {
        let dir = self.dir.join(id);
        std::fs::create_dir(&dir)?;
        File::create(self.body_path(id, &row.order.name))?.sync_all()?;
        File::open(&dir)?.sync_all()?;
        row.write(&self.row_path(id))
    }

    /// Changes a row; `_turn` shows that nobody else does. Durable when it returns.
    pub(super) async fn change(
        self: &Arc<Self>,
        one: &Arc<One>,
        _turn: &Turn,
        change: impl FnOnce(&mut Row) + Send + 'static,
    ) -> Result<Row, Fault> {
        let (puts, one) = (Arc::clone(self), Arc::clone(one));
        apart(move || {
            // A change whose asker was dropped must not bring back what was forgotten.
            let gone = one.gone.lock().unwrap_or_else(PoisonError::into_inner);
            if *gone {
                return Err(Fault::own(Own::PutUnknown, "the put was given up"));
            }
            let mut row = one.row();
            change(&mut row);
            let path = puts.row_path(&one.id);
            row.write(&path).map_err(file_fault(&path))?;
            *one.row.lock().unwrap_or_else(PoisonError::into_inner) = row.clone();
            Ok(row)
        })
        .await
    }

    /// Removes a body whose put needs it no more.
    pub(super) async fn drop_body(self: &Arc<Self>, one: &Arc<One>) {
        let dir = self.dir.join(&one.id);
        let done = tokio::task::spawn_blocking(move || removed(&dir)).await;
        if let Ok(Err(error)) = done {
            tracing::warn!(session = %one.id, err = %error, "a body stays in the spool");
        }
    }

    fn remove_files(&self, id: &str) -> std::io::Result<()> {
        gone(&self.row_path(id))?;
        File::open(&self.dir)?.sync_all()?;
        removed(&self.dir.join(id))
    }

    /// Forgets a put and its body. Durable when it returns.
    pub(super) async fn forget(
        self: &Arc<Self>,
        one: &Arc<One>,
        _turn: &Turn,
    ) -> Result<(), Fault> {
        let (puts, one) = (Arc::clone(self), Arc::clone(one));
        apart(move || {
            let mut gone = one.gone.lock().unwrap_or_else(PoisonError::into_inner);
            puts.remove_files(&one.id).map_err(file_fault(&puts.dir))?;
            *gone = true;
            puts.locked().remove(&one.id);
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests;
