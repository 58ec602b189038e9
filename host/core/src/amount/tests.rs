//! Money: rounding, overflow, encodings.

use proptest::prelude::{any, proptest};

use super::Amount;

/// Goal: storage amounts round up, never down. Method: vectors around one GiB.
#[test]
fn storage_amount_rounds_up() {
    let gib = 1 << 30;
    assert_eq!(Amount::of_storage(gib, Amount(7), 3), Ok(Amount(21)));
    assert_eq!(Amount::of_storage(1, Amount(1), 1), Ok(Amount(1)));
    assert_eq!(Amount::of_storage(gib + 1, Amount(7), 3), Ok(Amount(22)));
    assert_eq!(Amount::of_storage(0, Amount(7), 3), Ok(Amount(0)));
    assert!(Amount::of_storage(u64::MAX, Amount(u128::MAX), 1).is_err());
}

proptest! {
    /// Goal: an amount survives its encoding. Method: random values both ways.
    #[test]
    fn amount_survives_its_encoding(value in any::<u128>()) {
        let bytes = minicbor::to_vec(Amount(value)).expect("a vector grows");
        let back: Amount = minicbor::decode(&bytes).expect("own encoding decodes");
        assert_eq!(back, Amount(value));
        assert_eq!(Amount(value).to_string().parse(), Ok(Amount(value)));
    }
}
