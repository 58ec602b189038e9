//! Trust falls by itself and rises only by a clean pass or the operator's word.

use super::*;

const ALL: [VolumeState; 5] = [
    VolumeState::Healthy,
    VolumeState::Suspect,
    VolumeState::ReadOnly,
    VolumeState::Evacuating,
    VolumeState::Failed,
];
const SIGNS: [Sign; 10] = [
    Sign::Good,
    Sign::BadExtent,
    Sign::ReadFailed,
    Sign::WriteFailed,
    Sign::Stalled,
    Sign::InTime,
    Sign::CleanPass,
    Sign::SaysReadOnly,
    Sign::SaysLeave,
    Sign::Missing,
];

fn after(signs: &[Sign]) -> VolumeState {
    let (mut state, mut counts) = (VolumeState::Healthy, Counts::default());
    for sign in signs {
        if let Some(change) = take(state, &mut counts, *sign) {
            state = change.to;
        }
    }
    state
}

#[test]
fn one_bad_extent_makes_it_suspect_and_a_clean_pass_healthy_again() {
    assert_eq!(after(&[Sign::BadExtent]), VolumeState::Suspect);
    assert_eq!(after(&[Sign::BadExtent, Sign::Good]), VolumeState::Suspect);
    assert_eq!(
        after(&[Sign::BadExtent, Sign::CleanPass]),
        VolumeState::Healthy
    );
}

#[test]
fn an_hour_in_time_makes_up_for_a_stall_and_for_nothing_else() {
    let stalled = [Sign::Stalled, Sign::InTime];
    assert_eq!(after(&stalled), VolumeState::Healthy);
    for other in [Sign::BadExtent, Sign::ReadFailed] {
        assert_eq!(
            after(&[Sign::Stalled, other, Sign::InTime]),
            VolumeState::Suspect
        );
        assert_eq!(after(&[other, Sign::InTime]), VolumeState::Suspect);
    }
    // Stalls are counted on: the third closes it, however long it was well between.
    let again = [stalled, stalled, stalled].concat();
    assert_eq!(after(&again), VolumeState::ReadOnly);
    assert_eq!(
        after(&[Sign::WriteFailed, Sign::Stalled, Sign::InTime]),
        VolumeState::ReadOnly
    );
}

#[test]
fn many_bad_extents_or_one_refused_write_close_it_for_new_shards() {
    assert_eq!(after(&[Sign::BadExtent; 8]), VolumeState::ReadOnly);
    assert_eq!(after(&[Sign::WriteFailed]), VolumeState::ReadOnly);
    assert_eq!(after(&[Sign::Stalled; 3]), VolumeState::ReadOnly);
    assert_eq!(
        after(&[Sign::WriteFailed, Sign::CleanPass]),
        VolumeState::ReadOnly
    );
}

#[test]
fn failures_without_a_success_between_are_a_failed_drive() {
    assert_eq!(after(&[Sign::ReadFailed; 16]), VolumeState::Failed);
    let mut mixed = vec![Sign::ReadFailed; 15];
    mixed.push(Sign::Good);
    mixed.extend([Sign::ReadFailed; 15]);
    assert_eq!(after(&mixed), VolumeState::Suspect);
}

#[test]
fn only_an_operator_brings_back_what_is_failed_or_ordered() {
    for state in [
        VolumeState::ReadOnly,
        VolumeState::Evacuating,
        VolumeState::Failed,
    ] {
        for sign in SIGNS {
            let change = take(state, &mut Counts::default(), sign);
            let to = change.map_or(state, |change| change.to);
            // A drive that says it fails is emptied, whoever made it read-only.
            let emptied = sign == Sign::SaysLeave && to == VolumeState::Evacuating;
            assert!(
                to == state || to == VolumeState::Failed || emptied,
                "{state:?} {sign:?}"
            );
        }
        let back = take(state, &mut Counts::default(), Sign::OrderCancel);
        assert_eq!(back.map(|change| change.to), Some(VolumeState::Healthy));
    }
}

#[test]
fn a_change_is_told_only_when_there_is_one() {
    for state in ALL {
        for sign in SIGNS {
            let change = take(state, &mut Counts::default(), sign);
            assert!(
                change.is_none_or(|change| change.to != state),
                "{state:?} {sign:?}"
            );
        }
    }
}
