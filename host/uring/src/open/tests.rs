//! Devices: both drivers move the same bytes, errors say what and where, nothing moves out of
//! range, a dropped future harms nothing.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::join_all;
use host_core::seams::{Device, DeviceError};
use tempfile::TempDir;

use super::{AnyDevice, Driver, Memory, OpenError, OpenOptions, open, open_with};

const SIZE: u64 = 8 << 20;

fn make(dir: &TempDir, driver: Driver) -> AnyDevice {
    let options = OpenOptions {
        create_size: Some(SIZE),
        arena_bytes: 16 << 20,
        queue_depth: 16,
        driver,
    };
    open(&dir.path().join("volume"), options).expect("opens")
}

fn pattern(seed: u64, len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| u8::try_from((at as u64 * 31 + seed * 7) % 251).expect("small"))
        .collect()
}

fn drivers() -> Vec<Driver> {
    vec![Driver::Auto, Driver::Plain]
}

/// Goal: what is written is read back, for many operations at once on either driver.
/// Method: 64 writes of different lengths in flight together, a flush, then all read back.
#[test]
fn written_bytes_are_read_back() {
    for driver in drivers() {
        let dir = tempfile::tempdir().expect("a directory");
        let device = make(&dir, driver);
        let place = |index: u64| (index * 128 * 1024, (4096 << (index % 5)) as usize);
        block_on(async {
            let writes = (0..64).map(|index| {
                let (offset, len) = place(index);
                let mut buf = device.buffer(len).expect("room");
                buf.as_mut().copy_from_slice(&pattern(index, len));
                device.write(offset, buf)
            });
            for (_, done) in join_all(writes).await {
                done.expect("written");
            }
            device.flush().await.expect("flushed");
            let reads = (0..64).map(|index| {
                let (offset, len) = place(index);
                device.read(offset, device.buffer(len).expect("room"))
            });
            for (index, (buf, done)) in join_all(reads).await.into_iter().enumerate() {
                done.expect("read");
                let (_, len) = place(index as u64);
                assert!(
                    buf.as_ref() == pattern(index as u64, len),
                    "{driver:?} {index}"
                );
            }
        });
    }
}

#[test]
fn nothing_moves_out_of_range_or_unaligned() {
    let dir = tempfile::tempdir().expect("a directory");
    let device = make(&dir, Driver::Auto);
    for offset in [SIZE, SIZE - 4096 + 512, 100] {
        let buf = device.buffer(4096).expect("room");
        let (_, done) = block_on(device.read(offset, buf));
        assert!(
            matches!(done, Err(DeviceError::Range { op: "read", .. })),
            "{offset}"
        );
    }
    assert!(matches!(
        device.buffer(1 << 30),
        Err(DeviceError::Buffers { .. })
    ));
}

/// Goal: a device that is shorter than it was says so. Method: cut the file under an open device.
#[test]
fn a_truncated_file_reads_short() {
    for driver in drivers() {
        let dir = tempfile::tempdir().expect("a directory");
        let device = make(&dir, driver);
        let file = std::fs::File::options()
            .write(true)
            .open(dir.path().join("volume"));
        file.expect("opens").set_len(4096).expect("cut");
        let (_, done) = block_on(device.read(0, device.buffer(8192).expect("room")));
        let done = done.expect_err("too short");
        assert!(
            matches!(
                done,
                DeviceError::Short {
                    done: 4096,
                    len: 8192,
                    ..
                }
            ),
            "{done}"
        );
    }
}

/// Goal: a future dropped while its operation is in flight frees nothing early. Method: drop many
/// right after their first poll, then use the device and its whole arena again.
#[test]
fn a_dropped_future_frees_nothing_early() {
    let dir = tempfile::tempdir().expect("a directory");
    let device = make(&dir, Driver::Auto);
    for index in 0..200 {
        let mut buf = device.buffer(64 * 1024).expect("room");
        buf.as_mut().fill(index as u8);
        let write = Box::pin(device.write(0, buf));
        let _ = futures::FutureExt::now_or_never(write);
    }
    block_on(device.flush()).expect("flushed");
    let buf = block_on(device.read(0, device.buffer(64 * 1024).expect("room"))).0;
    let first = buf.as_ref()[0];
    assert!(
        buf.as_ref().iter().all(|byte| *byte == first),
        "no write was torn by a freed buffer"
    );
}

