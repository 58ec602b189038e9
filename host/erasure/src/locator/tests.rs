//! Goal: the direct locator gives the numbers of the transforms. Method: both shapes the crate
//! asks in (points at the front; everything beyond erased), many counts and loss patterns.

use super::direct;
use reed_solomon_simd::engine::{DefaultEngine, Engine, GF_ORDER};

fn agree(marks: &[u16], beyond: u16) {
    let mut wanted = Box::new([beyond; GF_ORDER]);
    wanted[..marks.len()].copy_from_slice(marks);
    let mut ours = wanted.clone();
    let cut = if beyond == 1 { GF_ORDER } else { marks.len() };
    DefaultEngine::eval_poly(&mut wanted, cut);
    assert!(direct(&mut ours, cut));
    for i in 0..marks.len() {
        assert_eq!(
            ours[i] % 65_535,
            wanted[i] % 65_535,
            "point {i} of {}",
            marks.len()
        );
    }
}

#[test]
fn few_points_give_the_numbers_of_the_transforms() {
    for (count, step) in [(2, 2), (5, 3), (36, 2), (36, 7), (64, 5), (300, 3)] {
        // The last point is received, as in every decode that has parity to decode from.
        let marks = (0..count).map(|i| u16::from((i + 1) % step == 0 && i + 1 < count));
        let marks: Vec<u16> = marks.collect();
        agree(&marks, 0);
        agree(&marks, 1);
    }
}

#[test]
fn many_points_are_left_to_the_transforms() {
    let mut marks = Box::new([0; GF_ORDER]);
    marks[..2048].fill(1);
    assert!(!direct(&mut marks, 2048));
    assert!(!direct(&mut marks, 4096));
}
