//! What is known of a node's reach, put into one word, and into addresses that others read.

use host_core::limits;

use super::{Reach, Standpoint};

const OWN: &str = "/ip4/11.0.0.1/tcp/4001";
const MAPPED: &str = "/ip4/12.0.0.1/tcp/5001";
const CIRCUIT: &str = "/ip4/13.0.0.1/tcp/4002/p2p/relay/p2p-circuit";

fn own() -> Vec<String> {
    vec![OWN.to_owned()]
}

#[test]
fn each_standpoint_follows_from_what_others_dialled() {
    let mut reach = Reach::default();
    assert_eq!(reach.standpoint(&own()), Standpoint::Untested);
    reach.asked = true;
    assert_eq!(reach.standpoint(&own()), Standpoint::Inside);
    reach.relayed = vec![CIRCUIT.into()];
    assert_eq!(reach.standpoint(&own()), Standpoint::Relayed);
    assert!(reach.prove(MAPPED.into()));
    assert_eq!(reach.standpoint(&own()), Standpoint::Mapped);
    assert!(reach.prove(OWN.into()));
    assert_eq!(reach.standpoint(&own()), Standpoint::Public);
    assert!(!reach.prove(OWN.into()), "known already");
}

#[test]
fn an_address_dialled_in_vain_is_no_longer_proven() {
    let mut reach = Reach::default();
    assert!(reach.prove(OWN.into()));
    assert!(reach.refute(OWN.into()));
    assert_eq!((reach.direct.len(), reach.closed.len()), (0, 1));
    assert!(reach.prove(OWN.into()));
    assert_eq!((reach.direct.len(), reach.closed.len()), (1, 0));
}

#[test]
fn proven_addresses_are_said_first_and_circuits_keep_a_place() {
    let mut reach = Reach {
        relayed: vec![CIRCUIT.into(), format!("{CIRCUIT}2"), format!("{CIRCUIT}3")],
        ..Reach::default()
    };
    reach.prove(MAPPED.into());
    let many: Vec<String> = (0..20).map(|n| format!("/ip4/11.0.0.1/tcp/{n}")).collect();
    let said = reach.join([&[MAPPED.to_owned()], &many[..]].concat());
    assert_eq!(said.len(), limits::ADDRS_MAX);
    assert_eq!(said[0], MAPPED);
    assert_eq!(
        said[1..limits::ADDRS_MAX - 2],
        many[..limits::ADDRS_MAX - 3]
    );
    assert_eq!(said[limits::ADDRS_MAX - 2..], reach.relayed[..2]);
}

#[test]
fn what_is_not_good_says_what_mends_it() {
    for one in [Standpoint::Public, Standpoint::Mapped] {
        assert_eq!(one.remedy(), "");
    }
    for one in [
        Standpoint::Relayed,
        Standpoint::Inside,
        Standpoint::Untested,
    ] {
        assert!(!one.remedy().is_empty(), "{}", one.label());
    }
}
