//! A drive that stands still and goes on again, at the test's word.

use super::*;
use host_core::seams::DeviceBuf;
use tokio::sync::Semaphore;

struct Bytes(Vec<u8>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Bytes {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl DeviceBuf for Bytes {}

/// Each operation takes a permit; without one it stands still. Reads at 4096 take none.
struct Drive(Arc<Semaphore>);

impl Drive {
    async fn turn(&self) {
        let permit = self.0.acquire().await.expect("the gate stands");
        permit.forget();
    }
}

impl Device for Drive {
    type Buf = Bytes;

    fn facts(&self) -> DeviceFacts {
        DeviceFacts {
            size: 1 << 20,
            block: 4096,
            driver: "test",
        }
    }

    fn buffer(&self, len: usize) -> Result<Bytes, DeviceError> {
        Ok(Bytes(vec![0; len]))
    }

    async fn write(&self, _: u64, buf: Bytes) -> (Bytes, Result<(), DeviceError>) {
        self.turn().await;
        (buf, Ok(()))
    }

    async fn read(&self, at: u64, mut buf: Bytes) -> (Bytes, Result<(), DeviceError>) {
        if at != 4096 {
            self.turn().await;
        }
        buf.as_mut().fill(7);
        (buf, Ok(()))
    }

    async fn flush(&self) -> Result<(), DeviceError> {
        self.turn().await;
        Ok(())
    }
}

fn drive(permits: usize) -> (Timed<Drive>, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(permits));
    let mut drive = Timed::new(Drive(Arc::clone(&gate)), "d");
    drive.patience = Duration::from_millis(30);
    (drive, gate)
}

fn buffer() -> Bytes {
    Bytes(vec![1; 4096])
}

/// Waits for a fact; a minute is the bound.
async fn until(fact: impl Fn() -> bool) {
    let looking = async {
        while !fact() {
            tokio::task::yield_now().await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(60), looking).await;
    assert!(seen.is_ok(), "not within a minute");
}

#[tokio::test]
async fn a_drive_that_answers_is_measured_and_nothing_else() {
    let (drive, _gate) = drive(8);
    let (read, done) = drive.read(0, buffer()).await;
    assert!(done.is_ok() && read.as_ref() == [7; 4096]);
    assert!(drive.write(0, buffer()).await.1.is_ok() && drive.flush().await.is_ok());
    let clock = drive.clock();
    assert!(clock.take_longest().is_some() && clock.take_longest().is_none());
    assert_eq!(
        (clock.slow(), clock.given_up(), clock.is_quarantined()),
        (0, 0, false)
    );
}

#[tokio::test]
async fn an_operation_that_stands_still_is_given_up_and_the_drive_quarantined_until_it_ends() {
    // The write owns its place on the drive until it has ended: nothing else may be written there.
    let (drive, gate) = drive(0);
    let clock = drive.clock();
    let (spare, done) = drive.write(0, buffer()).await;
    assert!(matches!(done, Err(DeviceError::Stalled { .. })));
    assert_eq!(
        spare.as_ref().len(),
        4096,
        "the caller gets a buffer of its own size back"
    );
    assert!(clock.is_quarantined() && clock.given_up() == 1);
    gate.add_permits(1);
    until(|| !clock.is_quarantined()).await;
    gate.add_permits(1);
    assert!(drive.read(0, buffer()).await.1.is_ok(), "it answers again");
}

#[tokio::test]
async fn a_quarantined_drive_refuses_at_once_and_asks_the_drive_nothing() {
    let (drive, gate) = drive(0);
    assert!(drive.flush().await.is_err());
    let clock = drive.clock();
    for done in [
        drive.read(0, buffer()).await.1,
        drive.write(0, buffer()).await.1,
    ] {
        assert!(matches!(done, Err(DeviceError::Stalled { .. })));
    }
    assert!(drive.flush().await.is_err());
    assert_eq!(clock.given_up(), 1, "only the first was asked of the drive");
    gate.add_permits(1);
    until(|| !clock.is_quarantined()).await;
}

#[test]
fn outside_of_a_runtime_operations_are_measured_and_waited_for() {
    let gate = Arc::new(Semaphore::new(1));
    let drive = Timed::new(Drive(gate), "d");
    assert!(futures::executor::block_on(drive.flush()).is_ok());
    assert!(drive.clock().take_longest().is_some());
}

#[test]
fn a_thread_of_no_runtime_is_kept_to_the_deadline_of_the_runtime_the_drive_was_opened_in() {
    // The ledger's committer writes to drives from a plain thread.
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let inside = runtime.enter();
    let (drive, gate) = drive(0);
    drop(inside);
    assert!(futures::executor::block_on(drive.flush()).is_err());
    gate.add_permits(1);
}

#[tokio::test]
async fn a_busy_drive_is_given_twice_the_time() {
    // Timers are never early, so the bound below holds on any machine.
    let (mut drive, gate) = drive(0);
    drive.patience = Duration::from_millis(400);
    let begun = Instant::now();
    let busy = async {
        loop {
            assert!(drive.read(4096, buffer()).await.1.is_ok());
            tokio::task::yield_now().await;
        }
    };
    let waiting = drive.write(0, buffer());
    tokio::select! {
        (_, done) = waiting => assert!(matches!(done, Err(DeviceError::Stalled { .. }))),
        () = busy => (),
    }
    assert!(
        begun.elapsed() >= drive.patience * BUSY,
        "it finished reads all the time"
    );
    gate.add_permits(1);
}

#[test]
fn the_kernels_account_of_a_drive_is_read_through_its_partition() {
    let sys = tempfile::tempdir().expect("a folder");
    let volume = sys.path().join("volume");
    std::fs::write(&volume, b"bytes").expect("written");
    assert!(
        Kernel::of(sys.path(), &volume).is_none(),
        "a machine that tells nothing"
    );
    let (major, minor) = device_of(&volume).expect("it lies somewhere");
    let drive = sys.path().join("devices/sda");
    let partition = drive.join("sda1");
    let numbers = sys.path().join("dev/block");
    for folder in [&partition, &numbers] {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    let link = numbers.join(format!("{major}:{minor}"));
    std::os::unix::fs::symlink(&partition, link).expect("a link");
    std::fs::write(partition.join("partition"), "1").expect("written");
    std::fs::write(drive.join("stat"), "5 0 0 0 7 0 0 0 1 0 0 11 0 0 0 13 0").expect("written");
    let kernel = Kernel::of(sys.path(), &volume).expect("an account");
    assert_eq!(kernel.finished(), Some(5 + 7 + 11 + 13));
    std::fs::write(drive.join("stat"), "garbage -1 \u{0}").expect("written");
    assert_eq!(
        kernel.finished(),
        Some(0),
        "what cannot be read has not moved"
    );
    std::fs::remove_file(drive.join("stat")).expect("it goes");
    assert_eq!(kernel.finished(), None);
}
