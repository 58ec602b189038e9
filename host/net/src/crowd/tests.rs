//! Goal: one place cannot take every connection, and a place is free again when it is left.

use super::*;

fn from(text: &str) -> Multiaddr {
    text.parse().expect("an address")
}

#[test]
fn a_place_is_full_at_its_bound_and_free_again_after_leaving() {
    let mut crowd = Crowd::new(Some(2));
    let ids: Vec<_> = (0..4).map(ConnectionId::new_unchecked).collect();
    let here = from("/ip4/8.8.8.8/tcp/1000");
    crowd.enter(ids[0], &here).expect("first");
    crowd
        .enter(ids[1], &from("/ip4/8.8.8.8/udp/7/quic-v1"))
        .expect("second");
    assert!(crowd.enter(ids[2], &here).is_err());
    crowd
        .enter(ids[3], &from("/ip4/8.8.4.4/tcp/1000"))
        .expect("elsewhere");
    crowd.leave(ids[0]);
    crowd.leave(ids[0]);
    crowd.enter(ids[2], &here).expect("free again");
    for id in ids {
        crowd.leave(id);
    }
    assert!(crowd.counts.is_empty() && crowd.places.is_empty());
}

#[test]
fn ipv6_is_counted_by_network_and_mapped_ipv4_as_itself() {
    let at = |text| place(&from(text));
    assert_eq!(
        at("/ip6/2a01:1:2:3::1/tcp/1"),
        at("/ip6/2a01:1:2:3:ffff::9/tcp/2")
    );
    assert_ne!(
        at("/ip6/2a01:1:2:3::1/tcp/1"),
        at("/ip6/2a01:1:2:4::1/tcp/1")
    );
    assert_eq!(at("/ip6/::ffff:8.8.8.8/tcp/1"), at("/ip4/8.8.8.8/tcp/1"));
}

#[test]
fn without_a_bound_nothing_is_counted() {
    let mut crowd = Crowd::new(None);
    for index in 0..1000 {
        let id = ConnectionId::new_unchecked(index);
        crowd
            .enter(id, &from("/ip4/127.0.0.1/tcp/1"))
            .expect("free");
    }
    assert!(crowd.counts.is_empty());
}
