//! The table of docs/operating/applications.md is the program's.

use super::*;

#[test]
fn the_guide_lists_every_code_of_this_api_and_no_other() {
    let guide = include_str!("../../../../../docs/operating/applications.md");
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<String> = rows.map(|row| format!("| `{row}")).collect();
    let wanted = Own::ALL.iter().map(|own| {
        let retry = if own.retry() { "yes" } else { "no" };
        let (word, status) = (own.word(), own.status().as_u16());
        format!(
            "| `{word}` | {status} | {} | {retry} | {} |",
            own.blame().label(),
            own.next()
        )
    });
    assert_eq!(rows, wanted.collect::<Vec<String>>());
}

#[test]
fn no_code_of_this_api_is_one_of_the_renters() {
    for own in Own::ALL {
        assert!(Code::of_word(own.word()).is_none(), "{}", own.word());
    }
    let short = Fault::of_code(Code::VaultShort, "why");
    assert_eq!((short.status.as_u16(), short.trouble.retry), (402, false));
    let away = Fault::of_code(Code::TooFewShards, "why");
    assert_eq!((away.status.as_u16(), away.trouble.retry), (503, true));
}
