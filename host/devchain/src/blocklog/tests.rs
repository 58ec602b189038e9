//! Facts of the log: what a kill or a bad drive may do to it.
use super::*;

fn record(number: u64) -> Record {
    Record {
        number,
        timestamp: 1_700_000_000 + number,
        chain_id: (number == 0).then_some(7),
        gifts: vec![],
        txs: vec![Bytes::from(vec![9; 40])],
        hash: None,
    }
}

fn read(dir: &Path) -> (Vec<Record>, Result<BlockLog, Error>) {
    let mut all = Vec::new();
    let log = BlockLog::open(dir, |record| {
        all.push(record);
        Ok(())
    });
    (all, log)
}

#[test]
fn what_was_appended_is_read_again_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = read(dir.path()).1.unwrap();
    for number in 0..3 {
        log.append(&record(number)).unwrap();
    }
    drop(log);
    assert_eq!(read(dir.path()).0, (0..3).map(record).collect::<Vec<_>>());
}

#[test]
fn a_torn_last_line_is_cut_at_every_length_and_the_log_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.log");
    let whole = line(&record(0));
    let torn = line(&record(1));
    for len in 1..torn.len() {
        std::fs::write(&path, [&whole[..], &torn[..len]].concat()).unwrap();
        let (records, log) = read(dir.path());
        assert_eq!(records, vec![record(0)], "{len}");
        log.unwrap().append(&record(1)).unwrap();
        assert_eq!(read(dir.path()).0.len(), 2);
    }
}

#[test]
fn damage_before_the_end_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = line(&record(0));
    bytes[30] ^= 1;
    bytes.extend(line(&record(1)));
    std::fs::write(dir.path().join("blocks.log"), bytes).unwrap();
    let refused = read(dir.path()).1.unwrap_err();
    assert!(
        matches!(refused, Error::LogDamaged { offset: 0, .. }),
        "{refused}"
    );
}

#[test]
fn a_directory_in_use_names_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let _first = read(dir.path()).1.unwrap();
    let refused = read(dir.path()).1.unwrap_err();
    let own = std::process::id().to_string();
    assert!(
        matches!(&refused, Error::DirectoryInUse { pid, .. } if *pid == own),
        "{refused}"
    );
}
