//! Signing facts. The vector is the example of EIP-155 itself; its key is public.
use super::*;
use host_core::Amount;
use host_core::identity::SecretKey;
use std::sync::Arc;
use tokio::sync::Mutex;

const EIP155: &str = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6\
b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f76\
1aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";

fn account() -> Account {
    let key = SecretKey::from_bytes(&[0x46; 32]).unwrap();
    Account {
        key: key.into(),
        next_nonce: Arc::new(Mutex::new(0)),
    }
}

fn payment() -> Intent {
    let to = Some(Address([0x35; 20]));
    Intent {
        what: "payment",
        to,
        value: Amount(1_000_000_000_000_000_000),
        data: vec![],
    }
}

#[tokio::test]
async fn a_legacy_transaction_has_the_bytes_of_eip_155() {
    let fees = Fees {
        max: 20_000_000_000,
        tip: None,
    };
    let typed = typed(&payment(), 9, 21_000.into(), fees);
    let tx = sign(&account(), 1, &typed).await.unwrap();
    assert_eq!(hex::encode(&tx.raw), EIP155);
    assert_eq!(tx.nonce, 9);
    assert_eq!(
        tx.hash.to_string(),
        "0x33469b22e9f636356c4160a87eb19df52b7412e8eac32a4a55ffe88ea8350788"
    );
}

#[tokio::test]
async fn the_signer_is_recovered_from_both_kinds() {
    for tip in [None, Some(3)] {
        let typed = typed(
            &payment(),
            9,
            21_000.into(),
            Fees {
                max: 20_000_000_000,
                tip,
            },
        );
        let tx = sign(&account(), 31337, &typed).await.unwrap();
        assert_eq!(tx.raw[0] == 2, tip.is_some());
        assert_eq!(sender(&tx), Some(account().key.address()));
        assert_eq!(tx.hash, hash_of_raw(&tx.raw));
    }
}
