//! Goal: empty names are found, full ones are not. Method: one name at a time.

use super::check;
use crate::tree::tests::tree;

fn count(path: &str, text: &str) -> usize {
    check(&tree(&[(path, text)])).faults.len()
}

#[test]
fn an_empty_word_in_a_type_is_a_fault() {
    for line in [
        "struct PeerManager;",
        "pub(crate) enum NetUtil {",
        "type Helper = u8;",
        "pub trait Handler {",
    ] {
        assert_eq!(count("host/x/src/a.rs", line), 1, "{line}");
    }
}

#[test]
fn an_empty_word_in_a_path_is_a_fault() {
    assert_eq!(count("host/x/src/utils.rs", ""), 1);
    assert_eq!(count("host/common/src/lib.rs", ""), 1);
    assert_eq!(count("host/x/src/net_helper/a.rs", ""), 1);
}

#[test]
fn a_longer_word_is_its_own() {
    assert_eq!(
        count(
            "host/x/src/utility.rs",
            "struct Uncommon; fn info() { helper() }"
        ),
        0
    );
}

#[test]
fn a_name_given_by_a_foreign_trait_is_none_of_ours() {
    assert_eq!(count("host/x/src/a.rs", "    type Info = ();"), 0);
}
