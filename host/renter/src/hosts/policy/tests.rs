//! Reading a policy, and where its networks end.

use super::{PlacementPolicy, contains};
use crate::error::Error;

#[test]
fn a_network_ends_at_its_bits() {
    let ip = |text: &str| text.parse().expect("an address");
    assert!(contains("10.1.0.0/16", &ip("10.1.255.255")));
    assert!(!contains("10.1.0.0/16", &ip("10.2.0.0")));
    assert!(contains("0.0.0.0/0", &ip("9.9.9.9")));
    assert!(contains("10.1.2.3/32", &ip("10.1.2.3")));
    assert!(contains("2001:db8::/32", &ip("2001:db8:ffff::1")));
    assert!(!contains("2001:db8::/32", &ip("2001:db9::1")));
    assert!(
        contains("10.0.0.0/8", &ip("::ffff:10.9.9.9")),
        "IPv4 in IPv6"
    );
}

#[test]
fn a_name_is_in_no_allowed_network() {
    let policy = PlacementPolicy {
        networks: vec!["0.0.0.0/0".into()],
        ..PlacementPolicy::default()
    };
    assert!(!policy.allows_networks(&["/dns/host.example/tcp/1".into()]));
    assert!(policy.allows_networks(&["/ip4/9.9.9.9/tcp/1".into()]));
}

#[test]
fn unknown_keys_and_wrong_networks_are_refused_and_no_file_asks_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("policy.toml");
    let none = PlacementPolicy::load(&path).expect("no file");
    assert_eq!(none, PlacementPolicy::default());
    for text in [
        "colour = 1",
        "networks = [\"10.0.0.0\"]",
        "networks = [\"10.0.0.0/33\"]",
    ] {
        std::fs::write(&path, text).expect("written");
        let read = PlacementPolicy::load(&path);
        assert!(matches!(read, Err(Error::Policy { .. })), "{text}");
    }
    std::fs::write(&path, "regions = [\"eu\"]\nper_operator = 2\n").expect("written");
    let read = PlacementPolicy::load(&path).expect("reads");
    assert_eq!((read.regions.len(), read.per_operator), (1, Some(2)));
}
