//! Sums as people type and read them.

use super::*;

#[test]
fn a_sum_is_written_in_tokens_without_a_lost_or_idle_digit() {
    for (units, text) in [
        (0, "0"),
        (1, "0.000000000000000001"),
        (3_100_000_000_000_000_000, "3.1"),
        (4_000_000_000_000_000_000, "4"),
    ] {
        assert_eq!(Tokens(Amount(units)).to_string(), text);
    }
}

#[test]
fn a_typed_sum_is_smallest_units_or_tokens() {
    assert_eq!(typed("17"), Ok(Amount(17)));
    assert_eq!(typed("1.5t"), Ok(Amount(1_500_000_000_000_000_000)));
    assert_eq!(typed("2t"), Ok(Amount(2_000_000_000_000_000_000)));
    for wrong in ["", "t", "1.5", "-1", "1e18", "1.0000000000000000001t"] {
        assert!(typed(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_rate_turns_tokens_into_fiat() {
    let rate: Rate = "0.0000008 EUR".parse().expect("a rate");
    let million = Amount(1_000_000 * 10_u128.pow(18));
    assert_eq!(rate.of(million), "0.800000 EUR");
    let plain: Rate = "2".parse().expect("a rate");
    assert_eq!(plain.of(Amount(1_500_000_000_000_000_000)), "3.000000 USD");
    for wrong in ["", "x", "0.1 EUR x", "0.0000000000001"] {
        assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
    }
}

#[test]
fn a_rate_of_a_source_is_told_with_its_name_and_age_and_a_bad_file_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("rate.json");
    let text = r#"{"price":"2","currency":"EUR","source":"an.exchange","at":1000}"#;
    std::fs::write(&path, text).expect("written");
    let rate = Rate::read(&path, 1000 + 7 * 60 + 5).expect("a rate");
    let told = rate.of(Amount(10_u128.pow(18)));
    assert_eq!(told, "2.000000 EUR by an.exchange, 7 min old");
    let typed: Rate = format!("@{}", path.display()).parse().expect("a rate");
    assert_eq!(typed.scaled, rate.scaled);
    for bad in ["", "{}", &text.replace("\"2\"", "\"@x\"")] {
        std::fs::write(&path, bad).expect("written");
        assert!(Rate::read(&path, 0).is_err(), "{bad}");
    }
    std::fs::remove_file(&path).expect("gone");
    let gone = Rate::read(&path, 0).expect_err("no file");
    assert!(gone.contains("rate.json"), "{gone}");
    assert_eq!(age_of(59), "59 s");
    assert_eq!(age_of(2 * 86_400), "2 d");
}
