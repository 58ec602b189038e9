//! Goal: what a put promises holds when hosts, answers, processes and money fail. Method: real
//! hosts (`town`) behind streets that fail as told, time that passes only while nothing happens
//! (`clock`); small files, real cryptography and coding, the hosts' own ledgers as witnesses.

mod clock;
mod costs;
mod early;
mod leases;
mod money;
mod omitting;
mod prepaying;
mod renewing;
mod repairing;
mod resuming;
mod sharing;
mod speeds;
mod tail;
mod town;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use host_core::ObjectId;
use host_renter::{Error, Progress, PutDone, PutRequest, Renter};
use tokio::sync::watch;

use town::lock;

struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

pub(crate) fn file(dir: &Path, len: usize) -> PathBuf {
    let path = dir.join(format!("file-{len}"));
    if !path.exists() {
        std::fs::write(&path, content(len)).expect("written");
    }
    path
}

pub(crate) fn request(path: PathBuf, public: bool, days: u64) -> PutRequest {
    PutRequest {
        path,
        data: 3,
        parity: 3,
        days,
        public,
        price_max: None,
        pay: host_core::agreement::PayMode::Cheque,
    }
}

pub(crate) async fn work(renter: &Renter, request: &PutRequest) -> Result<PutDone, Error> {
    let (progress, _watched) = watch::channel(Progress::default());
    let session = renter.begin(request)?;
    renter.resume(session, &progress).await
}

pub(crate) async fn get(renter: &Renter, id: ObjectId) -> Result<Vec<u8>, Error> {
    let (progress, _watched) = watch::channel(Progress::default());
    let out = Arc::new(Mutex::new(Vec::new()));
    let sink = Box::new(Sink(out.clone()));
    renter.get(id, None, sink, &progress).await?;
    Ok(std::mem::take(&mut *lock(&out)))
}
