//! Goal: a notice that was written down outlives every cut of the power. Method: a paper that
//! forgets what was not flushed, cut after every act; a real file torn at every byte.

use std::cell::RefCell;
use std::rc::Rc;

use host_api::{Alert, Urgency};

use super::*;
use crate::alerts::paper::Sheet;

/// Bytes on the drive, and bytes that only the kernel has.
#[derive(Debug, Clone, Default)]
struct Drive(Rc<RefCell<(Vec<u8>, Vec<u8>)>>);

/// A paper on it; `lies` never flushes and says it did.
#[derive(Debug)]
struct Cuttable {
    drive: Drive,
    lies: bool,
}

impl Drive {
    /// What is left after the power went.
    fn cut(&self) -> Self {
        let (durable, _) = self.0.borrow().clone();
        Self(Rc::new(RefCell::new((durable, Vec::new()))))
    }

    fn paper(&self, lies: bool) -> Cuttable {
        let drive = self.clone();
        Cuttable { drive, lies }
    }
}

impl Paper for Cuttable {
    fn read(&mut self) -> Result<Vec<u8>, Trouble> {
        let (durable, lost) = self.drive.0.borrow().clone();
        Ok([durable, lost].concat())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.drive.0.borrow_mut().1.extend(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        let mut both = self.drive.0.borrow_mut();
        if !self.lies {
            let fresh = std::mem::take(&mut both.1);
            both.0.extend(fresh);
        }
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        *self.drive.0.borrow_mut() = (bytes.to_vec(), Vec::new());
        Ok(())
    }

    fn len(&self) -> u64 {
        let both = self.drive.0.borrow();
        u64::try_from(both.0.len() + both.1.len()).expect("small")
    }
}

fn notice(turn: Turn, subject: &str, at: u64) -> Notice {
    let alert = Alert {
        rule: "volume:state".into(),
        subject: subject.into(),
        urgency: Urgency::Warning,
        summary: "the volume is lost".into(),
        since: 1,
    };
    Notice { turn, alert, at }
}

fn routes() -> Vec<String> {
    vec!["webhook".into(), "mail".into()]
}

fn open(drive: &Drive) -> Journal<Cuttable> {
    Journal::open(drive.paper(false)).expect("it opens").0
}

#[test]
fn what_was_kept_is_there_after_a_cut_at_any_moment() {
    let drive = Drive::default();
    let mut journal = open(&drive);
    for at in 0..20 {
        let kept = journal.keep(notice(Turn::Raised, &at.to_string(), at), &routes());
        kept.expect("kept");
        let after = open(&drive.cut());
        assert_eq!(after.count_for("mail"), journal.count_for("mail"));
        if at % 3 == 0 {
            let first = journal.next_for("webhook").expect("one waits");
            journal.done(first.number, "webhook").expect("done");
            let after = open(&drive.cut());
            assert_eq!(after.next_for("webhook"), journal.next_for("webhook"));
            assert_eq!(after.count(), journal.count());
        }
    }
}

#[test]
fn without_the_flush_a_cut_loses_what_was_kept() {
    let drive = Drive::default();
    let mut journal = Journal::open(drive.paper(true)).expect("it opens").0;
    let kept = journal.keep(notice(Turn::Raised, "v1", 1), &routes());
    kept.expect("it says so");
    assert_eq!(
        open(&drive.cut()).count(),
        0,
        "the test above sees a missing flush"
    );
}

#[test]
fn a_file_torn_at_any_byte_reads_up_to_its_last_whole_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("alerts.journal");
    let mut journal = Journal::open(Sheet::open(&path).expect("a file"))
        .expect("it opens")
        .0;
    let mut ends = Vec::new();
    for at in 0..4 {
        let kept = journal.keep(notice(Turn::Raised, &at.to_string(), at), &routes());
        kept.expect("kept");
        ends.push(std::fs::metadata(&path).expect("a file").len());
    }
    let whole = std::fs::read(&path).expect("it reads");
    for cut in 0..=whole.len() {
        std::fs::write(&path, &whole[..cut]).expect("written");
        let sheet = Sheet::open(&path).expect("a file");
        let (mut journal, _) = Journal::open(sheet).expect("a torn file opens");
        let wanted = ends.iter().filter(|end| **end <= cut as u64).count();
        assert_eq!(journal.count_for("mail"), wanted, "cut at {cut}");
        let kept = journal.keep(notice(Turn::Raised, "new", 9), &routes());
        kept.expect("a torn file is written on");
        let again = Journal::open(Sheet::open(&path).expect("a file")).expect("it opens");
        assert_eq!((again.0.count_for("mail"), again.1), (wanted + 1, 0));
    }
}

#[test]
fn rot_in_the_middle_ends_the_reading_there_and_panics_nowhere() {
    let drive = Drive::default();
    let mut journal = open(&drive);
    for at in 0..3 {
        journal
            .keep(notice(Turn::Raised, &at.to_string(), at), &routes())
            .expect("kept");
    }
    let good = drive.0.borrow().0.clone();
    for at in 0..good.len() {
        let rotten = Drive::default();
        rotten.0.borrow_mut().0.extend(&good);
        rotten.0.borrow_mut().0[at] ^= 0x55;
        assert!(open(&rotten).count_for("mail") < 3, "byte {at}");
    }
}

#[test]
fn the_file_stays_small_and_keeps_what_waits_and_what_stands() {
    let drive = Drive::default();
    let mut journal = open(&drive);
    journal
        .keep(notice(Turn::Raised, "stands", 1), &[])
        .expect("kept");
    journal
        .keep(notice(Turn::Raised, "waits", 1), &["mail".into()])
        .expect("kept");
    for at in 0..3_000 {
        let raised = notice(Turn::Raised, "comes and goes", at);
        journal.keep(raised, &["webhook".into()]).expect("kept");
        let number = journal.next_for("webhook").expect("one waits").number;
        journal.done(number, "webhook").expect("done");
        journal
            .keep(notice(Turn::Cleared, "comes and goes", at), &[])
            .expect("kept");
    }
    assert!(drive.paper(false).len() < 2 * FILE_MAX);
    let after = open(&drive.cut());
    assert_eq!(after.count_for("mail"), 1);
    let standing: Vec<String> = after
        .standing()
        .into_iter()
        .map(|n| n.alert.subject)
        .collect();
    assert_eq!(standing, ["stands", "waits"]);
}

#[test]
fn too_many_that_wait_are_bounded_and_the_urgent_stay() {
    let drive = Drive::default();
    let mut journal = open(&drive);
    let mut urgent = notice(Turn::Raised, "urgent", 0);
    urgent.alert.urgency = Urgency::Critical;
    journal.keep(urgent, &["mail".into()]).expect("kept");
    for at in 0..600 {
        let one = notice(Turn::Raised, &at.to_string(), at);
        journal.keep(one, &["mail".into()]).expect("kept");
    }
    assert_eq!(journal.count_for("mail"), WAITING_MAX);
    let first = journal.next_for("mail").expect("one waits");
    assert_eq!(first.notice.alert.subject, "urgent");
}

#[test]
fn a_route_that_is_configured_no_more_holds_nothing() {
    let drive = Drive::default();
    let mut journal = open(&drive);
    journal
        .keep(notice(Turn::Raised, "v1", 1), &routes())
        .expect("kept");
    journal.only(&["mail".into()]);
    assert_eq!(
        (journal.count_for("webhook"), journal.count_for("mail")),
        (0, 1)
    );
}
