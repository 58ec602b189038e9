//! Health pages: real layout, zeros, anything.

use super::*;
use proptest::prelude::*;

/// The page of a QEMU drive as another program read it (spare 0 of 0, 323 K), with counters set.
fn page() -> [u8; PAGE_LEN] {
    let mut page = [0; PAGE_LEN];
    page[0] = 0b101;
    page[1..3].copy_from_slice(&323_u16.to_le_bytes());
    page[5] = 7;
    page[48..64].copy_from_slice(&2_000_000_u128.to_le_bytes());
    page[128..144].copy_from_slice(&8_760_u128.to_le_bytes());
    page[160..176].copy_from_slice(&3_u128.to_le_bytes());
    page[216..220].copy_from_slice(&9_u32.to_le_bytes());
    page
}

#[test]
fn a_page_reads_as_the_specification_lays_it_out() {
    let health = Health::parse(&page());
    assert!(health.critical.spare() && health.critical.reliability());
    assert!(!health.critical.read_only() && !health.critical.temperature());
    assert_eq!(health.celsius, Some(50));
    assert_eq!(health.spare, None);
    assert_eq!(health.used_percent, 7);
    assert_eq!(health.bytes_written, 1_024_000_000_000);
    assert_eq!(health.power_on_hours, 8_760);
    assert_eq!(health.media_errors, 3);
    assert_eq!(health.throttled, [9, 0]);
}

#[test]
fn a_page_of_zeros_reports_nothing() {
    assert_eq!(Health::parse(&[0; PAGE_LEN]), Health::default());
    assert_eq!(Health::parse(&[]), Health::default());
}

#[test]
fn a_counter_of_128_bits_saturates() {
    let mut page = page();
    page[160..176].fill(255);
    page[48..64].fill(255);
    let health = Health::parse(&page);
    assert_eq!(health.media_errors, u64::MAX);
    assert_eq!(health.bytes_written, u64::MAX);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(page in prop::collection::vec(any::<u8>(), 0..600)) {
        let health = Health::parse(&page);
        prop_assert!(health.celsius.is_none_or(|celsius| (-73..=227).contains(&celsius)));
    }
}
