//! Goal: a public network refuses every address that is not global, a private one only those no
//! peer can have; the forms of text addresses are exact.

use super::*;

const PUBLIC: Policy = Policy { private: false };
const PRIVATE: Policy = Policy { private: true };

#[test]
fn public_network_refuses_addresses_that_are_not_global() {
    for ip in [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.2.1",
        "198.51.100.7",
        "203.0.113.9",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "198.18.0.1",
        "192.0.0.8",
        "::",
        "::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "ff02::1",
        "2001:db8::1",
        "3fff:1::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::192.168.1.1",
        "2002:0a00:0001::1",
        "100::1",
        "2001::1",
    ] {
        assert!(PUBLIC.judge(ip.parse().expect("an ip")).is_err(), "{ip}");
    }
}

#[test]
fn public_network_allows_global_addresses() {
    for ip in [
        "1.1.1.1",
        "8.8.8.8",
        "172.32.0.1",
        "100.128.0.1",
        "192.0.1.1",
        "223.255.255.254",
        "2606:4700::1",
        "2a01::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ] {
        assert_eq!(PUBLIC.judge(ip.parse().expect("an ip")), Ok(()), "{ip}");
    }
}

#[test]
fn private_network_allows_loopback_but_no_impossible_address() {
    for ip in ["127.0.0.1", "10.0.0.1", "::1", "fe80::1", "8.8.8.8"] {
        assert_eq!(PRIVATE.judge(ip.parse().expect("an ip")), Ok(()), "{ip}");
    }
    for ip in ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"] {
        assert!(PRIVATE.judge(ip.parse().expect("an ip")).is_err(), "{ip}");
    }
}

#[test]
fn only_tcp_and_quic_addresses_are_read() {
    for text in [
        "/ip4/8.8.8.8/tcp/4001",
        "/ip6/2606::1/udp/4001/quic-v1",
        "/dns/hub.example/tcp/4001",
        "/dns4/hub.example/udp/1/quic-v1",
    ] {
        assert!(PUBLIC.admit(text).is_ok(), "{text}");
    }
    for text in [
        "",
        "8.8.8.8:4001",
        "/ip4/8.8.8.8",
        "/ip4/8.8.8.8/udp/4001",
        "/ip4/8.8.8.8/tcp/1/ws",
        "/ip4/8.8.8.8/tcp/0",
        "/unix/a",
        "/ip4/8.8.8.8/tcp/1/p2p-circuit",
        "/memory/1",
    ] {
        assert!(PUBLIC.admit(text).is_err(), "{text}");
    }
}

#[test]
fn a_resolved_address_is_judged_by_its_ip() {
    let judge = |text: &str| PUBLIC.judge_resolved(&text.parse().expect("an address"));
    assert!(judge("/ip4/127.0.0.1/tcp/1").is_err());
    assert!(judge("/dns/hub.example/tcp/1").is_err());
    assert_eq!(judge("/ip4/8.8.8.8/tcp/1"), Ok([8, 8, 8, 8].into()));
}
