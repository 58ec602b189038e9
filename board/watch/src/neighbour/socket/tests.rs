//! Goal: this kernel answers, unprivileged, and again on the same socket.

use super::*;

#[test]
fn the_kernel_tells_its_tables_and_our_entries() {
    let mut sampler = Sampler::new();
    let first = match sampler.look(true) {
        Ok(sample) => sample,
        Err(error) => {
            println!("skipped: {error}");
            return;
        }
    };
    assert!(
        first
            .tables
            .iter()
            .flatten()
            .all(|table| table.thresholds[2] > 0)
    );
    assert!(first.own.is_some());
    let second = sampler.look(false).unwrap();
    assert!(second.own.is_none());
    assert_eq!(
        second.tables.map(|t| t.is_some()),
        first.tables.map(|t| t.is_some())
    );
}

#[test]
fn interfaces_have_names_by_their_index() {
    assert_eq!(crate::neighbour::interface_name(0), None);
    let index = nix::net::if_::if_nametoindex("lo").unwrap();
    assert_eq!(
        crate::neighbour::interface_name(index).as_deref(),
        Some("lo")
    );
}
