//! Golden vectors: selectors and topics as measured from BTFS's own ABIs (docs of the field, not
//! this code, made them), and the layout of arguments written by hand.
use super::*;
use host_core::Amount;
use host_core::cheque::{Cheque, SignedCheque};
use host_core::identity::{SecretKey, Signature};

const A: Address = Address([0xaa; 20]);
const B: Address = Address([0xbb; 20]);

fn word(address: Address) -> String {
    format!("{}{}", "0".repeat(24), hex::encode(address.0))
}

fn number(value: u128) -> String {
    format!("{value:064x}")
}

fn log(topics: &[&str], data: &str) -> Log {
    Log {
        address: A,
        topics: topics.iter().map(|topic| topic.parse().unwrap()).collect(),
        data: hex::decode(data).unwrap(),
        block: 1,
        block_hash: Digest32([0; 32]),
        tx: Digest32([0; 32]),
        index: 0,
    }
}

#[test]
fn selectors_are_btfs_ones() {
    let cheque = |token| SignedCheque {
        cheque: Cheque {
            vault: A,
            beneficiary: B,
            cumulative: Amount(5),
            token,
        },
        signature: Signature([7; 65]),
    };
    let digest = Digest32([1; 32]);
    for (data, selector) in [
        (token::deposit(), "d0e30db0"),
        (token::withdraw(Amount(1)), "2e1a7d4d"),
        (token::approve(A, Amount(1)), "095ea7b3"),
        (token::transfer(A, Amount(1)), "a9059cbb"),
        (token::balance_of(A), "70a08231"),
        (token::allowance(A, B), "dd62ed3e"),
        (vault::deposit(Amount(1)), "b6b55f25"),
        (vault::withdraw(Amount(1)), "2e1a7d4d"),
        (vault::issuer(), "1d143848"),
        (vault::token(), "fc0c546a"),
        (vault::total_balance(), "70f605d5"),
        (vault::paid_out(A), "81f03fcb"),
        (vault::total_paid_out(), "1357e1dc"),
        (vault::cash(&cheque(None), A), "0d5f2659"),
        (vault::cash(&cheque(Some(B)), A), "fa319775"),
        (factory::deploy_vault(A, digest, ""), "3695ddb2"),
        (factory::deployed_contracts(A), "c70242ad"),
        (factory::master(), "ee97f7f3"),
        (factory::peer_vault_address("x"), "e4e36723"),
        (oracle::get_price(A), "41976e09"),
        (oracle::get_rate(A), "37cef791"),
    ] {
        assert_eq!(hex::encode(&data[..4]), selector);
    }
}

#[test]
fn arguments_stand_where_solidity_reads_them() {
    let transfer = format!("a9059cbb{}{}", word(B), number(1_000));
    assert_eq!(hex::encode(token::transfer(B, Amount(1_000))), transfer);
    let signature = Signature(core::array::from_fn(|at| u8::try_from(at).unwrap()));
    let cheque = Cheque {
        vault: A,
        beneficiary: B,
        cumulative: Amount(u128::MAX),
        token: None,
    };
    let tail = format!("{}{}", hex::encode(signature.0), "0".repeat(62));
    let wanted = format!(
        "0d5f2659{}{}{}{}{tail}",
        word(B),
        number(u128::MAX),
        number(96),
        number(65)
    );
    assert_eq!(
        hex::encode(vault::cash(&SignedCheque { cheque, signature }, B)),
        wanted
    );
}

