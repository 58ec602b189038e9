//! The seam under the database: where its bytes lie when that is not a file. Simulations put a
//! disk here that loses power; tests that never reopen put memory.

use std::fmt::Debug;
use std::io;
use std::sync::{PoisonError, RwLock};

/// Bytes that grow, and a flush.
pub trait Storage: Debug + Send + Sync + 'static {
    /// Bytes there are.
    fn len(&self) -> io::Result<u64>;
    /// Whether there are none.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }
    /// Fills the whole of `out` from `offset`.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Cuts, or grows with zeroes.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes every write before it durable.
    fn sync(&self) -> io::Result<()>;
    /// Writes all bytes at `offset`.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

/// The database's view of a storage.
#[derive(Debug)]
pub(crate) struct Backend<S>(pub(crate) S);

impl<S: Storage> redb::StorageBackend for Backend<S> {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

/// Storage in memory: gone with its ledger.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    bytes: RwLock<Vec<u8>>,
}

fn range(offset: u64, len: usize, have: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(offset).map_err(io::Error::other)?;
    let end = start.checked_add(len).filter(|end| *end <= have);
    end.map(|end| start..end)
        .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
}

impl Storage for MemoryStorage {
    fn len(&self) -> io::Result<u64> {
        Ok(self
            .bytes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes.read().unwrap_or_else(PoisonError::into_inner);
        let at = range(offset, out.len(), bytes.len())?;
        out.copy_from_slice(bytes.get(at).unwrap_or_default());
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        self.bytes
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .resize(len, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut own = self.bytes.write().unwrap_or_else(PoisonError::into_inner);
        let at = range(offset, bytes.len(), own.len())?;
        own.get_mut(at).unwrap_or_default().copy_from_slice(bytes);
        Ok(())
    }
}
