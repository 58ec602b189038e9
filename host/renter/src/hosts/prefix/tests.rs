//! Goal: two hosts in one rack are seen to be. Method: addresses in every form.

use super::{Prefix, of};

fn one(addr: &str) -> Option<Prefix> {
    of(&[addr.to_owned()]).into_iter().next()
}

#[test]
fn the_first_three_bytes_of_ip4_and_six_of_ip6_are_the_prefix() {
    assert_eq!(
        one("/ip4/203.0.113.7/tcp/4001"),
        one("/ip4/203.0.113.250/udp/1/quic-v1")
    );
    assert_ne!(one("/ip4/203.0.113.7/tcp/1"), one("/ip4/203.0.114.7/tcp/1"));
    assert_eq!(
        one("/ip6/2001:db8:1:2::1/tcp/1"),
        one("/ip6/2001:db8:1:ffff::9/tcp/2")
    );
    assert_ne!(
        one("/ip6/2001:db8:1::1/tcp/1"),
        one("/ip6/2001:db8:2::1/tcp/1")
    );
}

#[test]
fn an_ip4_address_inside_ip6_is_judged_as_ip4() {
    assert_eq!(
        one("/ip6/::ffff:203.0.113.7/tcp/1"),
        one("/ip4/203.0.113.1/tcp/1")
    );
}

#[test]
fn names_of_one_owner_share_their_last_two_labels() {
    assert_eq!(
        one("/dns4/a.x.example.com/tcp/1"),
        one("/dns/B.EXAMPLE.com./tcp/1")
    );
    assert_ne!(
        one("/dns4/example.org/tcp/1"),
        one("/dns4/example.com/tcp/1")
    );
}

#[test]
fn an_address_that_does_not_read_has_no_prefix() {
    for addr in [
        "",
        "/memory/3",
        "/ip4/300.1.1.1/tcp/1",
        "ip4/1.2.3.4",
        "/ip4",
    ] {
        assert_eq!(one(addr), None, "{addr}");
    }
}
