//! The neighbour that makes memory scarce: holds some, and reads pages of a file that does not fit
//! beside it, again and again.
//!
//! Enters: a file and MiB to hold; it begins with the first byte on its standard input and ends
//! with the input. Leaves: nothing.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

use crate::cage::Cage;

/// Readers at once: enough that some always wait.
const READERS: u64 = 4;
const PAGE: u64 = 4096;

/// What the process does.
pub(crate) fn run(file: &str, mib: usize) -> ExitCode {
    let mut input = std::io::stdin().lock();
    if input.read_exact(&mut [0]).is_err() {
        return ExitCode::FAILURE;
    }
    let held = vec![1_u8; mib << 20];
    for reader in 0..READERS {
        let file = File::open(file).expect("the file opens");
        let pages = file.metadata().expect("it has a size").len() / PAGE;
        // Ends with the process.
        let _reading = thread::spawn(move || read(&file, pages, reader));
    }
    let _ended = input.read_to_end(&mut Vec::new());
    std::hint::black_box(held);
    ExitCode::SUCCESS
}

/// Reads pages in an order without rhyme, for ever.
fn read(file: &File, pages: u64, seed: u64) {
    let mut at = seed + 1;
    let mut page = [0; PAGE as usize];
    loop {
        at = at
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let _read = file.read_at(&mut page, (at >> 20) % pages * PAGE);
    }
}

/// A hog in a cage; ends when dropped.
#[derive(Debug)]
pub(crate) struct Hog(Child);

impl Hog {
    /// Starts it inside the cage.
    pub(crate) fn start(cage: &Cage, file: &std::path::Path, mib: usize) -> Self {
        let own = std::env::current_exe().expect("our own path");
        let child = Command::new(own)
            .arg("hog")
            .arg(file)
            .arg(mib.to_string())
            .stdin(Stdio::piped())
            .spawn()
            .expect("a hog starts");
        cage.take(child.id());
        use std::io::Write;
        let mut hog = Self(child);
        let input = hog.0.stdin.as_mut().expect("the input is piped");
        input.write_all(b"g").expect("it listens");
        hog
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}
