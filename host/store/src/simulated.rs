//! Disks that lose power: a `Device` for volumes and a `Storage` for the ledger, on one switch.
//!
//! A write lands in a volatile cache. A flush makes everything written to that disk before it
//! durable. When power is cut (at a chosen operation, counted over all disks together) each
//! 512-byte sector written since the last flush keeps its old bytes or any of those written to it,
//! as the seed decides: writes are dropped, torn and reordered. `ignore_flush` is the mutation
//! that proves a test can see a missing flush. Tests of several rooms use this, so it is an
//! ordinary module: a feature would build the room twice, and no program links what it never calls.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use host_core::seams::{Device, DeviceBuf, DeviceError, DeviceFacts};
use host_ledger::Storage;

use self::pages::Pages;

mod pages;

/// What survives a cut whole or not at all.
const SECTOR: usize = 512;

/// Numbers from a seed (xorshift64*): the same seed gives the same run.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Begins with a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// A number below `bound` (at least 1).
    pub const fn below(&mut self, bound: u64) -> u64 {
        let bound = if bound == 0 { 1 } else { bound };
        self.next() % bound
    }
}

/// The power all disks of a machine hang on.
#[derive(Debug, Clone, Default)]
pub struct Power {
    state: Arc<Mutex<PowerState>>,
}

#[derive(Debug, Default)]
struct PowerState {
    done: u64,
    cut_at: Option<u64>,
    off: bool,
}

impl Power {
    fn lock(&self) -> MutexGuard<'_, PowerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Power goes at the `count`th operation from now (0 is the next).
    pub fn cut_after(&self, count: u64) {
        let mut state = self.lock();
        state.cut_at = Some(state.done + count);
    }

    /// Power is on again and stays on.
    pub fn restore(&self) {
        let mut state = self.lock();
        state.off = false;
        state.cut_at = None;
    }

    /// Whether it is gone.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.lock().off
    }

    /// Writes and flushes done so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.lock().done
    }

    /// Counts an operation; whether it happens with power, and whether power goes during it.
    fn step(&self) -> Step {
        let mut state = self.lock();
        if state.off {
            return Step::Off;
        }
        let now = state.done;
        state.done += 1;
        if state.cut_at == Some(now) {
            state.off = true;
            return Step::Cut;
        }
        Step::Done
    }
}

enum Step {
    Done,
    Cut,
    Off,
}

#[derive(Debug)]
struct Platter {
    durable: Pages,
    visible: Pages,
    cached: Vec<(usize, Vec<u8>)>,
    reads: u64,
    ignore_flush: bool,
}

/// One disk; clones are the same disk.
#[derive(Debug, Clone)]
pub struct Disk {
    name: &'static str,
    power: Power,
    platter: Arc<Mutex<Platter>>,
}

/// A buffer of a simulated device.
pub struct Buf(Vec<u8>);

