//! How often the prover looks.

use host_core::Amount;

use super::*;

const DAY: EpochRule = EpochRule {
    genesis_block: 0,
    epoch_blocks: 28_800,
    block_seconds: 3,
    grace_epochs: 1,
    depth: 12,
};

fn report(phase: Phase, uncommitted: u64, short: u128) -> Report {
    Report {
        block: 9,
        phase,
        uncommitted,
        stake_short: Amount(short),
        ..Report::default()
    }
}

#[test]
fn a_running_deadline_is_looked_at_every_block_and_a_quiet_day_seldom() {
    let block = Duration::from_secs(3);
    assert_eq!(pause(&report(Phase::Due, 0, 0), &DAY), block);
    assert_eq!(pause(&report(Phase::Unsealed, 0, 0), &DAY), block);
    assert_eq!(pause(&report(Phase::Proven, 4, 0), &DAY), block);
    assert_eq!(pause(&report(Phase::Proven, 0, 0), &DAY), CALM.1);
    assert_eq!(
        pause(&report(Phase::Idle, 4, 7), &DAY),
        CALM.1,
        "nothing to do without stake"
    );
    assert_eq!(
        pause(&Report::default(), &DAY),
        block,
        "the first word of the chain"
    );
}
