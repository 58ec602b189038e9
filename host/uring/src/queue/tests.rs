//! The queue: orders in order, quiet is told, what waits in a closed queue is still served.

use std::time::Duration;

use futures::channel::oneshot;

use super::{Next, Order, Queue};

fn flush() -> (
    Order,
    oneshot::Receiver<Result<(), host_core::seams::DeviceError>>,
) {
    let (answer, answered) = oneshot::channel();
    (Order::Flush(answer), answered)
}

#[test]
fn a_closed_queue_hands_orders_back_and_serves_what_waits() {
    let queue = Queue::new();
    queue.push(flush().0).expect("open");
    queue.close();
    assert!(queue.push(flush().0).is_err());
    assert!(matches!(queue.next(None), Next::Order(_)));
    assert!(matches!(queue.next(None), Next::Closed));
}

#[test]
fn a_quiet_queue_says_so_after_the_patience() {
    let queue = Queue::new();
    let next = queue.next(Some(Duration::from_millis(1)));
    assert!(matches!(next, Next::Quiet));
}
