//! Goal: whoever comes second, a writer that names an object or the sweep that gives it back, is
//! refused by the catalogue. Method: both read, then both commit, in either order.

use super::*;
use host_ledger::catalogue::Catalogue;

const OBJECT: ObjectId = ObjectId([7; 32]);

struct Bench {
    _dir: tempfile::TempDir,
    rows: Catalogue,
}

impl Bench {
    /// A catalogue with one object just stored, due at 10.
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let rows = Catalogue::open(&dir.path().join("catalogue"), 1 << 20).expect("opens");
        let mut stored = RowChange::default();
        let value = Some(due(10));
        stored.write.insert(rows::garbage(&OBJECT), value);
        assert!(rows.commit(&stored).expect("commits"));
        Self { _dir: dir, rows }
    }

    fn named_by(&self, row: &[u8]) -> Result<RowChange, Error> {
        let mut change = RowChange::default();
        take(&self.rows, &mut change, &OBJECT, row)?;
        Ok(change)
    }

    fn sentence(&self) -> (RowChange, bool) {
        let value = self.listed().expect("listed");
        sentence(&self.rows, &OBJECT, value, 20).expect("reads")
    }

    fn listed(&self) -> Option<Vec<u8>> {
        self.rows.get(&rows::garbage(&OBJECT)).expect("reads")
    }

    fn commit(&self, change: &RowChange) -> bool {
        self.rows.commit(change).expect("commits")
    }
}

#[test]
fn a_writer_that_comes_after_the_sweep_is_refused() {
    let bench = Bench::new();
    let late = bench.named_by(b"late").expect("still stands");
    let (change, condemns) = bench.sentence();
    assert!(condemns && bench.commit(&change));
    assert!(!bench.commit(&late));
    let again = bench.named_by(b"late");
    assert!(matches!(again, Err(Error::GivenBack { object }) if object == OBJECT));
    // The hosts have closed it, the list forgot it: it stays refused.
    let mut ended = RowChange::default();
    ended.write.insert(rows::garbage(&OBJECT), None);
    assert!(bench.commit(&ended));
    assert!(matches!(
        bench.named_by(b"late"),
        Err(Error::GivenBack { .. })
    ));
}

#[test]
fn a_sweep_that_comes_after_a_writer_condemns_nothing() {
    let bench = Bench::new();
    let (change, condemns) = bench.sentence();
    assert!(condemns);
    assert!(bench.commit(&bench.named_by(b"row").expect("stands")));
    assert!(!bench.commit(&change));
    assert_eq!(bench.listed(), None);
}

#[test]
fn a_shared_object_is_named_by_many_until_its_last_use_is_gone() {
    let bench = Bench::new();
    let outrun = bench.named_by(b"b").expect("stands");
    assert!(bench.commit(&bench.named_by(b"a").expect("stands")));
    assert!(!bench.commit(&outrun), "it read the list before the first");
    assert!(bench.commit(&bench.named_by(b"b").expect("stands")));
    let mut left = RowChange::default();
    leave(&mut left, &OBJECT, b"a", 30);
    assert!(bench.commit(&left));
    let (change, condemns) = bench.sentence();
    assert!(!condemns && bench.commit(&change));
    assert_eq!(bench.listed(), None);
    leave(&mut left, &OBJECT, b"b", 40);
    assert!(bench.commit(&left));
    let (change, condemns) = bench.sentence();
    assert!(condemns && bench.commit(&change));
    assert_eq!(due_ms(&bench.listed().expect("listed")), 20);
}
