//! Goal: peaks stay few, ways stay short, and no byte is lost, whatever batches come. Method: two
//! thousand periods of random weights from a fixed seed.

use host_core::Digest32;

use super::History;
use crate::dataset::batch::Batch;
use crate::dataset::entry::{Entry, SUM_MAX};

fn batch(period: u64, sum: u64, end: u64) -> Batch {
    let mut node = [1; 32];
    node[..8].copy_from_slice(&period.to_be_bytes());
    Batch {
        period,
        root: Some(Entry {
            node: Digest32(node),
            sum,
            end,
        }),
    }
}

/// xorshift64*, seed printed in the assertions through the period.
fn random(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

#[test]
fn two_thousand_uneven_batches_stay_shallow_and_complete() {
    let mut state = 20_260_821;
    let mut history = History::default();
    let mut total = 0;
    for period in 0..2000 {
        let sum = 1 + (random(&mut state) >> (24 + random(&mut state) % 36));
        total += sum;
        history.append(&batch(period, sum, 9999)).unwrap();
        let peaks = history.peaks();
        for two in peaks.0.windows(2) {
            assert!(two[0].sum >= 2 * two[1].sum, "period {period}");
        }
        assert_eq!(peaks.live_bytes(0), total);
    }
    let longest = (0..2000).filter_map(|index| history.path(index));
    let longest = longest.map(|(path, _)| path.0.len()).max();
    assert!(longest <= Some(48), "{longest:?}");
}

#[test]
fn a_thousand_even_batches_are_ten_steps_deep() {
    let mut history = History::default();
    for period in 0..1024 {
        history.append(&batch(period, 1 << 30, 9999)).unwrap();
    }
    assert_eq!(history.peaks().0.len(), 1);
    let steps = |index| history.path(index).unwrap().0.0.len();
    assert!((0..1024).all(|index| steps(index) == 10));
}

#[test]
fn peaks_that_are_over_fall_off_and_their_batches_have_no_way() {
    let mut history = History::default();
    history.append(&batch(0, 100, 5)).unwrap();
    history.append(&batch(1, 10, 9)).unwrap();
    let nothing = Batch {
        period: 5,
        root: None,
    };
    history.append(&nothing).unwrap();
    assert_eq!(history.peaks().0.len(), 1);
    assert_eq!(history.path(0), None);
    assert_eq!(history.path(1).unwrap().1, 0);
    assert_eq!(history.path(2), None);
    assert_eq!(history.path(3), None);
}

#[test]
fn every_byte_is_found_in_its_batch() {
    let mut history = History::default();
    let sums = [5, 1, 2, 90, 7, 7, 7];
    for (period, sum) in sums.into_iter().enumerate() {
        history.append(&batch(period as u64, sum, 99)).unwrap();
    }
    let peaks = history.peaks();
    let mut seen = vec![0; sums.len()];
    for byte in 0..sums.iter().sum() {
        let (peak, within) = peaks.locate(0, byte).unwrap();
        let (batch, offset) = history.descend(peak, within).unwrap();
        assert!(offset < sums[batch]);
        seen[batch] += 1;
    }
    assert_eq!(seen, sums);
    assert!(peaks.locate(0, sums.iter().sum()).is_err());
}

#[test]
fn more_bytes_than_a_dataset_holds_are_refused() {
    let mut history = History::default();
    history.append(&batch(0, SUM_MAX, 9)).unwrap();
    assert!(history.append(&batch(1, SUM_MAX / 2 + 1, 9)).is_err());
}