#[test]
fn an_existing_file_is_not_made_again() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(make(&dir, Driver::Auto));
    let options = OpenOptions {
        create_size: Some(SIZE),
        arena_bytes: 1 << 20,
        queue_depth: 4,
        driver: Driver::Auto,
    };
    let again = open(&dir.path().join("volume"), options);
    assert!(matches!(again, Err(OpenError::Os { what: "make", .. })));
}

#[test]
fn the_second_holder_of_a_directory_is_told_the_first() {
    let dir = tempfile::tempdir().expect("a directory");
    let held = crate::DirLock::acquire(dir.path()).expect("free");
    let error = crate::DirLock::acquire(dir.path()).expect_err("held");
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
    drop(held);
    assert!(crate::DirLock::acquire(dir.path()).is_ok());
}

/// Goal: memory that was given back is not what the kernel still moves. Method: an impatient
/// arena; write a pattern, wait until its memory is gone, move another through the same pages.
#[test]
fn bytes_survive_that_memory_was_given_back_between() {
    for driver in drivers() {
        let dir = tempfile::tempdir().expect("a directory");
        let options = OpenOptions {
            create_size: Some(SIZE),
            arena_bytes: 4 << 20,
            queue_depth: 16,
            driver,
        };
        let path = dir.path().join("volume");
        let memory = Memory {
            patience: Duration::from_millis(1),
            register: true,
        };
        let device = open_with(&path, options, memory).expect("opens");
        for round in 0..4 {
            let mut buf = device.buffer(64 * 1024).expect("room");
            buf.as_mut().copy_from_slice(&pattern(round, 64 * 1024));
            let (buf, done) = block_on(device.write(0, buf));
            done.expect("written");
            drop(buf);
            while device.arena.touched() > 0 {
                std::thread::yield_now();
            }
            let (buf, done) = block_on(device.read(0, device.buffer(64 * 1024).expect("room")));
            done.expect("read");
            let same = buf.as_ref() == pattern(round, 64 * 1024);
            assert!(same, "{driver:?} {round}");
        }
    }
}

/// Goal: an open device costs no buffer memory until it moves something. Method: the huge pages
/// its arena has touched, before and after the first buffer.
#[test]
fn an_unused_device_keeps_no_memory() {
    let dir = tempfile::tempdir().expect("a directory");
    let device = make(&dir, Driver::Auto);
    assert_eq!(device.arena.touched(), 0);
    let buf = device.buffer(4096).expect("room");
    drop(buf);
    assert_eq!(device.arena.touched(), 1);
}

/// Goal: an order given while the driver falls asleep is still taken. Method: four threads, each
/// with one operation at a time, over a queue of two, so that every state of the driver is met.
#[test]
fn orders_of_many_threads_are_all_answered() {
    for driver in drivers() {
        let dir = tempfile::tempdir().expect("a directory");
        let options = OpenOptions {
            create_size: Some(SIZE),
            arena_bytes: 4 << 20,
            queue_depth: 2,
            driver,
        };
        let device = open(&dir.path().join("volume"), options).expect("opens");
        std::thread::scope(|threads| {
            for index in 0..4_u64 {
                let device = &device;
                threads.spawn(move || {
                    for turn in 0..500 {
                        let buf = device.buffer(4096).expect("room");
                        let at = (index * 500 + turn) % 2000 * 4096;
                        block_on(device.write(at, buf)).1.expect("written");
                    }
                });
            }
        });
    }
}

/// Goal: where the kernel registers no memory, as under a used-up memlock limit, bytes move all
/// the same. Method: a ring that is told not to ask.
#[test]
fn bytes_move_where_no_memory_is_registered() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = OpenOptions {
        create_size: Some(SIZE),
        arena_bytes: 4 << 20,
        queue_depth: 4,
        driver: Driver::Auto,
    };
    let memory = Memory {
        patience: super::PATIENCE,
        register: false,
    };
    let path = dir.path().join("volume");
    let device = open_with(&path, options, memory).expect("opens");
    let mut buf = device.buffer(1 << 20).expect("room");
    buf.as_mut().copy_from_slice(&pattern(3, 1 << 20));
    let (mut buf, done) = block_on(device.write(4096, buf));
    done.expect("written");
    buf.as_mut().fill(0);
    let (buf, done) = block_on(device.read(4096, buf));
    done.expect("read");
    assert!(buf.as_ref() == pattern(3, 1 << 20));
}

