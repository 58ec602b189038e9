//! What things cost is told as hosts counted it.

use host_core::Amount;

use crate::town::{Town, VAULT};
use crate::{file, request, work};

/// Goal: what is told as paid is what hosts count on, to the smallest unit; what is left and paid
/// is the term's price; a home brought back knows prices and not what was paid; a deleted object
/// costs nothing more. Method: two objects, an epoch paid later; the hosts' ledgers.
#[tokio::test]
async fn costs_are_what_hosts_were_paid_and_what_terms_come_to() {
    let (town, dir) = (Town::new(8).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let one = request(file(dir.path(), 3_000_000), false, 3);
    let one = work(&renter, &one).await.expect("put");
    let two = request(file(dir.path(), 700_000), true, 10);
    let two = work(&renter, &two).await.expect("put");
    let paid_to_hosts = || {
        let sums = town.counted_each(VAULT).into_iter();
        Amount(sums.fold(0, u128::saturating_add))
    };
    town.pass(1);
    assert!(renter.pay_due().await.expect("paid").missed.is_empty());

    let costs = renter.costs(10).await.expect("told");
    assert_eq!(costs.objects.len(), 2);
    assert_eq!((costs.promised, costs.missing), (paid_to_hosts(), None));
    let by_epoch = costs.by_epoch.values().map(|sum| sum.0).sum::<u128>();
    assert_eq!(Amount(by_epoch), paid_to_hosts());
    assert_eq!(costs.by_epoch.len(), 2);
    for (done, cost) in [&one, &two].map(|done| {
        let mine = costs.objects.iter().find(|cost| cost.id == done.id);
        (done, mine.expect("told"))
    }) {
        assert_eq!((cost.bytes, cost.unknown), (done.bytes, 0));
        assert_eq!(cost.end_epoch, done.end_epoch);
        assert_eq!(cost.paid_through, Some(costs.epoch + 1));
        // A put tells its price as a bound: the dearest hosts, every segment a full one.
        let whole = cost.paid.plus(cost.left).expect("fits");
        assert!(whole <= done.cost && whole > cost.epoch, "{whole}");
        assert!(cost.stored >= 2 * done.bytes);
    }
    // Twice as many days ahead cost twice as much and what is paid already, to a unit a shard.
    let longer = renter.costs(20).await.expect("told");
    let sum = |costs: &host_renter::Costs| costs.sum(|one| one.ahead).expect("fits").0;
    let epochs = u128::from(costs.epochs_ahead);
    let per_epoch = costs.sum(|one| one.epoch).expect("fits").0;
    assert!(sum(&costs) <= per_epoch * (epochs - 1) && sum(&longer) > 2 * sum(&costs));

    let again = town.renter(&dir.path().join("again"));
    assert_eq!(again.recover().await.expect("back").objects, 2);
    let back = again.costs(10).await.expect("told");
    for (cost, before) in back.objects.iter().zip(&costs.objects) {
        assert_eq!((cost.epoch, cost.unknown), (before.epoch, 0));
        assert_eq!((cost.paid_through, cost.paid), (None, Amount::ZERO));
    }

    renter.delete(one.id).await.expect("deleted");
    let costs = renter.costs(10).await.expect("told");
    assert_eq!(costs.objects.len(), 1);
    assert_eq!(costs.promised, paid_to_hosts(), "what was paid stays told");
}
