//! Cheques: digests and signatures against the field's vectors.

use super::Cheque;
use crate::amount::Amount;
use crate::identity::SecretKey;
use crate::ids::Address;

fn cheque(token: Option<&str>) -> Cheque {
    let host = SecretKey::from_bytes(&[2; 32]).expect("valid scalar");
    Cheque {
        vault: Address([0x33; 20]),
        beneficiary: host.address(),
        cumulative: Amount(1_331_381_000_000_000_000),
        token: token.map(|text| text.parse().expect("an address")),
    }
}

fn check(cheque: Cheque, chain_id: u64, digest: &str, signature: &str) {
    let renter = SecretKey::from_bytes(&[1; 32]).expect("valid scalar");
    assert_eq!(cheque.digest(chain_id).to_string(), digest);
    let signed = cheque.sign(chain_id, &renter);
    assert_eq!(format!("0x{:?}", signed.signature), signature);
    assert_eq!(signed.issuer(chain_id), Ok(renter.address()));
}

/// Goal: digest and signature equal the field vectors for both chains and both types.
/// Origin of the vectors: computed with ethers 6 from the secrets 32x01 and 32x02.
#[test]
fn cheque_signatures_match_the_field_vectors() {
    check(
        cheque(None),
        199,
        "0x2de40379c19a71eb940811a00801ae865a8cded97e9b59278281872ec1e1feab",
        "0xe6df93a89f6d26f03c4ee5dcdc8eee476a60acf3fed47dbaf773a2c2ec2f4b0e1e59b84bceeef5af42ef6b89bc084ac1486a3cf328c2a27fb86851683f0d51de1c",
    );
    check(
        cheque(None),
        1029,
        "0x8d6903f975aa68db204348ca528fd59b8d6710aa02d7e49457ebe56f3d986ca6",
        "0x9319eabbc618ecf4c84ed79d341d2937d43c6a0906c8b93a189f45102f58b1d36a2bf353290b7fffafc6507b5fc2653f345cf2aa9154fd7ff4b1c7b8810629be1b",
    );
    check(
        cheque(Some("0x7b906030735435422675e0679bc02dae7dfc71da")),
        1029,
        "0x27c4382d977504e69fc9816c9ab25a53ee554ce42881a0e21f2fa1f6f8b32a93",
        "0xb3fa05e868322813dbc85d2256a92e0c7a07ef96e8fde72bfe1130032dc8dfa72deabf8a994b8f5cfe557d0aaab804c77383ffdd0f40169f871c0d5763c254a21c",
    );
}
