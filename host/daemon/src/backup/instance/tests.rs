//! Goal: of all copies of a host at most one may serve. Method: the rule as a table, copies of a
//! directory, files written and read again.

use std::time::Duration;

use host_core::limits::ANNOUNCE_TTL;

use super::super::tests::Counting;
use super::{Instance, Machine, Mark, Refusal, Sighting, State, Verdict};

fn instance(state: State, generation: u64) -> Instance {
    let dir = tempfile::tempdir().expect("a directory");
    let first = Instance::first(dir.path(), &Machine::default(), &Counting::default(), 1);
    Instance {
        state,
        generation,
        ..first.expect("makes")
    }
}

fn other(generation: u64, age_s: u64) -> Sighting {
    Sighting {
        instance: Mark([9; 16]),
        generation,
        age: Duration::from_secs(age_s),
        leaving: false,
    }
}

const OLD: u64 = ANNOUNCE_TTL.as_secs();

fn alive(age_s: u64) -> Verdict {
    Verdict::Refuse(Refusal::Alive {
        instance: Mark([9; 16]),
        age_s,
    })
}

fn superseded(generation: u64) -> Verdict {
    Verdict::Refuse(Refusal::Superseded {
        instance: Mark([9; 16]),
        generation,
    })
}

/// Goal: the whole rule in one table. Method: state and generation of this copy against what hubs
/// heard of another.
#[test]
fn of_two_copies_at_most_one_may_serve() {
    let claimed = instance(State::Claimed, 1);
    let restored = instance(State::Restored, 1);
    let own = Sighting {
        instance: claimed.instance,
        generation: 1,
        age: Duration::ZERO,
        leaving: false,
    };
    let left = Sighting {
        leaving: true,
        ..other(1, 3)
    };
    let cases = [
        (&claimed, vec![], Verdict::Serve),
        (&claimed, vec![own], Verdict::Serve),
        (&claimed, vec![other(0, 3)], Verdict::Serve),
        (&claimed, vec![other(1, 3)], alive(3)),
        (&claimed, vec![other(1, OLD)], Verdict::Serve),
        (&claimed, vec![own, other(2, OLD)], superseded(2)),
        (&restored, vec![], Verdict::Claim),
        (&restored, vec![own], Verdict::Claim),
        (&restored, vec![other(0, 3)], alive(3)),
        (&restored, vec![other(0, OLD)], Verdict::Claim),
        (&restored, vec![left], Verdict::Claim),
        (&restored, vec![other(1, 3)], alive(3)),
        (&restored, vec![other(2, 3)], superseded(2)),
    ];
    for (index, (copy, seen, verdict)) in cases.into_iter().enumerate() {
        assert_eq!(copy.judge(&seen, 1), verdict, "case {index}");
    }
}

#[test]
fn a_claim_needs_a_witness_or_the_operators_word() {
    let mut copy = instance(State::Restored, 1);
    let unwitnessed = Verdict::Refuse(Refusal::Unwitnessed);
    assert_eq!(copy.judge(&[], 0), unwitnessed);
    assert_eq!(copy.confirm(&[], 0, false), unwitnessed);
    assert_eq!(copy.state, State::Restored);
    assert_eq!(
        copy.confirm(&[other(0, 3)], 1, true),
        alive(3),
        "never against a witness"
    );
    assert_eq!(copy.confirm(&[], 0, true), Verdict::Serve);
    assert_eq!(copy.state, State::Claimed);
    assert_eq!(
        copy.judge(&[], 0),
        Verdict::Serve,
        "once claimed, silent hubs stop nobody"
    );
}

#[test]
fn a_copy_that_was_superseded_never_serves_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut copy = instance(State::Claimed, 0);
    let verdict = copy.judge(&[other(1, 3)], 1);
    assert!(copy.retire(verdict));
    assert!(!copy.retire(verdict), "written once");
    copy.write(dir.path()).expect("writes");
    let entropy = Counting::default();
    let mut again =
        Instance::at_start(dir.path(), &Machine::default(), &entropy, 2).expect("reads");
    assert_eq!(again.state, State::Superseded);
    assert!(matches!(
        again.judge(&[], 1),
        Verdict::Refuse(Refusal::Superseded { .. })
    ));
    assert!(matches!(again.confirm(&[], 1, true), Verdict::Refuse(_)));
}

/// Goal: a plain copy of the directory is another instance. Method: the file read in another
/// directory, and on a machine of another name.
#[test]
fn a_copied_directory_becomes_another_copy() {
    let entropy = Counting::default();
    let machine = Machine(b"one".to_vec());
    let (here, there) = (
        tempfile::tempdir().expect("a"),
        tempfile::tempdir().expect("b"),
    );
    let first = Instance::first(here.path(), &machine, &entropy, 1).expect("makes");
    first.write(here.path()).expect("writes");
    let start = |dir: &tempfile::TempDir, machine| {
        Instance::at_start(dir.path(), machine, &entropy, 2).expect("starts")
    };
    assert_eq!(start(&here, &machine), first);
    std::fs::copy(
        here.path().join(super::FILE),
        there.path().join(super::FILE),
    )
    .expect("copies");
    let copied = start(&there, &machine);
    assert_eq!((copied.state, copied.generation), (State::Restored, 1));
    assert_ne!(copied.instance, first.instance);
    assert_eq!(
        copied.restored_from.as_ref().map(|from| from.instance),
        Some(first.instance)
    );
    assert_eq!(
        start(&there, &machine),
        copied,
        "it is another copy once, not at every start"
    );
    assert_eq!(
        start(&here, &Machine(b"two".to_vec())).state,
        State::Restored
    );
}

#[test]
fn the_file_reads_back_and_damage_is_said() {
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(Instance::read(dir.path()).expect("reads"), None);
    let mut copy = instance(State::Claimed, 3);
    for backup in 0..40 {
        copy.note_backup(Mark([backup; 16]), u64::from(backup));
    }
    assert_eq!(copy.backups.len(), 16);
    copy.write(dir.path()).expect("writes");
    assert_eq!(Instance::read(dir.path()).expect("reads"), Some(copy));
    let path = dir.path().join(super::FILE);
    std::fs::write(&path, "{").expect("writes");
    assert!(Instance::read(dir.path()).is_err());
    assert!("+1234567890123456789012345678901".parse::<Mark>().is_err());
    assert_eq!(
        "0".repeat(32).parse::<Mark>().expect("a mark"),
        Mark([0; 16])
    );
}
