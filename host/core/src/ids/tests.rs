//! Ids: texts, field vectors, malformed input.

use super::{Address, ObjectId, PeerId};
use crate::identity::SecretKey;

/// Goal: peer id and address agree with the ones computed by the field's own tools.
/// Method: the secrets 32x01 and 32x02 of the BTFS vectors.
#[test]
fn peer_id_and_address_match_the_field_vectors() {
    let renter = SecretKey::from_bytes(&[1; 32]).expect("valid scalar");
    let host = SecretKey::from_bytes(&[2; 32]).expect("valid scalar");
    assert_eq!(
        renter.peer_id().to_string(),
        "16Uiu2HAmEWQnHq2jLKJypwVnVoQeFCULuyop6atvq2eWjYSUjzNi"
    );
    assert_eq!(
        renter.address().to_string(),
        "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"
    );
    assert_eq!(
        host.peer_id().to_string(),
        "16Uiu2HAkzdQ5Y9SYT91K1ue5SxXwgmajXntfScGnLYeip5hHyWmT"
    );
    assert_eq!(
        host.address().to_string(),
        "0x5050A4F4b3f9338C3472dcC01A87C76A144b3c9c"
    );
    assert_eq!(host.peer_id().address(), Ok(host.address()));
    assert_eq!(
        host.peer_id().to_string().parse::<PeerId>(),
        Ok(host.peer_id())
    );
}

#[test]
fn malformed_ids_are_refused() {
    assert!("0x12".parse::<Address>().is_err());
    assert!("zz".parse::<Address>().is_err());
    assert!(
        "QmbpRkc1o3QY75noqRn2DQBT8QSASxiZwfoEmcR8xr2195"
            .parse::<PeerId>()
            .is_err()
    );
    assert!(
        "QmbpRkc1o3QY75noqRn2DQBT8QSASxiZwfoEmcR8xr2195"
            .parse::<ObjectId>()
            .is_err()
    );
}

#[test]
fn object_id_prints_as_a_base32_cid_and_parses_back() {
    let id = ObjectId::of_descriptor(b"descriptor");
    let text = id.to_string();
    assert!(text.starts_with("bafyrei"));
    assert_eq!(text.parse(), Ok(id));
}
