//! The queue: orders in order, a bell only for a sleeper, nothing stays in a stopped queue.

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
fn only_a_driver_that_sleeps_in_its_ring_is_rung_and_once() {
    let queue = Queue::new().expect("a queue");
    let mut taken = Vec::new();
    queue.push(flush().0).expect("open");
    queue.drain(8, &mut taken);
    assert_eq!(taken.len(), 1);
    // Asleep now: two pushes ring once, so that the bell counts one.
    queue.push(flush().0).expect("open");
    queue.push(flush().0).expect("open");
    assert_eq!(queue.bell.read().expect("rung"), 1);
    queue.awake();
    queue.push(flush().0).expect("open");
    queue.drain(3, &mut taken);
    assert_eq!(taken.len(), 4, "no room was left, so no bell is asked for");
    queue.push(flush().0).expect("open");
    queue.close();
    assert!(matches!(queue.next(None), Next::Order(_)));
    assert!(matches!(queue.next(None), Next::Closed));
    queue.bell.write(1).expect("rung by the test");
    assert_eq!(queue.bell.read().expect("a count"), 1, "nobody else rang");
}

#[test]
fn a_stopped_queue_hands_orders_back_and_keeps_none() {
    let queue = Queue::new().expect("a queue");
    let (order, mut answered) = flush();
    queue.push(order).expect("open");
    queue.stop();
    assert!(answered.try_recv().is_err(), "its answer was dropped");
    assert!(queue.push(flush().0).is_err());
    assert!(matches!(queue.next(None), Next::Closed));
}

#[test]
fn a_quiet_queue_says_so_after_the_patience() {
    let queue = Queue::new().expect("a queue");
    let next = queue.next(Some(Duration::from_millis(1)));
    assert!(matches!(next, Next::Quiet));
}