/// Goal: a device that is dropped first ends what it was given. Method: start writes, keep none
/// of their futures, drop the device, read the file.
#[test]
fn a_dropped_device_has_ended_what_was_in_flight() {
    for driver in drivers() {
        let dir = tempfile::tempdir().expect("a directory");
        let device = make(&dir, driver);
        for index in 0..64 {
            let mut buf = device.buffer(64 * 1024).expect("room");
            buf.as_mut().copy_from_slice(&pattern(index, 64 * 1024));
            let write = Box::pin(device.write(index * 64 * 1024, buf));
            let _ = futures::FutureExt::now_or_never(write);
        }
        drop(device);
        let bytes = std::fs::read(dir.path().join("volume")).expect("the file");
        for (index, part) in bytes.chunks(64 * 1024).take(64).enumerate() {
            assert!(
                part == pattern(index as u64, 64 * 1024),
                "{driver:?} {index}"
            );
        }
    }
}

/// A runtime built as the daemon builds its own.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all();
    builder.on_thread_park(crate::lull).build().expect("builds")
}

/// Goal: a runtime serves its own tasks, whichever worker they are on. Method: more tasks than
/// workers and than slots, each writing and reading its own block over and over.
#[test]
fn tasks_of_a_runtime_get_their_own_bytes_back() {
    for driver in drivers() {
        let dir = tempfile::tempdir().expect("a directory");
        let device = Arc::new(make(&dir, driver));
        let runtime = runtime();
        let tasks = (0..32_u64).map(|index| {
            let device = Arc::clone(&device);
            runtime.spawn(async move {
                for turn in 0..50 {
                    let mut buf = device.buffer(8192).expect("room");
                    buf.as_mut().copy_from_slice(&pattern(index + turn, 8192));
                    let (mut buf, done) = device.write(index * 8192, buf).await;
                    done.expect("written");
                    buf.as_mut().fill(0);
                    let (buf, done) = device.read(index * 8192, buf).await;
                    done.expect("read");
                    assert!(
                        buf.as_ref() == pattern(index + turn, 8192),
                        "{index} {turn}"
                    );
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            runtime.block_on(task).expect("no panic");
        }
    }
}

/// Goal: a runtime that goes, or that nobody drives, keeps nobody else waiting. Method: one
/// device, a runtime that is dropped, one that stands still while a thread of none moves bytes,
/// then another.
#[test]
fn a_device_outlives_the_runtimes_that_listen_to_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let device = Arc::new(make(&dir, Driver::Auto));
    let move_once = |device: Arc<AnyDevice>| async move {
        let buf = device.buffer(4096).expect("room");
        device.write(0, buf).await.1.expect("written");
    };
    for _ in 0..3 {
        let runtime = runtime();
        let task = runtime.spawn(move_once(Arc::clone(&device)));
        runtime.block_on(task).expect("no panic");
    }
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let still = builder.enable_all().build().expect("builds");
    still.block_on(move_once(Arc::clone(&device)));
    block_on(move_once(Arc::clone(&device)));
    let runtime = runtime();
    let task = runtime.spawn(move_once(Arc::clone(&device)));
    runtime.block_on(task).expect("no panic");
}

/// Goal: two devices used by one worker are both heard. Method: each write to one waits for a
/// write to the other.
#[test]
fn a_worker_hears_two_devices() {
    let dirs = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let [one, two] = [&dirs[0], &dirs[1]].map(|dir| make(dir, Driver::Auto));
    let runtime = runtime();
    let both = runtime.spawn(async move {
        for _ in 0..100 {
            let bufs = (
                one.buffer(4096).expect("room"),
                two.buffer(4096).expect("room"),
            );
            let (a, b) = futures::future::join(one.write(0, bufs.0), two.write(0, bufs.1)).await;
            a.1.expect("written");
            b.1.expect("written");
        }
    });
    runtime.block_on(both).expect("no panic");
}
