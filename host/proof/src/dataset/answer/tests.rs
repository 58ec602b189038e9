//! Goal: a host that lost a share of its bytes passes a period with chance (1 - share)^k and no
//! better. Method: 20,000 periods with k = 10, the share at the end of the range; the count of
//! passes must be within four standard deviations of the expected one.

use host_core::{Address, Digest32};

use super::{Asked, draw};

const LIVE: u64 = 1_000_003_000;
const PERIODS: u64 = 20_000;

fn asked(period: u64) -> Asked {
    Asked {
        seed: Digest32([17; 32]),
        host: Address([34; 20]),
        period,
        count: 10,
    }
}

#[test]
fn who_lost_a_share_passes_as_often_as_the_table_says() {
    let deepest: Vec<u64> = (0..PERIODS)
        .map(|period| {
            let draws = (0..10).map(|index| draw(&asked(period), index, LIVE));
            draws.max().unwrap()
        })
        .collect();
    for per_mille in [1, 5, 10, 50, 100, 200, 500] {
        let kept = LIVE - LIVE / 1000 * per_mille;
        let passed = deepest.iter().filter(|draw| **draw < kept).count();
        let chance = (1.0 - f64::from(per_mille as u32) / 1000.0).powi(10);
        let expected = chance * PERIODS as f64;
        let sigma = (expected * (1.0 - chance)).sqrt();
        let off = (passed as f64 - expected).abs();
        assert!(
            off <= 4.0 * sigma,
            "{per_mille} per mille: {passed} of {expected}"
        );
    }
}

#[test]
fn draws_belong_to_one_host_and_one_period() {
    let one = draw(&asked(1), 0, LIVE);
    assert_ne!(one, draw(&asked(2), 0, LIVE));
    assert_ne!(one, draw(&asked(1), 1, LIVE));
    let mut other = asked(1);
    other.host = Address([35; 20]);
    assert_ne!(one, draw(&other, 0, LIVE));
    assert_eq!(draw(&asked(1), 0, 0), 0);
    assert_eq!(draw(&asked(1), 0, 1), 0);
}
