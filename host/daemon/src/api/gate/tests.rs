//! Who asks too often waits, who guesses waits longer, and a stranger's name opens nothing.

use super::*;

const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn at(millis: u64) -> Duration {
    Duration::from_millis(1_000_000 + millis)
}

#[test]
fn a_burst_passes_then_the_rate_holds() {
    let gate = Gate::default();
    let passed = (0..200).filter(|_| gate.enter(FROM, at(0)).is_ok()).count();
    assert_eq!(passed, usize::try_from(BURST).expect("small"));
    assert_eq!(gate.enter(FROM, at(10)), Err(Wait::Rate));
    assert_eq!(gate.enter(FROM, at(60)), Ok(()));
}

#[test]
fn wrong_credentials_lock_an_address_out_for_a_minute() {
    let gate = Gate::default();
    for _ in 0..STRIKES_MAX {
        assert_eq!(gate.enter(FROM, at(0)), Ok(()));
        gate.strike(FROM, at(0));
    }
    assert_eq!(gate.enter(FROM, at(59_999)), Err(Wait::Lockout));
    assert_eq!(gate.enter(FROM, at(60_000)), Ok(()));
}

#[test]
fn good_credentials_forget_the_strikes() {
    let gate = Gate::default();
    for _ in 0..3 * STRIKES_MAX {
        gate.strike(FROM, at(0));
        gate.welcome(FROM, at(0));
    }
    assert_eq!(gate.enter(FROM, at(1)), Ok(()));
}

#[test]
fn the_memory_of_addresses_is_bounded() {
    let gate = Gate::default();
    for index in 0..3_000_u32 {
        let from = IpAddr::V4(index.into());
        assert_eq!(gate.enter(from, at(u64::from(index))), Ok(()));
    }
    assert_eq!(gate.visits.lock().expect("no panic").len(), ADDRESSES_MAX);
}

#[test]
fn a_name_that_is_not_ours_is_not_answered() {
    let names = ["box.example".to_owned()];
    for own in [
        "127.0.0.1:5001",
        "localhost",
        "[::1]:5102",
        "BOX.example:5102",
    ] {
        assert!(is_own_name(own, &names), "{own}");
    }
    for other in [
        "evil.example",
        "127.0.0.1.evil.example:5001",
        "",
        "box.example.evil",
    ] {
        assert!(!is_own_name(other, &names), "{other}");
    }
}

#[test]
fn only_listed_origins_act() {
    let origins = ["https://fleet.example".to_owned()];
    assert!(is_welcome_origin(None, &origins));
    assert!(is_welcome_origin(Some("https://fleet.example"), &origins));
    assert!(!is_welcome_origin(
        Some("https://fleet.example.evil"),
        &origins
    ));
    assert!(!is_welcome_origin(Some("null"), &[]));
}

#[test]
fn the_page_of_the_door_itself_acts_and_its_look_alikes_do_not() {
    assert!(is_own_page(
        "http://127.0.0.1:5001",
        "127.0.0.1:5001",
        false
    ));
    assert!(is_own_page("https://box.example", "box.example", true));
    assert!(!is_own_page(
        "https://127.0.0.1:5001",
        "127.0.0.1:5001",
        false
    ));
    assert!(!is_own_page(
        "http://127.0.0.1:5002",
        "127.0.0.1:5001",
        false
    ));
    assert!(!is_own_page(
        "http://127.0.0.1:5001.evil.example",
        "127.0.0.1:5001",
        false
    ));
    assert!(!is_own_page("http://", "", false));
    assert!(!is_own_page("null", "null", false));
}
