//! Networks of the links this machine has.

use super::*;

#[test]
fn loopback_is_no_link() {
    assert!(
        own_links()
            .iter()
            .all(|(address, _)| !address.is_loopback())
    );
}

#[test]
fn a_mask_counts_its_leading_ones() {
    assert_eq!(bits(IpAddr::from([255, 255, 0, 0])), 16);
    assert_eq!(bits(IpAddr::from([0, 0, 0, 0])), 0);
    assert_eq!(bits(IpAddr::from([255; 16])), 128);
}
