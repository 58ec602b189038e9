//! The policy's order: danger, deadline, threshold.

use host_core::Amount;
use host_core::seams::VaultRisk;

use super::{Claim, Policy, Verdict};

const POLICY: Policy = Policy {
    above: Amount(100),
    within_blocks: 50,
    cover_percent: 150,
    exposure_max: Amount(1_000),
    at_once: 8,
    batch: 1,
};

fn claim(due: u128) -> Claim {
    Claim {
        due: Amount(due),
        due_since: Some(10),
        block: 20,
        risk: Some(VaultRisk {
            cover: Amount(10_000),
            leaving: Amount::ZERO,
        }),
    }
}

fn risk(cover: u128, leaving: u128) -> Option<VaultRisk> {
    let (cover, leaving) = (Amount(cover), Amount(leaving));
    Some(VaultRisk { cover, leaving })
}

#[test]
fn a_sum_is_cashed_at_the_threshold_and_nothing_never() {
    assert_eq!(POLICY.judge(&claim(0)), Verdict::Nothing);
    assert_eq!(POLICY.judge(&claim(99)), Verdict::Waits);
    assert_eq!(POLICY.judge(&claim(100)), Verdict::Worth);
}

#[test]
fn a_small_sum_is_cashed_when_it_has_stood_long_enough() {
    let old = |block| Claim { block, ..claim(1) };
    assert_eq!(POLICY.judge(&old(59)), Verdict::Waits);
    assert_eq!(POLICY.judge(&old(60)), Verdict::Deadline);
    let never = Policy {
        within_blocks: 0,
        ..POLICY
    };
    assert_eq!(never.judge(&old(1 << 40)), Verdict::Waits);
}

#[test]
fn danger_cashes_what_the_threshold_would_leave() {
    let with = |risk| Claim { risk, ..claim(10) };
    assert_eq!(POLICY.judge(&with(risk(15, 0))), Verdict::Waits);
    assert_eq!(POLICY.judge(&with(risk(14, 0))), Verdict::Cover);
    assert_eq!(POLICY.judge(&with(risk(100, 90))), Verdict::Waits);
    assert_eq!(POLICY.judge(&with(risk(100, 91))), Verdict::Leaving);
    assert_eq!(
        POLICY.judge(&with(None)),
        Verdict::Waits,
        "a vault that cannot say"
    );
}

#[test]
fn one_vault_owes_at_most_the_bound() {
    let high = Policy {
        above: Amount(u128::MAX),
        ..POLICY
    };
    assert_eq!(high.judge(&claim(1_000)), Verdict::Waits);
    assert_eq!(high.judge(&claim(1_001)), Verdict::Exposure);
}
