//! A token opens what its scope says, until it is over or revoked, and its table opens nothing.

use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_000;

fn table() -> (TokenTable, TokenSecret) {
    let mut table = TokenTable::default();
    let secret = table
        .issue(&[7; 36], "prometheus", Scope::Read, NOW, Some(NOW + 60))
        .expect("a first token fits");
    (table, secret)
}

#[test]
fn a_token_is_found_by_its_text_until_it_expires() {
    let (table, secret) = table();
    let row = table.find(secret.reveal(), NOW + 59).expect("still valid");
    assert_eq!(row.scope, Scope::Read);
    assert!(table.find(secret.reveal(), NOW + 60).is_none());
}

#[test]
fn a_revoked_token_opens_nothing() {
    let (mut table, secret) = table();
    let id = table.tokens[0].id.clone();
    table.revoke(&id).expect("it exists");
    assert!(table.find(secret.reveal(), NOW).is_none());
    assert!(matches!(table.revoke(&id), Err(Error::TokenUnknown { .. })));
}

#[test]
fn the_table_holds_no_secret_and_its_debug_form_neither() {
    let (table, secret) = table();
    let kept = table.text();
    let bare = secret.reveal().rsplit('_').next().expect("three parts");
    assert!(!kept.contains(bare));
    assert!(!format!("{secret:?}").contains(bare));
    assert_eq!(TokenTable::parse(&kept).expect("reads back"), table);
}

#[test]
fn a_table_takes_no_bad_name_and_no_token_too_many() {
    let mut table = TokenTable::default();
    for name in ["", "two words", "über"] {
        let made = table.issue(&[1; 36], name, Scope::Read, NOW, None);
        assert!(matches!(made, Err(Error::TokenName { .. })), "{name}");
    }
    for index in 0..TOKENS_MAX {
        let byte = u8::try_from(index).expect("few tokens");
        table
            .issue(&[byte; 36], "n", Scope::Read, NOW, None)
            .expect("fits");
    }
    let over = table.issue(&[200; 36], "n", Scope::Read, NOW, None);
    assert!(matches!(over, Err(Error::TokensFull { .. })));
}

#[test]
fn scopes_include_those_below_them() {
    assert!(Scope::Configure > Scope::Operate && Scope::Operate > Scope::Read);
}

proptest! {
    #[test]
    fn no_other_text_opens_the_table(text in ".{0,100}") {
        let (table, secret) = table();
        prop_assume!(text != secret.reveal());
        prop_assert!(table.find(&text, NOW).is_none());
    }
}
