//! Expiry: the page bound against the rule of a single agreement.

use host_core::epoch::EpochRule;
use proptest::prelude::proptest;

use super::first_kept_end;

fn rule() -> EpochRule {
    EpochRule {
        genesis_block: 100,
        epoch_blocks: 20,
        block_seconds: 1,
        grace_epochs: 2,
        depth: 6,
    }
}

#[test]
fn nothing_expires_without_a_chain() {
    assert_eq!(first_kept_end(&rule(), 0), None);
    assert_eq!(first_kept_end(&rule(), 100), None);
}

proptest! {
    /// Goal: the page bound agrees with the rule for each single agreement.
    /// Method: random heads and ends against `EpochRule::is_past`.
    #[test]
    fn the_bound_agrees_with_the_rule(block in 0u64..10_000, end in 0u64..600) {
        let expired = first_kept_end(&rule(), block).is_some_and(|kept| end < kept);
        let settled = block.saturating_sub(rule().depth) > rule().genesis_block;
        assert_eq!(expired, settled && rule().is_past(end, block));
    }
}
