//! Goal: counters of the network's own text read as they are, other text is absent.

use super::*;
use proptest::prelude::*;

const SNMP: &str = "Ip: Forwarding DefaultTTL InReceives OutDiscards OutNoRoutes\n\
    Ip: 1 64 1200 4 0\n\
    Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\n\
    Udp: 10 0 0 20 0 9\n\
    UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\n\
    UdpLite: 0 0 0 0 0 77\n";

#[test]
fn drops_are_read_by_the_names_of_their_columns() {
    let drops = Drops::parse(SNMP);
    assert_eq!(
        drops,
        Some(Drops {
            ip_out_discards: 4,
            udp_sndbuf_errors: 9
        })
    );
}

#[test]
fn text_without_the_columns_is_no_zero() {
    assert_eq!(Drops::parse("Ip: Forwarding\nIp: 1\n"), None);
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,400}") {
        let _read = Drops::parse(&text);
        let _read = Drops::parse(&format!("Ip: OutDiscards\nIp: {text}\nUdp: SndbufErrors\n"));
    }
}
