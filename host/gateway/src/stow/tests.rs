//! Goal: what waits after its answer stays within its bound. Method: the two rooms alone.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{TAILS_MIB, count_tail};

const MIB: u64 = 1 << 20;

fn turn_of(stores: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let turn = Arc::clone(stores).try_acquire_owned();
    turn.expect("a turn is free")
}

#[test]
fn shards_that_wait_give_the_turn_free_until_their_own_room_is_full() {
    let stores = Arc::new(Semaphore::new(1));
    let tails = Arc::new(Semaphore::new(TAILS_MIB));
    let most = (TAILS_MIB as u64 - 1) * MIB;
    let first = count_tail(&tails, turn_of(&stores), most);
    let second = count_tail(&tails, turn_of(&stores), 1);
    assert_eq!(tails.available_permits(), 0, "each counts a MiB at least");
    let third = count_tail(&tails, turn_of(&stores), 1);
    assert_eq!(stores.available_permits(), 0, "it keeps the turn it had");
    drop(second);
    assert_eq!(
        (tails.available_permits(), stores.available_permits()),
        (1, 0)
    );
    drop(third);
    assert_eq!(stores.available_permits(), 1);
    drop(first);
    let beyond = count_tail(&tails, turn_of(&stores), u64::MAX);
    assert_eq!(
        (tails.available_permits(), stores.available_permits()),
        (TAILS_MIB, 0)
    );
    drop(beyond);
}
