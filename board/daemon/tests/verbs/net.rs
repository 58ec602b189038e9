//! The verbs of board-net, in a namespace of our own.

use std::net::IpAddr;

use board_wire::net::{Family, Gateway, Limits};
use board_wire::{Error, NetClient, Refusal};

use crate::ground::Namespace;

const HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn refusal<T: std::fmt::Debug>(told: Result<T, Error>) -> Refusal {
    match told.expect_err("a refusal") {
        Error::Refused(why) => why,
        other => panic!("{other}"),
    }
}

fn limits(thresholds: [u32; 3]) -> Limits {
    Limits {
        family: Family::V4,
        thresholds,
    }
}

#[test]
fn thresholds_are_told_and_never_narrowed_nor_widened_over_the_caps() {
    let Some(namespace) = Namespace::make("a") else {
        return;
    };
    let program = namespace.program();
    let client = NetClient::new(&program.socket);
    let tables = client.thresholds().expect("they are told");
    let first = tables.iter().find(|table| table.family == Family::V4);
    let now = first.expect("a table").thresholds;
    for bad in [
        [now[0], now[1], now[2] - 1],
        [4_096, 32_768, 65_537],
        [4_096, 32_769, 65_536],
        [0, 0, 0],
        [u32::MAX; 3],
    ] {
        let why = refusal(client.widen(limits(bad)));
        assert!(matches!(why, Refusal::Bounds { .. }), "{bad:?}: {why:?}");
    }
    // Within the bounds, but the kernel allows it in the machine's first namespace alone.
    let wide = [4_096, now[1].max(32_768), now[2].max(65_536)];
    let errno = libc::ENOENT;
    assert_eq!(
        refusal(client.widen(limits(wide))),
        Refusal::Kernel { errno }
    );
    let again = refusal(client.widen(limits(wide)));
    assert!(matches!(
        again,
        Refusal::Early { .. } | Refusal::Kernel { .. }
    ));
}

#[test]
fn only_failed_entries_of_the_interface_go_and_never_a_gateways() {
    let Some(namespace) = Namespace::make("b") else {
        return;
    };
    for line in [
        "route add default via 10.9.0.1 dev v0",
        "neigh replace 10.9.0.1 dev v0 nud failed",
        "neigh replace 10.9.0.5 dev v0 nud failed",
        "neigh replace 10.9.0.6 dev v0 nud failed",
        "neigh replace 10.9.0.7 lladdr 02:00:00:00:00:07 dev v0 nud permanent",
        "neigh replace 10.9.0.8 lladdr 02:00:00:00:00:08 dev v0 nud stale",
        "neigh replace 10.9.0.9 dev v1 nud failed",
    ] {
        assert!(namespace.ip(line), "{line}");
    }
    let program = namespace.program();
    let client = NetClient::new(&program.socket);
    let interface = namespace.interface();
    for outside in [0, u32::MAX] {
        let why = refusal(client.flush_failed(outside));
        assert!(matches!(why, Refusal::Bounds { .. }));
    }
    assert_eq!(client.flush_failed(interface).expect("it flushes"), 2);
    let shown = namespace.neighbours();
    for kept in ["10.9.0.1 ", "10.9.0.7 ", "10.9.0.8 ", "10.9.0.9 "] {
        assert!(shown.contains(kept), "{kept} in {shown}");
    }
    for gone in ["10.9.0.5 ", "10.9.0.6 "] {
        assert!(!shown.contains(gone), "{gone} in {shown}");
    }
    let why = refusal(client.flush_failed(interface));
    assert!(matches!(why, Refusal::Early { wait_ms } if wait_ms <= 10_000));
}

#[test]
fn a_gateway_is_kept_with_the_address_the_kernel_knows_and_nobody_else_is() {
    let Some(namespace) = Namespace::make("c") else {
        return;
    };
    for line in [
        "route add default via 10.9.0.1 dev v0",
        "neigh replace 10.9.0.1 lladdr 02:00:00:00:00:01 dev v0 nud reachable",
        "neigh replace 10.9.0.9 lladdr 02:00:00:00:00:09 dev v0 nud reachable",
    ] {
        assert!(namespace.ip(line), "{line}");
    }
    let program = namespace.program();
    let client = NetClient::new(&program.socket);
    let interface = namespace.interface();
    let gateway = Gateway {
        interface,
        address: IpAddr::from([10, 9, 0, 1]),
        hardware: HARDWARE,
    };
    let known = client.gateways().expect("they are told");
    assert_eq!(known.len(), 1, "{known:?}");
    assert!(known[0].gateway == gateway && !known[0].pinned);
    let forged = [
        Gateway {
            hardware: [2, 0, 0, 0, 0, 66],
            ..gateway
        },
        Gateway {
            address: IpAddr::from([10, 9, 0, 9]),
            hardware: [2, 0, 0, 0, 0, 9],
            ..gateway
        },
        Gateway {
            address: IpAddr::from([10, 9, 0, 77]),
            ..gateway
        },
        Gateway {
            interface: interface + 1_000,
            ..gateway
        },
    ];
    for forged in forged {
        assert_eq!(
            refusal(client.pin(forged)),
            Refusal::NoGateway,
            "{forged:?}"
        );
    }
    client.pin(gateway).expect("it is pinned");
    assert!(client.gateways().expect("they are told")[0].pinned);
    let shown = namespace.neighbours();
    assert!(shown.contains("extern_learn"), "{shown}");
    client.pin(gateway).expect("a second time changes nothing");
    // A router that is replaced is found as ever: the pin is no fixed entry.
    assert!(namespace.ip("neigh replace 10.9.0.1 lladdr 02:00:00:00:00:02 dev v0 nud reachable"));
    let moved = client.gateways().expect("they are told");
    assert_eq!(moved[0].gateway.hardware, [2, 0, 0, 0, 0, 2]);
    assert_eq!(refusal(client.unpin(gateway)), Refusal::NoGateway);
    client.pin(moved[0].gateway).expect("the new one is pinned");
    client.unpin(moved[0].gateway).expect("it is let go");
    assert!(!client.gateways().expect("they are told")[0].pinned);
}
