//! Goal: what looks like code inside a literal or a comment is not taken for code.

use super::scrub;

fn words(text: &str) -> Vec<String> {
    scrub(text).split_whitespace().map(str::to_owned).collect()
}

#[test]
fn comments_are_blank_and_lines_stay() {
    assert_eq!(scrub("a // unsafe\nb"), "a          \nb");
    assert_eq!(words("a /* x /* y */ z */ b"), ["a", "b"]);
}

#[test]
fn strings_are_blank_whatever_they_escape() {
    assert_eq!(words(r#"a "x \" y { " b"#), ["a", "b"]);
    assert_eq!(words(r###"a r#"x " y"# b"###), ["a", "b"]);
    assert_eq!(words(r#"a br"x\" b"#), ["a", "b"]);
}

#[test]
fn a_lifetime_is_no_character() {
    assert_eq!(words("<'a, 'b> '{' '\\'' x"), ["<'a,", "'b>", "x"]);
}

#[test]
fn an_r_at_the_end_of_a_word_starts_no_raw_string() {
    assert_eq!(words(r#"for"x" y"#), ["for", "y"]);
}

#[test]
fn an_open_end_is_blanked_to_the_end() {
    assert_eq!(words("a \"b"), ["a"]);
    assert_eq!(words("a /* b"), ["a"]);
}
