//! Calldata is read where contracts read it, and unknown functions have no effect at all.

use super::{Effect, TABLE, effect, selector};
use crate::policy::{Allow, Places, Policy};
use crate::wire::Refusal;
use host_core::network::Contracts;
use host_core::{Address, Amount};

fn account(seed: u8) -> Address {
    Address([seed; 20])
}

fn policy() -> Policy {
    let places = Places {
        token: Some(account(1)),
        vault_factory: Some(account(2)),
        staking: Some(account(3)),
        proof_of_storage: Some(account(4)),
        ..Places::default()
    };
    Policy::of(1337, places, Some(account(9)))
}

fn word_of(address: Address) -> Vec<u8> {
    [&[0; 12], address.0.as_slice()].concat()
}

fn number(value: u128) -> Vec<u8> {
    [&[0; 16], value.to_be_bytes().as_slice()].concat()
}

fn call(signature: &str, words: &[Vec<u8>]) -> Vec<u8> {
    [selector(signature).to_be_bytes().to_vec(), words.concat()].concat()
}

#[test]
fn selectors_are_those_of_solidity() {
    assert_eq!(selector("transfer(address,uint256)"), 0xa905_9cbb);
    assert_eq!(selector("approve(address,uint256)"), 0x095e_a7b3);
}

/// Goal: a policy made from a network file lets the host do all its work. Method: a file that
/// names every contract; every function of the table has an effect where its contract stands.
#[test]
fn a_policy_of_a_whole_network_knows_every_function_of_its_contracts() {
    let mut contracts = Contracts::of_vaults(account(1), account(2), account(3));
    contracts.staking = Some(account(4));
    contracts.proofs = Some(account(5));
    contracts.disputes = Some(account(6));
    contracts.escrow = Some(account(7));
    contracts.airdrop = Some(account(8));
    let policy = Policy::of(1337, Places::of(&contracts), None);
    for (place, text, _) in TABLE {
        let to = place(&policy.contracts).expect("every contract is named");
        let data = call(text, &[number(32), number(0), number(0)]);
        let read = effect(&policy, to, &data);
        assert!(!matches!(read, Err(Refusal::Function { .. })), "{text}");
    }
    let bare = Contracts::of_vaults(account(1), account(2), account(3));
    let bare = Policy::of(1337, Places::of(&bare), None);
    let release = call("seal(uint64)", &[number(1)]);
    let read = effect(&bare, account(5), &release);
    assert!(matches!(read, Err(Refusal::Function { .. })), "{read:?}");
}

#[test]
fn a_transfer_names_its_recipient_and_sum() {
    let data = call(
        "transfer(address,uint256)",
        &[word_of(account(7)), number(5)],
    );
    let read = effect(&policy(), account(1), &data);
    assert_eq!(read, Ok(Effect::Sends(account(7), Amount(5))));
    // The same bytes on another contract mean nothing we know.
    let elsewhere = effect(&policy(), account(50), &data);
    assert!(matches!(elsewhere, Err(Refusal::Function { .. })));
}

#[test]
fn an_allowance_without_end_is_the_largest_sum() {
    let data = call(
        "approve(address,uint256)",
        &[word_of(account(3)), vec![0xff; 32]],
    );
    let read = effect(&policy(), account(1), &data);
    assert_eq!(read, Ok(Effect::Allows(account(3), Amount(u128::MAX))));
}

#[test]
fn dirty_addresses_and_short_arguments_do_not_decode() {
    let transfer = "transfer(address,uint256)";
    for words in [vec![vec![0xff; 32], number(1)], vec![word_of(account(7))]] {
        let read = effect(&policy(), account(1), &call(transfer, &words));
        assert!(matches!(read, Err(Refusal::Calldata { .. })), "{words:?}");
    }
}

/// Two orders, each to its own recipient, laid out as Solidity does.
#[test]
fn every_recipient_of_a_batch_is_found() {
    let order = |recipient| {
        [
            word_of(account(20)),
            word_of(account(1)),
            word_of(recipient),
            number(10),
            number(160),
            number(0),
        ]
        .concat()
    };
    let (one, two) = (order(account(9)), order(account(8)));
    let first = 64;
    let second = first + u128::try_from(one.len()).expect("small");
    let words = [
        number(32),
        number(2),
        number(first),
        number(second),
        one,
        two,
    ];
    let cash = "cashMany((address,address,address,uint256,bytes)[])";
    let read = effect(&policy(), account(2), &call(cash, &words));
    assert_eq!(read, Ok(Effect::Collects(vec![account(9), account(8)])));
    // An offset beyond the end, as a trap for readers.
    let words = [number(32), number(1), number(1 << 40)];
    let read = effect(&policy(), account(2), &call(cash, &words));
    assert!(matches!(read, Err(Refusal::Calldata { .. })));
}

#[test]
fn only_listed_functions_of_known_contracts_exist() {
    let policy = Policy {
        allow: vec![Allow {
            to: account(60),
            function: "vote(uint256,uint256)".to_owned(),
            token_argument: Some(1),
        }],
        ..policy()
    };
    let vote = call("vote(uint256,uint256)", &[number(1), number(44)]);
    let read = effect(&policy, account(60), &vote);
    assert_eq!(read, Ok(Effect::Spends(Amount(44))));
    for (to, text) in [
        (account(60), "drain()"),
        (account(1), "transferFrom(address,address,uint256)"),
        (account(3), "movePayout(address,address)"),
        (account(3), "stakeFor(address,uint256)"),
        // A vault's function on a contract that is none.
        (account(3), "cashChequeBeneficiary(address,uint256,bytes)"),
    ] {
        let read = effect(&policy, to, &call(text, &[number(0), number(0), number(0)]));
        assert!(matches!(read, Err(Refusal::Function { .. })), "{text}");
    }
    for stub in [&[][..], &[1, 2, 3]] {
        let read = effect(&policy, account(1), stub);
        assert!(matches!(read, Err(Refusal::Function { .. })), "{stub:?}");
    }
}
