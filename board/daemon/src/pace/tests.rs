//! Buckets and pauses under a clock of our own.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_bucket_gives_its_fill_and_then_one_at_a_time() {
    let mut bucket = Bucket::new(3, SECOND);
    let at = SECOND * 100;
    for _ in 0..3 {
        assert_eq!(bucket.take(at), Ok(()));
    }
    assert_eq!(bucket.take(at), Err(SECOND));
    assert_eq!(bucket.take(at + SECOND), Ok(()));
    assert!(bucket.take(at + SECOND).is_err());
    assert_eq!((0..9).filter(|_| bucket.take(at * 2).is_ok()).count(), 3);
}

#[test]
fn an_act_waits_out_its_pause() {
    let mut last = None;
    assert_eq!(once(&mut last, SECOND, SECOND * 10), None);
    assert_eq!(once(&mut last, SECOND * 4, SECOND * 10), Some(SECOND * 7));
    assert_eq!(once(&mut last, SECOND * 11, SECOND * 10), None);
}
