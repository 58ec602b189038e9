//! Goal: the keys alone bring back objects whose record no single owner record can hold. Method:
//! twenty-odd segments on hosts that announce eight long addresses, so that a placement is as long
//! as that of a much larger object.

use std::io::Write;
use std::sync::{Arc, Mutex};

use host_core::limits::RECORD_LEN_MAX;
use tokio::sync::watch;

use host_renter::{Progress, PutRequest};

use crate::town::{Mood, Town, lock};

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

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 11 + i / 253) as u8).collect()
}

#[tokio::test]
async fn a_record_of_several_parts_comes_back_until_it_is_given_up() {
    let (town, dir) = (Town::new(5), tempfile::tempdir().expect("holds"));
    let long = |n: u8| format!("/dns4/{}{n}.example/tcp/4001", "a".repeat(220));
    *lock(&town.addrs) = (0..8).map(long).collect();
    let renter = town.renter(&dir.path().join("home"));
    let (path, len) = (dir.path().join("file"), 22_000_000);
    std::fs::write(&path, content(len)).expect("holds");
    let (progress, _watched) = watch::channel(Progress::default());
    let request = PutRequest {
        path,
        data: 1,
        parity: 4,
        days: 30,
        public: false,
        price_max: None,
        pay: host_core::agreement::PayMode::Cheque,
    };
    let session = renter.begin(&request).expect("holds");
    let id = renter.resume(session, &progress).await.expect("holds").id;
    let kept = |town: &Town| {
        let hosts = lock(&town.hosts);
        let records = hosts.values().flat_map(|host| host.records.values());
        let lens = records.map(|signed| signed.record.body.len());
        lens.collect::<Vec<usize>>()
    };
    let lens = kept(&town);
    assert!(lens.len() >= 2 * 5 && lens.iter().all(|len| *len <= RECORD_LEN_MAX));
    assert!(lens.iter().sum::<usize>() / 5 > RECORD_LEN_MAX);

    town.mood(3, Mood::Dead);
    let empty = town.renter(&dir.path().join("empty"));
    assert_eq!(empty.recover().await.expect("holds").objects, 1);
    let out = Arc::new(Mutex::new(Vec::new()));
    let sink = Box::new(Sink(Arc::clone(&out)));
    empty.get(id, None, sink, &progress).await.expect("holds");
    assert!(*lock(&out) == content(len));

    town.mood(3, Mood::Good);
    empty.delete(id).await.expect("holds");
    assert!(
        kept(&town).iter().all(|len| *len == 0),
        "every part is buried"
    );
    let later = town.renter(&dir.path().join("later"));
    assert_eq!(later.recover().await.expect("holds").objects, 0);
}
