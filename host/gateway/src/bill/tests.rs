//! Goal: what is shared out sums up to what there is, to the unit, and nobody pays for another's
//! bytes. Method: costs that no share divides.

use super::*;

fn cost(bytes: u64, sum: u128) -> ObjectCost {
    ObjectCost {
        id: ObjectId([3; 32]),
        name: "shared".to_owned(),
        bytes,
        stored: bytes * 3,
        end_epoch: 9,
        paid_through: None,
        epoch: Amount(sum),
        paid: Amount(sum),
        left: Amount(sum),
        ahead: Amount(sum),
        read: Amount(sum),
        rebuild: Amount(sum),
        unknown: 0,
    }
}

fn bucket(name: &str) -> Payer {
    Payer::Bucket(name.to_owned())
}

#[test]
fn shares_sum_up_to_the_unit() {
    let shares = [(bucket("a"), 1), (bucket("b"), 1), (Payer::Uploads, 1)];
    for sum in [0, 1, 100, u128::MAX] {
        let mut bill = BTreeMap::new();
        share_out(
            &mut bill,
            &cost(1000, sum),
            shares.iter().cloned().collect(),
        );
        let all = bill.values().map(|line| line.ahead.0).sum::<u128>();
        assert_eq!(all, sum);
        let spread = bill.values().map(|line| line.epoch.0);
        let (least, most) = (spread.clone().min(), spread.max());
        assert!(most.expect("lines") - least.expect("lines") <= 1);
    }
}

#[test]
fn dead_bytes_are_borne_by_those_who_use_the_object() {
    let mut bill = BTreeMap::new();
    let shares = [(bucket("a"), 30), (bucket("b"), 10)].into_iter().collect();
    share_out(&mut bill, &cost(1000, 400), shares);
    assert_eq!(bill[&bucket("a")].paid, Amount(300));
    assert_eq!(bill[&bucket("b")].paid, Amount(100));
    assert_eq!(
        (bill[&bucket("a")].bytes, bill[&bucket("a")].objects),
        (30, 1)
    );
}

#[test]
fn what_no_bucket_uses_has_a_line_of_its_own() {
    let mut bill = BTreeMap::new();
    share_out(&mut bill, &cost(1000, 7), Shares::new());
    let empty = [(bucket("a"), 0)].into_iter().collect();
    share_out(&mut bill, &cost(0, 5), empty);
    assert_eq!(bill.len(), 1);
    assert_eq!(bill[&Payer::Others].left, Amount(12));
}
