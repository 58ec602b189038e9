//! Theory and the product's draws, on few seeds.

use super::{found, theory};

#[test]
fn half_a_shard_is_missed_by_eight_leaves_once_in_256() {
    assert!((theory(8_192, 16_384, 8) - 255.0 / 256.0).abs() < 1e-12);
    assert!((theory(1, 2, 1) - 0.5).abs() < 1e-12);
}

#[test]
fn draws_find_what_theory_says_within_their_noise() {
    // 4,000 seeds of a chance of 0.55: five standard deviations are 0.04.
    let (gone, drawn) = (819, 16);
    let far = (found(1, 4_000, gone, drawn) - theory(gone, 16_384, drawn)).abs();
    assert!(far < 0.04, "{far}");
    assert!(found(1, 500, 0, 64) < 1e-12, "nothing is lost");
}
