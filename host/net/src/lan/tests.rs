//! Dials on own links under a clock of our own.

use super::*;

fn lan(per_second: u32) -> Lan {
    let lan = Lan::default();
    lan.set(OnLink {
        networks: vec![
            ("172.17.0.1".parse().expect("an address"), 16),
            ("2001:db8::1".parse().expect("an address"), 64),
        ],
        per_second,
    });
    lan
}

fn on_link(last: u8) -> IpAddr {
    IpAddr::from([172, 17, 9, last])
}

#[test]
fn new_addresses_on_a_link_are_dialled_at_the_rate_that_is_allowed() {
    let lan = lan(3);
    let start = Instant::now();
    let admitted = (0..100).filter(|last| lan.admit(on_link(*last), false, start).is_ok());
    assert_eq!(admitted.count(), 3);
    let later = start + Duration::from_secs(1);
    let admitted = (100..200).filter(|last| lan.admit(on_link(*last), false, later).is_ok());
    assert_eq!(admitted.count(), 3);
}

#[test]
fn addresses_behind_a_router_are_never_counted() {
    let lan = lan(0);
    let now = Instant::now();
    for ip in [
        "192.0.2.1",
        "172.18.0.1",
        "2001:db8:0:1::1",
        "::ffff:9.9.9.9",
    ] {
        assert_eq!(
            lan.admit(ip.parse().expect("an address"), false, now),
            Ok(()),
            "{ip}"
        );
    }
    for ip in ["172.17.255.255", "2001:db8::77", "::ffff:172.17.0.9"] {
        assert!(
            lan.admit(ip.parse().expect("an address"), false, now)
                .is_err(),
            "{ip}"
        );
    }
}

#[test]
fn an_address_that_was_allowed_is_free_for_a_while_even_when_all_is_stopped() {
    let lan = lan(1);
    let start = Instant::now();
    assert_eq!(lan.admit(on_link(1), false, start), Ok(()));
    assert!(lan.admit(on_link(2), false, start).is_err());
    lan.set(OnLink {
        networks: vec![(on_link(0), 16)],
        per_second: 0,
    });
    assert_eq!(
        lan.admit(on_link(1), false, start + Duration::from_secs(20)),
        Ok(())
    );
    assert!(
        lan.admit(on_link(1), false, start + Duration::from_secs(31))
            .is_err()
    );
}

#[test]
fn what_is_remembered_has_a_bound() {
    let lan = lan(u32::MAX);
    let now = Instant::now();
    for n in 0..2_000_u16 {
        let [high, low] = n.to_be_bytes();
        assert_eq!(
            lan.admit(IpAddr::from([172, 17, high, low]), false, now),
            Ok(())
        );
    }
    let gate = lan.0.lock().expect("nobody panicked");
    assert_eq!(gate.known.len(), KNOWN_MAX);
}

#[test]
fn a_gate_that_was_told_nothing_is_open() {
    assert_eq!(
        Lan::default().admit(on_link(1), false, Instant::now()),
        Ok(())
    );
}

#[test]
fn neighbours_are_dialled_over_tcp_and_others_over_anything() {
    let lan = Lan::default();
    let (near, far) = (on_link(1), IpAddr::from([1, 1, 1, 1]));
    let now = Instant::now();
    assert_eq!(
        lan.admit(near, true, now),
        Ok(()),
        "nothing is known of the links yet"
    );
    lan.set(OnLink {
        networks: vec![(on_link(0), 24)],
        per_second: 64,
    });
    assert!(lan.admit(near, true, now).is_err());
    assert_eq!(lan.admit(near, false, now), Ok(()));
    assert_eq!(lan.admit(far, true, now), Ok(()));
}
