//! How much is paid ahead, and when nothing more is.

use host_core::Amount;

use super::{Asked, Seller, ahead};

const MIB: u64 = 1 << 20;

/// At 1024 units a GiB a MiB costs one.
fn asked(needs: u128, mib: u64) -> Asked {
    Asked {
        price: Amount(1024),
        needs: Amount(needs),
        len: mib * MIB,
    }
}

fn seller(paid: u128, came_mib: u64) -> Seller {
    Seller {
        paid: Amount(paid),
        came: Amount(u128::from(came_mib * MIB) * 1024),
        ..Seller::default()
    }
}

#[test]
fn payments_double_up_to_the_bound() {
    assert_eq!(ahead(&seller(0, 0), asked(1, 1)), Some(Amount(1)));
    assert_eq!(ahead(&seller(8, 8), asked(1, 1)), Some(Amount(8)));
    assert_eq!(ahead(&seller(900, 900), asked(1, 1)), Some(Amount(64)));
}

#[test]
fn a_host_that_sends_nothing_gets_the_bound_and_no_more() {
    let (mut paid, mut rounds) = (0, 0);
    while let Some(sum) = ahead(&seller(paid, 0), asked(1, 1)) {
        paid += sum.0;
        rounds += 1;
        assert!(rounds < 100, "it ends");
    }
    assert_eq!(paid, 65, "64 MiB ahead and the run");
}

#[test]
fn what_is_asked_beyond_the_bound_is_not_paid() {
    assert_eq!(ahead(&seller(0, 0), asked(66, 1)), None);
    assert_eq!(ahead(&seller(0, 0), asked(u128::MAX, 1)), None);
}
