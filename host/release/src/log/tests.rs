//! Goal: nothing answered for is lost in a power cut, what was torn is accounted for, and every
//! change is seen at the entry it was made in. Method: a drive that keeps some of what was not
//! flushed, in blocks, with zeros where one is missing; a cut in every life; damage byte by byte.

use std::io::Result;

use super::*;

/// Bytes a drive keeps or loses together.
const BLOCK: usize = 64;

/// A drive: what it keeps, and what it may lose.
#[derive(Default)]
struct Drive {
    kept: Vec<u8>,
    pending: Vec<u8>,
    /// Flushes until the power goes.
    flushes: Option<usize>,
}

impl Tape for Drive {
    fn size(&mut self) -> Result<u64> {
        Ok((self.kept.len() + self.pending.len()) as u64)
    }

    fn read_from(&mut self, at: u64) -> Result<Vec<u8>> {
        let all = [self.kept.as_slice(), &self.pending].concat();
        let at = usize::try_from(at).expect("small");
        Ok(all.get(at..).unwrap_or_default().to_vec())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        match &mut self.flushes {
            Some(0) => return Err(std::io::Error::other("the power went")),
            Some(left) => *left -= 1,
            None => (),
        }
        self.kept.append(&mut self.pending);
        Ok(())
    }
}

/// Small numbers in a row that look drawn.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound.max(1)
    }
}

impl Drive {
    /// The power goes: of what was not flushed a beginning stays, with holes.
    fn cut(&mut self, draw: &mut Draw) {
        let stays = draw.below(self.pending.len() + 1);
        self.pending.truncate(stays);
        for block in self.pending.chunks_mut(BLOCK) {
            if draw.below(3) == 0 {
                block.fill(0);
            }
        }
        self.kept.append(&mut self.pending);
        self.flushes = None;
    }
}

fn action(subject: &str) -> Action {
    Action {
        action: "publish".to_owned(),
        turn: Turn::Asked,
        of: None,
        by: "command".to_owned(),
        subject: subject.to_owned(),
        detail: json!({ "version": "1.0" }),
    }
}

fn write(drive: &mut Drive, subject: &str) -> u64 {
    let path = Path::new("drive");
    let numbers = add(drive, 7, &[action(subject)], path).expect("writes");
    *numbers.last().expect("one")
}

fn read(bytes: &[u8]) -> (Checked, Vec<Entry>) {
    let mut entries = Vec::new();
    let checked = check(bytes, |entry, _| entries.push(entry.clone())).expect("reads");
    (checked, entries)
}

#[test]
fn nothing_answered_for_is_lost_when_the_power_goes() {
    let mut torn = 0;
    for seed in 0..400 {
        let (mut drive, mut draw) = (Drive::default(), Draw(seed));
        let mut answered = Vec::new();
        for life in 0..12 {
            for turn in 0..draw.below(4) {
                let subject = format!("{seed}/{life}/{turn}");
                answered.push((write(&mut drive, &subject), subject));
            }
            if draw.below(2) == 0 {
                // The power goes in one of the next flushes: nobody is answered.
                drive.flushes = Some(draw.below(2));
                let actions = [action("lost"), action("too")];
                let ended = add(&mut drive, 8, &actions, Path::new("drive"));
                assert!(ended.is_err(), "no word without a flush");
            }
            drive.cut(&mut draw);
        }
        write(&mut drive, "last");
        let (checked, entries) = read(&drive.kept);
        assert_eq!(checked.broken, None, "seed {seed}");
        assert_eq!(checked.torn, 0, "seed {seed}");
        torn += checked.repaired;
        for (number, subject) in answered {
            let found = entries.iter().find(|entry| entry.number == number);
            let found = found.map(|entry| entry.what.subject.as_str());
            assert_eq!(found, Some(subject.as_str()), "seed {seed}");
        }
    }
    assert!(torn > 100, "cuts tear: {torn}");
}

#[test]
fn a_change_is_found_in_the_entry_it_was_made_in() {
    let mut drive = Drive::default();
    let mut ends = vec![0];
    for subject in ["one", "two", "three", "four"] {
        write(&mut drive, subject);
        ends.push(drive.kept.len());
    }
    let sound = drive.kept;
    assert_eq!(read(&sound).0.head.number, 4);
    for at in 0..ends[3] - 1 {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        let (checked, _) = read(&bytes);
        let broken = checked.broken.expect("seen");
        let line = ends.iter().position(|end| at < *end).expect("in a line");
        assert_eq!(broken.number, line as u64, "byte {at}: {broken:?}");
    }
    for at in ends[3]..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        let (checked, _) = read(&bytes);
        assert_eq!((checked.head.number, checked.broken), (3, None));
        assert_eq!(checked.torn as usize, sound.len() - ends[3]);
    }
}

#[test]
fn an_entry_taken_out_or_put_between_is_found() {
    let mut drive = Drive::default();
    for subject in ["one", "two", "three"] {
        write(&mut drive, subject);
    }
    let text = String::from_utf8(drive.kept).expect("text");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let broken = |order: &[usize]| {
        let text: String = order.iter().map(|index| lines[*index]).collect();
        read(text.as_bytes()).0.broken.map(|broken| broken.number)
    };
    assert_eq!(broken(&[0, 1, 2]), None);
    assert_eq!(broken(&[0, 2]), Some(2));
    assert_eq!(broken(&[1, 2]), Some(1));
    assert_eq!(broken(&[0, 1, 1, 2]), Some(3));
}

#[test]
fn an_entry_is_bounded() {
    let long = action(&"x".repeat(LINE_LEN));
    let refused = add(&mut Drive::default(), 1, &[long], Path::new("drive"));
    assert!(matches!(refused, Err(Error::LongEntry { .. })));
}

#[test]
fn a_long_run_of_nothing_is_accounted_for_too() {
    let mut drive = Drive::default();
    write(&mut drive, "one");
    drive.kept.extend_from_slice(&vec![0; 5 * LINE_LEN]);
    assert_eq!(write(&mut drive, "two"), 3);
    let (checked, entries) = read(&drive.kept);
    assert_eq!((checked.broken, checked.repaired), (None, 1));
    assert_eq!(entries[1].what.action, REPAIR);
}

#[test]
fn two_writers_of_one_file_make_one_chain() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = ActionLog::at(dir.path().join("actions.log"));
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let log = log.clone();
            scope.spawn(move || {
                for turn in 0..10 {
                    let what = action(&format!("{writer}/{turn}"));
                    log.write(1, &[what]).expect("writes");
                }
            });
        }
    });
    let checked = log.check(|_, _| ()).expect("reads");
    assert_eq!((checked.head.number, checked.broken), (40, None));
}
