//! Which parts join, and which are refused by what name.

use super::*;

fn parts(lens: &[u64]) -> PartRows {
    let part = |(index, len): (usize, &u64)| {
        let number = u16::try_from(index + 1).expect("few");
        let part = Part {
            len: *len,
            etag: hex::encode([index as u8; 16]),
            modified_ms: 0,
            pieces: Vec::new(),
        };
        (number, rows::part("u", Some(number)), part)
    };
    lens.iter().enumerate().map(part).collect()
}

fn named(numbers: &[i32]) -> Vec<CompletedPart> {
    let name = |number: &i32| CompletedPart {
        e_tag: Some(etag(&hex::encode(
            [u8::try_from(number - 1).unwrap_or(99); 16],
        ))),
        part_number: Some(*number),
        ..CompletedPart::default()
    };
    numbers.iter().map(name).collect()
}

#[test]
fn parts_join_in_order_with_their_lengths() {
    let mut entry = Entry::default();
    let held = parts(&[PART_LEN_MIN, PART_LEN_MIN, 3]);
    join(&mut entry, &named(&[1, 2, 3]), &held).expect("joins");
    assert_eq!(entry.len, 2 * PART_LEN_MIN + 3);
    assert_eq!(entry.parts, [PART_LEN_MIN, PART_LEN_MIN, 3]);
    assert!(entry.etag.ends_with("-3"));
}

#[test]
fn what_does_not_join_is_refused_by_name() {
    let code = |named: &[CompletedPart], held: &PartRows| {
        let joined = join(&mut Entry::default(), named, held);
        joined.expect_err("refused").code().as_str().to_owned()
    };
    let held = parts(&[PART_LEN_MIN, 3, 3]);
    assert_eq!(code(&named(&[2, 1]), &held), "InvalidPartOrder");
    assert_eq!(code(&named(&[1, 1]), &held), "InvalidPartOrder");
    assert_eq!(code(&named(&[1, 4]), &held), "InvalidPart");
    assert_eq!(code(&named(&[1, 2, 3]), &held), "EntityTooSmall");
    assert_eq!(code(&[], &held), "MalformedXML");
    assert_eq!(code(&named(&[0]), &held), "InvalidArgument");
    let mut wrong = named(&[1]);
    wrong[0].e_tag = Some(etag("ff"));
    assert_eq!(code(&wrong, &held), "InvalidPart");
}
