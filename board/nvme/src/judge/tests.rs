//! Acts that health pages ask for.

use super::*;
use crate::health::{Critical, PAGE_LEN};
use proptest::prelude::*;

fn with_bits(bits: u8) -> Health {
    Health {
        critical: Critical(bits),
        ..Health::default()
    }
}

#[test]
fn a_page_of_zeros_asks_for_nothing() {
    let zeros = Health::parse(&[0; PAGE_LEN]);
    assert_eq!(judge(None, &zeros), []);
    assert_eq!(judge(Some(&zeros), &zeros), []);
}

#[test]
fn each_warning_bit_has_its_act() {
    let acts = [
        (1, Act::Evacuate),
        (2, Act::Warn),
        (4, Act::Evacuate),
        (8, Act::Evacuate),
        (16, Act::ReadOnly),
        (32, Act::Warn),
        (64, Act::Nothing),
    ];
    for (bits, act) in acts {
        assert_eq!(worst(&judge(None, &with_bits(bits))), act, "bit {bits}");
    }
}

#[test]
fn spare_is_judged_by_the_makers_threshold() {
    let spare = |left, threshold| Health {
        spare: Some((left, threshold)),
        ..Health::default()
    };
    assert_eq!(worst(&judge(None, &spare(100, 10))), Act::Nothing);
    assert_eq!(worst(&judge(None, &spare(19, 10))), Act::Warn);
    assert_eq!(worst(&judge(None, &spare(9, 10))), Act::Evacuate);
    assert_eq!(worst(&judge(None, &spare(5, 255))), Act::Evacuate);
}

#[test]
fn wear_warns_and_then_closes_the_drive_to_new_shards() {
    let worn = |used_percent| Health {
        used_percent,
        ..Health::default()
    };
    assert_eq!(worst(&judge(None, &worn(79))), Act::Nothing);
    assert_eq!(worst(&judge(None, &worn(80))), Act::Warn);
    assert_eq!(worst(&judge(None, &worn(100))), Act::ReadOnly);
    assert_eq!(worst(&judge(None, &worn(255))), Act::ReadOnly);
}

#[test]
fn media_errors_ask_for_a_scrub_only_when_they_grow() {
    let errors = |media_errors| Health {
        media_errors,
        ..Health::default()
    };
    assert_eq!(judge(None, &errors(12)), []);
    assert_eq!(judge(Some(&errors(12)), &errors(12)), []);
    assert_eq!(judge(Some(&errors(12)), &errors(3)), []);
    let found = judge(Some(&errors(12)), &errors(14));
    let cause = Cause::MediaErrors { more: 2 };
    assert_eq!(
        found,
        [Finding {
            cause,
            act: Act::Scrub
        }]
    );
}

proptest! {
    #[test]
    fn findings_come_worst_first_and_a_page_after_itself_has_not_grown(
        page in prop::collection::vec(any::<u8>(), PAGE_LEN),
    ) {
        let now = Health::parse(&page);
        let found = judge(Some(&now), &now);
        prop_assert_eq!(&found, &judge(None, &now));
        prop_assert!(found.is_sorted_by(|a, b| a.act >= b.act));
    }
}
