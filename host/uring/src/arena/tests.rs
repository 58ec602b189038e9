//! The arena: disjoint buffers, merging, the bound, giving memory back.

use super::{Arena, PAGE};

#[test]
fn buffers_are_aligned_and_disjoint() {
    let arena = Arena::map(4 << 20).expect("mapped");
    let mut first = arena.cut(PAGE).expect("room");
    let mut second = arena.cut(10 * PAGE).expect("room");
    first.as_mut().fill(1);
    second.as_mut().fill(2);
    assert!(first.as_ref().iter().all(|byte| *byte == 1));
    assert_eq!(first.as_ref().as_ptr().align_offset(PAGE), 0);
    assert_eq!(second.as_ref().len(), 10 * PAGE);
}

/// Goal: freed neighbours merge, whatever the order. Method: cut pages, free them odd first, then
/// ask for all of it at once.
#[test]
fn freed_neighbours_merge() {
    let arena = Arena::map(2 << 20).expect("mapped");
    let pages = (2 << 20) / PAGE;
    let cut: Vec<_> = (0..pages).map(|_| arena.cut(PAGE).expect("room")).collect();
    assert!(arena.cut(PAGE).is_none());
    let (odd, even): (Vec<_>, Vec<_>) = cut
        .into_iter()
        .enumerate()
        .partition(|(index, _)| index % 2 == 1);
    drop(odd);
    assert!(arena.cut(2 * PAGE).is_none());
    drop(even);
    assert!(arena.cut(2 << 20).is_some());
}

/// Goal: memory that was given back reads as zeros and serves again. Method: fill, drop, rest.
#[test]
fn rested_memory_serves_again() {
    let arena = Arena::map(2 << 20).expect("mapped");
    let mut buffer = arena.cut(1 << 20).expect("room");
    buffer.as_mut().fill(7);
    arena.rest();
    assert!(
        buffer.as_ref().iter().all(|byte| *byte == 7),
        "a live buffer is never taken"
    );
    drop(buffer);
    arena.rest();
    let again = arena.cut(1 << 20).expect("room");
    assert!(again.as_ref().iter().all(|byte| *byte == 0));
}
