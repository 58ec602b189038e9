//! The bytes of rtnetlink, read back and damaged.

use super::*;

#[test]
fn a_neighbour_reads_as_it_was_written() {
    let address = IpAddr::from([10, 0, 0, 1]);
    let hardware = [2, 0, 0, 0, 0, 9];
    let body = neighbour(7, address, Some((hardware, true)));
    let bytes = request(NEW_NEIGHBOUR, 0, 5, &body);
    let words: Vec<Word> = walk(&bytes, 5).collect();
    let [Word::Neighbour(read)] = words.as_slice() else {
        panic!("one neighbour is expected");
    };
    assert_eq!((read.interface, read.address), (7, address));
    assert_eq!(read.hardware, Some(hardware));
    assert!(read.is_learned() && read.is_resolved() && !read.has_failed());
    assert_eq!(walk(&bytes, 6).count(), 0, "the answer to another question");
}

#[test]
fn a_route_of_several_paths_has_several_gateways() {
    let path = |interface: u32, last: u8| {
        let mut inner = Vec::new();
        attribute(&mut inner, 5, &[192, 0, 2, last]);
        let mut bytes = u16::try_from(8 + inner.len())
            .expect("short")
            .to_ne_bytes()
            .to_vec();
        bytes.extend([0, 0]);
        bytes.extend(interface.to_ne_bytes());
        bytes.extend(inner);
        bytes
    };
    let paths = [path(1, 1), path(2, 2)].concat();
    let mut body = vec![0; 12];
    body[0] = V4;
    attribute(&mut body, 9, &paths);
    let found = hops(&body).expect("a route");
    let seen: Vec<_> = found
        .iter()
        .map(|hop| (hop.interface, hop.address))
        .collect();
    let expected = [
        (1, IpAddr::from([192, 0, 2, 1])),
        (2, IpAddr::from([192, 0, 2, 2])),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn no_cut_and_no_flipped_byte_makes_the_walk_panic_or_run_on() {
    let address = IpAddr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let whole = request(
        NEW_NEIGHBOUR,
        0,
        1,
        &neighbour(3, address, Some(([1; 6], false))),
    );
    for cut in 0..whole.len() {
        assert!(walk(&whole[..cut], 1).count() <= 1);
        for value in [0, 1, 4, 15, 255] {
            let mut bytes = whole.clone();
            bytes[cut] = value;
            assert!(walk(&bytes, 1).count() <= 1);
        }
    }
}
