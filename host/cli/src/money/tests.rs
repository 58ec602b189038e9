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