impl AsRef<[u8]> for Buf {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Buf {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl DeviceBuf for Buf {}

impl Disk {
    /// A disk of zeroes.
    #[must_use]
    pub fn new(name: &'static str, size: usize, power: &Power) -> Self {
        let platter = Platter {
            durable: Pages::new(size),
            visible: Pages::new(size),
            cached: Vec::new(),
            reads: 0,
            ignore_flush: false,
        };
        Self {
            name,
            power: power.clone(),
            platter: Arc::new(Mutex::new(platter)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Platter> {
        self.platter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another disk with the same bytes, on another power switch.
    #[must_use]
    pub fn copy(&self, power: &Power) -> Self {
        let platter = self.lock();
        let platter = Platter {
            durable: platter.durable.clone(),
            visible: platter.visible.clone(),
            cached: platter.cached.clone(),
            reads: 0,
            ignore_flush: platter.ignore_flush,
        };
        Self {
            name: self.name,
            power: power.clone(),
            platter: Arc::new(Mutex::new(platter)),
        }
    }

    /// From now on a flush says it is done and does nothing.
    pub fn ignore_flush(&self) {
        self.lock().ignore_flush = true;
    }

    /// Reads done so far.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.lock().reads
    }

    /// After a cut: what the sectors hold now is decided by chance.
    pub fn settle(&self, chance: &mut Chance) {
        let mut platter = self.lock();
        let mut cached = std::mem::take(&mut platter.cached);
        for index in (1..cached.len()).rev() {
            let other = usize::try_from(chance.below(index as u64 + 1)).unwrap_or(0);
            cached.swap(index, other);
        }
        // One sector in `rarity` is lost: sometimes many, sometimes almost none.
        let rarity = [2, 2, 3, 8, 64][usize::try_from(chance.below(5)).unwrap_or(0)];
        for (offset, bytes) in cached {
            let mut at = offset;
            for sector in split(offset, &bytes) {
                let kept = chance.below(rarity) != 0;
                if kept {
                    platter.durable.write(at, sector);
                }
                at += sector.len();
            }
        }
        platter.visible = platter.durable.clone();
    }

    /// Turns over a byte, as rot does.
    pub fn damage(&self, offset: usize) {
        let mut platter = self.lock();
        let mut byte = [0];
        platter.visible.read(offset, &mut byte);
        platter.visible.write(offset, &[byte[0] ^ 0xff]);
        platter.durable.read(offset, &mut byte);
        platter.durable.write(offset, &[byte[0] ^ 0xff]);
    }

    /// Cuts the disk's end off.
    pub fn truncate(&self, size: usize) {
        let mut platter = self.lock();
        platter.visible.resize(size);
        platter.durable.resize(size);
    }

    fn put(&self, offset: usize, bytes: &[u8]) -> Result<(), Gone> {
        let step = self.power.step();
        if matches!(step, Step::Off) {
            return Err(Gone);
        }
        let mut platter = self.lock();
        if !platter.visible.holds(offset, bytes.len()) {
            return Err(Gone);
        }
        platter.visible.write(offset, bytes);
        platter.cached.push((offset, bytes.to_vec()));
        if matches!(step, Step::Cut) {
            Err(Gone)
        } else {
            Ok(())
        }
    }

    fn sync(&self) -> Result<(), Gone> {
        match self.power.step() {
            Step::Done => {
                let mut platter = self.lock();
                if !platter.ignore_flush {
                    for (offset, bytes) in std::mem::take(&mut platter.cached) {
                        platter.durable.write(offset, &bytes);
                    }
                }
                Ok(())
            }
            Step::Cut | Step::Off => Err(Gone),
        }
    }

    fn get(&self, offset: usize, out: &mut [u8]) -> Result<(), Gone> {
        if self.power.is_off() {
            return Err(Gone);
        }
        let mut platter = self.lock();
        platter.reads += 1;
        if !platter.visible.holds(offset, out.len()) {
            return Err(Gone);
        }
        platter.visible.read(offset, out);
        Ok(())
    }

    fn stopped(&self) -> DeviceError {
        DeviceError::Stopped {
            path: self.name.into(),
        }
    }
}

/// The sectors a run at `offset` touches, each as the part of the run that lies in it.
fn split(offset: usize, run: &[u8]) -> Vec<&[u8]> {
    let (head, rest) = run.split_at((SECTOR - offset % SECTOR).min(run.len()));
    std::iter::once(head).chain(rest.chunks(SECTOR)).collect()
}

/// Power is off, or the bytes are outside the disk.
struct Gone;

impl From<Gone> for io::Error {
    fn from(_: Gone) -> Self {
        Self::other("no power")
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl Device for Disk {
    type Buf = Buf;

    fn facts(&self) -> DeviceFacts {
        let size = self.lock().visible.len() as u64;
        DeviceFacts {
            size,
            block: SECTOR as u64,
            driver: "simulated",
        }
    }

    fn buffer(&self, len: usize) -> Result<Buf, DeviceError> {
        Ok(Buf(vec![0xa5; len]))
    }

    async fn write(&self, offset: u64, buf: Buf) -> (Buf, Result<(), DeviceError>) {
        let done = self
            .put(index(offset), &buf.0)
            .map_err(|Gone| self.stopped());
        std::future::ready((buf, done)).await
    }

    async fn read(&self, offset: u64, mut buf: Buf) -> (Buf, Result<(), DeviceError>) {
        let done = self
            .get(index(offset), &mut buf.0)
            .map_err(|Gone| self.stopped());
        std::future::ready((buf, done)).await
    }

    async fn flush(&self) -> Result<(), DeviceError> {
        std::future::ready(self.sync().map_err(|Gone| self.stopped())).await
    }
}

impl Storage for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().visible.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        Ok(self.get(index(offset), out)?)
    }

    /// Growing is taken as durable: file systems journal it.
    fn set_len(&self, len: u64) -> io::Result<()> {
        if self.power.is_off() {
            return Err(Gone.into());
        }
        let mut platter = self.lock();
        platter.visible.resize(index(len));
        platter.durable.resize(index(len));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(Self::sync(self)?)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        Ok(self.put(index(offset), bytes)?)
    }
}
