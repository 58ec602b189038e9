//! A store as firmware reads it.

use super::{Owner, enrol};

fn fresh(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; 72];
    bytes[40..44].copy_from_slice(b"_FVH");
    bytes[48] = 72;
    bytes.extend_from_slice(&super::STORE);
    bytes.extend_from_slice(&u32::try_from(len).expect("short").to_le_bytes());
    bytes.extend_from_slice(&[0x5a, 0xfe, 0, 0, 0, 0, 0, 0]);
    bytes.resize(72 + len, 0xff);
    bytes
}

const OWNER: Owner<'_> = Owner {
    pk: b"pk certificate",
    kek: b"kek certificate!",
    db: b"db",
};

#[test]
fn every_variable_begins_at_four_bytes_and_the_walk_ends_in_free_space() {
    let out = enrol(&fresh(4096), &OWNER).expect("it fits");
    let word = |at: usize| u32::from_le_bytes(out[at..at + 4].try_into().expect("four")) as usize;
    let mut at = 100;
    let mut names = Vec::new();
    while out[at..at + 2] == [0xaa, 0x55] {
        assert_eq!(out[at + 2], 0x3f);
        let (name, content) = (word(at + 36), word(at + 40));
        let letters = out[at + 60..at + 60 + name - 2].iter().step_by(2);
        names.push(
            letters
                .map(|letter| char::from(*letter))
                .collect::<String>(),
        );
        at = (at + 60 + name + content).next_multiple_of(4);
    }
    assert_eq!(names, ["PK", "KEK", "db", "SecureBootEnable"]);
    assert!(out[at..].iter().all(|byte| *byte == 0xff));
}

#[test]
fn a_list_says_how_long_it_is_and_whose_certificate_it_holds() {
    let list = super::list(b"certificate");
    assert_eq!(
        list[16..20],
        u32::try_from(list.len()).expect("short").to_le_bytes()
    );
    assert_eq!(list[24..28], (16 + 11_u32).to_le_bytes());
    assert!(list.ends_with(b"certificate"));
}

#[test]
fn a_store_that_is_used_small_or_none_is_refused() {
    let used = enrol(&fresh(4096), &OWNER).expect("it fits");
    for (bytes, why) in [
        (used, "is not empty"),
        (fresh(200), "is too small"),
        (vec![0; 4096], "holds no store"),
        (vec![0; 10], "is too short"),
    ] {
        let said = enrol(&bytes, &OWNER).expect_err("refused").to_string();
        assert!(said.contains(why), "{said}");
    }
}
