//! Passes across restarts and clocks, and a drive that stands still and answers again.

use host_core::seams::{DeviceError, DeviceFacts};
use host_core::{NetworkId, PeerId};
use host_store::simulated::{Buf, Disk, Power};
use host_store::{Label, format};

use super::*;
use crate::deadline::Timed;

const DAY: u64 = 86_400;

#[test]
fn a_pass_goes_on_after_a_restart_where_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut pass = Pass::read(dir.path());
    assert!(pass.is_due(100) && !pass.is_under_way());
    pass.begin(100, false);
    pass.checked(ShardId([7; 32]), 50);
    pass.bad(VolumeId([1; 16]));
    pass.write(dir.path()).expect("written");
    let again = Pass::read(dir.path());
    assert_eq!(again, pass);
    assert!(again.is_under_way());
    assert_eq!(again.after(), Some(ShardId([7; 32])));
    assert!(again.was_bad(&VolumeId([1; 16])) && !again.was_bad(&VolumeId([2; 16])));
}

#[test]
fn a_file_that_does_not_read_begins_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    for text in ["", "{", "[]", "{\"begun\": -1}", "{\"after\": 5}"] {
        std::fs::write(dir.path().join(PASS_FILE), text).expect("written");
        assert_eq!(Pass::read(dir.path()), Pass::default(), "{text}");
    }
    std::fs::write(
        dir.path().join(PASS_FILE),
        "{\"begun\": 5, \"after\": \"zz\"}",
    )
    .expect("written");
    assert_eq!(Pass::read(dir.path()).after(), None);
}

#[test]
fn passes_begin_every_ten_days_and_a_clock_that_goes_back_changes_little() {
    let mut pass = Pass::default();
    pass.begin(1000 * DAY, false);
    pass.end(1003 * DAY);
    assert!(!pass.is_under_way() && !pass.is_due(1005 * DAY));
    assert!(pass.is_due(1011 * DAY));
    // Two days back is nothing; a month back is a reason to begin.
    assert!(!pass.is_due(998 * DAY) && pass.is_due(970 * DAY));
    pass.begin(970 * DAY, false);
    assert!(pass.is_under_way());
    assert_eq!(pass.elapsed(970 * DAY), Duration::ZERO);
}

#[test]
fn two_passes_in_one_second_are_two() {
    let mut pass = Pass::default();
    pass.begin(50, true);
    pass.end(50);
    assert!(!pass.is_under_way());
    pass.begin(50, true);
    assert!(pass.is_under_way() && pass.hurried);
}

const OWNER: PeerId = PeerId([3; 33]);
const NETWORK: NetworkId = NetworkId([4; 32]);
const VOLUME: VolumeId = VolumeId([5; 16]);

/// A disk that stands still while it is told to.
struct Still {
    disk: Disk,
    stands: watch::Receiver<bool>,
}

impl Still {
    async fn turn(&self) {
        let mut stands = self.stands.clone();
        stands
            .wait_for(|stands| !stands)
            .await
            .expect("the test goes on");
    }
}

impl Device for Still {
    type Buf = Buf;

    fn facts(&self) -> DeviceFacts {
        self.disk.facts()
    }

    fn buffer(&self, len: usize) -> Result<Buf, DeviceError> {
        self.disk.buffer(len)
    }

    async fn write(&self, offset: u64, buf: Buf) -> (Buf, Result<(), DeviceError>) {
        self.turn().await;
        self.disk.write(offset, buf).await
    }

    async fn read(&self, offset: u64, buf: Buf) -> (Buf, Result<(), DeviceError>) {
        self.turn().await;
        self.disk.read(offset, buf).await
    }

    async fn flush(&self) -> Result<(), DeviceError> {
        self.turn().await;
        self.disk.flush().await
    }
}

