//! The shards of one segment: names always, bytes when somebody must send them. A put codes a
//! segment before it is sent; a repair rebuilds what is lost from other shards; a lease of what
//! hosts keep already reads and codes the file only for a segment some host has lost.

use std::io::{Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use host_core::ShardId;
use host_core::object::{Descriptor, Place, Segment};
use tokio::sync::{OnceCell, Semaphore};

use super::{Put, file_error, read_run};
use crate::cipher::Cipher;
use crate::encode::{self, Coded};
use crate::error::Error;
use crate::get::rebuild;
use crate::progress::Phase;

/// Where a segment's plaintext is, and how it is sealed.
pub(super) struct Origin {
    pub(super) path: PathBuf,
    /// First byte in the file.
    pub(super) offset: u64,
    /// Bytes to read.
    pub(super) len: usize,
    /// None for open data.
    pub(super) cipher: Option<Arc<Cipher>>,
    /// Number of the first chunk.
    pub(super) first: u32,
    /// Whether the object ends with this segment.
    pub(super) last: bool,
}

/// One segment's shards.
pub(super) struct Body {
    pub(super) segment: u32,
    pub(super) ids: Vec<ShardId>,
    pub(super) shard_len: u64,
    bytes: OnceCell<Vec<Held>>,
    origin: Option<Source>,
}

/// Where bytes come from that are not there yet.
enum Source {
    /// The file they were made of.
    File(Origin),
    /// Other shards of the segment.
    Others(Box<Lost>),
}

/// Shards that are rebuilt.
struct Lost {
    descriptor: Descriptor,
    alive: Vec<Place>,
    wanted: Vec<usize>,
}

/// One shard's bytes, until some host keeps them.
type Held = Mutex<Option<Arc<Vec<u8>>>>;

fn held(bytes: Vec<u8>) -> Held {
    Mutex::new(Some(Arc::new(bytes)))
}

/// Places for coded shards in memory: those of one and a half segments. The memory of a shard that
/// is gone serves the next one: fresh pages would cost more than the coding.
pub(super) struct Room {
    places: Semaphore,
    /// None once no more shards are made.
    spare: Mutex<Option<Vec<Vec<u8>>>>,
}

impl Room {
    pub(super) fn new(total: u16) -> Self {
        let total = usize::from(total);
        Self {
            places: Semaphore::new(total + total / 2),
            spare: Mutex::new(Some(Vec::new())),
        }
    }

    /// The memory of shards that are gone.
    pub(super) fn spare(&self) -> Vec<Vec<u8>> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// No more shards are made: the memory of those that are gone goes with them.
    pub(super) fn close(&self) {
        *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A shard is gone.
    fn recycle(&self, bytes: Arc<Vec<u8>>) {
        if let Ok(bytes) = Arc::try_unwrap(bytes) {
            let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(spare) = spare.as_mut() {
                spare.push(bytes);
            }
        }
        self.give(1);
    }

    /// Waits for the places of a whole segment.
    pub(super) async fn take(&self, total: u16) {
        let places = self.places.acquire_many(total.into()).await;
        places.expect("it is never closed").forget();
    }

    /// So many shards are gone.
    pub(super) fn give(&self, count: usize) {
        self.places.add_permits(count);
    }
}

impl Body {
    /// A coded segment.
    pub(super) fn coded(segment: u32, coded: Coded) -> Self {
        let (ids, bytes): (_, Vec<Vec<u8>>) = coded.shards.into_iter().unzip();
        let shard_len = bytes.first().map_or(0, Vec::len);
        let bytes = bytes.into_iter().map(held).collect();
        Self {
            segment,
            ids,
            shard_len: u64::try_from(shard_len).unwrap_or(0),
            bytes: OnceCell::new_with(Some(bytes)),
            origin: None,
        }
    }

    /// A segment known by its names, coded when its bytes are asked for.
    pub(super) fn named(segment: u32, known: &Segment, shard_len: u64, origin: Origin) -> Self {
        Self {
            segment,
            ids: known.shards.clone(),
            shard_len,
            bytes: OnceCell::new(),
            origin: Some(Source::File(origin)),
        }
    }

    /// Lost shards of a segment, rebuilt from those `alive` keeps when their bytes are asked for.
    pub(super) fn lost(
        segment: u32,
        descriptor: &Descriptor,
        alive: Vec<Place>,
        wanted: Vec<usize>,
    ) -> Self {
        let at = usize::try_from(segment).unwrap_or(usize::MAX);
        let named = descriptor.segments.get(at);
        Self {
            segment,
            ids: named.map(|named| named.shards.clone()).unwrap_or_default(),
            shard_len: named.map_or(0, |named| descriptor.geometry.shard_len(named.len)),
            bytes: OnceCell::new(),
            origin: Some(Source::Others(Box::new(Lost {
                descriptor: descriptor.clone(),
                alive,
                wanted,
            }))),
        }
    }

    /// Whether anything was read to have the bytes.
    pub(super) fn was_read(&self) -> bool {
        self.bytes.get().is_some()
    }
}

impl Put<'_> {
    /// Bytes of one shard; may read and code the segment. Errors when the file is no longer what
    /// the object was made of.
    pub(super) async fn bytes(&self, body: &Body, index: u16) -> Result<Arc<Vec<u8>>, Error> {
        let all = body.bytes.get_or_try_init(|| self.code_again(body)).await?;
        let one = all.get(usize::from(index)).ok_or(Error::Worker)?;
        let one = one.lock().unwrap_or_else(PoisonError::into_inner);
        one.clone().ok_or(Error::Worker)
    }

    /// A shard has its host: its bytes are no longer needed, and another may take their place.
    pub(super) fn let_go(&self, body: &Body, index: u16) {
        let all = body.bytes.get();
        let one = all.and_then(|all| all.get(usize::from(index)));
        let bytes = one.and_then(|one| one.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let (Some(bytes), None) = (bytes, &body.origin) {
            self.room.recycle(bytes);
        }
    }

    async fn code_again(&self, body: &Body) -> Result<Vec<Held>, Error> {
        let origin = match body.origin.as_ref().ok_or(Error::Worker)? {
            Source::File(origin) => origin,
            Source::Others(lost) => return self.rebuild(body, lost).await,
        };
        let (path, offset, len) = (origin.path.clone(), origin.offset, origin.len);
        let (cipher, chunks) = (origin.cipher.clone(), (origin.first, origin.last));
        let geometry = self.geometry;
        let phases = Arc::clone(&self.phases);
        let work = move || {
            let mut file = std::fs::File::open(&path).map_err(file_error(&path))?;
            file.seek(SeekFrom::Start(offset))
                .map_err(file_error(&path))?;
            let run = read_run(&mut file, len, &path)?;
            let sealed = match cipher {
                Some(cipher) => encode::seal(&cipher, chunks.0, chunks.1, &run),
                None => run,
            };
            encode::code(&geometry, &sealed, Vec::new())
        };
        let inner = &self.renter.inner;
        let coded: Coded = inner
            .apart(move || phases.time(Phase::Encode, work))
            .await??;
        let (ids, bytes): (Vec<ShardId>, Vec<_>) = coded.shards.into_iter().unzip();
        if ids != body.ids {
            return Err(Error::Changed {
                path: origin.path.display().to_string(),
            });
        }
        Ok(bytes.into_iter().map(held).collect())
    }

    /// The lost shards, each at its index; the others stay empty.
    async fn rebuild(&self, body: &Body, lost: &Lost) -> Result<Vec<Held>, Error> {
        let Lost {
            descriptor,
            alive,
            wanted,
        } = lost;
        let of = rebuild::shards(self.inner, descriptor, alive, body.segment, wanted);
        let mut all = vec![Vec::new(); body.ids.len()];
        for (index, bytes) in wanted.iter().zip(of.await?) {
            if let Some(place) = all.get_mut(*index) {
                *place = bytes;
            }
        }
        Ok(all.into_iter().map(held).collect())
    }
}
