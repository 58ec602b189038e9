//! Goal: the cache keeps what is read again, within its bound, and forgets what is let go.

use super::*;

fn run(at: u64) -> Run {
    (ObjectId([1; 32]), at)
}

#[test]
fn the_run_unused_longest_goes_first() {
    let cache = Cache::new(30);
    for at in 0..3 {
        cache.keep(run(at), Bytes::from(vec![0; 10]));
    }
    assert!(cache.get(&run(0)).is_some());
    cache.keep(run(3), Bytes::from(vec![0; 10]));
    assert!(cache.get(&run(1)).is_none());
    assert!(cache.get(&run(0)).is_some());
}

#[test]
fn nothing_larger_than_the_whole_is_kept() {
    let cache = Cache::new(30);
    cache.keep(run(0), Bytes::from(vec![0; 31]));
    assert!(cache.get(&run(0)).is_none());
}

#[test]
fn a_run_kept_twice_counts_once() {
    let cache = Cache::new(30);
    for _ in 0..9 {
        cache.keep(run(0), Bytes::from(vec![0; 20]));
    }
    cache.keep(run(1), Bytes::from(vec![0; 10]));
    assert!(cache.get(&run(0)).is_some());
    assert!(cache.get(&run(1)).is_some());
}