async fn open(disk: &Disk, stands: watch::Receiver<bool>, ledger: Ledger) -> Scrub<Timed<Still>> {
    let disk = disk.clone();
    let mut device = Timed::new(Still { disk, stands }, "v");
    device.patience = Duration::from_millis(50);
    let clocks = vec![("v".to_owned(), device.clock())];
    let volumes = vec![("v".to_owned(), device)];
    let (store, left_out) = Store::open(volumes, ledger.clone(), OWNER, NETWORK)
        .await
        .expect("a store");
    assert!(left_out.is_empty(), "{left_out:?}");
    let book = DriveBook::default();
    book.set_clocks(clocks);
    Scrub::open(Keeping {
        dir: PathBuf::from("/nonexistent"),
        store,
        ledger,
        book,
        pressure: watch::channel(Pressure::Calm).1,
        beat: Beat::unfelt(),
    })
}

fn fresh() -> Ledger {
    let state = host_ledger::MemoryStorage::default();
    Ledger::open_on(state, host_ledger::Options::default()).expect("a ledger")
}

fn state_of(ledger: &Ledger) -> VolumeState {
    let row = ledger
        .read()
        .expect("a view")
        .volume(&VOLUME)
        .expect("a row");
    row.expect("the volume is known").state
}

/// Looks after the drives until a fact holds; a minute is the bound.
async fn until(scrub: &mut Scrub<Timed<Still>>, fact: impl Fn(&Scrub<Timed<Still>>) -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !fact(scrub) {
        assert!(Instant::now() < end, "not within a minute");
        scrub.rings().await.expect("looked");
        scrub.deadlines().await.expect("looked");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drive_that_stood_still_takes_facts_again_and_is_trusted_after_its_time() {
    // A commit while the drive stands still gives its fact ring up; when the drive answers, the
    // ring begins anew with everything, and a host that loses its ledger then loses no fact.
    let disk = Disk::new("volume", 64 << 20, &Power::default());
    let formatted = format(&disk, Label::new(VOLUME, OWNER, NETWORK)).await;
    formatted.expect("formatted");
    let (order, stands) = watch::channel(false);
    let mut scrub = open(&disk, stands, fresh()).await;
    let ledger = scrub.keeping.ledger.clone();
    told(&ledger, "before").await;
    let keeps = |scrub: &Scrub<_>| scrub.keeping.store.keeps_facts(&VOLUME);
    assert!(keeps(&scrub));
    let _told = order.send(true);
    told(&ledger, "while it stood still").await;
    assert!(!keeps(&scrub), "the word was given without this ring");
    until(&mut scrub, |scrub| notes(scrub).counts.stalls > 0).await;
    assert_eq!(state_of(&ledger), VolumeState::Suspect, "no write failed");
    assert!(notes(&scrub).quarantined);
    let _told = order.send(false);
    until(&mut scrub, keeps).await;
    assert_eq!(state_of(&ledger), VolumeState::Suspect, "not at once");
    scrub.in_time = Duration::ZERO;
    let trusted = || state_of(&ledger) == VolumeState::Healthy;
    until(&mut scrub, |scrub| trusted() && !notes(scrub).quarantined).await;
    drop((scrub, ledger));
    let again = open(&disk, order.subscribe(), fresh()).await;
    let view = again.keeping.ledger.read().expect("a view");
    for key in ["before", "while it stood still"] {
        assert_eq!(view.meta(key).expect("a note"), Some(vec![1]), "{key}");
    }
}

fn notes(scrub: &Scrub<Timed<Still>>) -> DriveNotes {
    let drives = scrub.keeping.book.view().drives;
    drives.get(&VOLUME).cloned().unwrap_or_default()
}

/// Commits a fact that every ring gets.
async fn told(ledger: &Ledger, key: &str) {
    let (key, bytes) = (key.to_owned(), vec![1]);
    let told = ledger.commit(vec![host_ledger::Fact::MetaSet { key, bytes }]);
    told.await.expect("committed");
}
