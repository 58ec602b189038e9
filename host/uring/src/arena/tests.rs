//! The arena: disjoint buffers, merging, the bound, giving memory back.

use std::sync::Arc;
use std::time::Duration;

use super::{Arena, HUGE, PAGE};

fn arena(len: usize) -> Arc<Arena> {
    Arena::map(len, Duration::ZERO).expect("mapped")
}

#[test]
fn buffers_are_aligned_and_disjoint() {
    let arena = arena(4 << 20);
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
    let arena = arena(2 << 20);
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

/// Goal: memory that was given back reads as zeros and serves again, and only pages that no
/// buffer uses go. Method: two huge pages, a buffer alive in one; the first rest is the grace.
#[test]
fn rested_memory_serves_again() {
    let arena = arena(2 * HUGE);
    let mut kept = arena.cut(PAGE).expect("room");
    kept.as_mut().fill(7);
    let mut dropped = arena.cut(HUGE).expect("room");
    dropped.as_mut().fill(8);
    drop(dropped);
    assert!(arena.rest().is_empty(), "used a moment ago");
    assert_eq!(arena.rest(), [1]);
    assert!(arena.rest().is_empty(), "given once");
    assert!(kept.as_ref().iter().all(|byte| *byte == 7));
    let again = arena.cut(HUGE).expect("room");
    assert!(again.as_ref().iter().all(|byte| *byte == 0));
}

#[test]
fn a_buffer_lies_in_one_huge_page_while_there_is_room() {
    let arena = arena(2 * HUGE);
    let _first = arena.cut(HUGE - PAGE).expect("room");
    let second = arena.cut(2 * PAGE).expect("room");
    assert_eq!(second.chunk(), Some(1));
    let third = arena.cut(PAGE).expect("room");
    assert_eq!(third.chunk(), Some(0));
    drop(third);
    let rest = arena.cut(HUGE - 2 * PAGE).expect("room");
    let none = arena.cut(2 * PAGE);
    assert!(none.is_none(), "one page is left, in the first");
    drop((second, rest));
    let across = arena.cut(HUGE + PAGE).expect("room");
    assert_eq!(across.chunk(), None);
}
