//! Lists, their trees, and rewards as the contract computes them.

use super::*;

fn bands(count: u8) -> Bands {
    let all = (0..count).map(|at| Band {
        host: Address([at; 20]),
        bps: 1_000 * u16::from(at % 11),
    });
    Bands {
        all: all.collect(),
        input: Digest32([0; 32]),
    }
}

#[test]
fn every_path_of_a_list_of_any_length_leads_to_its_root() {
    for count in 1..=9 {
        let bands = bands(count);
        let root = bands.root(3);
        for band in &bands.all {
            let (bps, path) = bands.share(3, band.host).expect("listed");
            let mut node = airdrop::band_leaf(3, band.host, bps);
            for other in path {
                node = airdrop::band_tree(&[node, other], None).0;
            }
            assert_eq!(node, root, "{count} hosts");
        }
        assert!(bands.share(3, Address([99; 20])).is_err());
    }
}

#[test]
fn a_reward_is_rounded_down_at_each_step() {
    assert_eq!(reward(Amount(1_000), 1, 3, 10_000), Amount(333));
    assert_eq!(reward(Amount(1_000), 1, 3, 5_000), Amount(166));
    assert_eq!(reward(Amount(7), 0, 0, 10_000), Amount::ZERO);
}
