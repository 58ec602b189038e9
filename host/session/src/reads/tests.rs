//! What an account has to pay before it reads on.

use host_core::Amount;

use super::Account;

const MIB: u64 = 1 << 20;

fn account(paid: u128, read: u64, price: u128) -> Account {
    Account {
        paid: Amount(paid),
        cost: Amount(u128::from(read) * price),
        bytes: read,
        saved_bytes: read,
        held: Amount::ZERO,
    }
}

#[test]
fn a_reader_that_paid_before_owes_up_to_the_debt_and_then_pays_all_of_it() {
    // 1024 units a GiB: a MiB costs one.
    let price = 1024;
    let debt = Amount(u128::from(4 * MIB) * price);
    let cost = Amount(u128::from(MIB) * price);
    let read = |mib: u64| account(10, mib * MIB, price).needs(cost, debt);
    assert_eq!(read(0), Amount::ZERO);
    assert_eq!(read(13), Amount::ZERO, "14 read, 10 paid, 4 owed");
    assert_eq!(read(14), Amount(5), "all that is owed then");
}

#[test]
fn nobody_owes_more_than_it_paid() {
    let debt = Amount(u128::from(4 * MIB) * 1024);
    let cost = Amount(u128::from(MIB) * 1024);
    let needs = |paid, mib| account(paid, mib * MIB, 1024).needs(cost, debt);
    assert_eq!(needs(0, 0), Amount(1), "a stranger pays first");
    assert_eq!((needs(1, 1), needs(1, 2)), (Amount::ZERO, Amount(2)));
}

#[test]
fn small_reads_sum_without_rounding() {
    // One unit a GiB: 65,536 reads of a unit cost four, one of them next to nothing.
    let price = Amount(1);
    let each = Amount::of_reads(1 << 16, price).expect("fits");
    let mut one = account(4, 0, 1);
    for _ in 0..65_536 {
        assert_eq!(one.needs(each, Amount::ZERO), Amount::ZERO);
        one.cost = one.cost.plus(each).expect("fits");
    }
    assert_eq!(one.needs(each, Amount::ZERO), Amount(1));
}

#[test]
fn runs_under_way_count_before_they_are_served() {
    let mut one = account(1, 0, 1024);
    one.held = Amount(1 << 30);
    let cost = Amount(u128::from(MIB) * 1024);
    assert_eq!(one.needs(cost, Amount::ZERO), Amount(1));
}
