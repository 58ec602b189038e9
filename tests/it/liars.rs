//! Hosts that do not do what they say, announced like any other: puts and gets survive them.

use std::sync::atomic::Ordering;

use crate::objects::RICH;
use crate::stage::{Liar, Lie, Shape, Town, noise};

/// Shards of an object that hold data; the others hold parity.
const DATA: u16 = 2;

/// Puts until the liar was asked at least once: which hosts are asked first is drawn.
fn put_past(liar: &Liar, town: &Town, name: &str) -> (crate::stage::Home, String, Vec<u8>) {
    let home = town.renter(name, RICH);
    for turn in 0..20 {
        let bytes = noise(&format!("{name} {turn}"), 500_000);
        let id = home.put("file", &bytes, &[]);
        if liar.uploads.load(Ordering::Relaxed) > 0 {
            return (home, id, bytes);
        }
    }
    panic!("the liar was never asked in twenty puts of four shards on five hosts");
}

#[test]
fn a_host_that_accepts_and_drops_gives_its_place_to_another() {
    // Goal: one bad host costs its own shard's time and nothing else. Method: a peer that signs
    // the terms and hangs up in the body; the object is stored on the honest hosts.
    let town = Town::start(
        "dropper",
        Shape {
            hosts: 4,
            hubs: 1,
            ..Shape::default()
        },
    );
    let liar = Liar::announce(&town, "dropper", Lie::HangsUp);
    let (home, id, bytes) = put_past(&liar, &town, "past-dropper");
    assert_eq!(home.get(&id, &[]), bytes);
    assert!(
        home.places(&id)
            .iter()
            .all(|place| place.host != liar.peer())
    );
}

#[test]
fn a_host_that_refuses_every_cheque_is_not_counted_on() {
    // Goal: a receipt without an accepted payment is no placement that hangs the put. Method: a
    // peer that takes the bytes, gives its receipt, and refuses the money.
    let town = Town::start(
        "proud",
        Shape {
            hosts: 4,
            hubs: 1,
            ..Shape::default()
        },
    );
    let liar = Liar::announce(&town, "proud", Lie::RefusesMoney);
    let (home, id, bytes) = put_past(&liar, &town, "past-proud");
    assert_eq!(home.get(&id, &[]), bytes);
}

#[test]
fn a_host_that_returns_wrong_bytes_is_found_out_and_the_file_comes_from_the_others() {
    // Goal: no byte of a liar reaches the file. Method: a peer that keeps the shard and returns it
    // with one bit off, of an object whose data it holds, for data is asked for first; then the
    // host of the other data dies, so that a get needs both of those that are left.
    let mut town = Town::start(
        "twister",
        Shape {
            hosts: 4,
            hubs: 1,
            ..Shape::default()
        },
    );
    let liar = Liar::announce(&town, "twister", Lie::TwistsBytes);
    let home = town.renter("past-twister", RICH);
    // Which hosts keep which shard is drawn: two of five hosts hold data.
    let stored = (0..40).find_map(|turn| {
        let bytes = noise(&format!("past-twister {turn}"), 500_000);
        let id = home.put("file", &bytes, &[]);
        let places = home.places(&id);
        let mut data = places.iter().filter(|place| place.index < DATA);
        let lies = data.any(|place| place.host == liar.peer());
        lies.then_some((id, bytes, places))
    });
    let (id, bytes, places) = stored.expect("the liar holds data of one of forty");
    let before = liar.downloads.load(Ordering::Relaxed);
    assert_eq!(home.get(&id, &[]), bytes);
    let asked = liar.downloads.load(Ordering::Relaxed);
    assert!(asked > before, "the liar was asked for data");
    let honest = places
        .iter()
        .find(|place| place.index < DATA && place.host != liar.peer())
        .expect("one liar alone");
    let dead = town
        .hosts
        .iter_mut()
        .find(|host| host.peer == honest.host)
        .expect("ours");
    dead.kill();
    assert_eq!(home.get(&id, &[]), bytes);
    assert!(liar.downloads.load(Ordering::Relaxed) > asked);
}
