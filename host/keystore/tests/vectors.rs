//! The derivation against vectors made by tests/vectors/keystore.py, which knows only the format's
//! text and Python's standard library.

use host_keystore::{Phrase, Role};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_derivation_gives_the_keys_another_program_gives() {
    let phrase = Phrase::parse(&("abandon ".repeat(23) + "art")).expect("24 words");
    let vectors = [
        (
            Role::Identity,
            "7d71347873c3090cbaa45a798b16d619be4a396e29b0b81d930364c889877a89",
        ),
        (
            Role::Issuer,
            "3d9c18a6aabd72cae4d90217eb403010c35ef03824dfdac4b2fcaa8ac2f4dc2a",
        ),
        (
            Role::Payout,
            "a0ab76528e40a36b9d38de98e199da1dd20f23e96c0e00bc04eb2a4af99dc9dd",
        ),
    ];
    for (role, want) in vectors {
        assert_eq!(hex(phrase.key(role).expose().as_slice()), want, "{role:?}");
    }
    let seal = "8020b6191effed2cc143e28d5ab6cc14839407173daa7aa4f110deea63c96d25";
    assert_eq!(hex(phrase.seal_key().as_slice()), seal);
}
