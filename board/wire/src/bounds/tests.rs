//! Bounds of the verbs at their edges.

use super::*;
use proptest::prelude::*;

const NARROW: [u32; 3] = [128, 512, 1024];

#[test]
fn the_recommended_thresholds_are_a_widening() {
    assert_eq!(widening(NARROW, [4_096, 16_384, 32_768]), Ok(()));
    assert_eq!(widening([4_096, 16_384, 32_768], THRESHOLDS_MAX), Ok(()));
    assert_eq!(widening(THRESHOLDS_MAX, THRESHOLDS_MAX), Ok(()));
}

#[test]
fn a_table_never_becomes_narrower_nor_wider_than_its_caps() {
    for asked in [
        [128, 512, 1023],
        [128, 511, 1024],
        [127, 512, 1024],
        [4_096, 16_384, 65_537],
        [4_096, 32_769, 65_536],
        [4_097, 16_384, 32_768],
        [128, 2048, 1024],
        [600, 512, 1024],
        [0, 0, 0],
        [u32::MAX; 3],
    ] {
        assert!(widening(NARROW, asked).is_err(), "{asked:?}");
    }
}

#[test]
fn a_table_that_is_wider_than_the_caps_is_left_alone() {
    assert!(widening([4_096, 32_768, 100_000], [4_096, 32_768, 65_536]).is_err());
    assert!(widening([4_096, 32_768, 100_000], [4_096, 32_768, 100_000]).is_err());
}

proptest! {
    #[test]
    fn what_passes_is_ordered_capped_and_no_narrower(now: [u32; 3], asked: [u32; 3]) {
        if widening(now, asked).is_ok() {
            prop_assert!(asked[0] <= asked[1] && asked[1] <= asked[2]);
            prop_assert!(asked[1] >= now[1] && asked[2] >= now[2]);
            prop_assert!(asked[2] <= THRESHOLDS_MAX[2] && asked[0] <= THRESHOLDS_MAX[0]);
            prop_assert!(asked[0] >= now[0].min(THRESHOLDS_MAX[0]));
        }
    }
}

#[test]
fn a_serial_is_short_printable_and_no_path() {
    for text in ["S4EWNX0R712345", "x", "A B"] {
        assert_eq!(serial(text), Ok(()), "{text}");
    }
    for text in [
        "",
        " padded",
        "padded ",
        "../../sda",
        "a/b",
        "ä",
        "tab\t",
        "123456789012345678901",
    ] {
        assert_eq!(serial(text), Err(Refusal::Malformed), "{text}");
    }
}