#[test]
fn events_are_read_by_btfs_topics() {
    let (a, b) = (format!("0x{}", word(A)), format!("0x{}", word(B)));
    let cashed = log(
        &[
            "0x950494fc3642fae5221b6c32e0e45765c95ebb382a04a71b160db0843e74c99f",
            &b,
            &a,
            &b,
        ],
        &format!("{}{}{}", number(3), number(9), number(0)),
    );
    assert_eq!(
        vault::read_event(&cashed).unwrap(),
        Some(vault::VaultEvent::Cashed {
            beneficiary: B,
            recipient: A,
            paid: Amount(3),
            cumulative: Amount(9),
        })
    );
    let deposit = log(
        &[
            "0x89d28cf06bdb2ee1b92cd046d58450042ad113e9f4cdabfc4d43e7c5557758d7",
            &b,
        ],
        &number(4),
    );
    assert_eq!(
        vault::read_event(&deposit).unwrap(),
        Some(vault::VaultEvent::Deposited {
            from: B,
            sum: Amount(4)
        })
    );
    let withdrawn = log(
        &[
            "0x0ac60fbf53b67f5a6a0c8031dd9d1610a06f01669b1a8b9af98f3a6a477e8d7c",
            &b,
        ],
        &number(4),
    );
    assert!(matches!(
        vault::read_event(&withdrawn).unwrap(),
        Some(vault::VaultEvent::Withdrawn { to: B, .. })
    ));
    let deployed = log(
        &["0xb2e029ab52a406bb52fae42d1d1e5dca2793900c250a242af032038b02eb8659"],
        &format!(
            "{}{}{}{}{}00{}",
            word(A),
            word(B),
            number(96),
            number(1),
            "78",
            "0".repeat(60)
        ),
    );
    let wanted = factory::VaultDeployed {
        issuer: A,
        vault: B,
        id: "x".into(),
    };
    assert_eq!(factory::read_event(&deployed), Some(wanted));
    let transfer = log(
        &[
            "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
            &a,
            &b,
        ],
        &number(8),
    );
    assert_eq!(
        token::read_event(&transfer).unwrap(),
        Some(token::TokenEvent::Transfer {
            from: A,
            to: B,
            sum: Amount(8)
        })
    );
    assert_eq!(token::read_event(&cashed).unwrap(), None);
    assert_eq!(vault::read_event(&transfer).unwrap(), None);
}

#[test]
fn numbers_beyond_128_bits_and_missing_contracts_are_refused() {
    let wide = [0xff; 32];
    assert!(matches!(
        token::read_amount("x", &wide),
        Err(Error::Malformed { .. })
    ));
    assert!(matches!(
        token::read_amount("x", &[]),
        Err(Error::Malformed { .. })
    ));
    assert!(matches!(
        token::read_amount("x", &[0; 31]),
        Err(Error::Malformed { .. })
    ));
    assert_eq!(token::read_amount("x", &[0; 32]).unwrap(), Amount::ZERO);
}

#[test]
fn revert_reasons_are_read_in_all_three_forms() {
    let text = format!(
        "08c379a0{}{}{}{}",
        number(32),
        number(2),
        "6e6f",
        "0".repeat(60)
    );
    assert_eq!(revert_reason(&hex::decode(text).unwrap()), "no");
    let panic = format!("4e487b71{}", number(0x11));
    assert_eq!(revert_reason(&hex::decode(panic).unwrap()), "panic 17");
    assert_eq!(revert_reason(&[1, 2]), "0x0102");
    assert_eq!(revert_reason(&[]), "no reason given");
}

#[test]
fn the_cheque_of_the_field_vector_carries_its_signature_unchanged() {
    // Vector: renter secret 32 x 01, host secret 32 x 02, vault 20 x 33, chain 1029.
    let renter = SecretKey::from_bytes(&[1; 32]).unwrap();
    let host = SecretKey::from_bytes(&[2; 32]).unwrap();
    let cheque = Cheque {
        vault: Address([0x33; 20]),
        beneficiary: host.address(),
        cumulative: Amount(1_331_381_000_000_000_000),
        token: None,
    };
    let signed = cheque.sign(1029, &renter);
    let data = hex::encode(vault::cash(&signed, host.address()));
    assert!(data.contains(
        "9319eabbc618ecf4c84ed79d341d2937d43c6a0906c8b93a189f45102f58b1d3\
         6a2bf353290b7fffafc6507b5fc2653f345cf2aa9154fd7ff4b1c7b8810629be1b"
    ));
}
